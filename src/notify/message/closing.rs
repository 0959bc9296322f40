//! The end of an incident: what is over, how long it was open, what ended it.
//!
//! What is over is named as it was when it began, by the route's `title` where it has one; where the opening event is
//! forgotten, by the incident's key. Of the route's other words only the links are taken. Next: [`super::telling`].

use super::amounts::lasting;
use super::{Fact, Message, Rendering, Text, bounded_footer, cut, name_cluster, one_line, telling};
use crate::event::batch::{Batch, Incident};
use crate::event::{Event, Severity, Timestamp};
use crate::template::Wording;

pub(super) fn compose(batch: &Batch, incident: &Incident, wording: &Wording) -> Message {
    let event = &batch.lead().event;
    let opening = incident.opening.as_deref();
    let mut rendering = Rendering::of(opening.unwrap_or(event));
    let own_title = opening.and_then(|_| rendering.title(wording));
    let what = own_title.clone().or_else(|| opening.map(telling::title));
    let what = what.unwrap_or_else(|| one_line(incident.key.as_str()));
    let title = cut(&format!("Resolved: {what}"), Message::MAX_TITLE);
    let headline = match own_title {
        Some(_) => title.clone(),
        None => name_cluster(&title, opening.unwrap_or(event)),
    };
    let links = rendering.links(wording);
    Message {
        title,
        headline,
        text: Some(Text::Plain(text(batch, incident))),
        facts: facts(batch, incident),
        links,
        footer: footer(batch, rendering.remarks),
        severity: Severity::Success,
    }
}

/// When what ended it was heard; without that, now.
fn ended_at(batch: &Batch, incident: &Incident) -> Timestamp {
    if incident.timed_out { batch.claimed_at } else { batch.lead().event.received_at }
}

fn text(batch: &Batch, incident: &Incident) -> String {
    let event = &batch.lead().event;
    let open = lasting(ended_at(batch, incident).saturating_since(incident.opened_at));
    let why = match incident.timed_out {
        true => {
            let silent = lasting(batch.claimed_at.saturating_since(event.received_at));
            format!("Nothing more was heard of it for {silent}, so it counts as over.")
        }
        false => format!("What ended it: {}.", ended_by(event).trim_end_matches('.')),
    };
    format!("It was open for {open}. {why}")
}

fn ended_by(event: &Event) -> String {
    name_cluster(&telling::title(event), event)
}

fn facts(batch: &Batch, incident: &Incident) -> Vec<Fact> {
    let event = &batch.lead().event;
    let cluster = incident.opening.as_deref().and_then(|opening| opening.cluster.label()).or(event.cluster.label());
    let facts = [
        cluster.and_then(|cluster| Fact::verbatim("Cluster", cluster)),
        Fact::verbatim("Incident", incident.key.as_str()),
        Fact::words("Opened", &incident.opened_at.to_string()),
        Fact::words("Ended", &ended_at(batch, incident).to_string()),
    ];
    facts.into_iter().flatten().collect()
}

/// The event that ended it comes first and whole: people paste its id into commands.
fn footer(batch: &Batch, remarks: Vec<String>) -> Vec<String> {
    let lead = batch.lead();
    let about = format!("{} from {} · route {}", lead.event.type_name(), lead.event.source, lead.route);
    bounded_footer([format!("event {}", lead.event.id), about].into_iter().chain(remarks))
}

#[cfg(test)]
mod tests;
