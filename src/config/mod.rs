//! Reads the configuration: layers, sections, and every mistake at once, each with its file and line.
//!
//! [`layers`] merges the embedded default, the files and the environment into one tree whose every node remembers
//! where it was written. A [`Section`] is a place in that tree; the rooms declare what theirs may hold and are handed
//! only that. [`rewrite`] writes a section out again. Knows none of the rooms and none of the section names: those meet in [`crate::app`].

mod decode;
mod layers;
mod problem;
mod read;
mod rewrite;
mod secret;
mod section;
mod tree;
mod units;
mod yaml;

pub use layers::{Loaded, load};
pub use problem::{Place, Problem, Problems};
pub use secret::Secret;
pub use section::Section;
pub use units::{ByteSize, Percent, Rate, Span, listen_address};
