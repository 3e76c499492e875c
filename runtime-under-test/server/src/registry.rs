//! Who is trusted and what is stored, as of now: read by every request, changed after a commit.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use assay_package::{Digest, HandlerId, KeyName, Ledger, Link, PublicKey, Trust, TrustedKey, Version};

use crate::catalogue::Catalogue;

/// The catalogue, the trust, and a count of the changes on which a verdict of the gates may depend.
pub struct Registry {
    catalogue: RwLock<Catalogue>,
    keys: RwLock<Keys>,
    /// The runtime's own key: trusted for every handler and not on the list (registry.md 1.5).
    own: TrustedKey,
    generation: AtomicU64,
}

struct Keys {
    by_name: BTreeMap<KeyName, TrustedKey>,
    /// The same keys and the runtime's own, as the gates take them.
    trust: Arc<Trust>,
}

impl Registry {
    /// What a store holds.
    pub fn new(catalogue: Catalogue, keys: Vec<TrustedKey>, own: PublicKey) -> Self {
        let own = TrustedKey::registry(own);
        let by_name: BTreeMap<_, _> = keys.into_iter().map(|key| (key.name.clone(), key)).collect();
        let trust = trust(&own, &by_name);
        Self {
            catalogue: RwLock::new(catalogue),
            keys: RwLock::new(Keys { by_name, trust }),
            own,
            generation: AtomicU64::new(0),
        }
    }

    /// What is stored. Keep it for as long as a look takes.
    pub fn catalogue(&self) -> RwLockReadGuard<'_, Catalogue> {
        self.catalogue.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys that a caller made trusted.
    pub fn keys(&self) -> BTreeMap<KeyName, TrustedKey> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).by_name.clone()
    }

    /// Everybody who may sign.
    pub fn trust(&self) -> Arc<Trust> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).trust.clone()
    }

    /// The name of the runtime's own key.
    pub fn own_name(&self) -> &KeyName {
        &self.own.name
    }

    /// Grows with every change after which a release that was admitted may no longer be.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Changes what is stored, after the commit and before the answer.
    pub fn change(&self, change: impl FnOnce(&mut Catalogue)) {
        change(&mut self.catalogue.write().unwrap_or_else(PoisonError::into_inner));
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Changes the keys, after the commit and before the answer.
    pub fn change_keys(&self, change: impl FnOnce(&mut BTreeMap<KeyName, TrustedKey>)) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut keys.by_name);
        keys.trust = trust(&self.own, &keys.by_name);
        drop(keys);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Shows a new release, on which no verdict about another one depends.
    pub fn add(&self, add: impl FnOnce(&mut Catalogue)) {
        add(&mut self.catalogue.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The registry's own key comes first: where somebody has made the same bytes trusted under another name, it is shown.
fn trust(own: &TrustedKey, keys: &BTreeMap<KeyName, TrustedKey>) -> Arc<Trust> {
    Arc::new(Trust::new(std::iter::once(own.clone()).chain(keys.values().cloned())))
}

impl Ledger for Registry {
    fn handler_revoked(&self, id: &HandlerId) -> bool {
        self.catalogue().handler(id).is_some_and(|handler| handler.revoked)
    }

    fn release_revoked(&self, id: &HandlerId, version: &Version) -> bool {
        self.catalogue().release(id, version).is_some_and(|release| release.revoked)
    }

    fn release_by_digest(&self, digest: &Digest) -> Option<Link> {
        self.catalogue().link(digest)
    }
}
