//! What a handler returned, judged before anybody sees it (core.md 9.6).

use assay_package::{JsonFault, Schema, parse_json};

use crate::policy::Policy;
use crate::redaction::Secrets;

/// How deep an output may nest, in levels (core.md 9.6).
pub const DEPTH: u64 = 128;

/// The JSON text of an output that is valid under the handler's schema, or why it is rejected, without its content; and
/// what of it must not be seen elsewhere, valid or not.
pub fn judge(bytes: Vec<u8>, schema: &Schema, policy: &dyn Policy) -> (Result<String, String>, Secrets) {
    let not_json = |fault: JsonFault| format!("the output is not JSON: {}", fault.detail);
    let read = |bytes: Vec<u8>| {
        let text = policy.output_text(bytes)?;
        let output = parse_json(text.as_bytes(), policy.output_depth()).map_err(not_json)?;
        Ok((text, output))
    };
    let (text, output) = match read(bytes) {
        Ok(read) => read,
        Err(detail) => return (Err(detail), Secrets::new()),
    };
    let valid = output.to_value().map_err(not_json).and_then(|value| {
        policy.judge_output(schema, &value).map_err(|fault| {
            format!("the output is not valid under `/output` at `{}`", assay_package::Quoted(&fault.pointer))
        })
    });
    (valid.map(|()| text), policy.sensitive_in_output(schema, &output))
}

/// The bytes as text; whether it is JSON is judged next.
///
/// # Errors
/// If they are not UTF-8.
pub fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| "the output is not UTF-8".to_owned())
}
