//! Watches the cluster itself: trouble of CAST AI's own components, what its autoscaler reports, and spot
//! interruptions, while there is still time.
//!
//! The webhook tells none of these. [`events`] and [`nodes`] read what the API server sends, purely;
//! [`config`] says where it is. Everything that talks to it is behind the cargo feature `kubernetes`.

pub mod config;
pub mod events;
pub mod nodes;
mod object;

#[cfg(feature = "kubernetes")]
mod client;
#[cfg(feature = "kubernetes")]
mod health;
#[cfg(feature = "kubernetes")]
mod reach;
#[cfg(feature = "kubernetes")]
mod subject;
#[cfg(feature = "kubernetes")]
mod trouble;
#[cfg(feature = "kubernetes")]
mod watch;

pub use config::Config;
#[cfg(feature = "kubernetes")]
pub use reach::{Reach, reach};
#[cfg(feature = "kubernetes")]
pub use trouble::{Trouble, TroubleKind};
#[cfg(feature = "kubernetes")]
pub use watch::Kubernetes;

#[cfg(test)]
#[path = "tests/properties.rs"]
mod tests;
