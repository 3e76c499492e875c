//! `report.schema.json` and the type say the same.

use serde_json::{Value, json};

use assay_reports::{Format as _, Report, json::Json};

use crate::{hostile, sample};

fn schema() -> jsonschema::Validator {
    let schema = serde_json::from_str(include_str!("../../report.schema.json")).expect("JSON");
    jsonschema::draft202012::new(&schema).expect("a JSON Schema")
}

fn faults(report: &Value) -> Vec<String> {
    schema().iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn rendered(report: &Report) -> Value {
    serde_json::from_str(&Json.render(report)).expect("JSON")
}

#[test]
fn a_full_report_is_valid() {
    assert_eq!(faults(&rendered(&sample::report())), Vec::<String>::new());
}

#[test]
fn a_report_of_hostile_strings_is_valid_where_strings_are_free() {
    assert_eq!(faults(&rendered(&hostile::report())), Vec::<String>::new());
}

#[test]
fn an_unknown_verdict_is_refused() {
    let mut report = rendered(&sample::report());
    report["checks"][0]["verdict"] = json!("PROBABLY");
    assert_eq!(faults(&report).len(), 1);
    assert!(serde_json::from_value::<Report>(report).is_err());
}

#[test]
fn an_unknown_member_is_refused_at_every_depth() {
    for pointer in ["", "/target", "/checks/0", "/checks/0/exchanges/0/request/body", "/totals"] {
        let mut report = rendered(&sample::report());
        report.pointer_mut(pointer).expect("a place")["surprise"] = json!(1);
        assert!(!faults(&report).is_empty(), "{pointer}");
    }
}

#[test]
fn every_member_is_required() {
    let report = rendered(&sample::report());
    for name in report.as_object().expect("an object").keys() {
        let mut less = report.clone();
        less.as_object_mut().expect("an object").remove(name);
        assert!(!faults(&less).is_empty(), "{name}");
    }
}

#[test]
fn a_green_conclusion_beside_a_failure_is_refused() {
    let mut report = rendered(&sample::report());
    report["conclusion"] = json!("conformant");
    report["exit_code"] = json!(0);
    assert!(!faults(&report).is_empty());
}

#[test]
fn what_is_written_is_read_back_the_same() {
    let report = sample::report();
    let again: Report = serde_json::from_str(&Json.render(&report)).expect("a report");
    assert_eq!(again, report);
}

#[test]
fn members_stand_in_the_order_of_the_type() {
    let text = Json.render(&sample::report());
    let names = ["\"schema\"", "\"contract\"", "\"suite\"", "\"target\"", "\"totals\"", "\"exit_code\""];
    let places: Vec<_> = names.iter().map(|name| text.find(&format!("\n  {name}"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
}
