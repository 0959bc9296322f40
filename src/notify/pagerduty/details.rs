//! The particulars of a page, `custom_details`: everything a responder may want to look up.
//!
//! Pure. Of one event all it holds; of many the counts and the worst of them. Whether it all fits is for [`super::event`].

use serde_json::{Map, Value, json};

use crate::event::batch::Batch;
use crate::event::tally::{Dimension, Tally};
use crate::notify::message::amounts::number;
use crate::notify::message::{Message, Text, cut, one_line};
use crate::template::Markup;

/// Different values that are told with their counts in each dimension; more is for the list of events.
const COUNTED: usize = 50;

/// The particulars of the batch, as composed.
pub(super) fn of(message: &Message, batch: &Batch) -> Map<String, Value> {
    let facts = message.facts.iter().map(|fact| (fact.label.clone(), json!(fact.value)));
    let text = message.text.as_ref().map(|text| match text {
        Text::List(list) => ("events".to_owned(), json!(list.lines())),
        Text::Plain(_) | Text::Marked(_) => ("text".to_owned(), json!(text.in_markup(Markup::Plain))),
    });
    let rest = match batch.many() {
        Some(tally) => ("counts".to_owned(), counts(tally)),
        None => ("data".to_owned(), json!(batch.lead().event.data)),
    };
    facts.chain(text).chain([rest, ("about".to_owned(), json!(message.footer))]).collect()
}

/// `{"Cluster": ["120 × prod-eu", "80 × prod-us"]}`
fn counts(tally: &Tally) -> Value {
    let told = Dimension::ALL.into_iter().map(|dimension| (label(dimension).to_owned(), lines(tally, dimension)));
    Value::Object(told.filter(|(_, lines)| !lines.is_empty()).map(|(label, lines)| (label, json!(lines))).collect())
}

fn label(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Type => "Type",
        Dimension::Cluster => "Cluster",
        Dimension::InstanceType => "Instance type",
        Dimension::Zone => "Zone",
        Dimension::Reason => "Reason",
    }
}

fn lines(tally: &Tally, dimension: Dimension) -> Vec<String> {
    let values = tally.most(dimension);
    let others: usize = values.iter().skip(COUNTED).map(|(_, count)| count).sum();
    let others = others + tally.unnamed(dimension);
    let named = values.iter().take(COUNTED).map(|(value, count)| format!("{} × {}", number(*count), shown(value)));
    named.chain((others > 0).then(|| format!("{} × others", number(others)))).collect()
}

fn shown(value: &str) -> String {
    const LONGEST: usize = 200;
    cut(&one_line(value), LONGEST)
}
