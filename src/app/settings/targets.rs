//! The section `targets`: who can be told, and how each is delivered to.

use std::sync::Arc;

use super::{collect, named};
use crate::config::Section;
use crate::deliver::Policy;
use crate::names::TargetName;
use crate::notify::{Kit, NOTIFIERS, Notifier};

/// What a target may set beside its kind.
const POLICY_KEYS: &[&str] = &["concurrency", "timeout", "retry", "max_age"];

/// One target, ready to be delivered to.
pub struct Target {
    /// Its name.
    pub name: TargetName,
    /// The word for its kind, `slack`.
    pub kind: &'static str,
    /// What speaks to it.
    pub notifier: Arc<dyn Notifier>,
    /// How it is delivered to.
    pub policy: Policy,
}

/// Reads every target, in the order written.
pub(super) fn read(root: &Section, kit: &Kit) -> Option<Vec<Target>> {
    let mut all = Some(Vec::new());
    for (name, entry) in root.section("targets").entries() {
        let (policy, kind) = entry.split(POLICY_KEYS);
        // Of what is empty, `build_notifier` says all there is to say.
        let policy = if entry.is_empty() { None } else { policy.read::<Policy>() };
        let policy = policy.filter(|policy| is_possible(&entry, policy));
        let name = named(&entry, &name, TargetName::parse);
        let built = build_notifier(&kind, kit);
        let target = name.zip(policy).zip(built);
        collect(&mut all, target.map(|((name, policy), (kind, notifier))| Target { name, kind, notifier, policy }));
    }
    all
}

fn is_possible(entry: &Section, policy: &Policy) -> bool {
    let concurrency = (1..=64).contains(&policy.concurrency);
    if !concurrency {
        entry.problem_at("concurrency", "`concurrency` must be from 1 to 64", &[], None);
    }
    let timeout = !policy.timeout.get().is_zero();
    if !timeout {
        entry.problem_at("timeout", "`timeout` must be more than zero", &[], None);
    }
    concurrency && timeout
}

fn build_notifier(kind: &Section, kit: &Kit) -> Option<(&'static str, Arc<dyn Notifier>)> {
    let known: Vec<&str> = NOTIFIERS.iter().map(|(name, _)| *name).collect();
    kind.only(&[&known, POLICY_KEYS].concat());
    let mut named = NOTIFIERS.iter().filter_map(|(name, build)| Some((*name, build, kind.child(name)?)));
    match (named.next(), named.next()) {
        (Some((name, build, settings)), None) => Some((name, build(&settings, kit)?)),
        (Some((one, ..)), Some((other, ..))) => {
            kind.problem(format!("`{one}` and `{other}` are two kinds of target; write two targets"));
            None
        }
        (None, _) if kind.is_empty() => {
            kind.problem(format!("the target has no kind; write one of {}", known.join(", ")));
            None
        }
        (None, _) => {
            note_kind_without_settings(kind, &known);
            None
        }
    }
}

/// `log:` with nothing after it is no kind, but it was meant as one.
fn note_kind_without_settings(kind: &Section, known: &[&str]) {
    for (name, _) in kind.entries().into_iter().filter(|(name, _)| known.contains(&name.as_str())) {
        let hint = format!("write `{name}: {{ … }}`, or `{name}: {{}}` where there is nothing to set");
        kind.problem_at(&name, format!("nothing is written after `{name}:`"), &[], Some(hint));
    }
}
