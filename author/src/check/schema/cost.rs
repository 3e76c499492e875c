//! What judging one place of a value costs, by the formulas of core.md 3.8.

use serde_json::Value;

use super::walk::{How, Subschema};

/// The most evaluations of subschemas at one place.
pub(super) const MOST: u64 = 1000;
/// The deepest level at which it is asked.
const DEEPEST: usize = 128;

/// The pointer of a subschema from which one comes back to it without looking at another value.
pub(super) fn circle(found: &[Subschema<'_>]) -> Option<String> {
    inside_out(found).err().map(|number| found[number].pointer.clone())
}

/// The pointer of a subschema that costs too much at any depth.
pub(super) fn too_high(found: &[Subschema<'_>]) -> Option<String> {
    let order = inside_out(found).ok()?;
    let mut above: Option<Vec<u64>> = None;
    for _ in 0..=DEEPEST {
        let level = level(found, &order, above.as_deref());
        if let Some(dear) = order.iter().find(|number| level[**number] > MOST) {
            return Some(found[*dear].pointer.clone());
        }
        if above.as_ref() == Some(&level) {
            return None;
        }
        above = Some(level);
    }
    None
}

/// w(S, n) of every S, out of w(S, n - 1).
fn level(found: &[Subschema<'_>], order: &[usize], above: Option<&[u64]>) -> Vec<u64> {
    let (mut weights, mut again) = (vec![0_u64; found.len()], vec![0_u64; found.len()]);
    for &number in order {
        let sub = &found[number];
        let own = match above {
            None => 1 + sub.schema.get("enum").and_then(Value::as_array).map_or(0, |items| items.len() as u64),
            Some(above) => {
                let members = largest(sub, How::Member, above).saturating_add(sum(sub, How::EachMember, above));
                let items = largest(sub, How::Item, above).saturating_add(sum(sub, How::EachItem, above));
                members.max(items)
            }
        };
        let same = sum(sub, How::Same, &weights);
        again[number] = same.saturating_add(sum(sub, How::Same, &again));
        let asks =
            ["unevaluatedProperties", "unevaluatedItems"].iter().any(|keyword| sub.schema.get(keyword).is_some());
        let judged_again = if asks { again[number] } else { 0 };
        weights[number] = own.saturating_add(same).saturating_add(judged_again);
    }
    weights
}

fn sum(sub: &Subschema<'_>, how: How, weights: &[u64]) -> u64 {
    let applied = sub.applies.iter().filter(|(applied, _)| *applied == how);
    applied.fold(0, |sum, (_, to)| sum.saturating_add(weights[*to]))
}

fn largest(sub: &Subschema<'_>, how: How, weights: &[u64]) -> u64 {
    let applied = sub.applies.iter().filter(|(applied, _)| *applied == how);
    applied.map(|(_, to)| weights[*to]).max().unwrap_or_default()
}

/// The numbers in an order in which each comes after all that it applies to the same value.
///
/// # Errors
/// One that comes after itself.
fn inside_out(found: &[Subschema<'_>]) -> Result<Vec<usize>, usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        Entered,
        Left,
    }
    let mut seen = vec![Seen::Not; found.len()];
    let mut order = Vec::with_capacity(found.len());
    for start in 0..found.len() {
        let mut todo = vec![start];
        while let Some(&number) = todo.last() {
            if seen[number] == Seen::Not {
                seen[number] = Seen::Entered;
                let same = found[number].applies.iter().filter(|(how, _)| *how == How::Same);
                for &(_, to) in same {
                    match seen[to] {
                        Seen::Entered => return Err(to),
                        Seen::Not => todo.push(to),
                        Seen::Left => {}
                    }
                }
            } else {
                todo.pop();
                if seen[number] == Seen::Entered {
                    seen[number] = Seen::Left;
                    order.push(number);
                }
            }
        }
    }
    Ok(order)
}
