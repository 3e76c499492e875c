//! What a handler returned, judged before anybody sees it (core.md 9.6).

use assay_package::{Schema, parse_json};

use crate::policy::Policy;

/// How deep an output may nest. The contract does not bound it; a schema cannot be judged deeper than this.
const DEPTH: u64 = 128;

/// The JSON text of an output that is valid under the handler's schema.
///
/// # Errors
/// Why it is rejected, without its content.
pub fn judge(bytes: Vec<u8>, schema: &Schema, policy: &dyn Policy) -> Result<String, String> {
    let text = policy.output_text(bytes)?;
    let value = parse_json(text.as_bytes(), DEPTH).and_then(|output| output.to_value());
    let value = value.map_err(|fault| format!("the output is not JSON: {}", fault.detail))?;
    match policy.judge_output(schema, &value) {
        Ok(()) => Ok(text),
        Err(fault) => {
            Err(format!("the output is not valid under `/output` at `{}`", assay_package::Quoted(&fault.pointer)))
        }
    }
}

/// The bytes as text; whether it is JSON is judged next.
///
/// # Errors
/// If they are not UTF-8.
pub fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| "the output is not UTF-8".to_owned())
}
