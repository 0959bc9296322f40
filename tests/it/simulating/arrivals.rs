//! What happens in the world on one day: quiet hours, troubles that begin and end, crowds, storms, what comes late, and what
//! comes twice.

use bytes::Bytes;
use castai_relay::event::{CastAIEvent, Cluster, Event, Severity, Timestamp};
use castai_relay::names::{EventId, SourceName};
use serde_json::{Map, Value};

use super::dice::Dice;

/// Something that will be told to the relay.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    pub id: u64,
    pub kind: &'static str,
    pub severity: Severity,
    pub cluster: Option<&'static str>,
    pub key: Option<u64>,
    pub source: SourceName,
    /// How long before it is told it happened, in seconds.
    pub late_by: u64,
    /// A repeat may bring another body.
    pub body: u8,
}

impl Happening {
    /// One that comes by the webhook as it happens.
    pub fn plain(id: u64, kind: &'static str, severity: Severity, key: u64) -> Self {
        let source = SourceName::parse("castai").unwrap();
        Self { id, kind, severity, cluster: Some("red"), key: Some(key), source, late_by: 0, body: 0 }
    }

    /// As it comes in at `now`.
    pub fn event(&self, now: Timestamp) -> Event {
        let mut data = Map::new();
        if let Some(key) = self.key {
            data.insert("key".into(), Value::from(format!("k{key}")));
        }
        let late_by = std::time::Duration::from_secs(self.late_by);
        Event {
            id: EventId::from_sender(None, &format!("event-{}", self.id)),
            source: self.source.clone(),
            kind: CastAIEvent::read(self.kind, &data, &mut vec![]),
            severity: self.severity,
            organization: None,
            cluster: Cluster { id: self.cluster.map(str::to_owned), ..Cluster::default() },
            category: None,
            labels: Default::default(),
            occurred_at: Some(now.saturating_sub(late_by)),
            received_at: now,
            data,
            notes: vec![],
            body: Bytes::from(vec![self.body]),
        }
    }
}

/// Everything that is told in one day, with the second at which it is: in order.
pub fn of_a_day(seed: u64, seconds: u64) -> Vec<(u64, Vec<Happening>)> {
    let mut day = Day { dice: Dice::of(seed), seconds, told: Vec::new(), last_id: 0 };
    for _ in 0..day.dice.between(3, 8) {
        let at = day.dice.below(seconds);
        match day.dice.below(10) {
            0..3 => day.singles(at),
            3..7 => day.trouble(at),
            7..9 => day.crowd(at),
            _ => day.storm(at),
        }
    }
    day.repeats();
    day.told.sort_by_key(|(at, told)| (*at, told[0].id));
    day.told
}

struct Day {
    dice: Dice,
    seconds: u64,
    told: Vec<(u64, Vec<Happening>)>,
    last_id: u64,
}

impl Day {
    fn happening(&mut self, kind: &'static str) -> Happening {
        self.last_id += 1;
        let from_list = self.dice.chance(15);
        Happening {
            id: self.last_id,
            kind,
            severity: self.dice.pick(&Severity::ALL),
            cluster: self.dice.pick(&[Some("red"), Some("blue"), None]),
            key: if self.dice.chance(90) { Some(self.dice.below(3)) } else { None },
            source: if from_list { SourceName::notifications() } else { SourceName::parse("castai").unwrap() },
            late_by: if from_list { self.dice.pick(&[0, 600, 20_000]) } else { 0 },
            body: 0,
        }
    }

    fn any(&mut self) -> Happening {
        let kind = self.dice.pick(&["news.told", "news.told", "trouble.begun", "trouble.over"]);
        self.happening(kind)
    }

    fn singles(&mut self, mut at: u64) {
        for _ in 0..self.dice.between(1, 8) {
            let happening = self.any();
            self.told.push((at, vec![happening]));
            at += self.dice.between(1, 2000);
        }
    }

    /// Of one thing: it begins, is told of again, is over, begins again.
    fn trouble(&mut self, mut at: u64) {
        let (key, cluster) = (self.dice.below(3), self.dice.pick(&["red", "blue"]));
        let steps = self.dice.between(2, 9);
        for _ in 0..steps {
            let kind = self.dice.pick(&["trouble.begun", "trouble.begun", "trouble.over"]);
            let step = Happening { key: Some(key), cluster: Some(cluster), ..self.happening(kind) };
            self.told.push((at, vec![step]));
            at += self.dice.pick(&[0, 1, 2, 10, 60, 300, 3000]);
        }
    }

    /// A page of a list, or several requests in one moment.
    fn crowd(&mut self, at: u64) {
        let crowd: Vec<Happening> = (0..self.dice.between(2, 15)).map(|_| self.any()).collect();
        match self.dice.chance(50) {
            true => self.told.push((at, crowd)),
            false => self.told.extend(crowd.into_iter().map(|happening| (at, vec![happening]))),
        }
    }

    fn storm(&mut self, mut at: u64) {
        for _ in 0..self.dice.between(20, 70) {
            let happening = self.any();
            self.told.push((at, vec![happening]));
            at += self.dice.pick(&[0, 0, 0, 1, 2, 8]);
        }
    }

    fn repeats(&mut self) {
        let again: Vec<(u64, Vec<Happening>)> = self.told.clone();
        for (at, told) in again {
            if self.dice.chance(8) {
                let later = at + self.dice.pick(&[0, 1, 60, 20_000]);
                let body = u8::from(self.dice.chance(20));
                let told = told.into_iter().map(|happening| Happening { body, ..happening }).collect();
                self.told.push((later.min(self.seconds), told));
            }
        }
    }
}
