//! Clauses on who is told instead: of dead letters, and of what a target that is shut owes for too long.

use castai_relay::event::delivery::Phase;
use castai_relay::store::{End, Origin, Ruling};

use super::owed::*;
use super::*;

/// Mail is told instead of Slack: of dead letters at once, of the rest when Slack has been shut for 100 seconds.
fn slack() -> Script {
    Script::default().fallback("mail", 100)
}

fn refused() -> How {
    let detail = "no_service".to_owned();
    let outcome = Outcome::Retry { at: at(0), reason: Reason::TargetRefused, ambiguous: false, detail: detail.clone() };
    (outcome, Sign::Refusing { reason: Reason::TargetRefused, detail })
}

/// Closes Slack at the beginning of time, by an event that it still owes.
async fn close(store: &Arc<dyn Store>) {
    keep(store, [owing("closing", 0, &["slack"])]).await;
    let batch = slack().claim_one(store, "slack", at(0)).await;
    assert!(is_done(&slack().settle(store, &batch, refused(), at(0)).await));
}

pub async fn a_dead_letter_goes_to_the_fallback_target_once(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let batch = slack().claim_one(&store, "slack", at(0)).await;
    let Settled::Done { after, .. } = slack().settle(&store, &batch, dead(), at(1)).await else {
        panic!("it was settled in time")
    };
    assert_eq!((fell_back(&after), after.woken.contains(&target("mail"))), (1, true));
    let instead = claim_one(&store, "mail", at(1)).await;
    assert_eq!((name_of(instead.lead()), instead.attempt), ("a", 1));
    settle(&store, &instead, dead()).await;
    let rows = stored(&store, "a").await.deliveries;
    let origins: Vec<_> = rows.iter().map(|row| (row.owed.target.clone(), row.origin)).collect();
    assert_eq!(origins, [(target("slack"), Origin::Route), (target("mail"), Origin::Fallback)]);
    assert_eq!((&rows[0].fell_back_to, &rows[1].fell_back_to), (&Some(target("mail")), &None));
    assert!(claim(&store, "slack", at(1_000)).await.is_empty(), "it does not come back");
}

pub async fn what_a_target_that_is_shut_for_too_long_owes_goes_to_the_fallback_target_too(store: Arc<dyn Store>) {
    close(&store).await;
    keep(&store, [owing("a", 10, &["slack"]), owing("b", 20, &["slack"])]).await;
    let claimed = claim_on(&store, "slack", at(99), &slack().terms()).await;
    assert_eq!((fell_back(&claimed.after), claimed.batches.len()), (0, 0));
    assert_eq!(slack().next_due(&store, "slack", at(99)).await, Some(at(100)));
    let claimed = claim_on(&store, "slack", at(100), &slack().terms()).await;
    assert_eq!((fell_back(&claimed.after), claimed.after.woken.contains(&target("mail"))), (3, true));
    let instead = claim(&store, "mail", at(100)).await;
    assert_eq!(names(&instead), ["closing", "a", "b"]);
    for batch in &instead {
        settle(&store, batch, delivered()).await;
    }
    assert_eq!(fell_back(&claim_on(&store, "slack", at(101), &slack().terms()).await.after), 0, "once");

    keep(&store, [owing("c", 150, &["slack"])]).await;
    assert_eq!(
        fell_back(&claim_on(&store, "slack", at(150), &slack().terms()).await.after),
        1,
        "and what comes after, at once"
    );
    let instead = claim_one(&store, "mail", at(150)).await;
    assert_eq!(name_of(instead.lead()), "c");
    settle(&store, &instead, delivered()).await;

    let probe = slack().claim_one(&store, "slack", at(300)).await;
    slack().settle(&store, &probe, delivered(), at(300)).await;
    let late = slack().claim(&store, "slack", at(300)).await;
    assert_eq!(late.len(), 3, "the target that is open again is told, too");
    for batch in &late {
        slack().settle(&store, batch, dead(), at(301)).await;
    }
    assert!(claim(&store, "mail", at(301)).await.is_empty(), "what fell back does not fall back again");
}

