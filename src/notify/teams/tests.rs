//! The URL and its mistakes; what an answer means; that the signature stays as it was.

use super::*;
use crate::event::delivery::Reason;
use crate::notify::samples::recorded;

#[test]
fn every_recorded_answer_means_what_is_recorded() {
    let answers = recorded("teams");
    assert_eq!(answers.len(), 7);
    for answer in answers {
        answer.assert_means(verdict::classify(answer.status, &answer.body, answer.retry_after));
    }
}

#[test]
fn any_success_is_one_but_a_page_and_one_that_says_that_teams_refused() {
    for body in ["", "1", "{}", "Accepted"] {
        assert_eq!(verdict::classify(202, body, None), Ok(()), "{body}");
    }
    assert!(verdict::classify(200, "<html>Sign in</html>", None).unwrap_err().ambiguous);
    let refused = |status: &str| {
        let body = format!(
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {status} with"
        );
        verdict::classify(200, &body, None).unwrap_err().reason
    };
    assert_eq!(refused("429"), Reason::RateLimited);
    assert_eq!(refused("413"), Reason::MessageRefused);
    assert_eq!(refused("404"), Reason::TargetRefused);
    assert_eq!(refused("5"), Reason::TargetFailed);
}

#[test]
fn a_url_that_triggers_nothing_is_refused_with_the_reason() {
    let mistakes = [
        ("acme.webhook.office.com/webhookb2/x", "is not a URL"),
        ("http://a.environment.api.powerplatform.com/x?sig=y", "must start with `https://`"),
        ("https://acme.webhook.office.com/webhookb2/x/IncomingWebhook/y/z", "is the URL of an Office 365 connector"),
        ("https://outlook.office.com/webhook/x", "is the URL of an Office 365 connector"),
        ("https://prod-01.westeurope.logic.azure.com:443/workflows/x?sig=y", "is an old URL of a workflow"),
        ("https://make.powerautomate.com/environments/x/flows/y", "is a page for people"),
        ("https://a.01.environment.api.powerplatform.com:443/powerautomate/x?api-version=1", "has no `sig=…`"),
    ];
    for (url, mistake) in mistakes {
        let said = workflow(url).unwrap_err();
        assert!(said.starts_with(mistake), "{url}: {said}");
    }
}

#[test]
fn the_query_stays_as_it_was_byte_by_byte() {
    let query = "api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=a-B_c%2Bd%2Fe";
    let url = format!("https://a.01.environment.api.powerplatform.com:443/powerautomate/x?{query}");
    assert_eq!(workflow(&url).unwrap().query(), Some(query));
}
