//! The parallel run as a picture: a row per lane, a bar per check. It shows what waits, and what is slow.

use maud::{Markup, html};

use super::page::percent;
use crate::figures::duration;
use crate::model::{CheckResult, Report, Verdict};

/// Height of one lane in pixels, gap included.
const LANE: usize = 16;
/// A run with more lanes than these is drawn with lanes shared.
const LANES: usize = 64;
/// Room for the axis, in pixels.
const AXIS: usize = 20;
/// A check that took no time is still seen: share of the width in percent.
const LEAST_WIDTH: f64 = 0.12;

/// The timeline, or nothing if no check took any time.
pub(super) fn timeline(report: &Report) -> Markup {
    let ran: Vec<(usize, &CheckResult)> = report
        .checks
        .iter()
        .enumerate()
        .filter(|(_, check)| check.verdict != Verdict::Skipped && times(check).is_some())
        .collect();
    let end = ran.iter().filter_map(|(_, check)| times(check)).map(|(start, took)| start + took);
    let span = end.fold(0.0, f64::max);
    if span <= 0.0 {
        return html! {};
    }
    let mut lanes: Vec<u32> = ran.iter().map(|(_, check)| check.lane).collect();
    lanes.sort_unstable();
    lanes.dedup();
    let row = |check: &CheckResult| lanes.partition_point(|lane| *lane < check.lane) % LANES;
    let height = lanes.len().min(LANES) * LANE;
    html! {
        details.timeline open {
            summary { h2 { "Timeline" } span.muted { (lanes.len()) " in parallel, " (duration(span)) } }
            svg.lanes role="img" height=(height + AXIS)
                aria-label="When each check ran. The list below has the same figures." {
                @for (at, label) in ticks(span) {
                    line.tick x1=(percent(at)) x2=(percent(at)) y1="0" y2=(height) {}
                    text.tick x=(percent(at)) y=(height + AXIS - 6) { (label) }
                }
                @for (n, check) in ran {
                    @let (start, took) = times(check).unwrap_or_default();
                    @let width = (took / span * 100.0).max(LEAST_WIDTH);
                    @let left = (start / span * 100.0).min(100.0 - width);
                    a href={ "#check-" (n) } tabindex="-1" {
                        rect class=(check.verdict.word()) x=(percent(left)) y=(row(check) * LANE + 2)
                            width=(percent(width)) height=(LANE - 4) rx="2" {
                            title { (check.label()) ": " (check.verdict) ", " (duration(took)) }
                        }
                    }
                }
            }
        }
    }
}

/// Start and duration, if both are such.
fn times(check: &CheckResult) -> Option<(f64, f64)> {
    let plausible = |ms: f64| ms.is_finite() && ms >= 0.0;
    (plausible(check.started_ms) && plausible(check.duration_ms)).then_some((check.started_ms, check.duration_ms))
}

/// Round moments along the axis: their places in percent, and what is written there.
fn ticks(span: f64) -> Vec<(f64, String)> {
    let rough = span / 6.0;
    let decade = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade).into_iter().find(|step| *step >= rough).unwrap_or(span);
    // Close to the right edge there is no room for the label.
    (0..=7)
        .map(|n| f64::from(n) * step)
        .filter(|at| *at < span * 0.96)
        .map(|at| (at / span * 100.0, duration(at)))
        .collect()
}
