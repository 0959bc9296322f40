//! The specification: what the relay does, driven from outside, in the order of an event's journey.
//! One binary: one link instead of many.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on stops there and says why"
)]
#![expect(clippy::disallowed_methods, reason = "what stands outside the relay is not part of its life")]

mod storming;
mod support;

mod receiving;
mod verifying;
mod limits;
mod watching_kubernetes;
mod deduplicating;
mod pages;
mod routing;
mod what_if;
mod pairing;
mod delivering;
mod signing;
mod mailing;
mod threading;
mod alerting;
mod falling_back;
mod giving_up;
mod resuming;
mod keeping;
mod asking_castai;
mod backfilling;
mod reading_the_audit_log;
mod castai_audit;
mod saving;
mod saving_through_trouble;
mod saving_thresholds;
mod castai_summary;
mod falling_silent;
mod silencing;
mod drilling;
mod operating;
mod explaining;
mod counting;
mod tracing;
mod simulating;
mod store_contract;
mod notifier_contract;
mod surviving;
mod connecting;
mod going_out;
mod command_line;
mod config_errors;
mod demo;
mod tidy;
