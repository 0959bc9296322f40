//! What CAST AI writes, in every way it may write it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Odd {
    #[serde(deserialize_with = "text")]
    text: String,
    #[serde(deserialize_with = "optional_text")]
    id: Option<String>,
    #[serde(deserialize_with = "or_default")]
    flag: bool,
    #[serde(deserialize_with = "or_default")]
    list: Vec<u8>,
    #[serde(deserialize_with = "count")]
    count: i64,
    #[serde(deserialize_with = "decimal")]
    money: Decimal,
    #[serde(deserialize_with = "optional_decimal")]
    price: Option<Decimal>,
    #[serde(deserialize_with = "time")]
    time: Option<Timestamp>,
}

fn read(json: &str) -> Result<Odd, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

const FIELDS: [&str; 8] = ["text", "id", "flag", "list", "count", "money", "price", "time"];

#[test]
fn what_is_left_out_or_null_is_zero_or_absent() {
    assert_eq!(read("{}"), Ok(Odd::default()));
    for field in FIELDS {
        assert_eq!(read(&json!({ field: null }).to_string()), Ok(Odd::default()), "{field}");
    }
}

#[test]
fn an_empty_text_is_nothing() {
    for field in ["text", "id", "count", "money", "price", "time"] {
        assert_eq!(read(&json!({ field: "" }).to_string()), Ok(Odd::default()), "{field}");
    }
}

#[test]
fn a_count_is_a_text_or_a_number() {
    let counted = |json: &str| read(&format!(r#"{{"count":{json}}}"#)).map(|odd| odd.count);
    for four in ["4", "\"4\"", "4.0", "4e0", "\"4\"", "0.4e1", " 4 "] {
        assert_eq!(counted(four), Ok(4), "{four}");
    }
    assert_eq!(counted("\"9223372036854775807\""), Ok(i64::MAX));
    assert_eq!(counted("-9223372036854775808"), Ok(i64::MIN));
    for bad in ["4.5", "9223372036854775808", "\"four\"", "true", "[4]", "{}"] {
        assert!(counted(bad).unwrap_err().contains("expected a whole number"), "{bad}");
    }
}

#[test]
fn money_is_what_was_written_and_not_what_a_float_makes_of_it() {
    let money = |json: &str| read(&format!(r#"{{"money":{json}}}"#)).map(|odd| odd.money.to_string());
    for (written, meant) in [
        ("0.1", "0.1"),
        ("\"0.1\"", "0.1"),
        ("1e-7", "0.0000001"),
        ("1.5E+3", "1500"),
        ("\"2210.417700\"", "2210.4177"),
        ("-3.25", "-3.25"),
        ("9007199254740993", "9007199254740993"),
        ("12345678901234567890.12345678", "12345678901234567890.12345678"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("0e64", "0"),
    ] {
        assert_eq!(money(written).as_deref(), Ok(meant), "{written}");
    }
    for bad in
        ["\"12,5\"", "\"$1\"", "\"1_000\"", "\"NaN\"", "\"Infinity\"", "\".5\"", "\"1.\"", "1e65", "1e40", "true", "[]"]
    {
        assert!(money(bad).unwrap_err().contains("expected a decimal number"), "{bad}");
    }
}

#[test]
fn a_price_that_is_not_told_is_not_zero() {
    assert_eq!(read("{}").unwrap().price, None);
    assert_eq!(read(r#"{"price":"0"}"#).unwrap().price, Some(Decimal::ZERO));
}

#[test]
fn a_time_has_up_to_nine_decimals_and_a_zero_one_is_none() {
    let time = |text: &str| read(&json!({ "time": text }).to_string()).map(|odd| odd.time.map(|time| time.to_string()));
    assert_eq!(time("2026-10-05T09:10:00.123456789Z"), Ok(Some("2026-10-05T09:10:00.123Z".into())));
    assert_eq!(time("2026-10-05T11:10:00+02:00"), Ok(Some("2026-10-05T09:10:00Z".into())));
    for zero in ZERO_TIMES.iter().chain(&["", "  "]) {
        assert_eq!(time(zero), Ok(None), "{zero}");
    }
    assert!(
        time("yesterday")
            .unwrap_err()
            .contains("expected a time as `2026-10-05T08:10:00Z`, found the text `yesterday`")
    );
    assert!(read(r#"{"time":1764000000}"#).is_err());
}

#[test]
fn an_error_shows_the_start_of_what_was_found() {
    let said = read(&json!({ "count": "x".repeat(1000) }).to_string()).unwrap_err();
    assert!(said.contains(&format!("`{}…`", "x".repeat(40))), "{said}");
}

#[test]
fn a_required_text_may_not_be_empty() {
    #[derive(Debug, Deserialize)]
    struct Named {
        #[serde(deserialize_with = "required_text")]
        id: String,
    }
    let named =
        |json: &str| serde_json::from_str::<Named>(json).map(|named| named.id).map_err(|error| error.to_string());
    assert_eq!(named(r#"{"id":"a"}"#).as_deref(), Ok("a"));
    for bad in [r#"{"id":""}"#, r#"{"id":null}"#, "{}", r#"{"id":1}"#] {
        assert!(named(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_was_parsed_already_reads_the_same() {
    let value = json!({ "id": "a", "count": "7", "money": "1.10", "time": "2026-10-05T09:10:00Z" });
    assert_eq!(serde_json::from_value::<Odd>(value.clone()).unwrap(), read(&value.to_string()).unwrap());
}

fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "-?[0-9]{1,40}(\\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?".prop_map(Value::from),
    ];
    scalar.prop_recursive(2, 8, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::from))
}

proptest! {
    #[test]
    fn no_value_is_too_odd_to_be_read_or_refused(field in prop::sample::select(&FIELDS[..]), value in any_json()) {
        // Whether it is read or refused is for the other tests to say; a panic would fail this one.
        let _ = read(&json!({ field: value }).to_string());
    }

    #[test]
    fn a_decimal_survives_being_written_in_any_way(digits in -9_999_999_999_999_i64..=9_999_999_999_999, scale in 0_u32..=12) {
        let meant = Decimal::new(digits, scale);
        prop_assert_eq!(parse_decimal(&meant.to_string()), Some(meant));
        prop_assert_eq!(parse_decimal(&format!("{digits}e-{scale}")), Some(meant));
        prop_assert_eq!(parse_decimal(&format!("{digits}.000E-{scale}")), Some(meant));
        let shifted = Decimal::new(digits, 0) * Decimal::from(10_u64.pow(scale));
        prop_assert_eq!(parse_decimal(&format!("{digits}e{scale}")), Some(shifted));
    }
}
