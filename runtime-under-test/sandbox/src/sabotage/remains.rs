//! Defects by which an execution leaves something for the next one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use wasmtime::Store;

use super::Defect;
use super::calls::{KEPT, ReusedInstance, locked};
use crate::call::{Arguments, Call, Calling, FreshInstance};
use crate::ended::Ended;
use crate::host::Host;
use crate::job::Context;
use crate::outcome::LogLine;
use crate::policy::Policy;
use crate::prepared::Prepared;

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("instances-kept-for-the-handler", |policy| {
        reused(policy, |before, now| before.handler == now.handler && before.version == now.version);
    }),
    ("instances-kept-for-the-publisher", |policy| {
        reused(policy, |before, now| before.handler != now.handler && publisher(before) == publisher(now));
    }),
    ("instances-kept-at-an-upgrade", |policy| {
        reused(policy, |before, now| before.handler == now.handler && before.version != now.version);
    }),
    ("input-left-after-a-trap", |policy| {
        policy.call = Arc::new(InputLeft::after(|ended| matches!(ended, Ended::Trap(_))));
    }),
    ("input-left-after-a-timeout", |policy| {
        policy.call = Arc::new(InputLeft::after(|ended| *ended == Ended::Timeout));
    }),
    ("input-left-after-too-much-memory", |policy| {
        policy.call = Arc::new(InputLeft::after(|ended| *ended == Ended::MemoryExceeded));
    }),
    ("log-lines-shown-again", |policy| policy.call = Arc::new(LinesShownAgain::default())),
    ("environment-shown", |policy| {
        policy.arguments = |mut context, input| {
            let variables = std::env::vars().filter(|(name, _)| name.starts_with("ASSAY_"));
            context.attributes.extend(variables);
            Arguments::of_handle(context, input)
        };
    }),
    ("attributes-kept", |policy| policy.call = Arc::new(AttributesKept::default())),
];

fn reused(policy: &mut Policy, serves: fn(&Context, &Context) -> bool) {
    policy.places = |places| places.saturating_sub(KEPT).max(1);
    policy.call = Arc::new(ReusedInstance::new(serves));
}

/// Everything of a handler's id but its last segment.
fn publisher(context: &Context) -> &str {
    context.handler.rsplit_once('.').map_or("", |(publisher, _)| publisher)
}

/// What is remembered of a handler, by its id.
type Remembered<T> = Mutex<HashMap<String, T>>;

/// Hands the input of an execution that was ended to the handler's next one, as one more attribute.
struct InputLeft {
    after: fn(&Ended) -> bool,
    left: Remembered<Vec<u8>>,
}

impl InputLeft {
    fn after(after: fn(&Ended) -> bool) -> Self {
        InputLeft { after, left: Mutex::default() }
    }
}

impl Call for InputLeft {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, mut arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            if let Some(left) = locked(&self.left).remove(&arguments.context.handler) {
                let left = String::from_utf8_lossy(&left).into_owned();
                arguments.context.attributes.insert("left".to_owned(), left);
            }
            // Whoever waits too long drops this future: that is a timeout, too.
            let mut leaving = Leaving { to: self, arguments: arguments.clone(), ended: Some(Ended::Timeout) };
            let returned = FreshInstance.call(store, handler, arguments).await;
            leaving.ended = returned.as_ref().err().map(Ended::from_wasmtime);
            returned
        })
    }
}

/// Leaves the input when it is dropped.
struct Leaving<'a> {
    to: &'a InputLeft,
    arguments: Arguments,
    ended: Option<Ended>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if self.ended.as_ref().is_some_and(self.to.after) {
            let Arguments { context, input, .. } = &self.arguments;
            locked(&self.to.left).insert(context.handler.clone(), input.clone());
        }
    }
}

/// Shows the lines of a handler's execution in its next one as well.
#[derive(Default)]
struct LinesShownAgain(Remembered<Vec<LogLine>>);

impl Call for LinesShownAgain {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let id = arguments.context.handler.clone();
            let before = locked(&self.0).remove(&id).unwrap_or_default();
            let returned = FreshInstance.call(&mut *store, handler, arguments).await;
            let lines = &mut store.data_mut().log.lines;
            locked(&self.0).insert(id, lines.clone());
            lines.splice(0..0, before);
            returned
        })
    }
}

/// Gives an execution without attributes those of the handler's last one with some.
#[derive(Default)]
struct AttributesKept(Remembered<BTreeMap<String, String>>);

impl Call for AttributesKept {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, mut arguments: Arguments) -> Calling<'a> {
        let Context { handler: id, attributes, .. } = &mut arguments.context;
        let mut all = locked(&self.0);
        match all.get(id) {
            Some(kept) if attributes.is_empty() => attributes.clone_from(kept),
            _ => drop(all.insert(id.clone(), attributes.clone())),
        }
        drop(all);
        FreshInstance.call(store, handler, arguments)
    }
}
