//! What nobody in between may see or do: TLS before anything that matters, and the password nowhere but there.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::notifier_contract::secrets::{assert_keeps, capture};

const OFFERS: &str = "AUTH PLAIN LOGIN";

/// The password as it is sent.
fn encoded() -> [String; 2] {
    [STANDARD.encode(format!("\0relay@example.com\0{PASSWORD}")), STANDARD.encode(PASSWORD)]
}

#[tokio::test]
async fn with_tls_from_the_first_byte_or_on_demand_a_mail_arrives_and_no_one_else_hears_of_it() {
    for (scheme, tls, in_the_clear) in
        [("smtps", Tls::Implicit("mail.pem"), ""), ("smtp", Tls::OnDemand("mail.pem"), "EHLO [127.0.0.1]\nSTARTTLS\n")]
    {
        for (offers, plain) in [(OFFERS, true), ("AUTH=PLAIN", true), ("auth Login", false)] {
            let mut server = MailServer::with(tls, offers, []).await;
            let sent = notify(&private_notifier(scheme, &server), &any_delivery()).await;
            assert_eq!(Verdict::of(&sent), Verdict::Delivered, "{scheme} {offers}: {sent:?}");
            assert_eq!(server.take_mails().len(), 1);
            let ended = in_time(server.has_ended()).await;
            assert_eq!(ended.in_the_clear, in_the_clear, "{scheme} {offers}");
            let [in_one, alone] = encoded();
            let login = if plain {
                format!("AUTH PLAIN {in_one}\n")
            } else {
                format!("AUTH LOGIN\ncmVsYXlAZXhhbXBsZS5jb20=\n{alone}\n")
            };
            assert!(ended.heard.contains(&login), "{offers}: {}", ended.heard);
            let envelope = "MAIL FROM:<alerts@example.com>\nRCPT TO:<ops@example.org>\nDATA\nQUIT\n";
            assert!(ended.heard.ends_with(envelope), "{}", ended.heard);
        }
    }
}

#[tokio::test]
async fn a_server_that_offers_no_tls_is_told_nothing_in_the_clear() {
    let mut server = MailServer::with(Tls::None, OFFERS, []).await;
    let error = notify(&private_notifier("smtp", &server), &any_delivery()).await.unwrap_err();
    assert_eq!((error.scope, error.reason, error.next), (Scope::Target, Reason::TargetRefused, Next::GiveUp));
    assert!(error.detail.contains("does not offer STARTTLS"), "{error}");
    assert_eq!(in_time(server.has_ended()).await.heard, "EHLO [127.0.0.1]\n");
    assert_eq!(server.take_mails(), [""; 0]);
}

#[tokio::test]
async fn a_server_that_refuses_tls_is_told_nothing_in_the_clear() {
    for (code, expected) in [
        (454, Verdict::Retry(Reason::TargetFailed, Scope::Target, None)),
        (501, Verdict::GiveUp(Reason::TargetRefused, Scope::Target)),
        (250, Verdict::Retry(Reason::TargetFailed, Scope::Target, None)),
    ] {
        let script = [(At::StartTls, Play::Say(reply(code, "no")))];
        let mut server = MailServer::with(Tls::OnDemand("mail.pem"), OFFERS, script).await;
        let result = notify(&private_notifier("smtp", &server), &any_delivery()).await;
        assert_eq!(Verdict::of(&result), expected, "{code}: {result:?}");
        assert!(!in_time(server.has_ended()).await.heard.contains("AUTH"));
    }
}

