//! Defects of what the marks and annotations of a schema do: sensitive values above all.

use std::sync::Arc;

use assay_package::{Json, Refusal, Schema, SchemaFault};
use assay_sandbox::LogLine;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Defect;
use crate::policy::{Contract, Policy};
use crate::redaction::{Reading, Redactor, Secrets, readings};

/// The table.
pub const DEFECTS: &[Defect] = &[
    ("formats-assert", || Arc::new(AssertsFormats)),
    ("sensitive-values-shown", || Arc::new(ShowsValues)),
    ("sensitive-logs-dropped", || Arc::new(DropsLogs)),
    ("sensitive-json-escapes-kept", || Arc::new(AsWritten)),
    ("sensitive-base64-kept", || Arc::new(NoBase64)),
    ("sensitive-base64-aligned-only", || Arc::new(AlignedBase64)),
    ("sensitive-hex-kept", || Arc::new(NoHex)),
    ("sensitive-percent-kept", || Arc::new(NoPercent)),
    ("sensitive-lines-apart", || Arc::new(LineByLine)),
    ("sensitive-top-level-only", || Arc::new(TopLevel)),
    ("sensitive-references-missed", || Arc::new(NoReferences)),
    ("sensitive-outputs-forgotten", || Arc::new(InputsOnly)),
    ("sensitive-failures-shown", || Arc::new(ShowsFailures)),
    ("sensitive-problems-quoted", || Arc::new(QuotesInput)),
    ("sensitive-details-quoted", || Arc::new(QuotesOutput)),
    ("sensitive-tokens-shown", || Arc::new(ShowsTokens)),
    ("sensitive-input-in-the-servers-log", || Arc::new(LogsInput)),
    ("sensitive-token-in-the-servers-log", || Arc::new(LogsToken)),
];

struct AssertsFormats;
impl Policy for AssertsFormats {
    fn compile(&self, schema: &Value) -> Result<Schema, SchemaFault> {
        match schema.get("format") {
            Some(_) => Contract.compile(&Value::Bool(false)),
            None => Contract.compile(schema),
        }
    }
}

struct ShowsValues;
impl Policy for ShowsValues {
    fn sensitive(&self, _: &Schema, _: &Json) -> Secrets {
        Secrets::new()
    }
}

struct DropsLogs;
impl Policy for DropsLogs {
    fn redacted_log(&self, redactor: &Redactor, lines: Vec<LogLine>) -> Vec<LogLine> {
        let shown = Contract.redacted_log(redactor, lines.clone());
        if shown == lines { shown } else { Vec::new() }
    }
}

struct AsWritten;
impl Policy for AsWritten {
    fn readings(&self, text: &str, read: &mut dyn FnMut(&Reading)) {
        read(&Reading::plain(text));
    }
}

struct NoBase64;
impl Policy for NoBase64 {
    fn readings(&self, text: &str, read: &mut dyn FnMut(&Reading)) {
        let plain = Reading::plain(text);
        [plain.json(), plain.percent(), plain.hex(0), plain.hex(1), plain].iter().for_each(read);
    }
}

/// Looks for the text encoded by itself, as it stands only at one alignment of three.
struct AlignedBase64;
impl AlignedBase64 {
    fn encoded(secrets: Secrets) -> Secrets {
        let encoded = |secret: &String| STANDARD.encode(&secret.as_bytes()[..secret.len() / 3 * 3]);
        secrets.iter().map(encoded).chain(secrets.clone()).collect()
    }
}
impl Policy for AlignedBase64 {
    fn sensitive(&self, schema: &Schema, value: &Json) -> Secrets {
        Self::encoded(Contract.sensitive(schema, value))
    }

    fn readings(&self, text: &str, read: &mut dyn FnMut(&Reading)) {
        NoBase64.readings(text, read);
    }
}

struct NoHex;
impl Policy for NoHex {
    fn readings(&self, text: &str, read: &mut dyn FnMut(&Reading)) {
        let plain = Reading::plain(text);
        (0..4).for_each(|skip| read(&plain.base64(skip)));
        [plain.json(), plain.percent(), plain].iter().for_each(read);
    }
}

struct NoPercent;
impl Policy for NoPercent {
    fn readings(&self, text: &str, read: &mut dyn FnMut(&Reading)) {
        let plain = Reading::plain(text);
        (0..4).for_each(|skip| read(&plain.base64(skip)));
        [plain.json(), plain.hex(0), plain.hex(1), plain].iter().for_each(read);
    }
}

struct LineByLine;
impl Policy for LineByLine {
    fn redacted_log(&self, redactor: &Redactor, lines: Vec<LogLine>) -> Vec<LogLine> {
        let redact = |line: LogLine| LogLine { message: redactor.text(line.message, readings), ..line };
        lines.into_iter().map(redact).collect()
    }
}

struct TopLevel;
impl Policy for TopLevel {
    fn sensitive(&self, schema: &Schema, value: &Json) -> Secrets {
        let members = value.as_object().into_iter().flat_map(|members| members.values());
        let direct: Secrets = members.filter_map(Json::as_str).map(str::to_owned).collect();
        Contract.sensitive(schema, value).intersection(&direct).cloned().collect()
    }
}

struct NoReferences;
impl Policy for NoReferences {
    fn compile(&self, schema: &Value) -> Result<Schema, SchemaFault> {
        let mut schema = schema.clone();
        if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
            let definitions = definitions.values_mut().filter_map(Value::as_object_mut);
            definitions.for_each(|definition| {
                definition.remove("x-sensitive");
            });
        }
        Contract.compile(&schema)
    }
}

struct InputsOnly;
impl Policy for InputsOnly {
    fn sensitive_in_output(&self, _: &Schema, _: &Json) -> Secrets {
        Secrets::new()
    }
}

struct ShowsFailures;
impl Policy for ShowsFailures {
    fn redacted_failure(&self, _: &Redactor, message: String) -> String {
        message
    }
}

struct QuotesInput;
impl Policy for QuotesInput {
    fn judge_input(&self, schema: &Schema, input: &Value) -> Result<(), SchemaFault> {
        Contract
            .judge_input(schema, input)
            .map_err(|fault| SchemaFault { detail: format!("{input} does not fit"), ..fault })
    }

    fn redacted_refusal(&self, _: &Redactor, refusal: Refusal) -> Refusal {
        refusal
    }
}

struct QuotesOutput;
impl Policy for QuotesOutput {
    fn judge_output(&self, schema: &Schema, output: &Value) -> Result<(), SchemaFault> {
        Contract.judge_output(schema, output).map_err(|fault| SchemaFault { pointer: output.to_string(), ..fault })
    }

    fn redacted_detail(&self, _: &Redactor, detail: String) -> String {
        detail
    }
}

struct ShowsTokens;
impl Policy for ShowsTokens {
    fn sensitive_token(&self, _: &str) -> Secrets {
        Secrets::new()
    }
}

struct LogsInput;
impl Policy for LogsInput {
    fn judge_input(&self, schema: &Schema, input: &Value) -> Result<(), SchemaFault> {
        tracing::info!(%input, "judging");
        Contract.judge_input(schema, input)
    }
}

struct LogsToken;
impl Policy for LogsToken {
    fn sensitive_token(&self, token: &str) -> Secrets {
        tracing::info!(token, "asked");
        Contract.sensitive_token(token)
    }
}
