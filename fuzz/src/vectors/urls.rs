//! The URL standard's own tests, as Web Platform Tests have them, through the rules for hosts and the decision about a URL
//! (egress.md 1 and 2).

use std::net::IpAddr;
use std::path::Path;

use assay_egress::{Destination, Egress, EgressError};
use assay_package::Gates;
use serde::Deserialize;
use serde_json::Value;

use super::{Report, Source, name};
use crate::egress_rule::{client, decided, read};

/// URLs, and what is in them.
pub const URLS: Source =
    Source { name: "WPT urltestdata.json", reads: |path| name(path) == "urltestdata.json", judge: urls };

/// Hosts, and what *domain to ASCII* makes of them.
pub const HOSTS: Source = Source { name: "WPT toascii.json", reads: |path| name(path) == "toascii.json", judge: hosts };

#[derive(Deserialize)]
struct Url {
    input: String,
    base: Option<String>,
    #[serde(default)]
    failure: bool,
    #[serde(default)]
    protocol: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    port: String,
    #[serde(default)]
    pathname: String,
    #[serde(default)]
    href: String,
}

#[derive(Deserialize)]
struct Host {
    input: String,
    output: Option<String>,
}

/// The cases of a file, without the comments among them.
fn cases<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<Vec<T>, String> {
    let all: Vec<Value> = serde_json::from_slice(bytes).map_err(|fault| fault.to_string())?;
    let cases = all.into_iter().filter(Value::is_object).map(serde_json::from_value);
    cases.collect::<Result<_, _>>().map_err(|fault| fault.to_string())
}

fn urls(_: &Path, bytes: &[u8], report: &mut Report) -> Result<(), String> {
    let egress = client(None).ok_or("egress cannot be made")?;
    for case in cases::<Url>(bytes)? {
        // What begins like this is read without the base.
        let absolute = case.input.trim_start().split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme));
        if case.base.is_some() && !absolute {
            report.left_out("that have a base, which no request has (egress.md 2.1)");
            continue;
        }
        // As the standard reads it, http differs in nothing but the port, so that most cases can be asked about https.
        let (input, is_http) = match case.input.get(..5) {
            Some(scheme) if scheme.eq_ignore_ascii_case("http:") => (format!("https:{}", &case.input[5..]), true),
            _ => (case.input.clone(), false),
        };
        judge_url(&egress, &case, &input, is_http, report);
    }
    Ok(())
}

fn judge_url(egress: &Egress, case: &Url, input: &str, is_http: bool, report: &mut Report) {
    let shown = format!("{:?}", case.input);
    let port = match (case.port.as_str(), is_http) {
        // The port of http is not written where it is the default one, and is none of https.
        ("", true) if input.contains(":80") || input.contains(":0") && input.contains("80") => 80,
        (port, _) => port.parse().unwrap_or(443),
    };
    let host = case.hostname.as_str();
    let rules = read(&Gates::honest(), &[format!("https://{host}:{port}")]).unwrap_or_default();
    let found = decided(egress, &rules, input);
    if case.failure {
        return match found {
            Err(EgressError::InvalidRequest(_)) => report.agreed(),
            other => report.differed(shown, format!("{other:?}"), None),
        };
    }
    let expected = Destination {
        host: host.to_owned(),
        port,
        authority: if port == 443 { host.to_owned() } else { format!("{host}:{port}") },
        target: target(case),
    };
    match found {
        Ok(found) if found == expected => report.agreed(),
        Ok(found) => report.differed(shown, format!("{found:?}"), None),
        Err(error) => report.differed(shown, error.to_string(), why_stopped(case, input, is_http, &error)),
    }
}

/// Path and query as the standard serialises them, an empty query included.
fn target(case: &Url) -> String {
    let serialised = case.href.split('#').next().unwrap_or_default();
    let query = serialised.split_once('?').map(|(_, query)| format!("?{query}"));
    format!("{}{}", case.pathname, query.unwrap_or_default())
}

