//! The log as a target: one structured line for each batch, for trials and for `default_targets`.
//!
//! Cannot fail. Whoever reads the log finds these lines under the target `castai_relay::notify::log`.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::message::Message;
use super::{Kit, Notifier, NotifyError, Sent};
use crate::config::Section;
use crate::event::batch::Batch;
use crate::event::tally::Tally;
use crate::http_client::Endpoint;
use crate::template::Markup;
use crate::template::Wording;

/// `log: {}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {}

/// Builds the notifier; there is nothing to configure.
pub fn build(section: &Section, _: &Kit) -> Option<Arc<dyn Notifier>> {
    let Config {} = section.read()?;
    Some(Arc::new(Log))
}

struct Log;

/// The facts in one line: `Cluster=prod-eu; Node=…`.
fn facts(message: &Message) -> String {
    message.facts.iter().map(|fact| format!("{}={}", fact.label, fact.value)).collect::<Vec<_>>().join("; ")
}

fn text(message: &Message) -> String {
    message.text.as_ref().map(|text| text.in_markup(Markup::Plain)).unwrap_or_default()
}

#[async_trait]
impl Notifier for Log {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        let message = Message::compose(batch, wording, Markup::Plain);
        let lines = [message.title.clone(), text(&message), facts(&message)].into_iter().chain(message.footer);
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let delivery = batch.lead();
        let message = Message::compose(batch, wording, Markup::Plain);
        let incident = batch.incident.as_ref();
        tracing::info!(
            target: "castai_relay::notify::log",
            {
            event.id = delivery.event.id.as_str(),
            event.kind = delivery.event.type_name(),
            event.severity = message.severity.as_str(),
            route.name = delivery.route.as_str(),
            target.name = delivery.target.as_str(),
            batch.deliveries = batch.deliveries.len(),
            batch.resolved = batch.many().map(Tally::resolved),
            incident.key = incident.map(|incident| incident.key.as_str()),
            title = message.title,
            text = text(&message),
            facts = facts(&message),
            footer = message.footer.join("; "),
            },
            "notification"
        );
        Ok(Sent::default())
    }
}
