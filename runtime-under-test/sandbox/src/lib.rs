//! One execution of one handler inside Wasmtime