/// The clause by which a URL of the standard is not asked for, read from the case and what it says is in it.
fn why_stopped(case: &Url, input: &str, is_http: bool, error: &EgressError) -> Option<&'static str> {
    let has_user = !case.username.is_empty() || !case.password.is_empty() || case.input.contains('@');
    match error {
        EgressError::InvalidRequest(_) if input.bytes().any(|byte| byte < 0x21 || byte == 0x7f || byte == b'\\') => {
            Some("egress.md 2.1: no byte below 0x21, 0x7F, or backslash")
        }
        EgressError::InvalidRequest(_) => why_no_label(&case.hostname),
        EgressError::Denied(_) if case.protocol != "https:" && !is_http => Some("egress.md 2.2: the scheme is https"),
        EgressError::Denied(_) if has_user => Some("egress.md 2.2: no user information"),
        EgressError::Denied(_) => why_no_rule(&case.hostname),
        _ => None,
    }
}

fn hosts(_: &Path, bytes: &[u8], report: &mut Report) -> Result<(), String> {
    let egress = client(None).ok_or("egress cannot be made")?;
    for Host { mut input, mut output } in cases::<Host>(bytes)? {
        // A label alone is the host of no rule, and what becomes of it does not depend on one of ASCII letters behind it.
        if !input.contains('.') && !output.as_ref().is_some_and(|host| host.contains('.')) {
            input.push_str(".example");
            output = output.map(|host| host + ".example");
        }
        let host = output.as_deref().unwrap_or_default();
        let as_rule = read(&Gates::honest(), &[format!("https://{input}")]);
        let shown = |what: &str| format!("{what} {input:?}");
        let hyphens = input.split('.').any(has_hyphens).then_some(HYPHENS);
        match (&output, &as_rule) {
            (None, Err(_)) => report.agreed(),
            (Some(host), Ok(rules)) if rules.iter().all(|rule| rule.host() == host) => report.agreed(),
            (_, Ok(rules)) => report.differed(shown("rule"), format!("it is {rules:?}"), None),
            (Some(host), Err(refusal)) => {
                report.differed(shown("rule"), refusal.detail.clone(), why_no_rule(host).or(hyphens))
            }
        }
        let rules = read(&Gates::honest(), &[format!("https://{host}")]).unwrap_or_default();
        match (&output, decided(&egress, &rules, &format!("https://{input}/"))) {
            (None, Err(EgressError::InvalidRequest(_))) => report.agreed(),
            (Some(host), Ok(found)) if found.host == *host => report.agreed(),
            (Some(host), Err(error @ EgressError::Denied(_))) => {
                report.differed(shown("URL"), error.to_string(), why_no_rule(host).or(hyphens));
            }
            (Some(host), Err(error @ EgressError::InvalidRequest(_))) => {
                report.differed(shown("URL"), error.to_string(), why_no_label(host));
            }
            (_, other) => report.differed(shown("URL"), format!("{other:?}"), None),
        }
    }
    Ok(())
}

const HYPHENS: &str = "egress.md 1.2: beStrict, hyphens";

/// Whether a label has hyphens where no name has them. An A-label is asked in Unicode, as it was written.
fn has_hyphens(label: &str) -> bool {
    let third = label.as_bytes().get(2..4) == Some(b"--") && !label.starts_with("xn--");
    label.starts_with('-') || label.ends_with('-') || third
}

/// The clause by which a host of the URL standard is none of any rule, read from its letters.
fn why_no_rule(host: &str) -> Option<&'static str> {
    let labels: Vec<&str> = host.split('.').collect();
    let letters = |label: &&str| label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_address = host.parse::<IpAddr>().is_ok() || host.starts_with('[');
    match () {
        () if is_address => Some("egress.md 2.2: no rule matches an address"),
        () if host.ends_with('.') => Some("egress.md 2.2: no rule matches a trailing dot"),
        () if labels.iter().any(|label| label.is_empty() || label.len() > 63) || host.len() > 253 => {
            Some("egress.md 1.2: beStrict, lengths of the DNS")
        }
        () if labels.iter().any(|label| has_hyphens(label)) => Some(HYPHENS),
        () if !labels.iter().all(letters) => Some("egress.md 1.2: beStrict, letters of names"),
        () if labels.len() == 1 || labels.last() == Some(&"localhost") => {
            Some("egress.md 1.2: two labels, no localhost")
        }
        () => why_no_label(host),
    }
}

