//! Rules that nobody thought of: written from the run's seed, judged by the oracle. What it refuses is refused at its place,
//! and what it takes decides URLs as it says.

use assay_fixtures::exchange::Request;
use assay_fixtures::{Behaviour, Recipe};
use assay_harness::observatory::Host;
use assay_harness::{Cx, Stop, ensure};
use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::json;

use super::super::url::generated::decided;
use crate::egress::{Decision, Rule, Spelling, Writing, decide};
use crate::outside::{Outside, shown};
use crate::publisher::Publisher;
use crate::refusal::refused;

/// Rules that are spoilt by chance, in one run.
const MUTATED: usize = 40;
/// Rules of one list.
const LIST: usize = 6;
/// Generated URLs for one list.
const URLS: usize = 10;

/// Generated rules, right and wrong, in lists with others.
pub(super) async fn rules(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let hosts = [outside.host("api")?, outside.host("wild")?, outside.host("a.wild")?, outside.host("xn--bcher-kva")?];
    let port = hosts[0].port();
    let mut rng = cx.rng();
    let mut writing = Writing::of(rng.random());
    let ends = [&hosts[0], &hosts[3]];
    let mut texts: Vec<String> = ends.iter().flat_map(|host| writing.wrong(host.name(), port)).collect();
    texts.extend((0..MUTATED).map(|number| writing.mutated(hosts[number % hosts.len()].name(), port)));
    let (right, wrong): (Vec<_>, Vec<_>) = texts.into_iter().partition(|text| Rule::read(text).is_some());
    refused_at_their_places(&cx, outside.publisher(), &mut writing, &mut rng, (&hosts[0], &wrong)).await?;

    let [api, wild, _, idn] = hosts.each_ref().map(Host::name);
    let below = format!("https://*.{wild}:{port}");
    let mut lists = vec![
        vec![format!("https://{}:{port}", api.to_uppercase()), below.clone(), format!("https://{idn}:{port}")],
        vec![
            format!("https://{wild}:{port}"),
            format!("https://{}:{port}", idn.replacen("xn--bcher-kva", "b\u{fc}cher", 1)),
        ],
        vec![below],
    ];
    lists.extend((0..2).map(|_| hosts.each_ref().map(|host| writing.right(host.name(), port)).to_vec()));
    lists.extend(right.chunks(LIST).map(<[String]>::to_vec));
    let mut expected: Vec<Vec<String>> = vec![Vec::new(); hosts.len()];
    for (number, list) in lists.iter().enumerate() {
        let leaf = format!("list{number}");
        accepted(&outside, &outside.recipe(&leaf, list)).await.map_err(|stop| of_list(stop, list))?;
        let mut urls: Vec<String> = hosts.iter().map(|host| host.url(&format!("/{leaf}"))).collect();
        let names = hosts.each_ref().map(Host::name);
        urls.extend((0..URLS).map(|_| Spelling::of(rng.random()).url(&names, &[port])));
        let requests: Vec<Request> = urls.iter().map(Request::get).collect();
        let answers = outside.named(&leaf).send_all(&requests).await?;
        let rules: Vec<Rule> = list.iter().filter_map(|text| Rule::read(text)).collect();
        for (url, answer) in urls.iter().zip(&answers) {
            let decision: Decision = decide(&rules, url);
            let judged =
                async { decided(&decision, answer, &hosts, &mut expected).map_err(|stop| of_list(stop, list)) };
            cx.case(shown(url), judged).await;
        }
    }
    ensure!(expected.iter().all(|targets| !targets.is_empty()), "a host was not reached: the control says nothing");
    for (host, expected) in hosts.iter().zip(expected) {
        let seen: Vec<String> = host.requests().into_iter().map(|seen| seen.target).collect();
        ensure!(seen == expected, "{} saw {seen:?}, expected {expected:?}", host.name());
    }
    Ok(())
}

/// Each of these texts, among right ones and sometimes beside another wrong one, is refused at the place of a wrong one.
async fn refused_at_their_places(
    cx: &Cx,
    publisher: &Publisher,
    writing: &mut Writing,
    rng: &mut StdRng,
    (host, wrong): (&Host, &[String]),
) -> Result<(), Stop> {
    let recipe = publisher.recipe("refused", Behaviour::Echo);
    let with = |list: &[String]| publisher.sign(&recipe.clone().set("/permissions/egress", json!(list)));
    let mut good: Vec<String> = Vec::new();
    for (number, text) in wrong.iter().enumerate() {
        good = (0..rng.random_range(1..LIST)).map(|_| writing.right(host.name(), host.port())).collect();
        let mut list = good.clone();
        list.insert(rng.random_range(0..=list.len()), text.clone());
        if number % 4 == 3 {
            list.insert(rng.random_range(0..=list.len()), wrong[rng.random_range(0..wrong.len())].clone());
        }
        let judged = async {
            let reply = publisher.admin().upload(&with(&list)).await?;
            refused("egress-rule-invalid").judge(&reply)?;
            let found = reply.json()?["pointer"].clone();
            let places = list.iter().enumerate().filter(|(_, text)| Rule::read(text).is_none());
            let places: Vec<String> = places.map(|(place, _)| format!("/permissions/egress/{place}")).collect();
            ensure!(
                places.iter().any(|place| found == place.as_str()),
                "is refused at {found}, expected one of {places:?}"
            );
            Ok(())
        };
        cx.case(text.escape_debug().to_string(), judged).await;
    }
    publisher.store(&with(&good)).await
}

/// Uploads and installs what the oracle takes.
async fn accepted(outside: &Outside, recipe: &Recipe) -> Result<(), Stop> {
    let package = outside.publisher().sign(recipe);
    outside.publisher().accepted(&package).await?;
    outside.publisher().install_stored(&package).await.map(drop)
}

fn of_list(stop: Stop, list: &[String]) -> Stop {
    match stop {
        Stop::Fail(reason) => Stop::Fail(format!("{reason}; the rules are {list:?}")),
        other => other,
    }
}
