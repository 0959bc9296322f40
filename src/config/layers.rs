//! The layers: the embedded default, the files in order, the environment. Maps merge, everything else replaces.
//!
//! Each layer is read in full whatever is wrong with the others. Guarantees that no key is dropped or split silently.
//! Knows no section by name. Next room: [`super::Section`].

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, Environment, Map, Value, ValueKind};

use super::problem::{self, Place, Problem, Problems};
use super::section::{Notes, Section};
use super::tree::{self, Origin, Style, place_of_key};
use super::yaml;

/// What applies where no file says otherwise.
const DEFAULT: &str = include_str!("../../config/default.yaml");

/// Environment variables that belong to us: `CASTAI_RELAY__SECTION__KEY`.
const PREFIX: &str = "CASTAI_RELAY";
const SEPARATOR: &str = "__";

/// Largest file we read. A thousand routes take some 200 kB.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The configuration as it was found, and every mistake noted in it so far.
pub struct Loaded {
    /// The whole tree. Rooms are handed its children.
    pub root: Section,
    /// Whether a file could not be read at all.
    lost: bool,
}

impl Loaded {
    /// Whether every file could be read. Where one could not, the sections are not what was meant, and mistakes in
    /// them would only hide this one.
    ///
    /// # Errors
    /// What was noted so far, when a file is missing or its syntax is broken.
    pub fn readable(&self) -> Result<(), Problems> {
        if self.lost { self.finish() } else { Ok(()) }
    }

    /// Whether the configuration can be used; to be asked when all rooms have read theirs.
    ///
    /// # Errors
    /// Every mistake that was noted, by the layers and by the rooms.
    pub fn finish(&self) -> Result<(), Problems> {
        self.root.problems()
    }
}

/// Reads the embedded default, then `files` in order, then `environment`; later layers win.
///
/// Never fails at once: what is wrong is noted and told by [`Loaded::finish`].
pub fn load(files: &[PathBuf], environment: Vec<(String, String)>) -> Loaded {
    let mut problems = Vec::new();
    let default = yaml::Source { layer: 0, name: "config/default.yaml (built in)", text: DEFAULT };
    let mut layers = vec![Layer(default.read(&mut problems))];
    layers.extend((1..).zip(files).map(|(number, file)| Layer(read_file(number, file, &mut problems))));
    layers.extend(variables(environment));
    layers.iter_mut().for_each(|layer| refuse_paths(&mut layer.0, &mut problems));
    let tree = lay(&layers).unwrap_or_else(|error| {
        problems.push(Problem::new(None, "", error.to_string()));
        yaml::empty()
    });
    // What concerns one key says which; only what concerns a whole file has no path.
    let lost = problems.iter().any(|problem| problem.path.is_empty());
    Loaded { root: Section::root(tree, Notes::of(problems)), lost }
}

fn lay(layers: &[Layer]) -> Result<Value, ConfigError> {
    let builder = layers.iter().cloned().fold(Config::builder(), |builder, layer| builder.add_source(layer));
    let mut tree = builder.build()?.cache;
    say_where_maps_are(&mut tree, &layers.iter().map(|layer| &layer.0).collect::<Vec<_>>());
    Ok(tree)
}

/// Takes out keys that `config` would read as paths: it would split `a.b`, and make room for `a[999999999]`.
fn refuse_paths(root: &mut Value, problems: &mut Vec<Problem>) {
    let ValueKind::Table(sections) = &mut root.kind else {
        return;
    };
    for (key, node) in sections.extract_if(|key, _| key.contains(['.', '['])) {
        let hint = key.split_once('.').map(|(section, inner)| problem::write_nested(section, inner));
        let problem = Problem::new(place_of_key(&node), &key, format!("unknown key `{key}`"));
        problems.push(problem.with(&[], hint));
    }
}

/// Gives each map the place where the last layer wrote it, which `config` forgets when it merges.
///
/// A variable sets only one key of a map; what the map lacks is to be added in the file, so the file is its place.
fn say_where_maps_are(node: &mut Value, layers: &[&Value]) {
    let ValueKind::Table(table) = &mut node.kind else {
        return;
    };
    for (key, child) in table.iter_mut() {
        let below: Vec<&Value> = layers.iter().filter_map(|layer| tree::entry(layer, key)).collect();
        say_where_maps_are(child, &below);
    }
    let is_variable = |layer: &Value| Origin::of(layer).is_some_and(|origin| origin.style == Style::Variable);
    let maps = || layers.iter().rev().filter(|layer| matches!(layer.kind, ValueKind::Table(_)));
    let last = maps().find(|layer| !is_variable(layer)).or_else(|| maps().next());
    let origin = last.and_then(|layer| layer.origin()).map(str::to_owned);
    *node = Value::new(origin.as_ref(), std::mem::take(&mut node.kind));
}

fn read_file(layer: usize, file: &Path, problems: &mut Vec<Problem>) -> Value {
    let name = &*file.to_string_lossy();
    match read_text(file) {
        Ok(text) => yaml::Source { layer, name, text: &text }.read(problems),
        Err(error) => {
            let at = Place::File { layer, name: name.to_owned(), line: 0, column: 0 };
            problems.push(Problem::new(Some(at), "", format!("configuration file `{name}` cannot be read: {error}")));
            yaml::empty()
        }
    }
}

fn read_text(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    let bytes = File::open(file)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    match u64::try_from(bytes) {
        Ok(bytes) if bytes <= MAX_FILE_BYTES => Ok(text),
        _ => Err(io::Error::other(format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20))),
    }
}

/// One layer per variable, because `config` forgets which variable said what. In the order of their names.
fn variables(mut environment: Vec<(String, String)>) -> Vec<Layer> {
    environment.sort();
    environment.into_iter().filter_map(|(name, value)| variable(name, value)).collect()
}

fn variable(name: String, value: String) -> Option<Layer> {
    let origin = Origin::variable(&name).to_string();
    let one = Environment::with_prefix(PREFIX).prefix_separator(SEPARATOR).separator(SEPARATOR);
    let found = config::Source::collect(&one.source(Some(HashMap::from([(name, value)])))).ok()?;
    let (keys, value) = found.into_iter().next()?;
    let innermost = Value::new(Some(&origin), value.kind);
    let wrap = |inner, key: &str| Value::new(Some(&origin), HashMap::from([(key.to_owned(), inner)]));
    Some(Layer(keys.rsplit('.').fold(innermost, wrap)))
}

/// What one file or variable says.
#[derive(Clone)]
struct Layer(Value);

impl fmt::Debug for Layer {
    // The values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer")
    }
}

impl config::Source for Layer {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        self.0.clone().into_table()
    }
}

#[cfg(test)]
#[path = "tests/layers.rs"]
mod tests;
