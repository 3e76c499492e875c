//! Manifests that are right but for a few edits, each near a border of the contract.

use assay_package::Offer;

use crate::{document::segment, offer, source::Source};

/// JSON text in the making: values keep the way in which they are written.
#[derive(Debug, Clone)]
enum Text {
    Raw(String),
    Object(Vec<(String, Text)>),
}

/// The fields of a right manifest, and texts that are put in their places: right ones, and ones that are nearly right.
const FIELDS: [(&str, &[&str]); 20] = [
    (
        "/id",
        &[
            r#""a.b""#,
            r#""com""#,
            r#""com.""#,
            r#""Com.a""#,
            r#""com..a""#,
            r#""com.a-""#,
            r#""com.a--b""#,
            r#""9.a""#,
            r#""x9.9y""#,
            r#""com.a_b""#,
            r#""com.ä""#,
            r#""com.a\n""#,
            r#""com.\u0000a""#,
            r#""com.a ""#,
        ],
    ),
    (
        "/version",
        &[
            r#""1.0.0""#,
            r#""1.0.0-rc.1""#,
            r#""1.0.0-0""#,
            r#""1.0.0-01""#,
            r#""1.0.0-0a""#,
            r#""1.0.0--""#,
            r#""v1.0.0""#,
            r#""1.0""#,
            r#""01.0.0""#,
            r#""1.0.0+b""#,
            r#""1.0.0-a..b""#,
            r#""1.0.0-""#,
            r#""99999999999999999999.0.0""#,
            r#""1.0.0\n""#,
            r#""1.٠.0""#,
        ],
    ),
    ("/name", &[r#""""#, r#""ü""#, r#""a\tb""#, r#""\u007f""#, r#""\u0080""#, r#""\ud83d\ude00""#]),
    ("/description", &[r#""""#, r#""\u0000""#]),
    ("/category", &[r#""a""#, r#""""#, r#""A""#, r#""a-9""#, r#""9""#, r#""-a""#, r#""ab\n""#]),
    ("/abi", &[r#""component""#, r#""core""#, r#""Core""#, r#""wasm""#]),
    ("/module", &["{}", "[]"]),
    (
        "/module/digest",
        &[
            r#""sha256:AA00000000000000000000000000000000000000000000000000000000000000""#,
            r#""sha256:00000000000000000000000000000000000000000000000000000000000000""#,
            r#""sha512:0000000000000000000000000000000000000000000000000000000000000000""#,
        ],
    ),
    ("/module/size", &["8", "7", "8.0"]),
    ("/input", &["true", "false", r#"{"type":"object"}"#, r#"{"type":"nothing"}"#, r#"{"maximum":1e400}"#]),
    ("/output", &["false", r#"{"enum":[1,2]}"#, r##"{"$ref":"#"}"##, r#"{"$ref":"https://example.com/s"}"#]),
    ("/permissions", &["{}", r#"{"vault":[]}"#]),
    (
        "/permissions/state",
        &[r#"{"max_bytes":1024}"#, r#"{"max_bytes":1048576}"#, "{}", r#"{"max_bytes":0}"#, r#"{"max_bytes":1048577}"#],
    ),
    (
        "/permissions/egress",
        &[
            "[]",
            r#"["https://example.com"]"#,
            r#"["https://a.b","https://*.example.com:8443"]"#,
            r#"["https://*.example.com:8443","http://a"]"#,
            r#"["https://"]"#,
            r#"["https://a b"]"#,
            r#"["https://a\u0085b"]"#,
            r#"["https://a\ufeff"]"#,
            r#"["https://a@b"]"#,
            r#"["https://a",1]"#,
        ],
    ),
    ("/permissions/vault", &[r#"["seal"]"#, r#"["Seal"]"#, r#"["a9"]"#, r#"[""]"#]),
    ("/limits/memory_bytes", &["65536", "65535", "67108864", "67108865", "16777216"]),
    ("/limits/timeout_ms", &["1", "0", "30000", "30001", "10000"]),
    ("/limits/log_bytes", &["0", "65536", "65537"]),
    ("/limits/output_bytes", &["1", "0", "1048576", "1048577"]),
    (
        "/limits/egress",
        &[
            "{}",
            r#"{"queue":0}"#,
            r#"{"queue":65}"#,
            r#"{"requests_per_minute":0}"#,
            r#"{"bytes_per_minute":99999999999999999999,"timeout_ms":1}"#,
        ],
    ),
];

/// Texts that may be put anywhere.
const ANYWHERE: [&str; 16] = [
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "1.5",
    "65536.0",
    "6.5536e4",
    "1E9",
    "18446744073709551615",
    "18446744073709551616",
    "1e400",
    "[]",
    "{}",
    r#""""#,
    r#""65536""#,
];

/// Objects that can have unknown members, and names for those.
const OBJECTS: [&str; 6] = ["", "/module", "/permissions", "/permissions/state", "/limits", "/limits/egress"];
const UNKNOWN: [&str; 6] = ["extra", "ID", "id ", "a/b~c", "max_bytes", "network"];

/// The text of a manifest, and what it is judged by.
pub fn manifest(source: &mut Source<'_>) -> (Vec<u8>, Offer) {
    source.byte();
    let offer = offer::any(source);
    let mut manifest = right();
    for _ in 0..source.below(4) {
        edit(source, &mut manifest);
    }
    let mut text = Vec::new();
    write(&manifest, &mut text);
    match source.below(16) {
        12 => text.splice(..0, *b"\xef\xbb\xbf").for_each(drop),
        13 => text.extend_from_slice(source.pick(&[b" {}" as &[u8], b",", b"\n\t ", b"\0", b"//"])),
        14 => text = deep(source, &offer),
        15 => crate::source::mutate(source, &mut text, 3),
        _ => {}
    }
    (text, offer)
}

fn right() -> Text {
    let raw = |text: &str| Text::Raw(text.to_owned());
    let object = |members: &[(&str, Text)]| {
        Text::Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    };
    let digest = format!("\"sha256:{}\"", "0".repeat(64));
    object(&[
        ("id", raw(r#""com.example.fuzz""#)),
        ("version", raw(r#""1.0.0""#)),
        ("name", raw(r#""Fuzz""#)),
        ("category", raw(r#""test""#)),
        ("abi", raw(r#""core""#)),
        ("module", object(&[("digest", raw(&digest)), ("size", raw("8"))])),
        ("input", raw("true")),
        ("output", raw("true")),
        ("permissions", object(&[])),
        ("limits", object(&[("memory_bytes", raw("65536")), ("timeout_ms", raw("1"))])),
    ])
}

fn edit(source: &mut Source<'_>, manifest: &mut Text) {
    match source.below(8) {
        // Which texts are rules is the business of the target `egress_rule`; here it is how many.
        6 => {
            let rules = vec![r#""https://a.b""#; source.below(4)];
            return change(manifest, "/permissions/egress", Some(format!("[{}]", rules.join(","))));
        }
        7 => {
            let name = source.pick(&["requests_per_minute", "bytes_per_minute", "queue", "timeout_ms"]);
            let value = source.pick(&["0", "1", "65", "30001", "99999999999999999999"]);
            return change(manifest, "/limits/egress", Some(format!("{{\"{name}\":{value}}}")));
        }
        _ => {}
    }
    let (pointer, texts) = source.pick(&FIELDS);
    match source.below(8) {
        0 => change(manifest, pointer, None),
        1 => change(manifest, pointer, Some(source.text(&ANYWHERE))),
        2 => {
            let object = source.pick(&OBJECTS);
            let pointer = format!("{object}/{}", segment(source.pick(&UNKNOWN)));
            change(manifest, &pointer, Some(source.text(&ANYWHERE)));
        }
        3 => {
            let value = source.text(texts);
            repeat(manifest, pointer, value);
        }
        4 => {
            let letter = source.pick(&["a", "ü", "\\u0000", "€"]);
            let length = source.pick(&[1_usize, 32, 33, 64, 65, 80, 81, 128, 129, 1000, 1001]);
            let start = if pointer == "/id" { "a." } else { "" };
            let rest = length.saturating_sub(start.len());
            change(manifest, pointer, Some(format!("\"{start}{}\"", letter.repeat(rest))));
        }
        _ => {
            let value = source.text(texts);
            change(manifest, pointer, Some(value));
        }
    }
}

/// Puts a text at a place whose object is there, or takes what is there away.
fn change(text: &mut Text, pointer: &str, value: Option<String>) {
    let Some((members, name)) = place(text, pointer) else { return };
    members.retain(|(known, _)| *known != name);
    members.extend(value.map(|value| (name, Text::Raw(value))));
}

/// Adds a member once more.
fn repeat(text: &mut Text, pointer: &str, value: String) {
    if let Some((members, name)) = place(text, pointer) {
        members.push((name, Text::Raw(value)));
    }
}

fn place<'a>(text: &'a mut Text, pointer: &str) -> Option<(&'a mut Vec<(String, Text)>, String)> {
    let (object, name) = pointer.rsplit_once('/')?;
    let mut found = text;
    for segment in object.split('/').skip(1) {
        let Text::Object(members) = found else { return None };
        found = &mut members.iter_mut().find(|(known, _)| known == segment)?.1;
    }
    if matches!(found, Text::Raw(raw) if raw == "{}") {
        *found = Text::Object(Vec::new());
    }
    let Text::Object(members) = found else { return None };
    Some((members, name.replace("~1", "/").replace("~0", "~")))
}

fn write(text: &Text, out: &mut Vec<u8>) {
    match text {
        Text::Raw(raw) => out.extend_from_slice(raw.as_bytes()),
        Text::Object(members) => {
            out.push(b'{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":");
                write(value, out);
            }
            out.push(b'}');
        }
    }
}

/// A right manifest whose input schema nests about as deep as may be.
fn deep(source: &mut Source<'_>, offer: &Offer) -> Vec<u8> {
    // The manifest, the schema and the array of `examples` are three levels.
    let most = usize::try_from(offer.bounds.json_depth).unwrap_or(64);
    let levels = (most + source.below(3)).saturating_sub(4);
    let schema = format!(r#"{{"examples":[{}{}]}}"#, "[".repeat(levels), "]".repeat(levels));
    let mut manifest = right();
    change(&mut manifest, "/input", Some(schema));
    let mut text = Vec::new();
    write(&manifest, &mut text);
    text
}
