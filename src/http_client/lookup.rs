//! Looks names up for the client, and hands on only what the [`Guard`] lets pass.
//!
//! Where the host of a URL is an address nobody looks anything up: [`super::HttpClient`] asks the guard for that itself.

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
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let passed = guard.passed(name.as_str(), found)?;
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}
