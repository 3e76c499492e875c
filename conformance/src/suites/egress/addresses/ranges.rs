//! Special addresses (egress.md 6.2). That nobody connected to one is seen where somebody listens: at a good address that stands
//! beside it in the answer, and at this machine itself.

use std::net::IpAddr;

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{DnsAnswer, Host};
use assay_harness::{Control as _, Cx, Stop, ensure};
use serde_json::json;

use crate::egress::{Range, SPECIAL};
use crate::outside::{Outside, Sender, expect, nonce, told};

/// A name whose connections are seen wherever on this machine they end, and a handler that may reach it.
struct Watched {
    outside: Outside,
    allowed: Host,
    host: Host,
    url: String,
    sender: Sender,
    /// How many connections the control has made.
    known: usize,
}

impl Watched {
    async fn new(cx: &Cx) -> Result<Watched, Stop> {
        let outside = Outside::new(cx).await?;
        let (allowed, host) = (outside.host("api")?, outside.host("other")?);
        let rule = format!("https://{}:{}", host.name(), host.port_everywhere()?);
        // Exchanges end soon, should they start.
        let rules = [allowed.rule(), rule.clone()];
        let sender = outside.limited("both", &rules, json!({"timeout_ms": 1000})).await?;
        let url = format!("{rule}/latest/meta-data/");
        nonce(&sender.send(Request::get(&url)).await?, &host).control("the good address is reached")?;
        let known = host.connections().len();
        Ok(Watched { outside, allowed, host, url, sender, known })
    }

    /// Judges that the name is denied when it resolves to this special address alone, or beside its good one, and that it is
    /// connected to in neither case.
    async fn denied(&self, alone: IpAddr, beside: IpAddr) -> Result<(), Stop> {
        let both = DnsAnswer::Addresses(vec![self.host.address(), beside]);
        self.host.resolves_to(vec![DnsAnswer::one(alone), both]);
        let (get, twin) = (Request::get(&self.url), Request::get(self.allowed.url("/twin")));
        let answers = self.sender.send_all(&[get.clone(), get, twin]).await?;
        nonce(&answers[2], &self.allowed).control("the twin that is allowed is reached")?;
        for (answer, what) in
            answers.iter().zip([format!("a name for {alone}"), format!("a name for a good address and {beside}")])
        {
            expect(answer, "denied").map_err(|stop| told(stop, &what))?;
        }
        self.unreached()
    }

    /// Judges that nobody has connected since the control.
    fn unreached(&self) -> Result<(), Stop> {
        let more = self.host.connections().len().saturating_sub(self.known);
        ensure!(more == 0, "{} was reached by {more} connections, though what is denied connects to nothing", self.url);
        Ok(())
    }

    /// The same at the end, and that the name can be reached all the while.
    async fn at_last(&self) -> Result<(), Stop> {
        // A connection is on record when it is accepted, which may be later than the answer.
        self.unreached()?;
        self.host.resolves_to(vec![DnsAnswer::one(self.host.address())]);
        let answer = self.sender.send(Request::get(&self.url)).await?;
        nonce(&answer, &self.host).control("the good address is reached again")
    }
}

async fn ranges(cx: &Cx, of_v4: bool) -> Result<(), Stop> {
    let watched = Watched::new(cx).await?;
    let of_family = |range: &&Range| range.first.is_ipv4() == of_v4;
    for range in SPECIAL.iter().filter(of_family) {
        let [first, last] = range.borders();
        cx.case(format!("{}/{}, {}", range.first, range.bits, range.what), watched.denied(first, last)).await;
    }
    watched.at_last().await
}

pub(super) async fn v4(cx: Cx) -> Result<(), Stop> {
    ranges(&cx, true).await
}

pub(super) async fn v6(cx: Cx) -> Result<(), Stop> {
    ranges(&cx, false).await
}

/// Each of these addresses, alone and beside a good one.
async fn all_denied(cx: &Cx, watched: &Watched, addresses: &[&str]) -> Result<(), Stop> {
    for address in addresses {
        let judged = async {
            let found: IpAddr = address.parse().map_err(|_| Stop::Error(format!("{address} is no address")))?;
            watched.denied(found, found).await
        };
        cx.case(*address, judged).await;
    }
    Ok(())
}

/// All that leads to this machine by itself; an address that nothing is bound to leads there, too, if it is connected to.
pub(super) async fn decoys(cx: Cx) -> Result<(), Stop> {
    let watched = Watched::new(&cx).await?;
    all_denied(&cx, &watched, &["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::127.0.0.1"]).await?;
    let decoy = watched.outside.watch().decoy("decoy")?;
    cx.case("127/8", watched.denied(decoy.address(), decoy.address())).await;
    watched.at_last().await
}

/// Where clouds answer their machines with credentials, and the same places written in IPv6.
const METADATA: [&str; 10] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.169.253",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::a9fe:a9fe",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
];

pub(super) async fn metadata(cx: Cx) -> Result<(), Stop> {
    let watched = Watched::new(&cx).await?;
    all_denied(&cx, &watched, &METADATA).await?;
    // An alias is how such an address gets a name that looks like one's own.
    let judged = async {
        let end = DnsAnswer::one(IpAddr::from([169, 254, 169, 254]));
        let alias = watched.outside.watch().name("instance-data");
        watched.host.resolves_to(vec![DnsAnswer::AliasTo(alias, Box::new(end))]);
        watched.sender.refused(Request::get(&watched.url), "denied", &watched.allowed).await
    };
    cx.case("an alias", judged).await;
    watched.at_last().await
}

/// Whoever unwraps such an address finds a good one in it, at which somebody listens.
pub(super) async fn embedded(cx: Cx) -> Result<(), Stop> {
    let watched = Watched::new(&cx).await?;
    let IpAddr::V4(inner) = watched.host.address() else {
        return Err(Stop::Error("the internet of the observatory is of IPv4".to_owned()));
    };
    let [a, b, c, d] = inner.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    for (what, address) in [
        ("mapped", IpAddr::from(inner.to_ipv6_mapped())),
        ("NAT64", IpAddr::from([0x64, 0xff9b, 0, 0, 0, 0, high, low])),
        ("6to4", IpAddr::from([0x2002, high, low, 0, 0, 0, 0, 1])),
        ("compatible", IpAddr::from([0, 0, 0, 0, 0, 0, high, low])),
    ] {
        cx.case(what, watched.denied(address, address)).await;
    }
    watched.at_last().await
}
