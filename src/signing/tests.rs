//! The published vectors, and who believes what is signed by several keys.

use super::*;

/// Name, secret, id, time, body and signature: the reference library's test, the one in svix's documentation, and two
/// more that were worked out with another implementation (<https://github.com/standard-webhooks/standard-webhooks>).
const VECTORS: &[(&str, &str, &str, i64, &str, &str)] = &[
    (
        "A",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1_649_367_553,
        r#"{"email":"test@example.com","username":"test_user"}"#,
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
    (
        "B",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "C",
        "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
        "evt_01J0000000000000000000000A",
        1_767_225_600,
        r#"{"type":"alert.resolved","timestamp":"2026-01-01T00:00:00Z","data":{"title":"Zürich – déjà vu 🔥"}}"#,
        "v1,4+luTX2iSmU6KoInlP8Wryy9i1xAqh7lJT7wGNO0CsU=",
    ),
    (
        "D",
        "whsec_/////////////////////////////////////////////////////////////////////////////////////w==",
        "msg_empty",
        1_700_000_000,
        "",
        "v1,AEI/opy7QgBtP+jz1SLJj7VK925rK2TWuPqA2gnL3Os=",
    ),
];

fn keys(secrets: &[&str]) -> SigningKeys {
    let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::literal(*secret)).collect();
    SigningKeys::of_standard_webhooks(&Secrets::try_from(secrets).unwrap()).unwrap()
}

/// The three headers' values, when they are signed at so many seconds.
fn signed(keys: &SigningKeys, id: &str, seconds: i64, body: &str) -> [String; 3] {
    standard_webhooks(keys, id, Timestamp::from_millis(seconds * 1000 + 999), body.as_bytes()).map(|(_, value)| value)
}

#[test]
fn the_published_vectors_are_what_is_sent() {
    for (name, secret, id, seconds, body, signature) in VECTORS {
        let expected = [id.to_string(), seconds.to_string(), signature.to_string()];
        assert_eq!(signed(&keys(&[secret]), id, *seconds, body), expected, "{name}");
    }
}

#[test]
fn each_key_signs_and_the_first_one_first() {
    let [(_, a, ..), (_, b, ..), ..] = VECTORS else { panic!("there are four") };
    let signature = |secrets: &[&str]| signed(&keys(secrets), "msg_1", 1, "{}")[2].clone();
    assert_eq!(signature(&[a, b]), format!("{} {}", signature(&[a]), signature(&[b])));
    let alone = keys(&[a, b]).first_alone();
    assert_eq!(signed(&alone, "msg_1", 1, "{}")[2], signature(&[a]));
    assert_ne!(signature(&[a]), signature(&[b]));
}

#[test]
fn githubs_vector_is_what_is_signed() {
    let secrets = Secrets::try_from(vec![Secret::literal("It's a Secret to Everybody")]).unwrap();
    let signature = SigningKeys::try_from(secrets).unwrap().sign(&[b"Hello, ", b"World!"]);
    // <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
    let expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(crate::names::hex(&signature), expected);
}

#[test]
fn a_secret_that_is_none_is_refused_without_a_word_of_it() {
    for bad in ["whsec_not base64", "whsec_c2hvcnQ=", "hunter2hunter2"] {
        let secrets = Secrets::try_from(vec![Secret::literal(bad)]).unwrap();
        let error = SigningKeys::of_standard_webhooks(&secrets).unwrap_err();
        assert!(!error.contains(&bad[6..]), "{error}");
    }
}
