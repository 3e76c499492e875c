//! A part is downloaded piece by piece, and not at all by who has it (registry.md 5.3 and 5.4).

use assay_fixtures::{Behaviour, Package};
use assay_harness::{Control as _, Cx, Group, Reply, Stop, checks, ensure};

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "registry",
    name: "ranges",
    checks: checks![
        once("registry.ranges.bytes", "a range of a part is these bytes and no others", &["REG-DWN-004"], bytes),
        once("registry.ranges.behind", "a range behind the end is refused with the size", &["REG-DWN-005"], behind),
        once("registry.ranges.ignored", "a range of another unit is ignored", &["REG-DWN-004"], another_unit),
        once("registry.ranges.known", "who has the part is not sent it again", &["REG-DWN-006"], known),
        once("registry.ranges.condition", "a range of another part is ignored", &["REG-DWN-007"], condition),
    ],
};

/// A stored module, asked for with headers.
struct Stored {
    cx: Cx,
    package: Package,
    etag: String,
}

impl Stored {
    async fn new(cx: &Cx) -> Result<Stored, Stop> {
        let publisher = Publisher::new(cx).await?;
        let package = publisher.publish(&publisher.recipe("stored", Behaviour::Echo)).await?;
        let mut stored = Stored { cx: cx.clone(), package, etag: String::new() };
        let whole =
            stored.ask(&[]).await.and_then(|reply| reply.expect(200)).control("the whole part is downloaded")?;
        ensure!(whole.header("accept-ranges") == Some("bytes"), "{}: no `Accept-Ranges: bytes`", whole.describe());
        stored.etag = whole.header("etag").unwrap_or_default().to_owned();
        ensure!(stored.etag.len() > 2, "{}: no `ETag`", whole.describe());
        Ok(stored)
    }

    fn bytes(&self) -> &[u8] {
        &self.package.module
    }

    async fn ask(&self, headers: &[(&str, &str)]) -> Result<Reply, Stop> {
        let path = format!("/registry/handlers/{}/versions/{}/module", self.package.id(), self.package.version());
        let request = self.cx.user().get(path);
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send().await
    }

    /// Judges that all of the part was sent.
    async fn whole(&self, headers: &[(&str, &str)]) -> Result<(), Stop> {
        let reply = self.ask(headers).await?.expect(200)?;
        ensure!(reply.body() == self.bytes(), "{}: other bytes than those of the part", reply.describe());
        Ok(())
    }

    /// Judges that these bytes were sent and nothing else.
    async fn range(&self, headers: &[(&str, &str)], first: usize, last: usize) -> Result<(), Stop> {
        let reply = self.ask(headers).await?.expect(206)?;
        let (size, expected) = (self.bytes().len(), &self.bytes()[first..=last]);
        ensure!(
            reply.body() == expected,
            "{}: {} bytes came back, other than the {} of the range",
            reply.describe(),
            reply.body().len(),
            expected.len()
        );
        for (name, expected) in [
            ("content-range", format!("bytes {first}-{last}/{size}")),
            ("etag", self.etag.clone()),
            ("content-type", "application/wasm".to_owned()),
        ] {
            let found = reply.header(name).unwrap_or_default();
            ensure!(found == expected, "{}: `{name}` is `{found}`, expected `{expected}`", reply.describe());
        }
        Ok(())
    }
}

async fn bytes(cx: Cx) -> Result<(), Stop> {
    let stored = Stored::new(&cx).await?;
    let last = stored.bytes().len() - 1;
    for (name, range, from, to) in [
        ("the first byte", "bytes=0-0".to_owned(), 0, 0),
        ("some bytes", "bytes=3-9".to_owned(), 3, 9),
        ("from an offset on", "bytes=5-".to_owned(), 5, last),
        ("the last bytes", "bytes=-4".to_owned(), last - 3, last),
        ("more than there are", format!("bytes=2-{}", last + 100), 2, last),
        ("more last bytes than there are", format!("bytes=-{}", last + 100), 0, last),
    ] {
        cx.case(name, stored.range(&[("range", &range)], from, to)).await;
    }
    Ok(())
}

async fn behind(cx: Cx) -> Result<(), Stop> {
    let stored = Stored::new(&cx).await?;
    let size = stored.bytes().len();
    for (name, range) in [
        ("the byte after the last", format!("bytes={size}-{size}")),
        ("from the end on", format!("bytes={size}-")),
        ("far behind", "bytes=18446744073709551615-".to_owned()),
    ] {
        let judged = async {
            let reply = stored.ask(&[("range", &range)]).await?;
            refused("range-not-satisfiable").judge(&reply)?;
            let (found, expected) = (reply.header("content-range").unwrap_or_default(), format!("bytes */{size}"));
            ensure!(found == expected, "{}: `Content-Range` is `{found}`, expected `{expected}`", reply.describe());
            Ok(())
        };
        cx.case(name, judged).await;
    }
    let last = size - 1;
    stored.range(&[("range", &format!("bytes={last}-"))], last, last).await.control("the last byte is sent")
}

async fn another_unit(cx: Cx) -> Result<(), Stop> {
    let stored = Stored::new(&cx).await?;
    stored.whole(&[("range", "lines=0-0")]).await?;
    stored.range(&[("range", "bytes=0-0")], 0, 0).await.control("a range of bytes is sent")
}

async fn known(cx: Cx) -> Result<(), Stop> {
    let stored = Stored::new(&cx).await?;
    let (etag, weak) = (stored.etag.clone(), format!("W/{}", stored.etag));
    let listed = format!("\"another\", {etag}");
    for (name, headers) in [
        ("its tag", &[("if-none-match", etag.as_str())][..]),
        ("its tag, weak", &[("if-none-match", weak.as_str())]),
        ("its tag among others", &[("if-none-match", listed.as_str())]),
        ("any", &[("if-none-match", "*")]),
        ("its tag and a range", &[("if-none-match", etag.as_str()), ("range", "bytes=0-0")]),
    ] {
        let judged = async {
            let reply = stored.ask(headers).await?.expect(304)?;
            ensure!(reply.body().is_empty(), "{}: with {} bytes", reply.describe(), reply.body().len());
            let found = reply.header("etag").unwrap_or_default();
            ensure!(found == etag, "{}: `ETag` is `{found}`, expected `{etag}`", reply.describe());
            Ok(())
        };
        cx.case(name, judged).await;
    }
    stored.whole(&[("if-none-match", "\"another\"")]).await.control("who has another part is sent this one")
}

async fn condition(cx: Cx) -> Result<(), Stop> {
    let stored = Stored::new(&cx).await?;
    let weak = format!("W/{}", stored.etag);
    for (name, tag) in [("another tag", "\"another\""), ("its tag, weak", weak.as_str())] {
        cx.case(name, stored.whole(&[("range", "bytes=0-0"), ("if-range", tag)])).await;
    }
    let headers = [("range", "bytes=0-0"), ("if-range", stored.etag.as_str())];
    stored.range(&headers, 0, 0).await.control("a range of this part is sent")
}