pub async fn a_target_that_opens_again_in_time_bothers_nobody_else(store: Arc<dyn Store>) {
    let script = Script::default().fallback("mail", 400);
    close(&store).await;
    let probe = script.claim_one(&store, "slack", at(300)).await;
    script.settle(&store, &probe, delivered(), at(300)).await;
    keep(&store, [owing("a", 450, &["slack"])]).await;
    assert_eq!(fell_back(&claim_on(&store, "slack", at(450), &script.terms()).await.after), 0);
    assert!(claim(&store, "mail", at(450)).await.is_empty());
}

pub async fn hundreds_fall_back_each_once(store: Arc<dyn Store>) {
    close(&store).await;
    keep(&store, (0..1_500).map(|n| owing(&n.to_string(), 1, &["slack"]))).await;
    assert_eq!(fell_back(&claim_on(&store, "slack", at(100), &slack().terms()).await.after), 1_501);
    assert_eq!(claim(&store, "mail", at(100)).await.len(), 1_501);
}

pub async fn the_end_of_an_incident_goes_where_its_beginning_went(store: Arc<dyn Store>) {
    keep(&store, [opens(owing("begun", 0, &["slack"]), "prod")]).await;
    let begun = slack().claim_one(&store, "slack", at(0)).await;
    slack().settle(&store, &begun, dead(), at(1)).await;
    let instead = claim_one(&store, "mail", at(1)).await;
    assert_eq!(instead.incident.as_ref().map(|incident| incident.phase), Some(Phase::Open));
    settle(&store, &instead, delivered()).await;
    keep(&store, [ends(owing("over", 2, &["slack"]), "prod")]).await;
    assert!(slack().claim(&store, "slack", at(2)).await.is_empty(), "Slack never heard of it");
    let over = claim_one(&store, "mail", at(2)).await;
    assert_eq!((name_of(over.lead()), over.incident.as_ref().unwrap().phase), ("over", Phase::Resolve));
}

pub async fn both_are_told_the_end_of_what_both_were_told(store: Arc<dyn Store>) {
    close(&store).await;
    keep(&store, [opens(owing("begun", 1, &["slack"]), "prod")]).await;
    claim_on(&store, "slack", at(100), &slack().terms()).await;
    for batch in claim(&store, "mail", at(100)).await {
        settle(&store, &batch, delivered()).await;
    }
    let probe = slack().claim_one(&store, "slack", at(300)).await;
    slack().settle(&store, &probe, delivered(), at(300)).await;
    let begun = slack().claim_one(&store, "slack", at(300)).await;
    slack().settle(&store, &begun, delivered(), at(300)).await;
    keep(&store, [ends(owing("over", 310, &["slack"]), "prod")]).await;
    assert_eq!(names(&slack().claim(&store, "slack", at(310)).await), ["over"]);
    assert_eq!(names(&claim(&store, "mail", at(310)).await), ["over"]);
}

/// Told to mail, it would never end: its end has come already.
pub async fn what_is_over_when_it_is_given_up_is_no_news_to_anybody_else(store: Arc<dyn Store>) {
    keep(&store, [opens(owing("begun", 0, &["slack"]), "prod")]).await;
    let begun = slack().claim_one(&store, "slack", at(0)).await;
    keep(&store, [ends(owing("over", 1, &["slack"]), "prod")]).await;
    slack().settle(&store, &begun, dead(), at(2)).await;
    assert_eq!(state_of(&store, "begun").await, DeliveryState::Dead);
    assert_eq!(state_of(&store, "over").await, DeliveryState::Superseded);
    assert!(claim(&store, "mail", at(2)).await.is_empty());
}

