//! Gate 1: the parts of an upload (core.md 2.3).

use assay_fixtures::{Behaviour, Recipe, Release};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};

use crate::form::Form;
use crate::publisher::Publisher;
use crate::refusal::{Refusal, refused};

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "structure",
    checks: checks![
        once(
            "core.structure.part-missing",
            "an upload without manifest or module is refused",
            &["CORE-PKG-001"],
            part_missing
        ),
        once("core.structure.part-repeated", "a repeated part is refused", &["CORE-PKG-002"], part_repeated),
        once("core.structure.part-unknown", "an unknown part is refused", &["CORE-PKG-003"], part_unknown),
        once("core.structure.part-too-large", "a part above its bound is refused", &["CORE-PKG-004"], part_too_large),
        once(
            "core.structure.part-media-type",
            "a part of another media type is refused",
            &["CORE-PKG-005"],
            part_media_type
        ),
        once(
            "core.structure.multipart",
            "a body that is not multipart, or ends early, is refused",
            &["CORE-PKG-006"],
            multipart
        ),
        once(
            "core.structure.nothing-stored",
            "a refused upload leaves nothing behind",
            &["CORE-PKG-007"],
            nothing_stored
        ),
        once(
            "core.structure.manifest-json",
            "a manifest that is not one JSON object is refused",
            &["CORE-PKG-008"],
            manifest_json
        ),
        once(
            "core.structure.manifest-trailing",
            "bytes after the manifest's object are refused",
            &["CORE-PKG-008"],
            manifest_trailing
        ),
        once(
            "core.structure.manifest-depth",
            "a manifest that nests too deeply is refused",
            &["CORE-PKG-008"],
            manifest_depth
        ),
        once(
            "core.structure.manifest-names",
            "a manifest with repeated names is refused",
            &["CORE-PKG-009"],
            manifest_names
        ),
    ],
};

/// One pair of forms that differ by an edit, as a case.
async fn form_case(
    publisher: &Publisher,
    cx: &Cx,
    leaf: &str,
    edit: impl FnOnce(Form) -> Form,
    refusal: Refusal,
) -> Result<(), Stop> {
    let package = publisher.sign(&publisher.recipe(leaf, Behaviour::Echo));
    let twin = Form::of(&package);
    let flawed = edit(twin.clone());
    let (id, version) = (package.id(), package.version());
    let pair = publisher.pair_of_forms(&flawed, &twin, &id, &version, &refusal);
    cx.case(leaf, pair).await;
    Ok(())
}

async fn part_missing(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for name in ["manifest", "module"] {
        form_case(&publisher, &cx, name, |form| form.without(name), refused("part-missing").named(name)).await?;
    }
    Ok(())
}

async fn part_repeated(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for name in ["manifest", "module"] {
        form_case(&publisher, &cx, name, |form| form.repeated(name), refused("part-repeated").named(name)).await?;
    }
    let bound = cx.discovery().bounds["signatures"];
    let more = |form: Form| (0..bound).fold(form, |form, _| form.repeated("signature"));
    form_case(&publisher, &cx, "signature", more, refused("part-repeated").named("signature")).await
}

async fn part_unknown(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (leaf, name) in [("other", "readme"), ("upper-case", "Manifest")] {
        let edit = |form: Form| form.part(name, "text/plain", b"hello".to_vec());
        form_case(&publisher, &cx, leaf, edit, refused("part-unknown").named(name)).await?;
    }
    Ok(())
}

async fn part_too_large(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (name, bound) in [("manifest", "manifest_bytes"), ("signature", "envelope_bytes"), ("module", "module_bytes")] {
        let bound = cx.discovery().bound_as_size(bound)?;
        // White space after the JSON keeps it one value, so that only the size is wrong.
        let grow = |mut form: Form| {
            for part in form.parts.iter_mut().filter(|part| part.name == name) {
                part.bytes.resize(bound + 1, b' ');
            }
            form
        };
        form_case(&publisher, &cx, name, grow, refused("part-too-large").named(name)).await?;
    }
    Ok(())
}

async fn part_media_type(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (name, other) in
        [("manifest", "text/plain"), ("module", "application/octet-stream"), ("signature", "application/json")]
    {
        form_case(&publisher, &cx, name, |form| form.typed(name, other), refused("part-media-type").named(name))
            .await?;
    }
    Ok(())
}

async fn multipart(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.sign(&publisher.recipe("truncated", Behaviour::Echo));
    let (content_type, body) = Form::of(&package).encode();
    let cut = |bytes: usize| body[..body.len() - bytes].to_vec();
    let faults = [
        ("no closing boundary", content_type.clone(), cut(content_type.len())),
        ("cut in the middle", content_type.clone(), cut(body.len() / 2)),
        ("empty body", content_type.clone(), Vec::new()),
        ("no boundary parameter", "multipart/form-data".to_owned(), body.clone()),
        ("another content type", "application/octet-stream".to_owned(), body.clone()),
        ("garbage", content_type.clone(), b"\x00\xff\r\n--\r\n\r\n".repeat(64)),
    ];
    for (name, content_type, bytes) in faults {
        let judged = async {
            refused("multipart-malformed").judge(&publisher.admin().upload_bytes(&content_type, bytes).await?)?;
            publisher.absent(&package.id(), &package.version()).await
        };
        cx.case(name, judged).await;
    }
    publisher.store(&package).await
}

