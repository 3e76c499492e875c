//! A report whose every free string is an attack: it must stay text in every format.

use serde_json::Value;

use assay_reports::{Format as _, Report, html::Html, json::Json, junit::Junit, markdown::Markdown};

use crate::sample;

/// Ends a script, opens an element with a handler.
pub const ATTACK: &str = "</script><img src=x onerror=alert(1)>";

/// Members with a closed set of values, or a form that the schema holds: an attack cannot stand there.
const CLOSED: [&str; 14] = [
    "schema",
    "contract",
    "digest",
    "started_at",
    "finished_at",
    "attachment",
    "level",
    "verdict",
    "packaging",
    "role",
    "conclusion",
    "base64",
    "content",
    "profiles",
];

/// The sample with the attack in place of every other string.
pub fn report() -> Report {
    report_of(ATTACK)
}

fn report_of(attack: &str) -> Report {
    let mut value: Value = serde_json::from_str(&Json.render(&sample::report())).expect("JSON");
    poison(&mut value, "", attack);
    serde_json::from_value(value).expect("a report")
}

fn poison(value: &mut Value, member: &str, attack: &str) {
    match value {
        Value::String(text) if !CLOSED.contains(&member) => *text = attack.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, member, attack)),
        Value::Object(members) => {
            for (name, value) in members {
                poison(value, name, attack);
            }
        }
        _ => {}
    }
}

#[test]
fn html_holds_no_element_of_the_target() {
    let page = Html.render(&report());
    assert!(!page.contains("<img"), "an element came through");
    let scripts = page.matches("<script").count();
    assert_eq!(page.matches("</script").count(), scripts, "a script was ended from inside");
}

#[test]
fn html_holds_no_comment_of_the_target() {
    let page = Html.render(&report_of("<!--<script>"));
    assert!(!page.contains("<!--"));
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
}

#[test]
fn an_attribute_is_not_left_from_inside() {
    let page = Html.render(&report_of("\" autofocus onfocus=alert(1) x=\""));
    // Inside an island the quote is one of JSON, and escaped.
    let quotes = page.matches("\" autofocus").count();
    assert_eq!(quotes, page.matches("\\\" autofocus").count());
}

#[test]
fn evidence_survives_the_escaping() {
    let page = Html.render(&report());
    let island = page.split_once("id=\"evidence-0\">").expect("an island").1;
    let island = island.split_once("</script>").expect("its end").0;
    let evidence: Value = serde_json::from_str(island).expect("JSON");
    assert_eq!(evidence[0][0]["label"], ATTACK);
}

#[test]
fn junit_stays_well_formed() {
    let xml = Junit.render(&report_of("]]></system-out><failure/>\u{0}\u{1b}\u{ffff}"));
    assert!(!xml.contains("<failure/>"));
    let again = quick_junit::Report::deserialize_from_str(&xml).expect("JUnit XML");
    assert_eq!(again.tests, 7);
}

#[test]
fn markdown_neither_links_nor_breaks_its_tables() {
    let page = Markdown.render(&report_of("a|b\n| x |[l](https://evil.example)<b>@user `www.evil.example`"));
    for sign in ["<b>", "](", "https:", "@user", "`", "www.", "\n| x |"] {
        assert!(!page.contains(sign), "{sign} came through");
    }
}