/// The clause by which a host of ASCII letters is none: the suite's oracle does not take its labels for A-labels either.
fn why_no_label(host: &str) -> Option<&'static str> {
    let encoded = host.is_ascii() && host.split('.').any(|label| label.starts_with("xn--"));
    let refused = assay_conformance::egress::Url::parse(&format!("https://{host}/")).is_none();
    (encoded && refused).then_some("egress.md 2.1: what begins with `xn--` is an A-label")
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{HOSTS, URLS};
    use crate::vectors::{Report, tests::judged};

    fn url(case: Value) -> Report {
        judged(&URLS, "url/resources/urltestdata.json", &json!(["a comment", case]).to_string())
    }

    fn right(input: &str, hostname: &str, port: &str, target: &str) -> Value {
        json!({"input": input, "base": null, "protocol": "https:", "hostname": hostname, "port": port, "pathname": target, "href": target})
    }

    #[test]
    fn what_is_in_a_url_is_compared() {
        for (case, differed) in [
            (right("https://A.example.test:444/%7e", "a.example.test", "444", "/%7e"), 0),
            (right("http://a.example.test/b", "a.example.test", "", "/b"), 0),
            (right("https://a.example.test/", "a.example.test", "", "/other"), 1),
            (right("https://a.example.test/", "b.example.test", "", "/"), 1),
            (json!({"input": "https://a b/", "base": null, "failure": true}), 0),
            (json!({"input": "https://a.example.test/", "base": null, "failure": true}), 1),
        ] {
            let report = url(case.clone());
            assert_eq!((report.run, report.unexplained().count()), (1, differed), "{case}: {report}");
        }
    }

    #[test]
    fn what_egress_never_asks_for_differs_on_purpose() {
        for case in [
            right("https://u@a.example.test/", "a.example.test", "", "/"),
            right("https://a.example.test\\b", "a.example.test", "", "/b"),
            right("https://127.1/", "127.0.0.1", "", "/"),
            right("https://name/", "name", "", "/"),
            json!({"input": "ftp://a.test/", "base": null, "protocol": "ftp:", "hostname": "a.test", "pathname": "/"}),
        ] {
            let report = url(case.clone());
            assert_eq!((report.differed.len(), report.unexplained().count()), (1, 0), "{case}: {report}");
        }
    }

    #[test]
    fn a_relative_url_is_left_out() {
        let report = url(json!({"input": "/a", "base": "http://example.org/", "href": "http://example.org/a"}));
        assert_eq!((report.run, report.left_out.len()), (0, 1));
    }

    #[test]
    fn hosts_are_compared_as_rules_and_in_urls() {
        for (input, output, differed, unexplained) in [
            ("B\u{fc}cher.test", Some("xn--bcher-kva.test"), 0, 0),
            ("xn--a.test", None, 0, 0),
            ("xn--a.test", Some("xn--a.test"), 2, 0),
            ("ab--c.test", Some("ab--c.test"), 2, 0),
            ("B\u{fc}cher", Some("xn--bcher-kva"), 0, 0),
            ("a.test", Some("b.test"), 2, 2),
            ("a.test", None, 2, 2),
        ] {
            let file = json!([{"input": input, "output": output}]).to_string();
            let report = judged(&HOSTS, "url/resources/toascii.json", &file);
            assert_eq!(report.run, 2);
            assert_eq!(
                (report.differed.len(), report.unexplained().count()),
                (differed, unexplained),
                "{input}: {report}"
            );
        }
    }
}
