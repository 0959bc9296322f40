//! What is made of CAST AI's answers to the key.

use super::*;

const KINDS: [ErrorKind; 12] = [
    ErrorKind::Unauthorized,
    ErrorKind::Firewall,
    ErrorKind::Forbidden,
    ErrorKind::NotFound,
    ErrorKind::Refused,
    ErrorKind::Redirected,
    ErrorKind::RateLimited,
    ErrorKind::Failed,
    ErrorKind::Unreachable,
    ErrorKind::TimedOut,
    ErrorKind::Malformed,
    ErrorKind::Endless,
];

#[test]
fn whatever_becomes_of_a_single_call_is_one_finding() {
    for kind in KINDS {
        for at in 0..5 {
            let facts = with_account(|account| account.calls[at].answer = refused(kind));
            assert_eq!(said(&facts).len(), 1, "{kind:?} {at}: {:#?}", said(&facts));
        }
    }
}

#[test]
fn what_becomes_of_all_calls_alike_is_one_finding_where_it_has_one_cause() {
    for kind in KINDS {
        let facts = with_account(|account| {
            account.calls.iter_mut().for_each(|call| call.answer = refused(kind));
            (account.clusters, account.webhooks) = (None, None);
        });
        let said = said(&facts);
        let expected = match kind {
            ErrorKind::Forbidden | ErrorKind::Refused => 5,
            _ => 1,
        };
        assert_eq!(said.len(), expected, "{kind:?}: {said:#?}");
    }
}

#[test]
fn a_region_that_could_not_be_asked_is_not_said_to_have_refused_the_key() {
    let facts = with_account(|account| {
        account.calls = vec![call(Call::CLUSTERS, refused(ErrorKind::Unauthorized))];
        account.elsewhere = vec![Elsewhere { written: "eu", accepts: None }];
    });
    one(&facts, "does not accept it (no), and `eu` could not be asked");
}

#[test]
fn an_organisation_that_is_named_and_not_found_is_not_said_to_be_missing() {
    let facts = with_account(|account| {
        account.organization = Some("o2".into());
        account.calls.iter_mut().for_each(|call| call.answer = refused(ErrorKind::NotFound));
    });
    one(&facts, "✗ organisation: CAST AI does not find `o2`");
    let empty = with_account(|account| {
        (account.organization, account.is_empty) = (Some("o1".into()), true);
        account.organizations.clear();
    });
    one(&empty, "! organisation: `o1` has neither clusters nor webhooks");
}

#[test]
fn costs_of_a_cluster_that_is_gone_say_nothing_of_the_organisation() {
    let facts = with_account(|account| account.calls[4].answer = refused(ErrorKind::NotFound));
    one(&facts, "✗ permission: failed");
}

#[test]
fn a_key_that_only_a_log_in_page_saw_is_not_said_to_be_accepted() {
    let facts = with_account(|account| {
        account.calls.iter_mut().for_each(|call| call.answer = refused(ErrorKind::Redirected));
        (account.clusters, account.webhooks) = (None, None);
    });
    one(&facts, "✗ api key: not known");
}
