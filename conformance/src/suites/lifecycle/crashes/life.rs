//! The life of one handler: two releases, each with a state of its own form, and the operations from the first upload to the
//! last revocation, as requests.

use assay_fixtures::{Behaviour, Key, Package, Packaging, Recipe, Release, Step};
use assay_harness::{Client, Cx, Request};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::form::Form;
use crate::history::{Act, version};
use crate::publisher::key_body;

/// One thing that a lane does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    /// Changes something.
    Act(Act),
    /// Reads the state: nothing may be left of what was uninstalled.
    Look,
}

/// A handler that is to come, or is there.
#[derive(Clone)]
pub struct Life {
    /// Its id.
    pub id: String,
    /// Its number in its lane.
    number: usize,
    /// The key of its publisher.
    key: Key,
    /// Its releases; the first one has the number 1.
    pub packages: Vec<Package>,
    /// What is done, in this order.
    pub doings: Vec<Doing>,
    /// Whether its releases keep a state.
    pub keeps_state: bool,
    /// Until when the registry's signatures hold.
    end: Timestamp,
}

/// The input of an execution that reads the state.
const READ: u64 = 0;
/// The inputs of those that write it begin with this digit, which picks the script: this and the number of the write.
const WRITE: u64 = 1_000_000_000;
/// How many writes a life has at most.
const WRITES: u64 = 5;
/// Loops between the two halves of a write.
const WRITING: u64 = 200_000;
/// Loops between the two halves of a migration.
const MIGRATING: u64 = 2_000_000;

/// The two keys in which a release keeps one value. They differ from life to life, and so do the modules: what was stored for
/// an earlier handler is no help to a later one. Lanes that have come equally far share them.
fn keys(life: usize, release: u32) -> [String; 2] {
    ["first", "second"].map(|half| format!("{half}-{release}-of-{life}"))
}

/// A handler that writes its input under both keys of its release, and reads what is there.
fn behaviour(life: usize, release: u32) -> Behaviour {
    let [first, second] = keys(life, release);
    let read = vec![Step::Keys, Step::Get(first.clone()), Step::Get(second.clone())];
    let write = vec![Step::SetToInput(first.clone()), Step::Turns(WRITING), Step::SetToInput(second.clone())];
    let handle = Behaviour::Scripts(vec![read, write]);
    if release == 1 {
        return handle;
    }
    let [old_first, old_second] = keys(life, release - 1);
    handle.migrating(vec![Step::Move(old_first, first), Step::Turns(MIGRATING), Step::Move(old_second, second)])
}

impl Life {
    /// The handler with this number in its lane.
    pub fn new(cx: &Cx, id: String, packaging: Packaging, number: usize) -> Life {
        let keeps_state = cx.discovery().has_feature("state");
        let recipe = |release| {
            let behaviour = if keeps_state { behaviour(number, release) } else { Behaviour::Echo };
            Recipe::new(&id, behaviour).packaging(packaging).version(&version(release))
        };
        // The registry signs the first release, and the second one besides its publisher.
        let (key, first) = (Key::from_seed(Sha256::digest(&id).into()), recipe(1).build());
        let terms = Release::valid().previous(first.digest());
        let packages = vec![first, recipe(2).build().signed_with(&key, terms)];
        let upload = |release: u32| {
            let signatures = packages[release as usize - 1].signatures.len();
            Some(Doing::Act(Act::Upload { release, signatures }))
        };
        let writes = WRITE + WRITES * number as u64;
        let write = |nth| keeps_state.then_some(Doing::Act(Act::Write { value: writes + nth }));
        let doings = [
            upload(1),
            Some(Doing::Act(Act::Sign { release: 1 })),
            Some(Doing::Act(Act::Install { release: 1 })),
            write(0),
            write(1),
            Some(Doing::Act(Act::Trust)),
            upload(2),
            Some(Doing::Act(Act::Sign { release: 2 })),
            Some(Doing::Act(Act::Upgrade { release: 2 })),
            write(2),
            write(3),
            Some(Doing::Act(Act::Uninstall)),
            Some(Doing::Act(Act::Install { release: 2 })),
            keeps_state.then_some(Doing::Look),
            write(4),
            Some(Doing::Act(Act::Revoke { release: 2 })),
            Some(Doing::Act(Act::Distrust)),
        ];
        let doings = doings.into_iter().flatten().collect();
        let end = Timestamp::now() + SignedDuration::from_hours(24);
        Life { id, number, key, packages, doings, keeps_state, end }
    }