pub async fn an_end_that_is_given_up_is_told_to_nobody_who_heard_of_no_beginning(store: Arc<dyn Store>) {
    keep(&store, [opens(owing("begun", 0, &["slack"]), "prod")]).await;
    let begun = slack().claim_one(&store, "slack", at(0)).await;
    slack().settle(&store, &begun, delivered(), at(0)).await;
    keep(&store, [ends(owing("over", 1, &["slack"]), "prod")]).await;
    let over = slack().claim_one(&store, "slack", at(1)).await;
    let Settled::Done { after, .. } = slack().settle(&store, &over, dead(), at(2)).await else {
        panic!("it was settled in time")
    };
    assert_eq!((fell_back(&after), &stored(&store, "over").await.deliveries[0].fell_back_to), (0, &None));
    assert!(claim(&store, "mail", at(2)).await.is_empty());
}

/// It belongs to an earlier event, but comes later.
pub async fn what_falls_back_waits_for_what_is_on_its_way_of_its_incident(store: Arc<dyn Store>) {
    let mail = Script::default().groups("everything", 0, 10);
    let in_group = |name, targets: &[&str]| grouped(owing(name, 0, targets), "all", 0);
    keep(&store, [opens(in_group("first", &["slack"]), "prod"), opens(owing("second", 0, &["mail"]), "prod")]).await;
    let second = mail.claim_one(&store, "mail", at(0)).await;
    let first = slack().claim_one(&store, "slack", at(0)).await;
    slack().settle(&store, &first, dead(), at(1)).await;
    keep(&store, [in_group("third", &["mail"])]).await;
    assert_eq!(all_told(&mail.claim(&store, "mail", at(1)).await), [["third"]], "`second` is on its way");
    mail.settle(&store, &second, delivered(), at(2)).await;
    assert_eq!(all_told(&mail.claim(&store, "mail", at(31)).await), [["first", "third"]]);
}

pub async fn an_incident_that_fell_back_times_out_where_it_was_told(store: Arc<dyn Store>) {
    keep(&store, [opens_for(owing("begun", 0, &["slack"]), "prod", 100)]).await;
    let begun = slack().claim_one(&store, "slack", at(0)).await;
    slack().settle(&store, &begun, dead(), at(50)).await;
    settle(&store, &claim_one(&store, "mail", at(60)).await, delivered()).await;
    assert_eq!(next_due(&store, "mail", at(60)).await, Some(at(100)), "when it would have here");
    assert!(slack().claim(&store, "slack", at(100)).await.is_empty(), "Slack never heard of it");
    let over = claim_one(&store, "mail", at(100)).await;
    let incident = over.incident.as_ref().unwrap();
    assert_eq!((incident.phase, incident.timed_out), (Phase::Resolve, true));
    settle(&store, &over, delivered()).await;
    assert!(claim(&store, "mail", at(1_000)).await.is_empty(), "it ends once");
}

/// Mail stands in for Slack, so it must not say that it is over while it goes on.
pub async fn what_is_heard_of_an_incident_here_lets_it_go_on_where_it_was_told_instead(store: Arc<dyn Store>) {
    close(&store).await;
    keep(&store, [opens_for(owing("begun", 1, &["slack"]), "prod", 500)]).await;
    claim_on(&store, "slack", at(100), &slack().terms()).await;
    for batch in claim(&store, "mail", at(100)).await {
        settle(&store, &batch, delivered()).await;
    }
    let probe = slack().claim_one(&store, "slack", at(300)).await;
    slack().settle(&store, &probe, delivered(), at(300)).await;
    keep(&store, [opens_for(owing("more", 400, &["slack"]), "prod", 500)]).await;
    assert_eq!(next_due(&store, "mail", at(400)).await, Some(at(900)));
}

/// The rule of the clauses below: what belongs to `route` is silent.
fn silencing(script: Script, quiet: &'static str) -> Script {
    script.ruled(move |candidate, _| match candidate.route.as_str() == quiet {
        true => Ruling::End(End::Silenced { detail: "sh".to_owned() }),
        false => Ruling::Leave,
    })
}

