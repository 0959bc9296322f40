//! Numbers, counts and lengths of time as people read them.
//!
//! Pure. Knows no events.

use std::time::Duration;

/// Digits in groups of three: `8,412`.
pub fn grouped(digits: &str) -> String {
    let length = digits.len();
    let in_groups = digits.chars().enumerate().flat_map(|(at, digit)| {
        let comma = at > 0 && (length - at).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    in_groups.collect()
}

/// `8,412`
pub fn number(number: usize) -> String {
    grouped(&number.to_string())
}

/// `1 cluster`, `8,412 clusters`
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// `45 s`, `4 min`, `1 h 30 min`, `3 days`: rounded down.
pub fn lasting(time: Duration) -> String {
    let (seconds, minutes) = (time.as_secs(), time.as_secs() / 60);
    match minutes {
        0 => format!("{seconds} s"),
        1..60 => format!("{minutes} min"),
        60..2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 1440),
    }
}
