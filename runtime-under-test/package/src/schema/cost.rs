//! How often one place of a value is judged, at the worst (core.md 3.8).
//!
//! A schema of two lines can say that each item is judged twice by the schema itself: every level of nesting doubles the
//! work, and an input of forty brackets takes years. What a place may cost is therefore counted for every depth that a
//! value may have, before any value is judged.

use std::collections::HashMap;

use serde_json::Value;

use super::references::{Applied, Index, Subschema, index};

/// How deep a value may nest that is judged by a schema (core.md 3.8).
pub(crate) const DEEPEST: usize = 128;

/// The most evaluations of subschemas that one place of a value can cost, over all subschemas and depths.
///
/// It stops counting at the first depth that costs more than `enough`. A reference without an end costs [`u64::MAX`].
pub(crate) fn cost(schema: &Value, deepest: usize, enough: u64) -> u64 {
    let (index, _) = index(schema);
    let Ok(order) = index.inside_out() else {
        return u64::MAX;
    };
    let nodes = nodes(&index, &order);
    let mut most = 0;
    let mut above: Option<Vec<u64>> = None;
    for _ in 0..=deepest {
        let level = level(&nodes, above.as_deref());
        most = level.iter().copied().fold(most, u64::max);
        // From a level that is like the one before it, nothing changes any more.
        if most > enough || above.as_ref() == Some(&level) {
            break;
        }
        above = Some(level);
    }
    most
}

/// One subschema; what it applies is named by its number.
struct Node {
    own_cost: u64,
    asks_again: bool,
    in_place: Vec<usize>,
    one_member: Vec<usize>,
    every_member: Vec<usize>,
    one_item: Vec<usize>,
    every_item: Vec<usize>,
}

/// The subschemas in an order in which each comes after what it applies to the same value.
fn nodes(index: &Index, order: &[&str]) -> Vec<Node> {
    let numbers: HashMap<&str, usize> = order.iter().enumerate().map(|(number, pointer)| (*pointer, number)).collect();
    let nothing = Subschema::default();
    let node = |pointer: &&str| {
        let subschema = index.subschemas.get(*pointer).unwrap_or(&nothing);
        let applied = |how: Applied| {
            let of = subschema.applied.iter().filter(move |(_, applied)| *applied == how);
            of.filter_map(|(to, _)| numbers.get(to.as_str()).copied()).collect()
        };
        Node {
            own_cost: subschema.own_cost.max(1),
            asks_again: subschema.asks_again,
            in_place: applied(Applied::InPlace),
            one_member: applied(Applied::OneMember),
            every_member: applied(Applied::EveryMember),
            one_item: applied(Applied::OneItem),
            every_item: applied(Applied::EveryItem),
        }
    };
    order.iter().map(node).collect()
}

/// What each subschema costs a place so many levels below the value that it judges, from the costs one level less below;
/// without those, what it costs the value itself.
fn level(nodes: &[Node], above: Option<&[u64]>) -> Vec<u64> {
    let mut costs = Vec::with_capacity(nodes.len());
    // What finding out costs which members and items were judged: everything in place is judged again.
    let mut again: Vec<u64> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let own = above.map_or(node.own_cost, |above| node.below(above));
        let once = sum(&node.in_place, &costs);
        let more = once.saturating_add(sum(&node.in_place, &again));
        let own = own.saturating_add(once);
        costs.push(if node.asks_again { own.saturating_add(more) } else { own });
        again.push(more);
    }
    costs
}

impl Node {
    /// What the members, or the items if those are dearer, cost.
    fn below(&self, costs: &[u64]) -> u64 {
        let members = dearest(&self.one_member, costs).saturating_add(sum(&self.every_member, costs));
        let items = dearest(&self.one_item, costs).saturating_add(sum(&self.every_item, costs));
        members.max(items)
    }
}

fn sum(numbers: &[usize], costs: &[u64]) -> u64 {
    numbers.iter().filter_map(|number| costs.get(*number)).fold(0, |sum, cost| sum.saturating_add(*cost))
}

fn dearest(numbers: &[usize], costs: &[u64]) -> u64 {
    numbers.iter().filter_map(|number| costs.get(*number)).copied().max().unwrap_or_default()
}
