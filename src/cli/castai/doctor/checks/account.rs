//! The key, its region, its organisation, and what it may read.

use super::super::facts::{Account, Answer, Call, Elsewhere, Facts, Refusal};
use super::super::line::Line;
use crate::castai_api::ErrorKind;

const KEY: &str = "api key";
const REGION: &str = "region";
const ORGANIZATION: &str = "organisation";
const PERMISSION: &str = "permission";

/// Why nothing can be said of an account nobody knows the key of.
pub(super) const NOT_CONFIGURED: &str = "the configuration has no section `castai`";

/// What became of the key.
pub(super) enum Key<'a> {
    Accepted,
    /// Not here, but there.
    AcceptedBy(&'a Elsewhere),
    Refused(&'a Refusal),
    /// The calls never got to who would know.
    TurnedAway(&'a Refusal),
    Unreached(&'a Refusal),
}

/// Firewalls and outages tell nothing of the key; any other answer than 401 means that it was accepted.
pub(super) fn key_of(account: &Account) -> Key<'_> {
    let refusals = || account.calls.iter().filter_map(|call| call.refusal());
    let of_kind = |kinds: &[ErrorKind]| refusals().find(|refusal| kinds.contains(&refusal.kind));
    let accepted = [ErrorKind::Forbidden, ErrorKind::NotFound, ErrorKind::Refused];
    if account.calls.iter().any(|call| call.answer == Answer::Good) || of_kind(&accepted).is_some() {
        return Key::Accepted;
    }
    if let Some(refusal) = of_kind(&[ErrorKind::Unauthorized]) {
        let there = account.elsewhere.iter().find(|elsewhere| elsewhere.accepts == Some(true));
        return there.map_or(Key::Refused(refusal), Key::AcceptedBy);
    }
    match (of_kind(&[ErrorKind::Firewall]), refusals().next()) {
        (Some(refusal), _) => Key::TurnedAway(refusal),
        (None, Some(refusal)) => Key::Unreached(refusal),
        (None, None) => Key::Accepted,
    }
}

/// Whether CAST AI accepts the key at all.
pub fn key(facts: &Facts) -> Vec<Line> {
    let Some(account) = &facts.account else {
        let cure = "write `castai: { api_url: us, api_key: { env: CASTAI_API_KEY } }`; the role Viewer is enough";
        return vec![Line { cure: Some(cure.to_owned()), ..Line::unknown(KEY, NOT_CONFIGURED) }];
    };
    let at = &account.at;
    vec![match key_of(account) {
        Key::Accepted => Line::good(KEY, format!("accepted by {at}")),
        Key::AcceptedBy(there) => Line::good(KEY, format!("good, but not at {at}: `{}` accepts it", there.written)),
        Key::Refused(refusal) => {
            let found = format!("{at} does not accept it ({}){}", refusal.said, others(&account.elsewhere));
            let cure = "make a new one in the console (user menu, API keys), copy all of it, and check that it has not \
                        expired; a key of another region is answered the same way";
            Line::wrong(KEY, found, cure)
        }
        Key::TurnedAway(refusal) => {
            let found = format!("not known: a firewall in front of {at} turned the calls away ({})", refusal.said);
            Line::wrong(KEY, found, &refusal.cure)
        }
        Key::Unreached(refusal) => {
            Line::wrong(KEY, format!("not known: {at} gave no useful answer ({})", refusal.said), &refusal.cure)
        }
    }]
}

fn others(elsewhere: &[Elsewhere]) -> String {
    let told = |elsewhere: &Elsewhere| match elsewhere.accepts {
        Some(_) => format!(", nor does `{}`", elsewhere.written),
        None => format!(", and `{}` could not be asked", elsewhere.written),
    };
    elsewhere.iter().map(told).collect()
}

/// Whether it is the region the key belongs to.
pub fn region(facts: &Facts) -> Vec<Line> {
    let Some(account) = &facts.account else { return vec![Line::unknown(REGION, NOT_CONFIGURED)] };
    let at = &account.at;
    vec![match key_of(account) {
        Key::Accepted => Line::good(REGION, at),
        Key::AcceptedBy(there) => {
            let found = format!("the key belongs to `{}`, and `castai.api_url` is {at}", there.written);
            Line::wrong(REGION, found, format!("write `castai.api_url: {}`", there.written))
        }
        _ => Line::unknown(REGION, "not known as long as the key is not accepted"),
    }]
}

/// Whether the key stands for the organisation that is meant.
pub fn organization(facts: &Facts) -> Vec<Line> {
    let Some(account) = &facts.account else { return vec![Line::unknown(ORGANIZATION, NOT_CONFIGURED)] };
    if !matches!(key_of(account), Key::Accepted) {
        return vec![Line::unknown(ORGANIZATION, "not known as long as the key is not accepted")];
    }
    vec![match &account.organization {
        Some(id) => of_named(account, id),
        None => of_unnamed(account),
    }]
}

const WHICH: &str = "an enterprise key stands for several organisations: write the id of the one that owns the clusters \
                     as `castai.organization_id`; the console shows it under Organization";

fn of_named(account: &Account, id: &str) -> Line {
    let others: Vec<&String> = account.organizations.iter().filter(|other| *other != id).collect();
    if is_lost(account) {
        return Line::wrong(ORGANIZATION, format!("CAST AI does not find `{id}` for this key (404)"), WHICH);
    }
    if let Some(other) = others.first() {
        let found = format!("`{id}` is configured, and what CAST AI lists belongs to `{other}`");
        return Line::wrong(
            ORGANIZATION,
            found,
            format!("write `castai.organization_id: {other}`, or make a key there"),
        );
    }
    match account.is_empty {
        true => Line::warning(ORGANIZATION, format!("`{id}` has neither clusters nor webhooks"), CONNECT),
        false => Line::good(ORGANIZATION, format!("{id}{}", clusters(account))),
    }
}

const CONNECT: &str = "connect a cluster in the console; if there are some, check `castai.organization_id`";

fn of_unnamed(account: &Account) -> Line {
    if is_lost(account) {
        return Line::wrong(ORGANIZATION, "CAST AI finds nothing for this key (404)", WHICH);
    }
    if account.is_empty {
        let found = "CAST AI answers this key with empty lists only: no clusters, no webhooks";
        return Line::wrong(ORGANIZATION, found, format!("{WHICH}; if it is a plain key, connect a cluster first"));
    }
    let seen = account.organizations.first().map_or("the key's own", String::as_str);
    Line::good(ORGANIZATION, format!("{seen}{}", clusters(account)))
}

fn clusters(account: &Account) -> String {
    match account.clusters.as_ref().map(|clusters| clusters.len()) {
        None => String::new(),
        Some(1) => ", 1 cluster".to_owned(),
        Some(count) => format!(", {count} clusters"),
    }
}

/// Whether lists, which are never missing, were not found: the organisation was not.
pub(super) fn is_lost(account: &Account) -> bool {
    let lists = account.calls.iter().filter(|call| call.is_list());
    lists.filter_map(Call::refusal).any(|refusal| refusal.kind == ErrorKind::NotFound)
}

/// Whether the key may read what the configured sources and this diagnosis ask for: a line for each call.
pub fn permissions(facts: &Facts) -> Vec<Line> {
    let Some(account) = &facts.account else { return vec![Line::unknown(PERMISSION, NOT_CONFIGURED)] };
    let accepted = matches!(key_of(account), Key::Accepted);
    let line = |call: &Call| permission(call, accepted, is_lost(account)).about(call.what);
    account.calls.iter().map(line).collect()
}

fn permission(call: &Call, accepted: bool, lost: bool) -> Line {
    let needed_by = call.needed_by;
    match &call.answer {
        Answer::Good => Line::good(PERMISSION, format!("may be read, for {needed_by}")),
        Answer::NotAsked(why) => Line::unknown(PERMISSION, *why),
        Answer::Refused(_) if !accepted => Line::unknown(PERMISSION, "not known as long as the key is not accepted"),
        Answer::Refused(refusal) if lost && refusal.kind == ErrorKind::NotFound => {
            Line::unknown(PERMISSION, "not known as long as the organisation is not found")
        }
        Answer::Refused(refusal) if refusal.kind == ErrorKind::Forbidden => {
            let found = format!("the key may not read this, and {needed_by} needs it ({})", refusal.said);
            Line::wrong(PERMISSION, found, &refusal.cure)
        }
        Answer::Refused(refusal) if refusal.kind.is_transient() => {
            let found = format!("could not be asked, for {needed_by}: {}", refusal.said);
            Line::warning(PERMISSION, found, &refusal.cure)
        }
        Answer::Refused(refusal) => {
            Line::wrong(PERMISSION, format!("failed, for {needed_by}: {}", refusal.said), &refusal.cure)
        }
    }
}
