//! What a route says in its own words: the templates of its messages.
//!
//! Only the form; which words stand in for those a route leaves out, and how they are laid out for a target,
//! is [`crate::notify`].

use serde::Deserialize;

use super::{KeyTemplate, Template};

/// A route's own words. Whatever is left out is said in the relay's words.
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

/// A link to offer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkTemplate {
    /// What people see.
    pub text: Template,
    /// Where it leads: an `http://` or `https://` URL.
    pub url: Template,
}
