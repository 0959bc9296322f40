//! Which proxies are taken, what is shown of them, and what the environment may say.

use super::*;

fn environment(variables: &[(&str, &str)]) -> Way {
    of_environment(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn through(way: &Way) -> (String, Vec<String>, &'static str) {
    let Way::Through(Proxied { url, past, named_by }) = way else { panic!("{way:?}") };
    (url.to_string(), past.iter().map(ToString::to_string).collect(), *named_by)
}

#[test]
fn a_proxy_shows_all_but_its_password() {
    let url = ProxyUrl::parse("http://ada:s3cret%40word@proxy.example.com:3128").unwrap();
    assert_eq!(url.to_string(), "http://proxy.example.com:3128");
    assert_eq!(format!("{url:?}"), "ProxyUrl(http://proxy.example.com:3128)");
    assert_eq!(url.expose().password(), Some("s3cret%40word"));
    for good in ["http://proxy", "https://proxy:8443/", "http://10.0.0.1:3128", "http://[::1]:3128"] {
        assert!(ProxyUrl::parse(good).is_ok(), "{good}");
    }
}

#[test]
fn what_is_no_proxy_is_refused_without_its_password() {
    for (text, part) in [
        ("proxy.example.com:3128", "is not the URL of a proxy"),
        ("ada:s3cret@proxy.example.com:3128", "is not the URL of a proxy"),
        ("ftp://ada:s3cret@proxy.example.com", "is not the URL of a proxy"),
        ("http://", "is not the URL of a proxy"),
        ("socks5h://ada:s3cret@proxy.example.com", "SOCKS"),
        ("http://proxy.example.com/s3cret", "leave the rest out"),
        ("http://proxy.example.com/?s3cret", "leave the rest out"),
        ("http://169.254.169.254", "clouds keep the credentials"),
    ] {
        let error = ProxyUrl::parse(text).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("s3cret"), "{text}: {error}");
    }
}

#[test]
fn the_environment_is_read_as_everywhere() {
    assert_eq!(environment(&[]), Way::Direct);
    assert_eq!(environment(&[("HTTP_PROXY", "http://proxy:1"), ("NO_PROXY", "*")]), Way::Direct);
    assert_eq!(environment(&[("HTTPS_PROXY", " ")]), Way::Direct);
    let both =
        environment(&[("HTTPS_PROXY", "http://a:1"), ("ALL_PROXY", "http://b:2"), ("https_proxy", "http://c:3")]);
    assert_eq!(through(&both), ("http://a:1".into(), vec![], "HTTPS_PROXY"));
    let small =
        environment(&[("all_proxy", "ada:s3cret@b:2"), ("no_proxy", "localhost, .example.com,10.0.0.0/8,a:1,")]);
    let past = vec![".localhost".to_owned(), ".example.com".to_owned(), "10.0.0.0/8".to_owned()];
    assert_eq!(through(&small), ("http://b:2".into(), past, "all_proxy"));
    let Way::Blocked(why) = environment(&[("ALL_PROXY", "socks5://ada:s3cret@b:2")]) else { panic!() };
    assert!(why.starts_with("the environment variable ALL_PROXY is a SOCKS proxy") && !why.contains("s3cret"), "{why}");
}
