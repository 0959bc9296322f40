//! What people write for durations, rates and sizes, and that it prints back the same.

use super::*;

#[test]
fn durations_rates_and_sizes_print_as_they_are_written() {
    for text in ["250ms", "10s", "5m", "24h", "30d"] {
        let span = Span::parse(text).unwrap();
        assert_eq!(Span::parse(&span.to_string()), Some(span), "{text}");
    }
    for text in ["1/s", "30/m", "500/h"] {
        assert_eq!(Rate::parse(text).unwrap().to_string(), text);
    }
    for text in ["0%", "50%", "100%"] {
        assert_eq!(Percent::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Rate::parse("30/m").unwrap().interval(), Duration::from_secs(2));
    for text in ["512B", "64KiB", "1MiB", "3GiB"] {
        assert_eq!(ByteSize::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn a_number_without_a_unit_is_refused() {
    for text in ["10", "", "s", "1.5h", "-1s", "10 s", "99999999999999999999s", "1000000000000000d"] {
        assert_eq!(Span::parse(text), None, "{text}");
    }
    for text in ["0/s", "1", "1/d", "-1/s", "+1/s", "1.5/s", "1 / s", "/s", "99999999999/s"] {
        assert_eq!(Rate::parse(text), None, "{text}");
    }
    for text in ["50", "101%", "-1%", "+1%", "1.5%", "5 %", "%", "", "99999999999%"] {
        assert_eq!(Percent::parse(text), None, "{text}");
    }
    for text in ["1", "1MB", "1mib", "99999999999GiB"] {
        assert_eq!(ByteSize::parse(text), None, "{text}");
    }
}

#[test]
fn a_rate_is_compared_whatever_its_unit() {
    for (text, is_above) in [("10/s", false), ("11/s", true), ("600/m", false), ("601/m", true), ("36001/h", true)] {
        assert_eq!(Rate::parse(text).unwrap().is_above_per_second(10), is_above, "{text}");
    }
}
