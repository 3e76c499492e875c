//! Why a sandbox does not start and why a module cannot be run. What happens *in* an execution is an
//! [`Outcome`](crate::Outcome), never an error.

/// Why a sandbox cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Wasmtime refuses the settings, or the host does not give the address space.
    #[error("the engine does not start: {0}")]
    Engine(String),
    /// The folder for compiled code cannot be used.
    #[error("the folder for compiled code cannot be used: {0}")]
    Cache(String),
    /// The thread that interrupts handlers does not start.
    #[error("the ticker thread does not start: {0}")]
    Ticker(#[from] std::io::Error),
}

/// Why a module cannot be made ready. A module that passed the gates is not expected to get here; the words are for
/// the operator and hold at most 400 bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The module does not compile, or needs more than the pool offers to one handler.
    #[error("the module does not compile: {0}")]
    Compile(String),
    /// The imports or exports are not those of the contract.
    #[error("the module does not fit the handler interface: {0}")]
    Interface(String),
    /// Others were compiled for too long: the next one who asks may be luckier.
    #[error("too many modules wait to be compiled")]
    Busy,
    /// Compilation was cut off, because the runtime is shutting down or the compiler panicked.
    #[error("compilation was cut off")]
    Interrupted,
}
