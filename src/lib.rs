//! castai-relay: takes every CAST AI event in, loses none, tells the right people once, and can prove it.
//!
//! The rooms, in the order an event walks through them:
//!
//! ```text
//! source ──▶ event ──▶ route ──▶ store ──▶ deliver ──▶ notify        admin, cli: look in      app: wires it, once
//! ```

pub mod names;
pub mod event;
pub mod source;
pub mod castai_api;
pub mod route;
pub mod target;
pub mod store;
pub mod deliver;
pub mod notify;
pub mod template;
pub mod signing;
pub mod http_server;
pub mod http_client;
pub mod config;
pub mod runtime;
pub mod telemetry;
pub mod live;
pub mod admin;
pub mod app;
pub mod cli;
