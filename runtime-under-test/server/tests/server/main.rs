//! The runtime as its users meet it: real sockets, a real data folder, real WASM, real processes.

mod accounts;
mod egress;
mod hostile_requests;
mod life_of_a_handler;
mod processes;
mod support;
