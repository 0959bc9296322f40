//! Reads Server-Sent Events out of the pieces in which they come. Pure; knows nothing of what they tell.

/// More than any event has.
const LONGEST: usize = 4 * 1024 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// What it is: `accepted`.
    pub what: String,
    /// Its data.
    pub data: String,
}

/// What has come so far and is no whole event yet.
#[derive(Debug, Default)]
pub struct Reading(Vec<u8>);

impl Reading {
    /// The events that end in this piece. One that is longer than any event may be is left out.
    pub fn read(&mut self, piece: &[u8]) -> Vec<Told> {
        self.0.extend_from_slice(piece);
        let mut all = Vec::new();
        while let Some(end) = self.0.windows(2).position(|bytes| bytes == b"\n\n") {
            let event: Vec<u8> = self.0.drain(..end + 2).collect();
            all.extend(told(&String::from_utf8_lossy(&event)));
        }
        if self.0.len() > LONGEST {
            self.0.clear();
        }
        all
    }
}

/// What lines tell; comments and what has no name tell nothing.
fn told(event: &str) -> Option<Told> {
    let mut told = Told::default();
    for line in event.lines() {
        match line.split_once(':').map(|(field, value)| (field, value.strip_prefix(' ').unwrap_or(value))) {
            Some(("event", value)) => value.clone_into(&mut told.what),
            Some(("data", value)) => told.data.push_str(value),
            _ => {}
        }
    }
    (!told.what.is_empty()).then_some(told)
}

#[cfg(test)]
#[path = "tests/sse.rs"]
mod tests;
