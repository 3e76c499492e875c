//! The list of what is installed (core.md 9.21).

use assay_fixtures::Behaviour;
use assay_harness::{Cx, Group, Stop, checks, ensure};
use serde_json::Value;

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "list",
    checks: checks![
        once(
            "core.list.items",
            "a user sees what is installed, each as it is shown by itself, and nothing else",
            &["CORE-INS-004"],
            items
        ),
        once("core.list.pages", "the cursor shows every installed handler once, in order", &["CORE-INS-005"], pages),
        once("core.list.query", "a malformed or unknown query parameter is refused", &["CORE-INS-006"], query),
    ],
};

/// Pages of one walk at most.
const PAGES: usize = 20_000;

/// One page of the list.
struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

impl Page {
    fn ids(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| item["id"].as_str().unwrap_or_default())
    }
}

async fn page(publisher: &Publisher, limit: u64, cursor: Option<&str>) -> Result<Page, Stop> {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    let reply = publisher.admin().installations(&format!("?limit={limit}{cursor}")).await?.expect(200)?;
    let body = reply.json()?;
    let items = body["handlers"].as_array().cloned();
    let items = items.ok_or_else(|| Stop::Fail(format!("{}: no list `handlers`", reply.describe())))?;
    ensure!(items.len() as u64 <= limit, "a page of {limit} has {} items", items.len());
    let next = match &body["next_cursor"] {
        Value::Null => None,
        Value::String(next) => Some(next.clone()),
        other => return Err(Stop::Fail(format!("`next_cursor` is {other}"))),
    };
    Ok(Page { items, next })
}

/// Walks from a cursor in pages of this limit to the page that ends above `last`. All items, and the cursor of the page
/// with the lowest id from `first` on. The list must ascend.
async fn walk(
    publisher: &Publisher,
    limit: u64,
    from: Option<String>,
    first: &str,
    last: &str,
) -> Result<(Option<String>, Vec<Value>), Stop> {
    let (mut before, mut cursor, mut found) = (None, from, Vec::<Value>::new());
    let mut reached = false;
    for _ in 0..PAGES {
        let page = page(publisher, limit, cursor.as_deref()).await?;
        let mut above = found.last().and_then(|item| item["id"].as_str()).unwrap_or_default();
        for id in page.ids() {
            ensure!(above < id, "in pages of {limit} the list shows `{id}` after `{above}`");
            above = id;
        }
        if !reached && page.ids().any(|id| id >= first) {
            (reached, before) = (true, cursor.clone());
        }
        let past = page.ids().last().is_some_and(|id| id > last);
        found.extend(page.items);
        match page.next {
            Some(next) if !past => cursor = Some(next),
            _ => return Ok((before, found)),
        }
    }
    Err(Stop::Fail(format!("the list has no end within {PAGES} pages")))
}

async fn items(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let one = publisher.install(&publisher.recipe("one", Behaviour::Echo)).await?;
    let idle = publisher.publish(&publisher.recipe("idle", Behaviour::Echo)).await?;
    let gone = publisher.install(&publisher.recipe("gone", Behaviour::Echo)).await?;
    one.runs(Value::Null).await?;
    publisher.admin().uninstall(gone.id()).await?.expect(204)?;
    publisher.user().installations("?limit=1").await?.expect(200)?;
    let most = cx.discovery().bound("page_items")?;
    let (_, found) = walk(&publisher, most, None, &publisher.id(""), &publisher.id("~")).await?;
    let of = |id: &str| found.iter().filter(|item| item["id"] == id).collect::<Vec<_>>();
    let shown = publisher.admin().installation(one.id()).await?.expect(200)?.json()?;
    ensure!(of(one.id()) == [&shown], "the list shows {:?}, and by itself it is {shown}", of(one.id()));
    for (what, id) in [("was never installed", idle.id().as_str()), ("was uninstalled", gone.id())] {
        ensure!(of(id).is_empty(), "the list shows a handler that {what}: {:?}", of(id));
    }
    Ok(())
}

async fn pages(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let mut installed = Vec::new();
    for leaf in ["c", "a", "e", "b", "a.z", "d"] {
        installed.push(publisher.install(&publisher.recipe(leaf, Behaviour::Echo)).await?.id().to_owned());
    }
    installed.sort();
    let (first, last) = (publisher.id(""), publisher.id("~"));
    // The list is everybody's: large pages lead to the own handlers, smaller ones from there nearer to them.
    let mut cursor = None;
    for limit in [cx.discovery().bound("page_items")?, 10, 3, 1] {
        let (before, found) = walk(&publisher, limit, cursor.clone(), &first, &last).await?;
        let ids: Vec<&str> = found.iter().filter_map(|item| item["id"].as_str()).collect();
        let own: Vec<&str> = ids.into_iter().filter(|id| id.starts_with(&first)).collect();
        ensure!(own == installed, "in pages of {limit} the list shows {own:?}, expected {installed:?}");
        cursor = before;
    }
    Ok(())
}

async fn query(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let above = cx.discovery().bound("page_items")? + 1;
    for (query, name) in [
        ("?colour=blue".to_owned(), "colour"),
        ("?category=test".to_owned(), "category"),
        ("?limit=0".to_owned(), "limit"),
        (format!("?limit={above}"), "limit"),
        ("?limit=ten".to_owned(), "limit"),
        ("?cursor=%00%ff".to_owned(), "cursor"),
    ] {
        let judged =
            async { refused("request-malformed").named(name).judge(&publisher.admin().installations(&query).await?) };
        cx.case(query.clone(), judged).await;
    }
    publisher.admin().installations(&format!("?limit={}", above - 1)).await?.expect(200)?;
    Ok(())
}
