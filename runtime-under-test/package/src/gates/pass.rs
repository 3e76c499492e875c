//! How a package, a release, a stored part or a key passes the list.

use super::{Gate, Gates, Judge, Rule};
use crate::{
    Admission, Circumstances, Envelope, Installed, KeyRequest, Manifest, Moment, Offer, Package, Part, Refusal, Signer,
    StoredRelease, TrustedKey,
    envelope::draft::EnvelopeDraft,
    manifest::ManifestDraft,
    release::{EnvelopeCandidate, ReleaseCandidate},
    structure::PackageCandidate,
    trust::KeyCandidate,
};

impl Gates {
    /// Judges an upload by all gates that stand there (core.md 2).
    ///
    /// # Errors
    /// The refusal of the first gate that refuses.
    pub fn upload(&self, parts: Vec<Part>, circumstances: &Circumstances<'_>) -> Result<Package, Refusal> {
        let package = self.package(parts, circumstances.offer)?;
        let Package { manifest, digest, envelopes, .. } = &package;
        let release = StoredRelease { id: &manifest.id, version: &manifest.version, digest: *digest, envelopes };
        self.admit(Moment::Upload, release, None, circumstances)?;
        Ok(package)
    }

    /// Judges a stored release once more, with the trust of this moment; `installed` is what an upgrade replaces.
    ///
    /// # Errors
    /// The refusal of the first gate that refuses; of several envelopes, that of the first (core.md 2.2).
    pub fn admit(
        &self,
        moment: Moment,
        release: StoredRelease<'_>,
        installed: Option<Installed<'_>>,
        circumstances: &Circumstances<'_>,
    ) -> Result<Admission, Refusal> {
        let every = self.every_envelope_at.contains(&moment);
        let whole = ReleaseCandidate { moment, release, installed };
        let candidate = |envelope| EnvelopeCandidate::new(release, envelope, circumstances.trust);
        let mut envelopes: Vec<_> = release.envelopes.iter().map(candidate).collect();
        for gate in self.at(moment) {
            for rule in &gate.rules {
                match rule.judge {
                    Judge::Release(judge) => judge(&whole, circumstances)?,
                    Judge::Verification(judge) | Judge::Envelope(judge) => {
                        for envelope in envelopes.iter_mut().filter(|envelope| envelope.refused.is_none()) {
                            envelope.refused = judge(envelope, circumstances).err();
                        }
                    }
                    _ => {}
                }
            }
            settle(&envelopes, every)?;
        }
        let standing = envelopes.iter().filter(|envelope| envelope.refused.is_none());
        let ends = standing.map(EnvelopeCandidate::valid_until);
        let end = if every { ends.min() } else { ends.max() };
        Ok(Admission { valid_until: end.unwrap_or(jiff::Timestamp::MAX) })
    }

    /// Asks the chain gate alone, as at an upload: for a release that is to get one more envelope (registry.md 3.1).
    ///
    /// # Errors
    /// `chain-broken` or `version-downgrade`.
    pub fn chain(&self, release: StoredRelease<'_>, circumstances: &Circumstances<'_>) -> Result<(), Refusal> {
        let whole = ReleaseCandidate { moment: Moment::Upload, release, installed: None };
        let chain = self.at(Moment::Upload).filter(|gate| gate.name == "chain");
        for rule in chain.flat_map(|gate| &gate.rules) {
            if let Judge::Release(judge) = rule.judge {
                judge(&whole, circumstances)?;
            }
        }
        Ok(())
    }

    /// Who signed a release: each distinct trusted key that verifies a signature, in order of the envelopes (registry.md 4.3).
    pub fn signers(&self, release: StoredRelease<'_>, circumstances: &Circumstances<'_>) -> Vec<Signer> {
        let verification = self.rules().filter_map(|rule| match rule.judge {
            Judge::Verification(judge) => Some(judge),
            _ => None,
        });
        let verification: Vec<_> = verification.collect();
        let mut signatories = Vec::new();
        for envelope in release.envelopes {
            for signature in envelope.signatures() {
                let mut candidate = EnvelopeCandidate::new(release, envelope, circumstances.trust);
                candidate.signatures = std::slice::from_ref(signature);
                if verification.iter().all(|judge| judge(&mut candidate, circumstances).is_ok()) {
                    signatories.extend(candidate.signatories());
                }
            }
        }
        for rule in &self.signers {
            if let Judge::Signers(judge) = rule.judge {
                judge(&mut signatories);
            }
        }
        signatories.into_iter().map(|signatory| signatory.signer).collect()
    }

    /// Reads the bytes of a manifest that was accepted, as a runtime does after a restart.
    ///
    /// # Errors
    /// As at its upload, if the offer has been narrowed since.
    pub fn manifest(&self, bytes: &[u8], offer: &Offer) -> Result<Manifest, Refusal> {
        let mut draft = ManifestDraft::new(bytes);
        for rule in self.rules() {
            if let Judge::Manifest(judge) = rule.judge {
                judge(&mut draft, offer)?;
            }
        }
        draft.finish(offer)
    }

    /// Reads the bytes of an envelope that was accepted, as a runtime does after a restart.
    ///
    /// # Errors
    /// As at its upload, if the bounds have been narrowed since.
    pub fn envelope(&self, bytes: &[u8], offer: &Offer) -> Result<Envelope, Refusal> {
        let mut draft = EnvelopeDraft::new(bytes);
        for rule in self.rules() {
            if let Judge::Draft(judge) = rule.judge {
                judge(&mut draft, offer)?;
            }
        }
        draft.finish()
    }

    /// Judges a key that is to be trusted (registry.md 1.2, core.md 5.3).
    ///
    /// # Errors
    /// `key-invalid`, with the pointer `/public_key`, `/scope` or `/scope/N` into the request body.
    pub fn trusted_key(&self, request: &KeyRequest) -> Result<TrustedKey, Refusal> {
        let mut candidate = KeyCandidate::new(request);
        for rule in &self.keys {
            if let Judge::Key(judge) = rule.judge {
                judge(&mut candidate)?;
            }
        }
        candidate.finish()
    }

    /// Judges the package itself, by all rules that look at nothing else.
    fn package(&self, parts: Vec<Part>, offer: &Offer) -> Result<Package, Refusal> {
        let mut package = PackageCandidate::new(parts);
        for rule in self.at(Moment::Upload).flat_map(|gate| &gate.rules) {
            match rule.judge {
                Judge::Package(judge) => judge(&mut package, offer)?,
                Judge::Manifest(judge) => judge(&mut package.manifest, offer)?,
                Judge::Draft(judge) => package.envelopes.iter_mut().try_for_each(|draft| judge(draft, offer))?,
                _ => {}
            }
        }
        package.finish(offer)
    }

    /// The gates that stand at a moment.
    fn at(&self, moment: Moment) -> impl Iterator<Item = &Gate> {
        self.gates.iter().filter(move |gate| gate.at.contains(&moment))
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.gates.iter().flat_map(|gate| &gate.rules)
    }
}

/// After each gate: whether enough envelopes still stand (core.md 2.2). A release without any is the rules' to judge.
fn settle(envelopes: &[EnvelopeCandidate<'_>], every: bool) -> Result<(), Refusal> {
    let mut refusals = envelopes.iter().filter_map(|envelope| envelope.refused.as_ref());
    let enough = if every { envelopes.len() } else { envelopes.len().min(1) };
    match refusals.next() {
        Some(first) if envelopes.len() - refusals.count() - 1 < enough => Err(first.clone()),
        _ => Ok(()),
    }
}
