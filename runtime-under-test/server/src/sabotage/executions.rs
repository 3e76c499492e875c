//! Defects of installations, executions and state.

use std::sync::Arc;

use assay_package::{Refusal, Schema, SchemaFault, Version};
use serde_json::Value;

use super::Defect;
use crate::catalogue::{Handler, Release};
use crate::input::{Excess, InputFault};
use crate::installations::{Installed, Running};
use crate::policy::{Policy, Removed, StateChanges};
use crate::roles::Role;

/// The table.
pub const DEFECTS: &[Defect] = &[
    ("upgrade-keeps-the-old-module", || Arc::new(KeepsOldModule)),
    ("uninstall-forgets-nothing", || Arc::new(ForgetsNothing)),
    ("install-replaces", || Arc::new(InstallReplaces)),
    ("install-falls-back-to-latest", || Arc::new(FallsBack)),
    ("input-schema-unchecked", || Arc::new(AnyInput)),
    ("output-schema-unchecked", || Arc::new(AnyOutput)),
    ("output-depth-unbounded", || Arc::new(AnyDepth)),
    ("output-read-as-text", || Arc::new(OutputAsText)),
    ("caller-is-always-admin", || Arc::new(AlwaysAdmin)),
    ("execution-ids-repeat", || Arc::new(OneId)),
    ("input-bound-ignored", || Arc::new(AnyInputSize)),
    ("context-unbounded", || Arc::new(AnyContext)),
    ("state-not-committed", || Arc::new(DropsState)),
    ("state-shared", || Arc::new(SharesState)),
    ("state-survives-uninstall", || Arc::new(KeepsState)),
    ("state-lost-at-upgrade", || Arc::new(LosesState)),
];

struct KeepsOldModule;
impl Policy for KeepsOldModule {
    fn upgraded(&self, before: &Installed, after: Arc<Running>) -> Arc<Running> {
        before.running.clone().unwrap_or(after)
    }
}

struct ForgetsNothing;
impl Policy for ForgetsNothing {
    fn removed_at_uninstall(&self) -> Removed {
        Removed { installation: false, state: false, records: false }
    }
}

struct InstallReplaces;
impl Policy for InstallReplaces {
    fn install_again(&self, _: &Installed) -> Result<(), Refusal> {
        Ok(())
    }
}

struct FallsBack;
impl Policy for FallsBack {
    fn chosen_release(&self, handler: &Handler, version: &Version) -> Option<Arc<Release>> {
        handler.releases.get(version).or_else(|| handler.latest()).cloned()
    }
}

struct AnyInput;
impl Policy for AnyInput {
    fn judge_input(&self, _: &Schema, _: &Value) -> Result<(), SchemaFault> {
        Ok(())
    }
}

struct AnyOutput;
impl Policy for AnyOutput {
    fn judge_output(&self, _: &Schema, _: &Value) -> Result<(), SchemaFault> {
        Ok(())
    }
}

struct AnyDepth;
impl Policy for AnyDepth {
    fn output_depth(&self) -> u64 {
        1000
    }
}

struct OutputAsText;
impl Policy for OutputAsText {
    fn output_text(&self, bytes: Vec<u8>) -> Result<String, String> {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let is_json = serde_json::from_str::<Value>(&text).is_ok();
        Ok(if is_json { text } else { Value::String(text).to_string() })
    }
}

struct AlwaysAdmin;
impl Policy for AlwaysAdmin {
    fn told_caller(&self, _: Role) -> Role {
        Role::Admin
    }
}

struct OneId;
impl Policy for OneId {
    fn execution_id(&self) -> String {
        "0".repeat(32)
    }
}

struct AnyInputSize;
impl Policy for AnyInputSize {
    fn input_fault(&self, fault: InputFault) -> Result<(), Refusal> {
        if fault.of == Excess::Input { Ok(()) } else { Err(fault.refusal) }
    }
}

struct AnyContext;
impl Policy for AnyContext {
    fn input_fault(&self, fault: InputFault) -> Result<(), Refusal> {
        if fault.of == Excess::Context { Ok(()) } else { Err(fault.refusal) }
    }
}

struct DropsState;
impl Policy for DropsState {
    fn committed_changes(&self, _: StateChanges) -> StateChanges {
        StateChanges::new()
    }
}

struct SharesState;
impl Policy for SharesState {
    fn state_owner(&self, _: &str) -> String {
        "everybody".to_owned()
    }
}

struct KeepsState;
impl Policy for KeepsState {
    fn removed_at_uninstall(&self) -> Removed {
        Removed { installation: true, state: false, records: true }
    }
}

struct LosesState;
impl Policy for LosesState {
    fn clears_state_at_upgrade(&self) -> bool {
        true
    }
}
