//! Gate 3: every field of a manifest (core.md, section 3).

use assay_fixtures::{Behaviour, Recipe};
use assay_harness::{Control as _, Cx, Group, Stop, checks};
use serde_json::{Value, json};

use crate::publisher::Publisher;
use crate::refusal::{Refusal, refused};

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "manifest",
    checks: checks![
        once(
            "core.manifest.required-fields",
            "a manifest without a required field is refused",
            &["CORE-MAN-001"],
            required_fields
        ),
        once(
            "core.manifest.unknown-fields",
            "a manifest with an unknown field is refused",
            &["CORE-MAN-002"],
            unknown_fields
        ),
        once("core.manifest.id", "an id that is not reverse-DNS is refused", &["CORE-MAN-003"], id),
        once(
            "core.manifest.version",
            "a version that is not SemVer, or has build metadata, is refused",
            &["CORE-MAN-004"],
            version
        ),
        once("core.manifest.version-forms", "every other form of SemVer is accepted", &["CORE-MAN-004"], version_forms),
        once(
            "core.manifest.capability-unknown",
            "a permission that is no capability is refused",
            &["CORE-MAN-008"],
            capability_unknown
        ),
        once(
            "core.manifest.value-forms",
            "a field of the wrong type or form is refused",
            &["CORE-MAN-009"],
            value_forms
        ),
        once(
            "core.manifest.limits-out-of-bounds",
            "a limit outside of the published bounds is refused",
            &["CORE-MAN-010"],
            limits_out_of_bounds
        ),
        once(
            "core.manifest.limits-at-the-bound",
            "a limit at the published bound is accepted",
            &["CORE-MAN-010"],
            limits_at_the_bound
        ),
        once(
            "core.manifest.integers",
            "an integer with a fraction or an exponent is refused",
            &["CORE-MAN-011"],
            integers
        ),
    ],
};

/// A minimal pair of manifests as a case: the twin is the recipe, the flawed one the edited recipe.
async fn case(
    publisher: &Publisher,
    cx: &Cx,
    name: &str,
    number: usize,
    edit: impl FnOnce(Recipe) -> Recipe,
    refusal: &Refusal,
) {
    let twin = publisher.recipe(&format!("h{number}"), Behaviour::Echo);
    let flawed = publisher.sign(&edit(twin.clone()));
    let twin = publisher.sign(&twin);
    cx.case(name, publisher.pair(&flawed, &twin, refusal)).await;
}

async fn required_fields(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let fields = [
        "/id",
        "/version",
        "/name",
        "/category",
        "/abi",
        "/module",
        "/module/digest",
        "/module/size",
        "/input",
        "/output",
        "/permissions",
        "/limits",
        "/limits/memory_bytes",
        "/limits/timeout_ms",
    ];
    for (number, field) in fields.into_iter().enumerate() {
        let refusal = refused("manifest-missing-field").at(field);
        case(&publisher, &cx, field, number, |recipe| recipe.remove(field), &refusal).await;
    }
    Ok(())
}

async fn unknown_fields(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (number, field) in ["/licence", "/module/url", "/limits/fuel", "/Name"].into_iter().enumerate() {
        let refusal = refused("manifest-unknown-field").at(field);
        case(&publisher, &cx, field, number, |recipe| recipe.set(field, "x"), &refusal).await;
    }
    Ok(())
}

async fn id(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let space = cx.namespace();
    let ids = [
        format!("{space}.Upper"),
        space.to_owned(),
        format!("{space}..x"),
        format!("{space}.x-"),
        format!("{space}.a_b"),
        format!("{space}.a/b"),
        format!("{space}.a b"),
        format!("{space}.\u{e9}"),
        format!("{space}.x\n"),
        format!("{space}.{}", "x".repeat(128)),
        String::new(),
    ];
    for (number, id) in ids.into_iter().enumerate() {
        let refusal = refused("manifest-invalid-value").at("/id");
        let name = format!("{id:?}");
        case(&publisher, &cx, &name, number, |recipe| recipe.set("/id", id), &refusal).await;
    }
    Ok(())
}

async fn version(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let versions = [
        "1.0",
        "1",
        "v1.0.0",
        "01.0.0",
        "1.0.0+build.7",
        "1.0.0-",
        "1.0.0-01",
        "1.0.0-a..b",
        "1.0.0.0",
        " 1.0.0",
        "latest",
        "",
        "99999999999999999999999999999999999999999999999999999999999999.0.0",
    ];
    for (number, version) in versions.into_iter().enumerate() {
        let refusal = refused("manifest-invalid-value").at("/version");
        let name = format!("{version:?}");
        case(&publisher, &cx, &name, number, |recipe| recipe.set("/version", version), &refusal).await;
    }
    Ok(())
}

