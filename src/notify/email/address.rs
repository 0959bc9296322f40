//! Who writes and who is written to: addresses as the configuration names them, checked once.
//!
//! Pure. Knows no server. Next file: [`super::mail`], which puts them into headers.

use std::fmt;

use lettre::message::Mailbox;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::server::Mistake;

const FORM: &str = "write `name@example.com`, or `\"A name <name@example.com>\"`";

/// One address with or without a name, as it may stand in a header and in an envelope.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, Mistake> {
    if text.chars().any(char::is_control) {
        return Err(Mistake::new("has control characters in it", FORM));
    }
    let mailbox: Mailbox = text.parse().map_err(|_| Mistake::new("is no mail address", FORM))?;
    let address: &str = mailbox.email.as_ref();
    // Few servers take other characters (SMTPUTF8), and then not for all recipients.
    if !address.is_ascii() {
        let cure = "write a domain with other letters in its ASCII form, `xn--…`; before the `@` there must be none";
        return Err(Mistake::new("has letters in its address that mail servers do not take", cure));
    }
    // RFC 5321, section 4.5.3.1.3, with its two angle brackets.
    if address.len() > 254 || mailbox.name.as_ref().is_some_and(|name| name.chars().count() > 100) {
        return Err(Mistake::new("is longer than mail servers take", FORM));
    }
    Ok(mailbox)
}

/// `to:` as written.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Recipients(#[serde(deserialize_with = "one_or_more")] Vec<String>);

impl Recipients {
    /// The one recipient. Several would share one delivery, which has one state: see ARCHITECTURE.md.
    pub(super) fn only(&self) -> Result<Mailbox, Mistake> {
        match self.0.as_slice() {
            [one] => mailbox(one),
            [] => Err(Mistake::new("names nobody", FORM)),
            several => {
                let cure = "write a target for each of them and name them all in `notify`, so that each has retries and dead letters of \
                            its own; or let the mail server have one address for all of them";
                Err(Mistake::new(format!("names {} recipients, and a target has one", several.len()), cure))
            }
        }
    }
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct OneOrMore;
    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a mail address")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut all = Vec::new();
            while let Some(one) = list.next_element()? {
                all.push(one);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_any(OneOrMore)
}

/// The name of the list, `castai.example.com`, as RFC 2919 wants it: labels with dots between them.
pub(super) fn list_id(text: &str) -> Result<String, Mistake> {
    let id = text.trim().trim_start_matches('<').trim_end_matches('>');
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    match id.len() <= 255 && id.contains('.') && id.split('.').all(is_label) {
        true => Ok(format!("<{id}>")),
        false => Err(Mistake::new("is no name of a list", "write letters, digits and dots: `castai.example.com`")),
    }
}

#[cfg(test)]
#[path = "tests/address.rs"]
mod tests;
