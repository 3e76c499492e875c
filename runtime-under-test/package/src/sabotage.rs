//! Deliberate defects of the gates, one promise each: the proof that the suite notices.
//!
//! The seam is the list of gates itself. A defect leaves a rule out, puts another one in its place, or leaves a gate out at
//! a moment; the rules that are left know nothing of it. Only the feature `sabotage` compiles this module.

use crate::{
    Gates, Moment,
    gates::{Judge, Rule},
};

mod hosts;
mod keys;
mod manifests;
mod modules;
mod releases;
mod uploads;
mod worlds;

/// A defect by its name in `conformance/proof/sabotages.toml`.
#[derive(Clone, Copy)]
pub struct Sabotage {
    /// The name.
    pub id: &'static str,
    edit: fn(Gates) -> Gates,
}

/// All defects of the gates.
pub fn sabotages() -> &'static [Sabotage] {
    SABOTAGES
}

impl Gates {
    /// The gates with one defect, if there is one of this name.
    pub fn sabotaged(id: &str) -> Option<Gates> {
        let sabotage = SABOTAGES.iter().find(|sabotage| sabotage.id == id)?;
        Some((sabotage.edit)(Gates::honest()))
    }

    /// Leaves a rule out.
    fn without(mut self, rule: &str) -> Gates {
        let (rules, index) = self.place(rule);
        rules.remove(index);
        self
    }

    /// Puts another rule in the place of one.
    fn replace(mut self, rule: &str, name: &'static str, judge: Judge) -> Gates {
        let (rules, index) = self.place(rule);
        rules[index] = Rule { name, judge };
        self
    }

    /// Puts another rule before one.
    fn insert_before(mut self, rule: &str, name: &'static str, judge: Judge) -> Gates {
        let (rules, index) = self.place(rule);
        rules.insert(index, Rule { name, judge });
        self
    }

    /// Leaves a gate out at one moment.
    fn skip_at(mut self, gate: &str, moment: Moment) -> Gates {
        for gate in self.gates.iter_mut().filter(|found| found.name == gate) {
            gate.at.retain(|at| *at != moment);
        }
        self
    }

    /// The list that holds a rule, and where.
    ///
    /// # Panics
    /// If there is no such rule: the defect names what has been renamed.
    fn place(&mut self, rule: &str) -> (&mut Vec<Rule>, usize) {
        let lists = self.gates.iter_mut().map(|gate| &mut gate.rules).chain([&mut self.keys, &mut self.signers]);
        lists
            .filter_map(|rules| rules.iter().position(|found| found.name == rule).map(|index| (rules, index)))
            .next()
            .unwrap_or_else(|| panic!("there is no rule {rule}"))
    }
}

/// Declares the table.
macro_rules! table {
    ($($id:literal: $edit:expr;)*) => {
        const SABOTAGES: &[Sabotage] = &[$(Sabotage { id: $id, edit: $edit }),*];
    };
}