    /// The two keys in which a release keeps one value.
    pub fn keys(&self, release: u32) -> [String; 2] {
        keys(self.number, release)
    }

    /// The request for an operation.
    pub fn request(&self, client: &Client, act: Act) -> Request {
        let id = &self.id;
        let stored = |release: u32| format!("/admin/registry/handlers/{id}/versions/{}", version(release));
        let request = match act {
            Act::Trust => client.put(self.key_path()).json(&key_body(&self.key, std::slice::from_ref(id), None)),
            Act::Distrust => client.delete(self.key_path()),
            Act::Upload { release, .. } => {
                let (media_type, body) = Form::of(self.package(release)).encode();
                client.post("/admin/registry/handlers").body(&media_type, body)
            }
            Act::Sign { release } => {
                let previous = (release > 1).then(|| self.package(release - 1).digest());
                let body = json!({"expires_at": self.end.to_string(), "previous": previous});
                client.post(format!("{}/sign", stored(release))).json(&body)
            }
            Act::Revoke { release } => {
                client.post(format!("{}/revoke", stored(release))).json(&json!({"reason": "its life is over"}))
            }
            Act::Install { release } => {
                client.post(format!("/handlers/{id}/install")).json(&json!({"version": version(release)}))
            }
            Act::Upgrade { release } => {
                client.post(format!("/handlers/{id}/upgrade")).json(&json!({"version": version(release)}))
            }
            Act::Write { value } => self.execution(client, &json!(value)),
            Act::Uninstall => client.delete(format!("/handlers/{id}")),
        };
        request.label(format!("{act}, {id}"))
    }

    /// The request for an execution that changes nothing.
    pub fn reading(&self, client: &Client) -> Request {
        self.execution(client, &json!(READ)).label(format!("reads the state, {}", self.id))
    }

    /// The public bytes of the key.
    pub fn public_key(&self) -> String {
        self.key.public_base64()
    }

    /// Where the key is shown while it is trusted; it has the name of the handler.
    fn key_path(&self) -> String {
        format!("/admin/trust/keys/{}", self.id)
    }

    /// The package of a release.
    pub fn package(&self, release: u32) -> &Package {
        &self.packages[release as usize - 1]
    }

    fn execution(&self, client: &Client, input: &Value) -> Request {
        client.post(format!("/handlers/{}/executions", self.id)).json(&json!({ "input": input }))
    }
}

/// The statuses with which an operation is acknowledged.
pub fn acknowledgements(act: Act) -> &'static [u16] {
    match act {
        Act::Upload { .. } | Act::Install { .. } => &[201],
        Act::Sign { .. } | Act::Write { .. } | Act::Upgrade { .. } | Act::Revoke { .. } => &[200],
        Act::Uninstall | Act::Distrust => &[204],
        // The second one if the name is known, as after a kill that came late (registry.md 1.1).
        Act::Trust => &[201, 200],
    }
}

/// Whether the operation is refused where it was carried out already.
pub fn can_be_done_once(act: Act) -> bool {
    matches!(act, Act::Uninstall | Act::Distrust)
}

/// Whether the operation takes an idempotency key (registry.md 6.1).
pub fn takes_a_key(act: Act) -> bool {
    matches!(act, Act::Upload { .. } | Act::Sign { .. } | Act::Install { .. } | Act::Upgrade { .. })
}
