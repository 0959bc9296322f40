//! What the tests stand on: stand-in receivers, the relay in this process, the relay as a process.

pub mod bodies;
pub mod castai;
pub mod costs;
pub mod flaky_store;
pub mod http;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod hurried_clock;
pub mod internet;
pub mod process;
pub mod receivers;
pub mod relay;
pub mod smtp;
pub mod streams;
pub mod tls_host;
pub mod wire_faults;