table! {
    "undeclared-features-accepted": |gates| gates.without("manifest/features");

    "missing-parts-are-empty": |gates| gates.without("structure/parts-present");
    "last-part-wins": |gates| {
        gates.insert_before("structure/parts-once", "last part wins", Judge::Package(uploads::keep_last))
    };
    "unknown-parts-ignored": |gates| gates.without("structure/parts-known");
    "part-bounds-ignored": |gates| gates.without("structure/part-bounds");
    "part-types-ignored": |gates| gates.without("structure/part-media-types");
    "manifest-byte-order-mark-skipped": |gates| {
        gates.insert_before("structure/manifest-json", "skip a mark", Judge::Manifest(manifests::skip_mark))
    };
    "manifest-trailing-bytes-ignored": |gates| {
        gates.insert_before("structure/manifest-json", "cut the rest", Judge::Manifest(manifests::cut_rest))
    };
    "manifest-depth-unbounded": |gates| {
        gates.replace("structure/manifest-json", "any depth", Judge::Manifest(manifests::any_depth))
    };
    "manifest-names-may-repeat": |gates| {
        gates.insert_before("structure/manifest-json", "last name wins", Judge::Manifest(manifests::last_name_wins))
    };
    "envelope-form-unchecked": |gates| {
        gates.without("structure/envelope-members").without("structure/payload-type").without("structure/signature-members")
    };
    "statement-form-unchecked": |gates| {
        gates.without("structure/statement-members").without("structure/one-subject").without("structure/predicate-type")
    };
    "url-safe-base64-refused": |gates| {
        gates.insert_before("structure/payload", "standard alphabet only", Judge::Draft(uploads::standard_alphabet))
    };

    "module-digest-unchecked": |gates| gates.without("digest/digest");
    "module-size-unchecked": |gates| gates.without("digest/size");

    "missing-fields-defaulted": |gates| {
        gates.insert_before("manifest/objects", "fill in", Judge::Manifest(manifests::fill_in))
    };
    "unknown-fields-ignored": |gates| gates.without("manifest/unknown-fields");
    "id-form-unchecked": |gates| gates.replace("manifest/id", "any id", Judge::Manifest(manifests::any_id));
    "versions-coerced": |gates| {
        gates.replace("manifest/version", "coerce", Judge::Manifest(manifests::coerce_version))
    };
    "prereleases-refused": |gates| {
        gates.insert_before("manifest/name", "no pre-releases", Judge::Manifest(manifests::no_pre_releases))
    };
    "schemas-unchecked": |gates| gates.without("manifest/schema-valid").without("manifest/schema-usable");
    "remote-references-accepted": |gates| {
        gates.without("manifest/schema-references").without("manifest/schema-usable")
    };
    "schema-cost-unbounded": |gates| gates.without("manifest/schema-cost");
    "schema-descent-unbounded": |gates| {
        gates.replace("manifest/schema-cost", "not below", Judge::Manifest(manifests::cost_at_the_value_itself))
    };
    "patterns-unchecked": |gates| gates.without("manifest/schema-usable");
    "dialects-ignored": |gates| {
        gates.insert_before("manifest/schema-dialect", "no dialects", Judge::Manifest(manifests::forget_dialects))
    };
    "unknown-capabilities-ignored": |gates| gates.without("manifest/unknown-capabilities");
    "values-coerced": |gates| {
        gates
            .replace("manifest/name", "any name", Judge::Manifest(manifests::any_name))
            .replace("manifest/category", "any category", Judge::Manifest(manifests::any_category))
            .replace("manifest/module-digest", "any case", Judge::Manifest(manifests::any_case))
    };
    "limits-unchecked": |gates| gates.without("manifest/limits-at-least").without("manifest/limits-at-most");
    "limits-at-the-bound-refused": |gates| {
        gates.replace("manifest/limits-at-most", "below the bound", Judge::Manifest(manifests::below_the_bound))
    };
    "fractions-accepted": |gates| {
        gates.insert_before("manifest/integers", "round", Judge::Manifest(manifests::round))
    };

    "modules-not-validated": |gates| {
        gates.without("module/header").replace("module/valid", "where it can", Judge::Package(modules::where_it_can))
    };
    "abi-taken-from-the-bytes": |gates| {
        gates.replace("module/abi", "as the bytes say", Judge::Package(modules::abi_of_the_bytes))
    };
    "all-proposals-allowed": |gates| {
        gates.replace("module/valid", "every proposal", Judge::Package(modules::every_proposal))
    };
    "exports-unchecked": |gates| gates.without("module/exports");
    "export-types-unchecked": |gates| gates.without("module/export-types");
    "migrate-type-unchecked": |gates| gates.without("module/migration");
    "imports-unchecked": |gates| gates.without("module/imports");
    "import-types-unchecked": |gates| gates.without("module/import-types");
    "filesystem-imports-allowed": |gates| {
        gates.insert_before("module/imports", "forget files", Judge::Package(worlds::files))
    };
    "environment-imports-allowed": |gates| {
        gates.insert_before("module/imports", "forget environment", Judge::Package(worlds::environment))
    };
    "process-imports-allowed": |gates| {
        gates.insert_before("module/imports", "forget process", Judge::Package(worlds::process))
    };
    "stream-imports-allowed": |gates| {
        gates.insert_before("module/imports", "forget streams", Judge::Package(worlds::streams))
    };
    "socket-imports-allowed": |gates| {
        gates.insert_before("module/imports", "forget sockets", Judge::Package(worlds::sockets))
    };
    "clock-imports-allowed": |gates| {
        gates.insert_before("module/imports", "forget clocks", Judge::Package(worlds::clocks))
    };
    "randomness-imports-allowed": |gates| {
        gates.insert_before("module/imports", "forget randomness", Judge::Package(worlds::randomness))
    };
    "http-imports-allowed": |gates| {
        gates.insert_before("module/imports", "forget http", Judge::Package(worlds::http))
    };
    "unknown-imports-allowed": |gates| {
        gates.insert_before("module/imports", "forget unknown", Judge::Package(worlds::unknown))
    };
    "look-alike-imports-allowed": |gates| {
        gates.insert_before("module/imports", "forget look-alikes", Judge::Package(worlds::look_alikes))
    };
    "capabilities-undeclared-accepted": |gates| gates.without("module/capabilities");
    "initial-memory-unchecked": |gates| {
        gates.insert_before("module/initial-size", "no memories", Judge::Package(modules::no_memories))
    };
    "initial-tables-unchecked": |gates| {
        gates.insert_before("module/initial-size", "no tables", Judge::Package(modules::no_tables))
    };
    "first-table-counted": |gates| {
        gates.insert_before("module/initial-size", "first table", Judge::Package(modules::first_table))
    };

    "egress-rules-unbounded": |gates| gates.without("manifest/egress-count");
    "egress-rule-any-scheme": |gates| gates.replace("manifest/egress-rules", "any-scheme", hosts::ANY_SCHEME);
    "egress-rule-paths-ignored": |gates| gates.replace("manifest/egress-rules", "paths-ignored", hosts::PATHS_IGNORED);
    "egress-rule-white-space-trimmed": |gates| gates.replace("manifest/egress-rules", "white-space-trimmed", hosts::WHITE_SPACE_TRIMMED);
    "egress-rule-addresses-accepted": |gates| gates.replace("manifest/egress-rules", "addresses-accepted", hosts::ADDRESSES_ACCEPTED);
    "egress-rule-trailing-dots-trimmed": |gates| gates.replace("manifest/egress-rules", "trailing-dots-trimmed", hosts::TRAILING_DOTS_TRIMMED);
    "egress-rule-hosts-lenient": |gates| gates.replace("manifest/egress-rules", "hosts-lenient", hosts::HOSTS_LENIENT);
    "egress-rule-single-labels-accepted": |gates| gates.replace("manifest/egress-rules", "single-labels-accepted", hosts::SINGLE_LABELS_ACCEPTED);
    "egress-rule-localhost-accepted": |gates| gates.replace("manifest/egress-rules", "localhost-accepted", hosts::LOCALHOST_ACCEPTED);
    "egress-rule-ports-lenient": |gates| gates.replace("manifest/egress-rules", "ports-lenient", hosts::PORTS_LENIENT);
    "egress-rule-stars-anywhere": |gates| gates.replace("manifest/egress-rules", "stars-anywhere", hosts::STARS_ANYWHERE);
    "egress-rule-public-suffixes-accepted": |gates| gates.replace("manifest/egress-rules", "public-suffixes-accepted", hosts::PUBLIC_SUFFIXES_ACCEPTED);
    "egress-rule-hosts-as-written": |gates| gates.replace("manifest/egress-rules", "hosts-as-written", hosts::HOSTS_AS_WRITTEN);
    "egress-limits-unbounded": |gates| {
        gates.replace("manifest/limits-at-most", "any egress", Judge::Manifest(manifests::any_egress))
    };

    "module-cost-unbounded": |gates| {
        gates.replace("module/valid", "any cost", Judge::Package(modules::any_cost))
    };
    "block-depth-unbounded": |gates| {
        gates.replace("module/valid", "any depth of blocks", Judge::Package(modules::any_block_depth))
    };
    "loop-depth-unbounded": |gates| {
        gates.replace("module/valid", "any depth of loops", Judge::Package(modules::any_loop_depth))
    };
    "component-entries-unbounded": |gates| {
        gates.replace("module/valid", "any entries", Judge::Package(modules::any_entries))
    };
    "instances-unbounded": |gates| {
        gates.insert_before("module/parts", "no instances", Judge::Package(modules::no_instances))
    };
    "memories-unbounded": |gates| {
        gates.insert_before("module/parts", "any memories", Judge::Package(modules::any_memories))
    };
    "tables-unbounded": |gates| {
        gates.insert_before("module/parts", "any tables", Judge::Package(modules::any_tables))
    };

    "every-signature-refused": |gates| {
        gates.insert_before("signature/verified", "none", Judge::Verification(releases::refuse))
    };
    "signatures-unverified": |gates| {
        gates.replace("signature/verified", "any key in scope", Judge::Verification(releases::any_key_in_scope))
    };
    "signatures-over-the-payload": |gates| {
        gates.replace("signature/verified", "or the payload", Judge::Verification(releases::or_the_payload))
    };
    "signatures-over-any-type": |gates| {
        gates.replace("signature/verified", "or another type", Judge::Verification(releases::or_another_type))
    };
    "signatures-verified-laxly": |gates| {
        gates.replace("signature/verified", "S reduced", Judge::Verification(releases::reduced))
    };
    "keyid-believed": |gates| {
        gates.insert_before("signature/verified", "the key that it names", Judge::Verification(releases::named_key))
    };
    "subject-digest-unchecked": |gates| gates.without("signature/subject-digest");
    "subject-name-unchecked": |gates| gates.without("signature/subject-name");
    "scope-unchecked": |gates| gates.without("signature/in-scope");
    "scope-matched-as-text": |gates| {
        gates.replace("signature/in-scope", "as text", Judge::Envelope(releases::scope_as_text))
    };
    "key-end-unchecked": |gates| gates.without("signature/key-in-date");
    "signature-skipped-at-install": |gates| gates.skip_at("signature", Moment::Install);
    "signature-skipped-at-execute": |gates| gates.skip_at("signature", Moment::Execute);
    "one-good-envelope-suffices": |mut gates| {
        gates.every_envelope_at.clear();
        gates
    };
    "signers-counted-twice": |gates| gates.without("signers/once");

    "expiry-unchecked-at-upload": |gates| gates.skip_at("expiry", Moment::Upload);
    "issue-date-unchecked": |gates| gates.without("expiry/already-valid");
    "expiry-skipped-at-install": |gates| gates.skip_at("expiry", Moment::Install);
    "expiry-skipped-at-execute": |gates| gates.skip_at("expiry", Moment::Execute);

    "revocation-skipped-at-install": |gates| gates.skip_at("revocation", Moment::Install);
    "revocation-skipped-at-execute": |gates| gates.skip_at("revocation", Moment::Execute);
    "revocation-skipped-at-upload": |gates| gates.skip_at("revocation", Moment::Upload);

    "chain-followed-one-step": |gates| {
        gates.replace("chain/reaches-installed", "one step", Judge::Release(releases::one_step))
    };
    "previous-unchecked": |gates| gates.without("chain/previous-stored");
    "previous-of-any-handler": |gates| gates.without("chain/previous-of-same-handler");
    "previous-order-unchecked": |gates| gates.without("chain/previous-lower");
    "downgrades-allowed": |gates| gates.without("chain/higher-than-installed");
    "versions-ordered-as-text": |gates| {
        gates.replace("chain/higher-than-installed", "as text", Judge::Release(releases::higher_as_text))
    };
    "chain-reach-unchecked": |gates| gates.without("chain/reaches-installed");
    "disagreement-ignored": |gates| gates.without("chain/one-previous");

    "weak-keys-accepted": |gates| gates.replace("key/public-key", "any point", Judge::Key(keys::any_point));
    "scopes-unchecked": |gates| {
        gates
            .without("key/scope-length")
            .replace("key/scope-forms", "any scope", Judge::Key(keys::any_scope))
            .without("key/scope-every")
    };
}

#[cfg(test)]
mod tests {
    use super::{Gates, sabotages};

    #[test]
    fn every_sabotage_changes_the_list() {
        let honest = format!("{:?}", Gates::honest());
        for sabotage in sabotages() {
            let gates = Gates::sabotaged(sabotage.id).expect("it is in the table");
            assert_ne!(format!("{gates:?}"), honest, "{}", sabotage.id);
        }
    }

    #[test]
    fn the_table_holds_every_defect_that_the_proof_asks_of_this_crate() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/proof/sabotages.toml");
        let text = std::fs::read_to_string(path).expect("the proof is beside the runtime");
        let proof: toml::Table = text.parse().expect("sabotages.toml is TOML");
        let entries = proof["sabotage"].as_array().expect("[[sabotage]]").iter();
        let asked: std::collections::BTreeSet<&str> = entries
            .filter(|entry| entry["crate"].as_str() == Some("package"))
            .filter_map(|entry| entry["id"].as_str())
            .collect();
        let held = sabotages().iter().map(|sabotage| sabotage.id).collect();
        assert_eq!(asked, held);
    }

    #[test]
    fn there_is_no_sabotage_of_another_name() {
        assert!(Gates::sabotaged("no-such-defect").is_none());
    }
}
