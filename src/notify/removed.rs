//! Stands in for a target that is still owed something but is no longer configured.
//!
//! Nothing may wait for ever and nothing may vanish: each delivery becomes a dead letter that says why.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Notifier, NotifyError, Scope};
use crate::event::delivery::{Delivery, Reason};
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
    fn preview(&self, delivery: &Delivery, _wording: &Wording) -> String {
        format!("nothing: target `{}` is no longer configured", delivery.target)
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    async fn notify(&self, delivery: &Delivery, _wording: &Wording) -> Result<(), NotifyError> {
        let detail =
            format!("target `{}` is no longer in the configuration; add it again to replay this", delivery.target);
        Err(NotifyError::GiveUp { reason: Reason::TargetRemoved, scope: Scope::Target, detail })
    }
}
