//! Profile `egress`: a handler reaches the hosts that it declares, and no other.

pub mod addresses;
pub mod audit;
pub mod credentials;
pub mod http;
pub mod http2;
pub mod isolation;
pub mod limits;
pub mod migration;
pub mod proxy;
pub mod queue;
pub mod rate;
pub mod records;
pub mod redirect;
pub mod request;
pub mod response;
pub mod rules;
pub mod stripped;
pub mod time;
pub mod tls;
pub mod url;
pub mod wildcards;
