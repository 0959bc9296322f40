//! How lists of hosts are written, and whom each entry means.

use super::*;

fn past(text: &str) -> Past {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn allowed(text: &str) -> Allowed {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_name_that_goes_past_the_proxy_means_all_below_it_too() {
    for text in ["example.com", ".example.com", "EXAMPLE.com", "example.com."] {
        for host in ["example.com", "a.example.com", "a.b.Example.COM", "example.com."] {
            assert!(past(text).has(host), "{text} {host}");
        }
        for host in ["notexample.com", "example.org", "com", "10.0.0.1", ""] {
            assert!(!past(text).has(host), "{text} {host}");
        }
    }
    assert!(past("*").has("anything.example") && past("*").has("10.0.0.1"));
}

#[test]
fn an_allowed_name_is_that_name_alone() {
    assert!(allowed("slack.com").has_name("slack.com") && allowed("slack.com").is_name("SLACK.com."));
    assert!(!allowed("slack.com").has_name("hooks.slack.com"));
    let below = allowed(".slack.com");
    assert!(below.has_name("hooks.slack.com") && below.has_name("slack.com") && !below.has_name("notslack.com"));
    assert!(!below.is_name("slack.com"));
    assert!(allowed("bücher.example").has_name("xn--bcher-kva.example"));
}

#[test]
fn a_network_means_addresses_in_whatever_form_they_stand_in_a_url() {
    for host in ["10.1.2.3", "[::ffff:10.1.2.3]"] {
        assert!(past("10.0.0.0/8").has(host), "{host}");
    }
    assert!(past("[::1]").has("[::1]") && past("::1").has("[::1]") && !past("::1").has("[::2]"));
    let address = "10.1.2.3".parse().unwrap();
    assert!(allowed("10.0.0.0/8").has_address(address) && !allowed("10.0.0.0/8").is_address(address));
    assert!(allowed("10.1.2.3").is_address(address) && allowed("10.1.2.3/32").is_address(address));
}

#[test]
fn public_means_what_is_not_private() {
    let public = allowed("public");
    let has = |text: &str| public.has_address(text.parse().unwrap());
    assert!(has("1.1.1.1") && !has("10.0.0.1") && !has("127.0.0.1") && !has("::ffff:192.168.0.1"));
    assert!(!public.has_name("hooks.slack.com"), "a name says nothing of where it leads");
}

#[test]
fn what_is_shown_is_what_was_written() {
    for text in ["hooks.slack.com", ".slack.com", "10.0.0.0/8", "::1", "public"] {
        assert_eq!(allowed(text).to_string(), text);
    }
    assert_eq!(past("example.com").to_string(), ".example.com");
    assert_eq!(past("*").to_string(), "*");
}

#[test]
fn what_is_no_host_is_refused_and_no_key_is_repeated() {
    let refusal = |text: &str| text.parse::<Allowed>().unwrap_err().to_string();
    for text in ["", ".", "a b", "a/b", "a?b", "*.example.com", "*", "10.0.0.0/33", ".10.0.0.1", "..example.com"] {
        assert!(refusal(text).contains("is neither a host"), "{text}: {}", refusal(text));
    }
    for text in ["example.com:8080", "example.com:443"] {
        assert!(refusal(text).contains("has a port"), "{text}: {}", refusal(text));
    }
    for text in ["https://hooks.slack.com/services/secret", "user:secret@proxy.example.com"] {
        assert!(refusal(text).contains("more than a host") && !refusal(text).contains("secret"), "{}", refusal(text));
    }
}
