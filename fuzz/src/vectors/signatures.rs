//! Ed25519: Wycheproof and ed25519-speccheck through the keys of the trust and the verification of the signature gate
//! (core.md 5.3).

use std::path::Path;

use assay_package::{Gates, KeyRequest, KeyRole};
use serde::Deserialize;

use super::{Report, Source, is_below, name, unhex};
use crate::envelope::standard_base64;

/// Signatures that are valid or invalid by RFC 8032.
pub const WYCHEPROOF: Source =
    Source { name: "Wycheproof Ed25519", reads: |path| name(path) == "ed25519_test.json", judge: wycheproof };

/// Twelve signatures about which implementations disagree.
pub const SPECCHECK: Source = Source {
    name: "ed25519-speccheck",
    // The repository has copies of the same file for other programs.
    reads: |path| name(path) == "cases.json" && is_below(path, "ed25519-speccheck") && !is_below(path, "scripts"),
    judge: speccheck,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wycheproof {
    test_groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    public_key: Public,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Public {
    pk: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    tc_id: u64,
    comment: String,
    msg: String,
    sig: String,
    result: String,
}

#[derive(Deserialize)]
struct Case {
    message: String,
    pub_key: String,
    signature: String,
}

fn wycheproof(_: &Path, bytes: &[u8], report: &mut Report) -> Result<(), String> {
    let file: Wycheproof = serde_json::from_slice(bytes).map_err(|fault| fault.to_string())?;
    for group in file.test_groups {
        let key = unhex(&group.public_key.pk)?;
        for test in group.tests {
            let case = format!("tcId {} {}", test.tc_id, test.comment);
            let verdict = verify(&key, &unhex(&test.msg)?, &unhex(&test.sig)?);
            match (test.result.as_str(), &verdict) {
                ("valid", Ok(())) | ("invalid", Err(_)) => report.agreed(),
                ("valid", Err(fault)) => report.differed(case, fault, None),
                ("invalid", Ok(())) => report.differed(case, "it verifies", None),
                ("acceptable", _) => report.left_out("that are acceptable either way"),
                (result, _) => return Err(format!("tcId {} is {result}", test.tc_id)),
            }
        }
    }
    Ok(())
}

/// What the authors publish about each case: whether the cofactorless equation holds, by which the contract verifies, and
/// the clause by which it is refused all the same.
const PUBLISHED: [(bool, Option<&str>); 12] = [
    (true, Some(SMALL_ORDER)),
    (true, Some(SMALL_ORDER)),
    (true, Some(SMALL_ORDER)),
    (true, None),
    (false, None),
    (false, None),
    (true, Some("core.md 5.3: S below the group order")),
    (true, Some("core.md 5.3: S below the group order")),
    (true, Some(CANONICAL)),
    (true, Some(CANONICAL)),
    (true, Some(CANONICAL)),
    (true, Some(CANONICAL)),
];
const SMALL_ORDER: &str = "core.md 5.3: no small-order point";
const CANONICAL: &str = "core.md 5.3: R and the key in canonical encoding";

fn speccheck(_: &Path, bytes: &[u8], report: &mut Report) -> Result<(), String> {
    let cases: Vec<Case> = serde_json::from_slice(bytes).map_err(|fault| fault.to_string())?;
    if cases.len() > PUBLISHED.len() {
        return Err(format!("it has {} cases, and {} are known", cases.len(), PUBLISHED.len()));
    }
    for (number, (case, (holds, clause))) in cases.iter().zip(PUBLISHED).enumerate() {
        match (holds, verify(&unhex(&case.pub_key)?, &unhex(&case.message)?, &unhex(&case.signature)?)) {
            (true, Ok(())) if clause.is_none() => report.agreed(),
            (false, Err(_)) => report.agreed(),
            (_, Ok(())) => report.differed(format!("case {number}"), "it verifies", None),
            (true, Err(fault)) => report.differed(format!("case {number}"), fault, clause),
        }
    }
    Ok(())
}

/// As the gates do it: the key is made trusted, and then verifies.
fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), String> {
    let name = "vectors".parse().map_err(|fault: assay_package::Malformed| fault.to_string())?;
    let (role, scope) = (KeyRole::Registry, vec!["*".to_owned()]);
    let request = KeyRequest { name, public_key: standard_base64(key), role, scope, not_after: None };
    let trusted =
        Gates::honest().trusted_key(&request).map_err(|refusal| format!("{}: {}", refusal.code, refusal.detail))?;
    match trusted.public_key.verifies(message, signature) {
        true => Ok(()),
        false => Err("it does not verify".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use assay_fixtures::{Key, hostile_keys};
    use serde_json::{Value, json};

    use super::{SPECCHECK, WYCHEPROOF};
    use crate::vectors::tests::judged;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn wycheproof(signature: &[u8], result: &str) -> Value {
        let test = json!({"tcId": 1, "comment": "", "flags": [], "msg": hex(b"text"), "sig": hex(signature), "result": result});
        let key = hex(&Key::from_seed([1; 32]).public_key());
        json!({"testGroups": [{"type": "EddsaVerify", "publicKey": {"pk": key}, "tests": [test]}]})
    }

    #[test]
    fn wycheproof_says_what_is_valid() {
        let right = Key::from_seed([1; 32]).sign(b"text");
        let wrong = Key::from_seed([2; 32]).sign(b"text");
        for (signature, result, unexplained) in
            [(&right, "valid", 0), (&wrong, "invalid", 0), (&wrong, "valid", 1), (&right, "invalid", 1)]
        {
            let report = judged(&WYCHEPROOF, "ed25519_test.json", &wycheproof(signature, result).to_string());
            assert_eq!((report.run, report.unexplained().count()), (1, unexplained), "{result}");
        }
    }

    #[test]
    fn speccheck_says_where_the_equation_holds() {
        let key = Key::from_seed([1; 32]);
        let case = |signature: &[u8]| json!({"message": hex(b"text"), "pub_key": hex(&key.public_key()), "signature": hex(signature)});
        let (right, laxly) = (case(&key.sign(b"text")), case(&hostile_keys::s_plus_l(key.sign(b"text"))));
        let mut cases = vec![laxly.clone(); 8];
        let report = |cases: &[Value]| judged(&SPECCHECK, "ed25519-speccheck/cases.json", &json!(cases).to_string());
        cases[3] = right.clone();
        let seen = report(&cases);
        assert_eq!((seen.run, seen.differed.len(), seen.unexplained().count()), (8, 5, 0));
        cases[7] = right;
        let verifies = report(&cases);
        assert_eq!(verifies.unexplained().map(|difference| difference.case.as_str()).collect::<Vec<_>>(), ["case 7"]);
        cases[3] = laxly;
        assert_eq!(report(&cases).unexplained().count(), 2);
    }
}
