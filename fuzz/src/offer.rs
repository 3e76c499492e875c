//! What a runtime declares, varied: an oracle that knows only the default bounds would not notice a gate that knows only
//! those, too.

use assay_package::{Abi, Feature, Offer};

use crate::source::Source;

/// The default, or another choice of features, packagings and bounds.
pub fn any(source: &mut Source<'_>) -> Offer {
    let mut offer = Offer::default();
    if source.one_in(2) {
        offer.features = Feature::ALL.into_iter().filter(|_| source.one_in(2)).collect();
    }
    match source.below(8) {
        6 => offer.abis = [Abi::Core].into(),
        7 => offer.abis = [Abi::Component].into(),
        _ => {}
    }
    if source.one_in(4) {
        let bounds = &mut offer.bounds;
        bounds.json_depth = source.pick(&[32, 4, 64]);
        bounds.memory_bytes = source.pick(&[16_777_216, 65_536, u64::MAX]);
        bounds.timeout_ms = source.pick(&[10_000, 1, u64::MAX]);
        bounds.log_bytes = source.pick(&[65_536, 0, u64::MAX]);
        bounds.output_bytes = source.pick(&[1_048_576, 1, u64::MAX]);
        bounds.state_bytes = source.pick(&[1_048_576, 1, u64::MAX]);
        bounds.egress_rules = source.pick(&[16, 1, u64::MAX]);
        bounds.egress_queue = source.pick(&[16, 0, u64::MAX]);
        bounds.egress_timeout_ms = source.pick(&[5000, 1, u64::MAX]);
    }
    offer
}
