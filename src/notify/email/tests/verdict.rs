//! The words of a verdict; what each code means at each stage is in the contract suite.

use super::*;
use crate::event::delivery::Reason;

fn reply(code: u16, text: &str) -> Reply {
    Reply { code, lines: vec![text.to_owned()] }
}

fn words(failure: Failure) -> String {
    of(&failure, "smtp://mail.test:587").detail
}

#[test]
fn what_is_refused_says_where_by_what_and_what_to_do() {
    let refused = |stage, code, text| words(Failure::Refused(stage, reply(code, text)));
    assert_eq!(
        refused(Stage::From, 550, "5.7.60 SendAsDenied"),
        "smtp://mail.test:587 answered 550 to MAIL FROM `5.7.60 SendAsDenied`: check that this server may send as `from`"
    );
    assert_eq!(
        refused(Stage::Auth, 535, ""),
        "smtp://mail.test:587 answered 535 to AUTH: check the user in `url` and `password`"
    );
    assert_eq!(
        refused(Stage::End, 552, "too big"),
        "smtp://mail.test:587 answered 552 to the end of the mail `too big`"
    );
    assert_eq!(refused(Stage::Greeting, 554, ""), "smtp://mail.test:587 answered 554 to the greeting: check `url`");
    assert!(refused(Stage::End, 554, &"x".repeat(5000)).chars().count() < 400);
}

#[test]
fn who_looks_at_sender_and_quota_only_at_the_end_refuses_all_mails_there() {
    let at_the_end = |code, text: &str| of(&Failure::Refused(Stage::End, reply(code, text)), "x");
    for text in [
        "Message rejected: Email address is not verified. The following identities failed the check",
        "5.7.60 SMTP; Client does not have permissions to send as this sender",
    ] {
        let error = at_the_end(554, text);
        assert_eq!((error.reason, error.scope), (Reason::TargetRefused, Scope::Target), "{text}");
    }
    assert_eq!(at_the_end(550, "5.4.5 Daily user sending limit exceeded").reason, Reason::RateLimited);
    assert_eq!(at_the_end(554, "5.7.1 Rejected as spam").reason, Reason::MessageRefused);
}

#[test]
fn what_broke_off_says_when_and_only_the_end_leaves_a_doubt() {
    let broken = |stage| Failure::Fault(stage, Fault::Broken("the connection was closed".to_owned()));
    assert_eq!(words(broken(Stage::Data)), "smtp://mail.test:587 at DATA: the connection was closed");
    for stage in [Stage::Connect, Stage::Greeting, Stage::Hello, Stage::Handshake, Stage::Auth, Stage::To, Stage::Data]
    {
        let error = of(&broken(stage), "x");
        assert_eq!((error.reason, error.ambiguous), (Reason::Unreachable, false), "{stage:?}");
    }
    let error = of(&broken(Stage::End), "x");
    assert_eq!((error.reason, error.ambiguous), (Reason::Ambiguous, true));
}
