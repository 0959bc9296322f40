//! The section `castai`: what may be written there, and what it means.

use super::*;
use crate::config::{Problems, Section};

fn read(text: &str) -> Result<Config, Problems> {
    let section = Section::from_yaml("relay.yaml", text);
    let config = section.read::<Config>();
    section.problems().map(|()| config.unwrap())
}

fn complaint(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn a_key_is_all_that_is_needed() {
    let config = read("api_key: 'abc'").unwrap();
    assert_eq!((config.api_url, config.organization_id, config.timeout), (ApiUrl::Us, None, Span::from_secs(60)));
    assert!(complaint("api_url: us").contains("api_key"));
}

#[test]
fn the_address_is_a_region_or_any_url_that_is_safe() {
    let address = |url: &str| read(&format!("{{ api_key: 'abc', api_url: '{url}' }}")).map(|config| config.api_url);
    for eu in ["eu", "https://api.eu.cast.ai", "https://api.eu.cast.ai/"] {
        assert_eq!(address(eu).unwrap(), ApiUrl::Eu, "{eu}");
    }
    assert_eq!(address("https://api.cast.ai").unwrap(), ApiUrl::Us);
    assert_eq!(address("https://api.india.cast.ai").unwrap().to_string(), "https://api.india.cast.ai/…");
    assert_eq!(address("http://127.0.0.1:8080/castai").unwrap().to_string(), "http://127.0.0.1:8080/…");
    for bad in ["asia", "http://api.cast.ai", "api.cast.ai"] {
        let said = address(bad).unwrap_err().to_string();
        assert!(said.contains("write `us`, `eu`, or the URL of another region's API"), "{bad}: {said}");
    }
}

#[test]
fn every_address_can_be_asked() {
    for url in ["us", "eu", "https://api.in.cast.ai"] {
        assert!(ApiUrl::parse(url).unwrap().endpoint().unwrap().host().ends_with("cast.ai"), "{url}");
    }
}

#[test]
fn what_no_header_can_carry_is_refused_without_repeating_the_key() {
    let said = complaint("api_key: 'SECRET key'");
    assert!(said.contains("copy it once more") && !said.contains("SECRET"), "{said}");
    assert!(complaint("{ api_key: 'abc', organization_id: 'my own' }").contains("is a UUID"));
    assert!(complaint("{ api_key: 'abc', organization_id: '' }").contains("is a UUID"));
}

#[test]
fn a_client_never_prints_its_key() {
    let config = read("{ api_key: 'SECRET' }").unwrap();
    let printed = format!("{config:?}");
    assert!(!printed.contains("SECRET"), "{printed}");
    let clock = Arc::new(crate::runtime::SystemClock);
    assert_eq!(
        format!("{:?}", CastAi::new(config, HttpClient::new().unwrap(), clock)),
        "CastAi(https://api.cast.ai (us))"
    );
}