async fn version_forms(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for version in ["0.0.0", "1.0.0-rc.1", "1.0.0-0.x-y", "1.0.0-alpha-a.b-c", "10.20.30", "1.0.0--"] {
        let package = publisher.sign(&publisher.recipe("forms", Behaviour::Echo).version(version));
        cx.case(version, publisher.accepted(&package)).await;
    }
    Ok(())
}

async fn capability_unknown(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (number, capability) in ["filesystem", "State", "process"].into_iter().enumerate() {
        let pointer = format!("/permissions/{capability}");
        let refusal = refused("capability-unknown").at(&pointer);
        case(&publisher, &cx, capability, number, |recipe| recipe.set(&pointer, json!({})), &refusal).await;
    }
    Ok(())
}

async fn value_forms(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let upper = publisher.recipe("digest", Behaviour::Echo).build();
    let digest = assay_fixtures::sha256(&upper.module).to_uppercase().replace("SHA256", "sha256");
    let values: Vec<(&str, Value)> = vec![
        ("/name", json!("")),
        ("/name", json!("x".repeat(81))),
        ("/name", json!("a\tb")),
        ("/description", json!(7)),
        ("/category", json!("Two Words")),
        ("/abi", json!("wasm")),
        ("/version", json!(1)),
        ("/id", json!(null)),
        ("/module", json!([])),
        ("/module/digest", json!(digest)),
        ("/module/size", json!("8")),
        ("/permissions", json!(null)),
        ("/limits", json!([])),
        ("/limits/timeout_ms", json!("5000")),
        ("/limits/memory_bytes", json!(true)),
        ("/input", json!("schema")),
    ];
    for (number, (pointer, value)) in values.into_iter().enumerate() {
        let name = format!("{pointer} = {}", value.to_string().chars().take(24).collect::<String>());
        let refusal = refused("manifest-invalid-value").at(pointer);
        case(&publisher, &cx, &name, number, |recipe| recipe.set(pointer, value), &refusal).await;
    }
    Ok(())
}

/// The limits of a manifest, the bound that each has, and its least value.
const LIMITS: [(&str, &str, u64); 4] = [
    ("/limits/memory_bytes", "memory_bytes", 65536),
    ("/limits/timeout_ms", "timeout_ms", 1),
    ("/limits/log_bytes", "log_bytes", 0),
    ("/limits/output_bytes", "output_bytes", 1),
];

async fn limits_out_of_bounds(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let bounds = &cx.discovery().bounds;
    let mut values: Vec<(&str, Value)> = Vec::new();
    for (pointer, bound, least) in LIMITS {
        values.push((pointer, json!(bounds[bound] + 1)));
        values.push((pointer, json!(i64::try_from(least).unwrap_or(i64::MAX) - 1)));
        values.push((pointer, json!(u64::MAX)));
    }
    if cx.discovery().features.iter().any(|feature| feature == "state") {
        values.push(("/permissions/state/max_bytes", json!(bounds["state_bytes"] + 1)));
        values.push(("/permissions/state/max_bytes", json!(0)));
    }
    for (number, (pointer, value)) in values.into_iter().enumerate() {
        let refusal = refused("limit-out-of-bounds").at(pointer);
        let name = format!("{pointer} = {value}");
        case(&publisher, &cx, &name, number, |recipe| recipe.set(pointer, value), &refusal).await;
    }
    Ok(())
}

async fn limits_at_the_bound(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (pointer, bound, _) in LIMITS {
        let at = cx.discovery().bounds[bound];
        let recipe = publisher.recipe(&bound.replace('_', "-"), Behaviour::Echo).set(pointer, at);
        let package = publisher.sign(&recipe);
        cx.case(pointer, publisher.accepted(&package)).await;
    }
    Ok(())
}

async fn integers(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (number, text) in ["5000.0", "5e3", "5000E0", "-0.0"].into_iter().enumerate() {
        let refusal = refused("manifest-invalid-value").at("/limits/timeout_ms");
        let edit =
            |recipe: Recipe| recipe.edit_manifest(move |manifest| manifest.replace(": 5000", &format!(": {text}")));
        case(&publisher, &cx, text, number, edit, &refusal).await;
    }
    publisher.control().list("?limit=1").await?.expect(200).control("the registry answers")?;
    Ok(())
}
