//! Finds the facts: every question at once, each with a time limit. Sends no event and changes nothing.
//!
//! [`account`] asks CAST AI, [`public`] our own public URL, [`cluster`] the API server, [`nearby`] looks at the store and
//! the targets. What the answers mean is for [`super::checks`] to say.

mod account;
mod cluster;
mod nearby;
mod public;

use std::sync::Arc;
use std::time::Duration;

use crate::app::settings::{Engine, Settings};
use crate::castai_api::CastAi;
use crate::http_client::SendError;
use crate::runtime::Clock;
use crate::source::verify::Verifier;

use super::facts::{self, Facts, House};

/// Everything, within about `patience`.
pub async fn facts(settings: &Settings, clock: &Arc<dyn Clock>, patience: Duration) -> Facts {
    let castai = settings.castai.clone().map(|config| CastAi::new(config, settings.http.clone(), clock.clone()));
    let asking = async {
        match &castai {
            Some(castai) => Some(account::ask(castai, settings, clock, patience).await),
            None => None,
        }
    };
    let (asked, webhooks, targets, kubernetes) = tokio::join!(
        asking,
        public::webhooks(settings, clock, patience),
        nearby::targets(settings, clock, patience),
        cluster::watched(settings, patience),
    );
    let (account, seen) = asked.unzip();
    let (webhooks, read): (Vec<facts::Webhook>, Vec<Option<facts::ClockReading>>) = webhooks.into_iter().unzip();
    Facts {
        now: clock.now(),
        account,
        clocks: seen.flatten().into_iter().chain(read.into_iter().flatten().take(1)).collect(),
        webhooks,
        polled: settings.sources.polled(),
        silence_limits: nearby::silence_limits(settings),
        pulse: nearby::pulse(settings),
        held: nearby::held(settings),
        kubernetes,
        targets,
        house: house(settings),
    }
}

fn house(settings: &Settings) -> House {
    let server = &settings.server;
    House {
        exposed: (!server.listen.ip().is_loopback()).then(|| server.listen.to_string()),
        memory: matches!(settings.engine, Engine::Memory),
        public_url: server.public_url.as_ref().map(ToString::to_string),
        public_url_is_loopback: server.public_url.as_ref().is_some_and(|url| url.is_loopback()),
    }
}

/// Why no answer came, without the words every such error begins with.
fn in_words(error: &SendError) -> String {
    error.to_string().replace("error sending request: ", "").replace("client error (Connect): ", "")
}

/// Whether CAST AI needs no proof.
fn believes_all(verifier: &Verifier) -> bool {
    matches!(verifier, Verifier::None)
}
