//! What each recorded answer means, and what answers mean together.

use super::*;
use crate::event::delivery::Reason;
use crate::notify::samples::recorded;

#[test]
fn every_recorded_answer_means_what_is_recorded() {
    let answers = recorded("alertmanager");
    assert_eq!(answers.len(), 9);
    for answer in answers {
        answer.assert_means(classify(answer.status, &answer.body, answer.retry_after));
    }
}

#[test]
fn what_it_says_is_quoted_and_a_page_is_not() {
    let said = |body| classify(400, body, None).unwrap_err().detail;
    assert_eq!(said("\"start time must be before end time\""), "answered 400 `start time must be before end time`");
    assert_eq!(
        said(r#"{"code":601,"message":"labels in body is required"}"#),
        "answered 400 `labels in body is required`"
    );
    assert_eq!(said("<html>Sign in</html>"), "answered 400");
    assert!(classify(200, "<html>Sign in</html>", None).unwrap_err().ambiguous);
    assert_eq!(classify(200, "", None), Ok(()));
}

/// Each ends like this, in this order.
fn all(results: Vec<Result<Sent, NotifyError>>) -> Result<Sent, NotifyError> {
    let replica = Replica::parse("https://am.example:9093/secret-prefix").unwrap();
    together(results.into_iter().map(|result| (&replica, result)).collect())
}

fn taken() -> Result<Sent, NotifyError> {
    Ok(Sent::default())
}

fn failing(after: Option<Duration>) -> Result<Sent, NotifyError> {
    Err(NotifyError::target_failed(Scope::Target, after, "answered 503"))
}

#[test]
fn what_one_refuses_for_what_it_is_is_given_up_whatever_the_others_say() {
    let refused = || Err(NotifyError::message_refused("answered 400"));
    for results in [vec![taken(), refused()], vec![refused(), failing(None)], vec![failing(None), refused(), taken()]] {
        let error = all(results).unwrap_err();
        assert_eq!((error.next, error.scope, error.reason), (Next::GiveUp, Scope::Message, Reason::MessageRefused));
    }
}

#[test]
fn where_one_took_it_the_others_are_tried_again_and_the_target_stays_open() {
    let second = Duration::from_secs(1);
    let gone = || Err(NotifyError::target_refused("answered 404"));
    for (results, after) in [
        (vec![taken(), failing(None)], None),
        (vec![failing(Some(second)), failing(Some(2 * second)), taken()], Some(2 * second)),
        (vec![taken(), gone()], None),
        (vec![Err(NotifyError::unreachable("refused")), taken()], None),
    ] {
        let error = all(results).unwrap_err();
        assert_eq!((error.next, error.scope), (Next::Retry { after }, Scope::Part));
        assert!(error.detail.contains("am.example") && !error.detail.contains("secret"), "{error}");
    }
}

#[test]
fn where_none_took_it_the_target_fails_or_refuses() {
    let gone = || Err(NotifyError::target_refused("answered 404"));
    let error = all(vec![gone(), failing(None)]).unwrap_err();
    assert_eq!((error.next, error.scope, error.ambiguous), (Next::Retry { after: None }, Scope::Target, false));
    assert_eq!(error.detail, "replica 1 of 2 (am.example): answered 404; replica 2 of 2 (am.example): answered 503");
    let error = all(vec![gone(), gone()]).unwrap_err();
    assert_eq!((error.next, error.scope, error.reason), (Next::GiveUp, Scope::Target, Reason::TargetRefused));
    let broken = all(vec![failing(None), Err(NotifyError::ambiguous(None, "broke off"))]).unwrap_err();
    assert!(broken.ambiguous);
}

#[test]
fn who_is_alone_speaks_for_itself() {
    assert_eq!(all(vec![failing(None)]), failing(None));
    assert_eq!(all(vec![taken()]), taken());
}
