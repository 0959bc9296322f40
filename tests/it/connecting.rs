//! From a CAST AI account to the first event: what to enter there, entering it, and finding what stands in the way.

mod doctor;
mod go_template;
mod readme;
mod setup;
mod template;
