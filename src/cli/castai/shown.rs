//! What of a callback URL, and of what CAST AI says about it, may be shown.
//!
//! Pure. A user, a password or a query in a URL may be a key of the ingress, and CAST AI's errors quote the URL they are
//! about. Knows nothing of configurations; [`setup`](super::setup) and [`doctor`](super::doctor) print what comes out.

/// A name shorter than this is a common word more likely than a secret; within a URL it is left out all the same.
const SHORTEST_SECRET: usize = 4;

/// What stands for what is left out.
const LEFT_OUT: &str = "…";

/// Where a URL within a text ends at the latest.
fn is_end(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`<>\\".contains(c)
}

/// A URL with `…` for its user and password, and for its query and fragment.
pub fn url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (place, more) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    // A password may hold a slash where nobody was strict; an `@` in a path then costs what stands before it.
    let (user, place) = place.rsplit_once('@').unwrap_or(("", place));
    let mut shown = String::new();
    if !scheme.is_empty() {
        shown.extend([scheme, "://"]);
    }
    if !user.is_empty() {
        shown.extend([LEFT_OUT, "@"]);
    }
    shown.push_str(place);
    if !more.is_empty() {
        shown.extend([&more[..1], LEFT_OUT]);
    }
    shown
}

/// A text with [`url`] done to every URL in it, and without what [`url`] leaves out of `about`, wherever that stands.
pub fn text(text: &str, about: &str) -> String {
    let known = secrets(about);
    let text = known.iter().fold(text.to_owned(), |text, secret| text.replace(secret, LEFT_OUT));
    let words = text.split_inclusive(is_end);
    words.map(|word| if word.contains("://") { in_word(word) } else { word.to_owned() }).collect()
}

/// The parts of a URL that are not shown, the longest first.
fn secrets(url: &str) -> Vec<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (place, more) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let user = place.rsplit_once('@').map(|(user, _)| user);
    let query = more.get(1..);
    let mut parts: Vec<&str> = user.into_iter().chain(query).filter(|part| part.len() >= SHORTEST_SECRET).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
}

/// A word and the one character that may end it.
fn in_word(word: &str) -> String {
    let (word, end) = match word.char_indices().next_back() {
        Some((at, c)) if is_end(c) => word.split_at(at),
        _ => (word, ""),
    };
    url(word) + end
}

#[cfg(test)]
#[path = "tests/shown.rs"]
mod tests;
