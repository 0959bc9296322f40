//! What a route, or a target, says in words of its own: the templates of its messages.
//!
//! Only the form; which words stand in for those that are left out, and how they are laid out for a target,
//! is [`crate::notify`].

use serde::Deserialize;

use super::{KeyTemplate, Template};

/// A route's own words, or a target's. Whatever is left out is said in the relay's words.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// The headline: one line, without markup.
    pub title: Option<Template>,
    /// The text below it. May use the target's markup; renders to nothing to have no text.
    pub text: Option<Template>,
    /// Links to offer, in this order.
    #[serde(default)]
    pub links: Vec<LinkTemplate>,
    /// The channel to tell it in, where a target has more than one; the target's own when left out.
    pub channel: Option<KeyTemplate>,
}

impl Wording {
    /// These words, and the others where these say nothing.
    pub fn over(&self, others: &Self) -> Self {
        let links = if self.links.is_empty() { &others.links } else { &self.links };
        Self {
            title: self.title.as_ref().or(others.title.as_ref()).cloned(),
            text: self.text.as_ref().or(others.text.as_ref()).cloned(),
            links: links.clone(),
            channel: self.channel.as_ref().or(others.channel.as_ref()).cloned(),
        }
    }
}

/// A link to offer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkTemplate {
    /// What people see.
    pub text: Template,
    /// Where it leads: an `http://` or `https://` URL.
    pub url: Template,
}
