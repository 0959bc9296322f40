//! What is made of clocks, silence, the public URL and the configuration.

use super::*;

#[test]
fn a_clock_is_tolerated_for_half_a_minute_and_harmful_after_five() {
    for (seconds, expected) in [(30, None), (31, Some('!')), (300, Some('!')), (301, Some('✗'))] {
        for sign in [-1, 1] {
            let mut facts = healthy();
            facts.clocks[0].theirs = ago(sign * seconds);
            facts.clocks[0].ours = now();
            assert_eq!(said(&facts).first().and_then(|line| line.chars().next()), expected, "{seconds} {sign}");
        }
    }
}

#[test]
fn a_store_that_cannot_be_looked_at_says_why_and_is_no_fault() {
    for pulse in [Pulse::Memory, Pulse::Unreadable("no database".into()), Pulse::Never] {
        let facts = Facts { pulse, ..healthy() };
        assert_eq!(said(&facts), [""; 0]);
        assert!(lines(&facts).iter().any(|line| line.check == "last heard" && line.verdict == Mark::Unknown));
    }
}

/// The healthy facts with another story of one source.
fn heard(source: &SourceName, heard: Heard) -> Facts {
    let mut facts = healthy();
    if let Pulse::Kept(record) = &mut facts.pulse {
        record.sources.insert(source.clone(), heard);
    }
    facts
}

#[test]
fn silence_is_judged_by_its_limit_and_by_how_the_source_is_heard() {
    let castai = SourceName::parse("castai").unwrap();
    let never = Heard { since: ago(86_400), heard_at: None, event_at: None };
    one(&heard(&castai, never), "! last heard: nothing yet, since 1d ago");
    one(
        &heard(&SourceName::audit_log(), never),
        "✗ last heard: nothing yet, since 1d ago; nothing for longer than the 15m",
    );
    let long_ago = Heard { heard_at: Some(ago(7 * 86_400)), ..never };
    assert_eq!(said(&heard(&castai, long_ago)), [""; 0], "a webhook without a limit may be quiet for ever");
    let mut unlimited = heard(&SourceName::audit_log(), long_ago);
    unlimited.silence_limits.clear();
    one(&unlimited, "✗ last heard: 7d ago; no event yet");
    let mut unknown = healthy();
    unknown.polled.push(SourceName::savings());
    assert_eq!(said(&unknown), [""; 0]);
}

#[test]
fn a_relay_that_does_not_run_does_not_make_its_sources_silent() {
    let mut facts = healthy();
    if let Pulse::Kept(record) = &mut facts.pulse {
        record.alive_at = ago(50);
    }
    facts.now = ago(-86_400);
    for (held, expected) in [
        (None, "! relay: last seen 1d ago"),
        (Some(false), "! relay: does not run; last seen 1d ago"),
        (Some(true), "! relay: runs, and was last seen 1d ago"),
    ] {
        one(&Facts { held, ..facts.clone() }, expected);
    }
}

#[test]
fn a_relay_that_died_a_moment_ago_is_not_said_to_run() {
    one(&Facts { held: Some(false), ..healthy() }, "! relay: does not run; last seen 30s ago");
}

#[test]
fn a_refused_credential_is_told_from_one_that_was_taken_away() {
    let refusal = |message: &str| Answered::With {
        status: 401,
        refusal: Some(("unauthorized".into(), message.into())),
        believed: false,
        location: None,
    };
    let friend =
        |message: &str| with_webhook(|webhook| webhook.public.as_mut().unwrap().friend = Some(refusal(message)));
    let cure = |facts: &Facts| lines(facts).into_iter().find(|line| line.verdict == Mark::Wrong).unwrap().cure.unwrap();
    assert!(cure(&friend("header `authorization` is missing")).contains("the ingress takes the header away"));
    assert!(cure(&friend("header `authorization` fits none")).contains("knows other secrets"));
}

#[test]
fn a_relay_that_is_overloaded_is_a_warning() {
    let overloaded = || Answered::With {
        status: 503,
        refusal: Some(("overloaded".into(), "too many requests are in flight".into())),
        believed: false,
        location: None,
    };
    let public = Public { stranger: overloaded(), friend: Some(overloaded()) };
    one(&with_webhook(|webhook| webhook.public = Some(public)), "! public url: the relay at");
}

#[test]
fn a_configuration_without_any_source_is_wrong() {
    let facts = Facts { webhooks: vec![], polled: vec![], account: None, kubernetes: None, ..healthy() };
    one(&facts, "✗ sources: there is none");
}

#[test]
fn a_cluster_that_cannot_be_asked_is_one_finding_and_a_missing_permission_another() {
    let obstacle = || Obstacle { said: "no route".into(), cure: "look at the network".into() };
    let unreached = Facts { kubernetes: Some(Kubernetes::Unreached(obstacle())), ..healthy() };
    one(&unreached, "✗ kubernetes: no route");
    let forbidden = Kubernetes::Reached(vec![("Events", None), ("Nodes", Some(obstacle()))]);
    one(&Facts { kubernetes: Some(forbidden), ..healthy() }, "✗ kubernetes: no route");
}

#[test]
fn a_target_that_does_not_answer_is_wrong_whatever_others_do() {
    let dead = Target { name: "oncall".into(), reached: Err("refused".into()), ..healthy().targets[0].clone() };
    let mut facts = healthy();
    facts.targets.push(dead);
    one(&facts, "✗ target: https://x/… does not answer: refused");
}

#[test]
fn a_target_that_answers_and_lets_nobody_in_is_wrong_and_says_why() {
    let mut facts = healthy();
    let shut = Target { reached: Err("answered 200 `invalid_auth`: compare it".into()), ..facts.targets[0].clone() };
    facts.targets.push(Target { reached: Ok(0), ..facts.targets[0].clone() });
    facts.targets.push(shut);
    one(&facts, "✗ target: https://x/… does not let us in: answered 200 `invalid_auth`: compare it");
    let inside = lines(&facts).into_iter().find(|line| line.found.contains("lets us in; whether the bot may write"));
    assert!(inside.is_some());
}

#[test]
fn a_target_on_this_machine_that_cannot_be_told_is_wrong_and_says_what_is_in_the_way() {
    let here = |here| Target { name: "file".into(), to: None, here: Some(here), ..healthy().targets[0].clone() };
    let obstacle = Obstacle { said: "the disk is full".into(), cure: "make room".into() };
    let mut facts = healthy();
    facts.targets = vec![here(Err(obstacle)), here(Ok("it can be written".into()))];
    one(&facts, "✗ target: the disk is full");
}
