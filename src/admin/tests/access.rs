//! Tokens that cannot be meant, and who a token is.

use super::*;

fn token(name: &str, role: Role, secret: &str) -> Token {
    Token { name: TokenName::parse(name).unwrap(), role, token: Secret::literal(secret) }
}

const LONG: &str = "0123456789abcdef";
const OTHER: &str = "fedcba9876543210";

fn places(single: Option<&str>, tokens: &[Token]) -> Vec<String> {
    let single = single.map(Secret::literal);
    mistakes(single.as_ref(), tokens).into_iter().map(|(place, mistake)| format!("{place}: {mistake}")).collect()
}

#[test]
fn tokens_that_are_long_and_different_are_allowed() {
    assert_eq!(places(None, &[]), [""; 0]);
    assert_eq!(places(Some(LONG), &[token("grafana", Role::Read, OTHER)]), [""; 0]);
}

#[test]
fn each_mistake_is_told_at_its_place_and_none_holds_the_token() {
    let tokens = [
        token("admin", Role::Read, "short"),
        token("a", Role::Read, LONG),
        token("a", Role::Read, "with a blank in it"),
    ];
    let told = places(Some(LONG), &tokens);
    let begins = [
        "tokens[0].token: the token has 5 bytes, at least 16 are needed, because anybody",
        "tokens[1].token: the same token is written as `admin.token`",
        "tokens[2].token: the token has characters that no header can carry",
        "tokens[0].name: `admin` is the name of the token at `admin.token`",
        "tokens[2].name: more than one token is called `a`",
    ];
    assert_eq!(told.len(), begins.len(), "{told:?}");
    for (told, begins) in told.iter().zip(begins) {
        assert!(told.starts_with(begins), "{told}");
        assert!(!told.contains(LONG) && !told.contains("short") && !told.contains("blank"), "{told}");
    }
}

#[test]
fn there_are_not_more_tokens_than_can_be_compared_with_each_request() {
    let token = |n: usize| token(&format!("t{n}"), Role::Read, &format!("{LONG}{n}"));
    let tokens: Vec<_> = (0..=MOST_TOKENS).map(token).collect();
    assert_eq!(places(None, &tokens), ["tokens: 101 tokens are written, at most 100 are allowed"]);
    assert_eq!(places(None, &tokens[1..]), [""; 0]);
}

#[test]
fn whoever_shows_a_token_is_called_by_its_name() {
    let tokens = [token("a", Role::Read, LONG), token("b", Role::Operate, OTHER)];
    let asked = |shown: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {shown}").parse().unwrap());
        check(&headers, &tokens).map(|caller| format!("{} {}", caller.name, caller.role.as_str())).ok()
    };
    assert_eq!(asked(LONG).as_deref(), Some("a read"));
    assert_eq!(asked(OTHER).as_deref(), Some("b operate"));
    assert_eq!(asked("0123456789abcdeg"), None);
    assert_eq!(asked(&LONG[1..]), None);
}

#[test]
fn looking_needs_less_than_anything_else() {
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(Role::for_method(&method), Role::Read);
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::TRACE] {
        assert_eq!(Role::for_method(&method), Role::Operate);
    }
    assert!(Role::Read < Role::Operate);
}
