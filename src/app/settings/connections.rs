//! The sections `connection`, of everybody and of single targets, and the clients that come of them.
//!
//! A target's own keys go before the common ones. Equal settings share a client, so that there are never more clients than targets and
//! two. What a connection may be is in [`crate::http_client`].

use crate::config::Section;
use crate::http_client::{Connection, HttpClient, Written};
use crate::notify::{Kit, Notifier};

/// The key, at the top level and beside a target's kind.
pub(super) const CONNECTION: &str = "connection";

/// The clients made so far.
pub(super) struct Connections {
    /// As the environment has it.
    plain: HttpClient,
    common: Written,
    made: Vec<HttpClient>,
}

impl Connections {
    /// Reads the common section. Where it is wrong the rest is read as if there were none, for its own mistakes.
    pub(super) fn read(root: &Section, kit: &Kit) -> Self {
        let common = root.child(CONNECTION).and_then(|section| written(&section)).unwrap_or_default();
        let connections = Self { plain: kit.http.clone(), common, made: vec![kit.http.clone()] };
        if let Some(why) = connections.of_targets().blocked() {
            let hint =
                "correct the variable, or write `connection: { proxy: none }`, or the URL of another proxy".to_owned();
            root.problem_at(CONNECTION, format!("nothing can be sent: {why}"), &[], Some(hint));
        }
        connections
    }

    /// How targets are connected to that have nothing of their own.
    pub(super) fn of_targets(&self) -> Connection {
        self.plain.connection().with(self.common.clone())
    }

    /// The client of all that is no target: it is nobody's list who may be reached.
    pub(super) fn client(&mut self, root: &Section) -> HttpClient {
        self.made(root, self.of_targets().unlisted())
    }

    /// The client of one target.
    pub(super) fn client_of(&mut self, target: &Section) -> HttpClient {
        let own = target.child(CONNECTION).and_then(|section| written(&section)).unwrap_or_default();
        self.made(target, self.plain.connection().with(own.over(&self.common)))
    }

    /// The client that connects like this. Where there cannot be one, that is noted, and nobody will use what is handed out.
    fn made(&mut self, section: &Section, connection: Connection) -> HttpClient {
        if let Some(known) = self.made.iter().find(|client| *client.connection() == connection) {
            return known.clone();
        }
        let client = HttpClient::with(connection).unwrap_or_else(|error| {
            section.problem_at(CONNECTION, error.to_string(), &[], None);
            self.plain.clone()
        });
        self.made.push(client.clone());
        client
    }
}

fn written(section: &Section) -> Option<Written> {
    let written: Written = section.read()?;
    let impossible = written.impossible();
    for (key, mistake, hint) in &impossible {
        section.problem_at(key, mistake, &[], Some(hint.clone()));
    }
    impossible.is_empty().then_some(written)
}

/// That the target's own settings mean something, and that its addresses may be reached as far as that is known without looking
/// them up.
pub(super) fn check(target: &Section, kind: &str, notifier: &dyn Notifier, client: &HttpClient) {
    let endpoints = notifier.endpoints();
    if let Some(own) = target.child(CONNECTION).filter(|_| endpoints.is_empty()) {
        // Who speaks another protocol is held to the list all the same.
        let is_heeded = |key: &str| key == "allow" && notifier.connects_within().is_some();
        if own.entries().iter().any(|(key, _)| !is_heeded(key)) {
            let mistake = format!("`{kind}` sends nothing by HTTP, so this says nothing");
            target.problem_at(CONNECTION, mistake, &[], Some("leave it out".to_owned()));
        }
    }
    if client.connection().blocked().is_some() {
        return;
    }
    for (endpoint, why) in endpoints.iter().filter_map(|endpoint| Some((endpoint, client.refusal(endpoint)?))) {
        let hint = "correct the address, or add the host to `connection.allow`, of this target or at the top level";
        target.problem_at(CONNECTION, format!("{endpoint} cannot be reached: {why}"), &[], Some(hint.to_owned()));
    }
}
