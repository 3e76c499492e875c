//! Requests of handlers to other hosts (egress.md): which of them are made, how fast, to which address, and what is on record.
//!
//! Read [`order`] first: it has the steps that a request takes, from top to bottom. Nothing that a handler or a remote host
//! sends is trusted; every length is bounded before anything is kept.

mod address;
mod audit;
mod connect;
mod credentials;
mod egress;
mod exchange;
mod form;
mod headers;
mod http;
mod keyed;
mod location;
mod message;
mod order;
mod outgoing;
mod pace;
mod policy;
mod pool;
mod proxy;
mod range;
mod rate;
mod received;
mod recording;
mod resolve;
#[cfg(feature = "sabotage")]
mod sabotage;
mod settings;
mod stop;
mod tls;

pub use audit::{Audit, AuditError, Entry, Outcome};
pub use credentials::{Credential, Credentials};
pub use egress::Egress;
pub use headers::{is_field_value, is_hop_by_hop, is_token};
pub use http::HTTP2_FEATURE;
pub use message::{Destination, EgressError, Grant, Request, Response};
pub use proxy::Proxy;
pub use range::IpRange;
#[cfg(feature = "sabotage")]
pub use sabotage::sabotages;
pub use settings::{Bounds, Settings, StartError};
