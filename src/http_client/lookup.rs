//! Looks names up for the client, and hands on only what the [`Guard`] lets pass.
//!
//! Where the host of a URL is an address nobody looks anything up: [`super::HttpClient`] asks the guard for that itself.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::Guard;

pub(super) struct Lookup(Arc<Guard>);

impl Lookup {
    pub(super) fn under(guard: Guard) -> Self {
        Self(Arc::new(guard))
    }
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            // The port of the URL takes the place of this one.
            let passed = addresses(&guard, name.as_str(), 0).await?;
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}

/// The addresses of `host` that may be connected to; never none.
pub(super) async fn addresses(
    guard: &Guard,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
    let found = tokio::net::lookup_host((host, port)).await?;
    Ok(guard.passed(host, found)?)
}