#[tokio::test]
async fn what_was_said_before_the_handshake_answers_nothing_after_it() {
    let injected = [reply(220, "Ready"), reply(250, "AUTH PLAIN LOGIN")].concat();
    let script = [(At::StartTls, Play::Say(injected))];
    let mut server = MailServer::with(Tls::OnDemand("mail.pem"), OFFERS, script).await;
    let error = notify(&private_notifier("smtp", &server), &any_delivery()).await.unwrap_err();
    assert!(error.detail.contains("went on in the clear after agreeing to TLS"), "{error}");
    assert!(!error.ambiguous && error.reason == Reason::TargetFailed, "{error:?}");
    assert_eq!(in_time(server.has_ended()).await.heard, "EHLO [127.0.0.1]\nSTARTTLS\n");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_or_of_another_name_is_unreachable_and_says_so() {
    for (scheme, tls) in [
        ("smtps", Tls::Implicit("stranger.pem")),
        ("smtp", Tls::OnDemand("stranger.pem")),
        ("smtps", Tls::Implicit("host.pem")),
    ] {
        let server = MailServer::with(tls, OFFERS, []).await;
        let result = notify(&private_notifier(scheme, &server), &any_delivery()).await;
        assert_eq!(Verdict::of(&result), Verdict::UNREACHABLE, "{tls:?}: {result:?}");
        assert!(result.unwrap_err().detail.contains("certificate"), "{tls:?}");
        assert_eq!(server.take_mails(), [""; 0]);
    }
    // Whom the named authority does not vouch for is not trusted because the system may.
    let server = MailServer::with(Tls::Implicit("mail.pem"), OFFERS, []).await;
    let ca = format!(", ca: \"{}\"", fixture("authority.pem").display());
    let other = built(&section(&format!("smtps://relay@localhost:{}", server.address.port()), &ca));
    let result = notify(&other, &any_delivery()).await;
    assert!(result.as_ref().is_err_and(|error| error.detail.contains("certificate")), "{result:?}");
}

#[tokio::test]
async fn a_handshake_that_is_none_or_hangs_is_unreachable_or_dropped() {
    let mut server =
        MailServer::with(Tls::None, OFFERS, [(At::Greeting, Play::Hang(b"220 in the clear\r\n".to_vec()))]).await;
    let (notifier, delivery) = (private_notifier("smtps", &server), any_delivery());
    let result = notify(&notifier, &delivery).await;
    assert_eq!(Verdict::of(&result), Verdict::UNREACHABLE, "{result:?}");
    in_time(server.has_ended()).await;
    let mut server = MailServer::with(Tls::None, OFFERS, [(At::Greeting, Play::Hang(vec![]))]).await;
    let notifier = private_notifier("smtps", &server);
    tokio::select! {
        result = notify(&notifier, &delivery) => panic!("{result:?}"),
        () = server.has_acted() => {}
    }
    in_time(server.has_ended()).await;
}

#[tokio::test]
async fn a_server_that_takes_no_password_is_told_none() {
    for offers in ["SIZE 7", "AUTH XOAUTH2 GSSAPI", "AUTHPLAIN", "XAUTH PLAIN"] {
        let mut server = MailServer::with(Tls::Implicit("mail.pem"), offers, []).await;
        let error = notify(&private_notifier("smtps", &server), &any_delivery()).await.unwrap_err();
        assert_eq!((error.scope, error.reason), (Scope::Target, Reason::TargetRefused), "{offers}");
        assert!(error.detail.contains("neither AUTH PLAIN nor AUTH LOGIN"), "{error}");
        assert_eq!(in_time(server.has_ended()).await.heard, "EHLO [127.0.0.1]\n", "{offers}");
    }
}

#[tokio::test]
async fn a_server_without_a_login_is_not_logged_in_to() {
    let mut server = MailServer::playing([]).await;
    let open = built(&section(&format!("smtp://{}", server.address), ""));
    assert_eq!(Verdict::of(&notify(&open, &any_delivery()).await), Verdict::Delivered);
    assert!(!in_time(server.has_ended()).await.heard.contains("AUTH"));
}

#[tokio::test]
async fn no_error_and_no_log_line_shows_the_password_even_if_the_server_says_it() {
    let [in_one, alone] = encoded();
    let secrets = [PASSWORD, &in_one, &alone];
    let echo = format!("5.7.8 bad AUTH PLAIN {in_one} or {alone} or {PASSWORD}");
    for at in At::IN_THE_CLEAR {
        for code in [250, 354, 421, 451, 535, 550] {
            for play in [Play::Say(reply(code, &echo)), Play::Close(echo.clone().into_bytes())] {
                let server = MailServer::playing([(at, play)]).await;
                let (log, guard) = capture();
                let result = notify(&notifier(&server), &any_delivery()).await;
                let knocked = notifier(&server).knock().await;
                drop(guard);
                let error = result.as_ref().err().map(|error| format!("{error} {error:#?}"));
                assert_keeps(&secrets, &format!("{result:?} {error:?} {knocked:?}"), &format!("{at:?} {code}"));
                assert_keeps(&secrets, &log.text(), &format!("{at:?} {code}"));
            }
        }
    }
}

#[tokio::test]
async fn who_knocks_proves_the_way_and_the_password_and_sends_nothing() {
    let mut server = MailServer::with(Tls::OnDemand("mail.pem"), OFFERS, []).await;
    let (to, opened) = private_notifier("smtp", &server).knock().await.unwrap();
    assert_eq!((to, opened), (format!("smtp://localhost:{}", server.address.port()), Ok(())));
    let heard = in_time(server.has_ended()).await.heard;
    assert!(heard.contains("AUTH PLAIN") && !heard.contains("MAIL"), "{heard}");
    let server = MailServer::playing([(At::Auth, Play::Say(reply(535, "5.7.8 no")))]).await;
    let (_, opened) = notifier(&server).knock().await.unwrap();
    assert!(opened.unwrap_err().ends_with("answered 535 to AUTH `5.7.8 no`: check the user in `url` and `password`"));
}
