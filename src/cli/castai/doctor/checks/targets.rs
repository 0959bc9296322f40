//! Whether the hosts of the targets answer, and what is on this machine can be told. Nothing is sent to anybody.

use super::super::facts::{Facts, Target};
use super::super::line::Line;

const TARGET: &str = "target";

/// A line for each target.
pub fn reachable(facts: &Facts) -> Vec<Line> {
    facts.targets.iter().map(|target| line(target).about(&target.name)).collect()
}

fn line(target: &Target) -> Line {
    let Target { kind, to, reached, here, .. } = target;
    match here {
        Some(Ok(said)) => return Line::good(TARGET, said.as_str()),
        Some(Err(obstacle)) => return Line::wrong(TARGET, obstacle.said.as_str(), obstacle.cure.as_str()),
        None => {}
    }
    let Some(to) = to else { return Line::good(TARGET, format!("`{kind}` sends nowhere")) };
    match reached {
        Ok(0) => Line::good(TARGET, format!("{to} lets us in; {}", proves_inside(kind))),
        Ok(_) => Line::good(TARGET, format!("{to} answers; {}", proves(kind))),
        Err(why) if why.starts_with("answered ") => {
            let cure = "put right what it names, then `castai-relay targets test NAME`";
            Line::wrong(TARGET, format!("{to} does not let us in: {why}"), cure)
        }
        Err(why) => {
            let cure = "check the egress rules of this network, DNS, and the proxy (`connection`, HTTPS_PROXY)";
            Line::wrong(TARGET, format!("{to} does not answer: {why}"), cure)
        }
    }
}

/// What a target that lets us in says of itself, and what not.
fn proves_inside(kind: &str) -> &'static str {
    match kind {
        "slack" => "whether the bot may write to the channel, only a message can tell",
        "email" => "it lets us in; whether it brings mail to `to`, only one can tell",
        _ => proves(kind),
    }
}

/// What a host that answers says of the target, and what not.
fn proves(kind: &str) -> &'static str {
    match kind {
        "slack" => "whether the webhook URL is still good, only a message can tell",
        "pagerduty" => "whether the routing key is good, only an event can tell",
        _ => "whether it takes messages, only one can tell",
    }
}
