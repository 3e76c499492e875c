//! What is stored is found (registry.md, section 4).

use assay_fixtures::Behaviour;
use assay_harness::{Cx, Group, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "registry",
    name: "list",
    checks: checks![
        once(
            "registry.list.items",
            "a stored handler is in the list with what the contract says",
            &["REG-LST-001"],
            items
        ),
        once("registry.list.category", "the list is narrowed by category", &["REG-LST-002"], category),
        once("registry.list.installed", "the list is narrowed by installation", &["REG-LST-003"], installed),
        once("registry.list.pages", "the cursor shows every handler once, in order", &["REG-LST-004"], pages),
        once("registry.list.order", "versions are listed highest first, in SemVer order", &["REG-LST-005"], order),
        once("registry.list.query", "a malformed or unknown query parameter is refused", &["REG-LST-006"], query),
    ],
};

/// A category that only this check uses, so that its list holds what it stored and nothing else.
fn own_category(cx: &Cx) -> String {
    format!("c{}", cx.namespace())
}

/// All handlers of a query, page by page.
async fn all(publisher: &Publisher, query: &str) -> Result<Vec<Value>, Stop> {
    all_after(publisher, query, "").await
}

/// The handlers of a query after a cursor; an empty one is the beginning.
async fn all_after(publisher: &Publisher, query: &str, cursor: &str) -> Result<Vec<Value>, Stop> {
    let mut found = Vec::new();
    let mut cursor = match cursor {
        "" => String::new(),
        cursor => format!("&cursor={cursor}"),
    };
    for _ in 0..1000 {
        let reply = publisher.user().list(&format!("?{query}{cursor}")).await?.expect(200)?;
        let body = reply.json()?;
        let page = body["handlers"].as_array();
        let page = page.ok_or_else(|| Stop::Fail(format!("{}: no list `handlers`", reply.describe())))?;
        found.extend(page.iter().cloned());
        match &body["next_cursor"] {
            Value::Null => return Ok(found),
            Value::String(next) => cursor = format!("&cursor={next}"),
            other => return Err(Stop::Fail(format!("`next_cursor` is {other}"))),
        }
    }
    Err(Stop::Fail("the list has no end within 1000 pages".to_owned()))
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().filter_map(|item| item["id"].as_str()).collect()
}

async fn items(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let category = own_category(&cx);
    let recipe =
        publisher.recipe("item", Behaviour::Echo).category(&category).name("An item").description("for the list");
    let first = publisher.publish(&recipe).await?;
    publisher.publish_after(&recipe.version("1.1.0"), &first).await?;
    publisher.install_stored(&first).await?;
    let found = all(&publisher, &format!("category={category}")).await?;
    ensure!(found.len() == 1, "the list has {} items of a category with one", found.len());
    for (member, expected) in [
        ("id", json!(first.id())),
        ("name", json!("An item")),
        ("description", json!("for the list")),
        ("category", json!(category)),
        ("latest", json!("1.1.0")),
        ("versions", json!(["1.1.0", "1.0.0"])),
        ("installed", json!("1.0.0")),
    ] {
        ensure!(found[0][member] == expected, "`{member}` is {}, expected {expected}", found[0][member]);
    }
    Ok(())
}

async fn category(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let category = own_category(&cx);
    let inside = publisher.publish(&publisher.recipe("inside", Behaviour::Echo).category(&category)).await?;
    publisher.publish(&publisher.recipe("outside", Behaviour::Echo).category("elsewhere")).await?;
    let found = all(&publisher, &format!("category={category}")).await?;
    ensure!(ids(&found) == [inside.id()], "the category holds {:?}", ids(&found));
    let none = all(&publisher, &format!("category={category}x")).await?;
    ensure!(none.is_empty(), "a category that nobody used holds {:?}", ids(&none));
    Ok(())
}

