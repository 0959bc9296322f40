//! Stands in for a target that is still owed something but is no longer configured.
//!
//! Nothing may wait for ever and nothing may vanish: each delivery becomes a dead letter that says why, at once also where the
//! target was closed when it was removed.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Next, Notifier, NotifyError, Scope, Sent};
use crate::event::batch::Batch;
use crate::event::delivery::Reason;
use crate::http_client::Endpoint;
use crate::template::Wording;

/// The stand-in.
pub struct Removed;

impl Removed {
    /// Ready to use.
    pub fn notifier() -> Arc<dyn Notifier> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Notifier for Removed {
    fn preview(&self, batch: &Batch, _wording: &Wording) -> String {
        format!("nothing: target `{}` is no longer configured", batch.target())
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    async fn notify(&self, batch: &Batch, _wording: &Wording) -> Result<Sent, NotifyError> {
        let detail =
            format!("target `{}` is no longer in the configuration; add it again to replay this", batch.target());
        Err(NotifyError {
            next: Next::GiveUp,
            // Not the whole target: it would be closed, and what it is owed would wait for somebody who does not come.
            scope: Scope::Message,
            ambiguous: false,
            reason: Reason::TargetRemoved,
            detail,
            answer: None,
        })
    }

    fn is_there(&self) -> bool {
        false
    }
}