async fn nothing_stored(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let recipe = publisher.recipe("left", Behaviour::Echo);
    let now = jiff::Timestamp::now();
    let hour = jiff::SignedDuration::from_hours(1);
    let expired = Release::valid().issued_at(now - hour * 2).expires_at(now - hour);
    let stranger = Publisher::stranger(&cx, "stranger");
    let flawed = [
        ("manifest gate", publisher.sign(&recipe.clone().remove("/name"))),
        ("signature gate", stranger.sign(&recipe)),
        ("expiry gate", recipe.build().signed_with(publisher.key(), expired)),
        (
            "chain gate",
            recipe
                .build()
                .signed_with(publisher.key(), Release::valid().previous(format!("sha256:{}", "0".repeat(64)))),
        ),
    ];
    for (name, package) in flawed {
        let judged = async {
            let reply = publisher.admin().upload(&package).await?;
            ensure!(reply.status() >= 400, "{}; expected a refusal", reply.describe());
            publisher.absent(&recipe.build().id(), "1.0.0").await?;
            refused("not-found").judge(&publisher.admin().detail(&publisher.id("left")).await?)
        };
        cx.case(name, judged).await;
    }
    publisher.publish(&recipe).await?;
    publisher.control().detail(&publisher.id("left")).await?.expect(200).control("what is accepted is stored")?;
    Ok(())
}

/// An edit of a manifest's bytes.
type Edit = fn(Vec<u8>) -> Vec<u8>;

/// Pairs of manifests that differ by an edit of their bytes.
async fn manifest_bytes(cx: &Cx, edits: Vec<(&str, Edit)>) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    for (name, edit) in edits {
        let twin = publisher.recipe(name, Behaviour::Echo);
        let flawed = publisher.sign(&twin.clone().edit_manifest_bytes(edit));
        let pair = publisher.pair(&flawed, &publisher.sign(&twin), &refused("manifest-malformed")).await;
        cx.case(name, async { pair }).await;
    }
    Ok(())
}

async fn manifest_json(cx: Cx) -> Result<(), Stop> {
    manifest_bytes(
        &cx,
        vec![
            ("byte-order-mark", |bytes| [b"\xef\xbb\xbf", &bytes[..]].concat()),
            ("not-utf8", |bytes| replace(&bytes, b"\"name\": \"", b"\"name\": \"\xff")),
            ("cut", |bytes| bytes[..bytes.len() - 2].to_vec()),
            ("array", |bytes| [b"[", &bytes[..], b"]"].concat()),
            ("comment", |bytes| [b"/* a */", &bytes[..]].concat()),
            ("trailing-comma", |bytes| [&bytes[..bytes.len() - 2], b",}"].concat()),
            ("not-a-number", |bytes| replace(&bytes, b"5000", b"NaN")),
            ("empty", |_| Vec::new()),
        ],
    )
    .await
}

async fn manifest_trailing(cx: Cx) -> Result<(), Stop> {
    manifest_bytes(
        &cx,
        vec![
            ("object", |bytes| [&bytes[..], b"{}"].concat()),
            ("text", |bytes| [&bytes[..], b" x"].concat()),
            ("zero-byte", |bytes| [&bytes[..], b"\0"].concat()),
        ],
    )
    .await
}

async fn manifest_depth(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let bound = cx.discovery().bound_as_size("json_depth")?.min(4096);
    // `default` takes any value, so depth is the only thing that can be wrong: the object, `input` and the arrays.
    let nested = |leaf: &str, levels: usize| -> Recipe {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        publisher
            .recipe(leaf, Behaviour::Echo)
            .set("/input", serde_json::json!({"default": "nest"}))
            .edit_manifest(move |text| text.replace("\"nest\"", &deep))
    };
    let flawed = publisher.sign(&nested("depth", bound - 1));
    let twin = publisher.sign(&nested("depth", bound - 2));
    publisher.pair(&flawed, &twin, &refused("manifest-malformed")).await
}

async fn manifest_names(cx: Cx) -> Result<(), Stop> {
    manifest_bytes(
        &cx,
        vec![
            ("top", |bytes| replace(&bytes, b"\"limits\": {", b"\"name\": \"again\", \"limits\": {")),
            ("nested", |bytes| replace(&bytes, b"\"limits\": {", b"\"limits\": {\"timeout_ms\": 5000,")),
            ("escaped", |bytes| replace(&bytes, b"\"limits\": {", b"\"limits\": {\"timeout\\u005fms\": 5000,")),
            ("in-schema", |bytes| {
                replace(&bytes, b"\"input\": true", b"\"input\": {\"type\":\"object\",\"type\":\"array\"}")
            }),
        ],
    )
    .await
}

/// Replaces the first occurrence. A pair whose edit found nothing is an error of the suite.
fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    match bytes.windows(old.len()).position(|window| window == old) {
        Some(at) => [&bytes[..at], new, &bytes[at + old.len()..]].concat(),
        None => bytes.to_vec(),
    }
}
