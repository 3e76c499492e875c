//! Pages of the registry against a model, while others go on uploading (registry.md 4.1 and 4.2).

use std::collections::BTreeSet;

use assay_fixtures::Behaviour;
use assay_server::Conduct;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};

use crate::support::{Target, recipe, start_conducted};

/// Uploads and pages, as one caller of the walk meets them.
#[derive(Debug, Clone)]
struct Walk {
    before: Vec<u16>,
    /// For each page: its limit, and what is uploaded after it.
    pages: Vec<(usize, Vec<u16>)>,
}

fn walk() -> impl Strategy<Value = Walk> {
    // Few numbers: some uploads are of handlers that are there, and most fall between those that are.
    let handlers = |most| prop::collection::vec(0_u16..40, 0..most);
    let pages = prop::collection::vec((1_usize..6, handlers(3)), 1..5);
    (handlers(8), pages).prop_map(|(before, pages)| Walk { before, pages })
}

/// Uploads handlers that are not there yet, and notes them in the model.
async fn upload(target: Target, model: &mut BTreeSet<String>, numbers: &[u16]) {
    for number in numbers {
        let name = format!("n{number:05}");
        if model.insert(format!("com.example.{name}")) {
            target.upload(&recipe(&name, Behaviour::Echo).build()).await.expect(201);
        }
    }
}

/// Every page goes on where the one before ended, in ascending order; what was there before the first page is shown exactly
/// once, and nothing that is not there.
async fn follow(target: Target, model: &mut BTreeSet<String>, walk: &Walk) -> Result<(), TestCaseError> {
    upload(target, model, &walk.before).await;
    let (first, mut shown, mut cursor) = (model.clone(), Vec::new(), None::<String>);
    let mut pages = walk.pages.iter().cycle();
    loop {
        let Some((limit, uploads)) = pages.next() else { return Ok(()) };
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = target.get(&format!("/registry/handlers?limit={limit}{after}")).await.expect(200);
        let ids: Vec<String> = page["handlers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item["id"].as_str())
            .map(str::to_owned)
            .collect();
        let expected = model.iter().filter(|id| shown.last().is_none_or(|last| *id > last));
        prop_assert_eq!(&ids, &expected.clone().take(*limit).cloned().collect::<Vec<_>>());
        prop_assert_eq!(page["next_cursor"].is_null(), expected.count() <= *limit);
        shown.extend(ids);
        upload(target, model, uploads).await;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let distinct: BTreeSet<String> = shown.iter().cloned().collect();
    prop_assert_eq!(distinct.len(), shown.len());
    prop_assert!(first.is_subset(&distinct) && distinct.is_subset(model));
    Ok(())
}

/// Walks through a runtime, one walk after the other: what one uploads, the next finds.
fn walks_are_right(conduct: Conduct) -> Result<(), TestError<Walk>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let data = tempfile::tempdir().unwrap();
    let target = runtime.block_on(start_conducted(data.path(), conduct));
    let model = std::cell::RefCell::new(BTreeSet::new());
    let config =
        ProptestConfig { cases: 16, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner.run(&walk(), |walk| runtime.block_on(follow(target, &mut model.borrow_mut(), &walk)))
}

#[test]
fn a_cursor_stays_right_while_uploads_go_on() {
    walks_are_right(Conduct::default()).expect("the pages and the model agree");
}

#[cfg(feature = "sabotage")]
#[test]
fn pages_that_skip_one_are_noticed() {
    let sabotage = assay_server::Sabotage::find("pages-skip-one").expect("the defect exists");
    let conduct = sabotage.prepare(&assay_server::Given::default()).expect("a policy needs no data folder");
    assert!(matches!(walks_are_right(conduct), Err(TestError::Fail(..))));
}