async fn installed(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let category = own_category(&cx);
    let recipe = |leaf| publisher.recipe(leaf, Behaviour::Echo).category(&category);
    let idle = publisher.publish(&recipe("idle")).await?;
    let running = publisher.install(&recipe("running")).await?;
    for (filter, expected) in [("true", running.id()), ("false", &idle.id())] {
        let found = all(&publisher, &format!("category={category}&installed={filter}")).await?;
        ensure!(ids(&found) == [expected], "installed={filter} shows {:?}", ids(&found));
    }
    let both = all(&publisher, &format!("category={category}")).await?;
    ensure!(both.len() == 2, "without the filter the list shows {:?}", ids(&both));
    Ok(())
}

async fn pages(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let category = own_category(&cx);
    let recipe = |leaf: &str| publisher.recipe(leaf, Behaviour::Echo).category(&category);
    let mut stored = Vec::new();
    for leaf in ["c", "a", "e", "b", "d", "b1", "a.z"] {
        stored.push(publisher.publish(&recipe(leaf)).await?.id());
    }
    stored.sort();
    for limit in [1, 2, 3, 7, 50] {
        let found = all(&publisher, &format!("category={category}&limit={limit}")).await?;
        ensure!(ids(&found) == stored, "in pages of {limit} the list shows {:?}, expected {stored:?}", ids(&found));
    }
    // What is stored between two pages moves nothing that was there before.
    let page = publisher.user().list(&format!("?category={category}&limit=3")).await?.expect(200)?;
    let body = page.json()?.clone();
    publisher.publish(&recipe("a.a")).await?;
    let cursor = body["next_cursor"].as_str().unwrap_or_default();
    let rest = all_after(&publisher, &format!("category={category}&limit=3"), cursor).await?;
    let first = body["handlers"].as_array().cloned().unwrap_or_default();
    let seen: Vec<Value> = first.into_iter().chain(rest).collect();
    let old: Vec<&str> = ids(&seen).into_iter().filter(|id| stored.iter().any(|known| known == id)).collect();
    ensure!(old == stored, "with an upload between two pages the list shows {old:?}, expected {stored:?}");
    Ok(())
}

async fn order(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let category = own_category(&cx);
    for version in ["1.10.0", "1.9.0", "2.0.0-rc.1", "2.0.0", "2.0.0-alpha", "1.9.1"] {
        publisher.publish(&publisher.recipe("order", Behaviour::Echo).category(&category).version(version)).await?;
    }
    let expected = json!(["2.0.0", "2.0.0-rc.1", "2.0.0-alpha", "1.10.0", "1.9.1", "1.9.0"]);
    let found = all(&publisher, &format!("category={category}")).await?;
    ensure!(
        found.len() == 1 && found[0]["versions"] == expected,
        "the versions are {:?}",
        found.first().map(|item| &item["versions"])
    );
    ensure!(found[0]["latest"] == "2.0.0", "the latest version is {}", found[0]["latest"]);
    let detail = publisher.user().detail(&publisher.id("order")).await?.expect(200)?;
    let releases = detail.json()?["versions"].as_array().cloned().unwrap_or_default();
    let versions: Vec<Value> = releases.iter().map(|release| release["version"].clone()).collect();
    ensure!(json!(versions) == expected, "in the detail the versions are {versions:?}");
    Ok(())
}

async fn query(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let above = cx.discovery().bounds["page_items"] + 1;
    for (query, name) in [
        ("?colour=blue".to_owned(), "colour"),
        ("?limit=0".to_owned(), "limit"),
        (format!("?limit={above}"), "limit"),
        ("?limit=ten".to_owned(), "limit"),
        ("?limit=-1".to_owned(), "limit"),
        ("?installed=yes".to_owned(), "installed"),
        ("?cursor=%00%ff".to_owned(), "cursor"),
        ("?category=Two%20Words".to_owned(), "category"),
    ] {
        let judged = async { refused("request-malformed").named(name).judge(&publisher.user().list(&query).await?) };
        cx.case(query.clone(), judged).await;
    }
    let bound = cx.discovery().bounds["page_items"];
    publisher.user().list(&format!("?limit={bound}&installed=true&category=test")).await?.expect(200)?;
    Ok(())
}
