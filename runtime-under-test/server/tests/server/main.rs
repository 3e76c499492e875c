//! The runtime as its users meet it: real sockets, a real data folder, real WASM, real processes.

mod accounts;
mod chain;
mod egress;
mod hostile_requests;
mod life_of_a_handler;
mod objects;
mod pagination;
mod processes;
mod support;
