//! Deliberate defects for `cargo xtask prove`: each takes the place of one decision and leaves the rest as it is. The list is
//! conformance/proof/sabotages.toml, where `crate` is `egress`. Only the feature `sabotage` compiles this module.

mod addresses;
mod exchanges;
mod http2;
mod proxy;
mod rates;
mod records;
mod requests;
mod responses;
mod secrets;
mod tls;
mod trailers;
mod urls;

use std::sync::{Arc, LazyLock};

use crate::{
    Audit, Credentials, Egress, Settings, StartError,
    credentials::Redactor,
    outgoing::{Outgoing, Step, Terms},
    policy::Policy,
    received::{Handing, Received},
    stop::Stop,
};

/// A name, and what it does to the honest decisions.
type Defect = (&'static str, fn(&mut Policy));

type Verdict = Result<(), Stop>;

/// Every defect of the crate.
fn defects() -> impl Iterator<Item = &'static Defect> {
    [
        urls::DEFECTS,
        requests::DEFECTS,
        secrets::DEFECTS,
        rates::DEFECTS,
        addresses::DEFECTS,
        tls::DEFECTS,
        responses::DEFECTS,
        exchanges::DEFECTS,
        http2::DEFECTS,
        proxy::DEFECTS,
        trailers::DEFECTS,
        records::DEFECTS,
    ]
    .into_iter()
    .flatten()
}

static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| defects().map(|(name, _)| *name).collect());

/// The names of all defects of this crate.
pub fn sabotages() -> &'static [&'static str] {
    &NAMES
}

impl Egress {
    /// A client with the defect `id`, or none if there is no such defect here.
    pub fn sabotaged(
        settings: Settings,
        credentials: Arc<dyn Credentials>,
        audit: Arc<dyn Audit>,
        id: &str,
    ) -> Option<Result<Self, StartError>> {
        Policy::sabotaged(id).map(|policy| Self::with_policy(settings, credentials, audit, policy))
    }
}

impl Policy {
    /// The decisions with the defect `id`.
    pub(crate) fn sabotaged(id: &str) -> Option<Self> {
        let (_, spoil) = defects().find(|(name, _)| *name == id)?;
        let mut policy = Self::honest();
        spoil(&mut policy);
        Some(policy)
    }

    /// Leaves steps out.
    fn without(&mut self, names: &[&str]) {
        for name in names {
            self.place(name);
        }
        self.at_once.retain(|step| !names.contains(&step.name));
    }

    /// Puts another step in the place of one.
    fn replace(&mut self, name: &str, run: fn(&mut Outgoing, &Terms<'_>) -> Verdict) {
        let place = self.place(name);
        self.at_once[place] = Step::new("sabotaged", run);
    }

    /// Puts another step before one.
    fn before(&mut self, name: &str, run: fn(&mut Outgoing, &Terms<'_>) -> Verdict) {
        let place = self.place(name);
        self.at_once.insert(place, Step::new("sabotaged", run));
    }

    /// Puts another step behind those that are done in its turn.
    fn at_last(&mut self, run: fn(&mut Outgoing, &Terms<'_>) -> Verdict) {
        self.in_its_turn.push(Step::new("sabotaged", run));
    }

    /// Leaves something out that is done with responses, and does something else.
    fn hand_on(&mut self, instead_of: &str, run: fn(&mut Received, &Redactor)) {
        let place = self.handing_on.iter().position(|handing| handing.name == instead_of);
        match place {
            Some(place) => self.handing_on[place] = Handing::new("sabotaged", run),
            None => self.handing_on.push(Handing::new("sabotaged", run)),
        }
    }

    /// Where a step stands.
    ///
    /// # Panics
    /// If there is no such step: the defect names what has been renamed.
    fn place(&self, name: &str) -> usize {
        let place = self.at_once.iter().position(|step| step.name == name);
        place.unwrap_or_else(|| panic!("there is no step {name}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{defects, sabotages};
    use crate::policy::Policy;

    #[test]
    fn every_defect_names_steps_that_exist() {
        for (_, spoil) in defects() {
            spoil(&mut Policy::honest());
        }
    }

    #[test]
    fn the_table_holds_every_defect_that_the_proof_asks_of_this_crate() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/proof/sabotages.toml");
        let text = std::fs::read_to_string(path).expect("the proof is beside the runtime");
        let proof: toml::Table = text.parse().expect("sabotages.toml is TOML");
        let entries = proof["sabotage"].as_array().expect("[[sabotage]]").iter();
        let asked: BTreeSet<&str> = entries
            .filter(|entry| entry["crate"].as_str() == Some("egress"))
            .filter_map(|entry| entry["id"].as_str())
            .collect();
        assert_eq!(asked, sabotages().iter().copied().collect());
        assert_eq!(asked.len(), sabotages().len(), "a name stands twice");
    }
}
