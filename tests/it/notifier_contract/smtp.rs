//! The part of the suite for those who speak SMTP: a scripted mail server instead of a web server.
//!
//! [`answers`] is what replies mean, [`faults`] what can go wrong on the way, [`privacy`] what nobody in between may see or do,
//! [`mails`] what a mail may hold.

mod answers;
mod faults;
mod mails;
mod privacy;

use super::*;
use crate::support::internet::fixture;
use crate::support::smtp::{At, MailServer, Play, Tls};

pub const PASSWORD: &str = "x0secret0x0secret0";

/// A good section for a server at this URL, with `more` keys.
pub fn section(url: &str, more: &str) -> String {
    let password = if url.contains('@') { format!("password: {PASSWORD}, ") } else { String::new() };
    format!("{{ url: \"{url}\", {password}from: \"CAST AI <alerts@example.com>\", to: ops@example.org{more} }}")
}

/// The notifier for a target whose section is this.
fn built(section: &str) -> Arc<dyn Notifier> {
    let Kind { build, .. } = NOTIFIERS.iter().find(|kind| kind.name == "email").unwrap();
    let section = Section::from_yaml("email", section);
    build(&section, &kit_of_smtp()).unwrap_or_else(|| panic!("{:?}", section.problems()))
}

/// Nobody looks at its HTTP client.
fn kit_of_smtp() -> Kit {
    static KIT: std::sync::LazyLock<Kit> = std::sync::LazyLock::new(kit);
    KIT.clone()
}

/// For a server in the clear on this machine, with a login.
fn notifier(server: &MailServer) -> Arc<dyn Notifier> {
    built(&section(&format!("smtp://relay%40example.com@{}", server.address), ""))
}

/// For a server that must show a certificate of the mail authority.
fn private_notifier(scheme: &str, server: &MailServer) -> Arc<dyn Notifier> {
    let ca = format!(", ca: \"{}\"", fixture("mail-authority.pem").display());
    built(&section(&format!("{scheme}://relay%40example.com@localhost:{}", server.address.port()), &ca))
}

/// What becomes of a mail when this is played there.
async fn attempt(at: At, play: Play) -> Result<Sent, NotifyError> {
    let server = MailServer::playing([(at, play)]).await;
    notify(&notifier(&server), &any_delivery()).await
}

/// A reply of one line.
fn reply(code: u16, text: &str) -> Vec<u8> {
    format!("{code} {text}\r\n").into_bytes()
}
