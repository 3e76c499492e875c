//! Defects that let one class of interfaces through the module gate. What is let through cannot be linked: the sandbox has
//! nothing of the kind.

use crate::{Offer, Refusal, structure::PackageCandidate};

type Verdict = Result<(), Refusal>;

/// Declares a rule that forgets a foreign import whose name begins like one of these.
macro_rules! forgets {
    ($($(#[$doc:meta])* $rule:ident: [$($beginning:literal),*];)*) => {
        $(
            $(#[$doc])*
            pub(super) fn $rule(package: &mut PackageCandidate, _: &Offer) -> Verdict {
                package.module.foreign_import.take_if(|name| [$($beginning),*].iter().any(|known| name.starts_with(known)));
                Ok(())
            }
        )*
    };
}

forgets! {
    /// Files and folders.
    files: ["wasi:filesystem/", "wasi_snapshot_preview1#path_", "wasi_snapshot_preview1#fd_prestat_"];
    /// Environment variables and arguments.
    environment: ["wasi:cli/environment@", "wasi_snapshot_preview1#environ_", "wasi_snapshot_preview1#args_"];
    /// Processes.
    process: ["wasi:cli/exit@", "wasi_snapshot_preview1#proc_"];
    /// Standard streams.
    streams: [
        "wasi:cli/std", "wasi:io/", "wasi_snapshot_preview1#fd_write", "wasi_snapshot_preview1#fd_read",
        "wasi_snapshot_preview1#poll_"
    ];
    /// Sockets.
    sockets: ["wasi:sockets/", "wasi_snapshot_preview1#sock_"];
    /// Clocks.
    clocks: ["wasi:clocks/", "wasi_snapshot_preview1#clock_"];
    /// Random numbers.
    randomness: ["wasi:random/", "wasi_snapshot_preview1#random_"];
    /// HTTP.
    http: ["wasi:http/"];
    /// Hosts that nobody knows.
    unknown: ["env", "wasi_unstable#", "wasi-unstable", "example:"];
    /// Names that resemble those of the contract.
    look_alikes: ["assay:"];
}
