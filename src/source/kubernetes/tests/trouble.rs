//! Every error is one of the kinds, says what was said, and stays short.

use super::*;

fn api(code: u16, message: &str) -> Trouble {
    Trouble::from(&kube::Error::Api(Status::failure(message, "").with_code(code).boxed()))
}

#[test]
fn a_refusal_is_told_with_its_cure() {
    let forbidden = api(403, "nodes is forbidden: User \"x\" cannot list resource \"nodes\"");
    assert_eq!(forbidden.kind, TroubleKind::Forbidden);
    assert_eq!(
        forbidden.to_string(),
        "the API server answered 403: nodes is forbidden: User \"x\" cannot list resource \"nodes\"; \
         apply deploy/kubernetes/rbac.yaml and let the pod run as its ServiceAccount: \
         the relay must `list` and `watch` events and nodes"
    );
}

#[test]
fn statuses_are_told_apart_wherever_they_stand() {
    for (code, kind) in [
        (401, TroubleKind::Unauthorized),
        (403, TroubleKind::Forbidden),
        (410, TroubleKind::Gone),
        (429, TroubleKind::Refused),
        (500, TroubleKind::Refused),
    ] {
        assert_eq!(api(code, "").kind, kind);
        let in_the_stream = watcher::Error::WatchError(Status::failure("", "").with_code(code).boxed());
        assert_eq!(Trouble::from(&in_the_stream).kind, kind);
        let at_the_start =
            watcher::Error::WatchStartFailed(kube::Error::Api(Status::default().with_code(code).boxed()));
        assert_eq!(Trouble::from(&at_the_start).kind, kind);
    }
}

#[test]
fn all_causes_are_named_and_none_twice() {
    let refused = std::io::Error::other("connection refused");
    let trouble = Trouble::from(&kube::Error::ReadEvents(refused));
    assert_eq!((trouble.kind, trouble.detail.as_str()), (TroubleKind::Unreachable, "connection refused"));
}

#[test]
fn a_page_of_html_is_cut_and_its_line_breaks_go() {
    let page = format!("<html>\n{}", "x".repeat(10_000));
    let detail = api(502, &page).detail;
    assert!(detail.chars().count() <= MAX_DETAIL && !detail.contains('\n'), "{detail}");
}