pub async fn what_is_silent_does_not_fall_back(store: Arc<dyn Store>) {
    let script = silencing(slack(), "quiet");
    close(&store).await;
    keep(&store, [by_route(owing("quiet", 1, &["slack"]), "quiet"), owing("loud", 2, &["slack"])]).await;
    let claimed = claim_on(&store, "slack", at(100), &script.terms()).await;
    assert_eq!((fell_back(&claimed.after), claimed.after.ended.len()), (2, 1));
    assert_eq!(state_of(&store, "quiet").await, DeliveryState::Silenced);
    assert_eq!(names(&claim(&store, "mail", at(100)).await), ["closing", "loud"]);
}

pub async fn a_dead_letter_that_is_silent_by_now_goes_to_nobody_else(store: Arc<dyn Store>) {
    keep(&store, [by_route(owing("a", 0, &["slack"]), "quiet")]).await;
    let batch = slack().claim_one(&store, "slack", at(0)).await;
    silencing(slack(), "quiet").settle(&store, &batch, dead(), at(1)).await;
    assert_eq!(states(&store, "a").await, [DeliveryState::Dead]);
}

pub async fn two_targets_with_one_fallback_tell_it_once(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack", "teams"])]).await;
    for name in ["slack", "teams"] {
        let batch = slack().claim_one(&store, name, at(0)).await;
        slack().settle(&store, &batch, dead(), at(1)).await;
    }
    assert_eq!(names(&claim(&store, "mail", at(1)).await), ["a"]);
}

/// Of one event: Slack by one route, mail by another one.
fn by_two_routes(name: &str, other: &str) -> Append {
    let mut append = owing(name, 0, &["slack", "mail"]);
    append.owed[1].route = route(other);
    append
}

pub async fn who_is_told_by_a_route_anyway_is_not_told_instead(store: Arc<dyn Store>) {
    keep(&store, [by_two_routes("a", "letters")]).await;
    let batch = slack().claim_one(&store, "slack", at(0)).await;
    slack().settle(&store, &batch, dead(), at(1)).await;
    assert_eq!(names(&claim(&store, "mail", at(1)).await), ["a"]);
    assert_eq!(states(&store, "a").await.len(), 2);
}

/// Whichever of the two comes first.
pub async fn who_is_told_nothing_by_a_route_is_told_instead(store: Arc<dyn Store>) {
    let mail = silencing(Script::default(), "quiet");
    keep(&store, [by_two_routes("silent first", "quiet"), by_two_routes("dead first", "quiet")]).await;
    let both = slack().claim(&store, "slack", at(0)).await;
    slack().settle(&store, &both[1], dead(), at(1)).await;
    let claimed = store.claim(claim_of("mail", at(1), 10, &mail.terms())).await.unwrap();
    assert_eq!((claimed.after.ended.len(), fell_back(&claimed.after), claimed.more), (2, 1, true));
    slack().settle(&store, &both[0], dead(), at(2)).await;
    assert_eq!(names(&mail.claim(&store, "mail", at(2)).await), ["dead first", "silent first"]);
    use DeliveryState::{Dead, Pending, Silenced};
    assert_eq!(states(&store, "dead first").await, [Dead, Silenced, Pending]);
}

/// The copy of one route is silent, that of the other is not.
pub async fn what_stood_in_for_two_and_is_silent_is_told_for_the_other(store: Arc<dyn Store>) {
    let mail = silencing(Script::default(), "quiet");
    let mut append = owing("a", 0, &["slack", "teams"]);
    append.owed[0].route = route("quiet");
    keep(&store, [append]).await;
    for name in ["slack", "teams"] {
        let batch = slack().claim_one(&store, name, at(0)).await;
        slack().settle(&store, &batch, dead(), at(1)).await;
    }
    let told = mail.claim(&store, "mail", at(1)).await;
    assert_eq!(told.iter().map(|batch| batch.route().as_str()).collect::<Vec<_>>(), ["everything"]);
    assert!(mail.claim(&store, "mail", at(2)).await.is_empty());
}
