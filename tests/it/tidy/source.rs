//! A source file as the rules see it: its text, and the same text with only the code left.
//!
//! Coarse on purpose: it knows comments, literals and braces, not the grammar. What it cannot see, nobody here writes.

use std::path::Path;

/// One file.
pub struct Source {
    /// From the root of the repository, `src/route/mod.rs`.
    pub path: String,
    /// As written.
    pub text: String,
    /// As written, with comments and literals blanked out: every line is where it was.
    pub code: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: code_of(text) }
    }

    /// Every Rust file under `folder` of the repository, by path. None when there is no such folder.
    pub fn all_under(folder: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        let mut folders = vec![root.join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false if path.extension().is_some_and(|extension| extension == "rs") => {
                        let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                        files.push(Self::new(&name, &std::fs::read_to_string(&path).unwrap()));
                    }
                    false => {}
                }
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files
    }

    /// The path below `src/`; the path itself for files elsewhere.
    pub fn place(&self) -> &str {
        self.path.strip_prefix("src/").unwrap_or(&self.path)
    }

    /// The first folder or file below `src/`: `route`, `names`, `lib`.
    pub fn room(&self) -> &str {
        self.place().split(['/', '.']).next().unwrap_or_default()
    }

    /// True for files that are compiled only for tests.
    pub fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }

    /// Is this file `place`, or below it? `store` is `store.rs` and all of `store/`; `wire*` is whatever begins so.
    pub fn is_in(&self, place: &str) -> bool {
        match place.strip_suffix('*') {
            Some(beginning) => self.place().starts_with(beginning),
            None => {
                self.place().strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
            }
        }
    }

    /// Where `word` stands in the code by itself, not as a part of a longer name.
    pub fn uses<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        occurrences(&self.code, word)
    }

    /// The line of a position, from 1.
    pub fn line_at(&self, position: usize) -> usize {
        self.code[..position].matches('\n').count() + 1
    }

    /// Every path into the crate that the code names, to two segments (`store::Store`), with its position.
    pub fn paths_into_the_crate(&self) -> Vec<(usize, String)> {
        let roots = ["crate", "castai_relay"].into_iter().flat_map(|root| {
            self.uses(root).filter_map(move |at| Some((at, self.code[at + root.len()..].strip_prefix("::")?)))
        });
        let beyond = self.uses("super").filter_map(|at| Some((at, self.out_of_the_room(at)?)));
        roots.chain(beyond).flat_map(|(at, rest)| named(rest, 2).into_iter().map(move |path| (at, path))).collect()
    }

    /// What follows a chain of `super::` that is long enough to reach the root of the crate.
    fn out_of_the_room(&self, at: usize) -> Option<&str> {
        if self.code[..at].ends_with("::") {
            return None;
        }
        let depth = self.place().trim_end_matches(".rs").trim_end_matches("/mod").split('/').count();
        (0..depth).try_fold(&self.code[at..], |rest, _| rest.strip_prefix("super::"))
    }

    /// The functions with a body: position, and length in lines from `fn` to the closing brace.
    pub fn functions(&self) -> Vec<(usize, usize)> {
        let is_item = |at: &usize| self.code[at + 2..].trim_start().starts_with(is_word_part);
        let body = |at: usize| {
            let end = end_of_body(&self.code[at..])?;
            Some((at, self.code[at..at + end].matches('\n').count() + 1))
        };
        self.uses("fn").filter(is_item).filter_map(body).collect()
    }
}

fn is_word_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn occurrences<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let alone = move |at: &usize| {
        let before = code[..*at].chars().next_back().filter(|_| word.starts_with(is_word_part));
        let after = code[at + word.len()..].chars().next().filter(|_| word.ends_with(is_word_part));
        !before.is_some_and(is_word_part) && !after.is_some_and(is_word_part)
    };
    code.match_indices(word).map(|(at, _)| at).filter(alone)
}

/// The paths of a use tree, each cut after `depth` segments.
fn named(tree: &str, depth: usize) -> Vec<String> {
    let tree = tree.trim_start();
    if let Some(group) = tree.strip_prefix('{') {
        return branches(group).into_iter().flat_map(|branch| named(branch, depth)).collect();
    }
    let (word, rest) = tree.split_at(tree.find(|c| !is_word_part(c)).unwrap_or(tree.len()));
    match rest.strip_prefix("::") {
        Some(rest) if depth > 1 => named(rest, depth - 1).iter().map(|tail| format!("{word}::{tail}")).collect(),
        _ if word.is_empty() => vec![],
        _ => vec![word.to_owned()],
    }
}

/// The parts between the commas of a group, up to the brace that closes it.
fn branches(group: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if c == '}' && depth == 0 && start == at + 1 {
            break;
        }
    }
    parts
}

/// The position after the brace that closes a function's body; `None` for one that has no body.
fn end_of_body(code: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth -= 1,
            '}' if depth == 1 => return Some(at + 1),
            '}' => depth -= 1,
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let in_word = code.ends_with(is_word_part);
        let silent = silent_prefix(rest, in_word);
        let (taken, left) = rest.split_at(silent.unwrap_or(next.len_utf8()));
        match silent {
            Some(_) => code.extend(taken.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' })),
            None => code.push(next),
        }
        rest = left;
    }
    code
}

/// The length of the comment or literal that `text` begins with, if it does.
fn silent_prefix(text: &str, in_word: bool) -> Option<usize> {
    let until = |end: Option<usize>| Some(end.unwrap_or(text.len()));
    match text.as_bytes() {
        [b'/', b'/', ..] => until(text.find('\n')),
        [b'/', b'*', ..] => until(text.find("*/").map(|end| end + 2)),
        [b'"', ..] => until(end_of_string(text)),
        [b'r', ..] | [b'b', b'r', ..] if !in_word => raw_string(text),
        [b'\'', b'\\', ..] => until(text[3..].find('\'').map(|end| end + 4)),
        [b'\'', ..] => {
            let length = 1 + text[1..].chars().next()?.len_utf8();
            text[length..].starts_with('\'').then_some(length + 1)
        }
        _ => None,
    }
}

/// After the quote that ends the string `text` begins with.
fn end_of_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Some(at + 1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// After the quote and hashes that end the raw string `text` begins with; `None` for a name that begins with `r`.
fn raw_string(text: &str) -> Option<usize> {
    let opening = text.trim_start_matches('b').strip_prefix('r')?;
    let inside = opening.trim_start_matches('#');
    let closing = format!("\"{}", &opening[..opening.len() - inside.len()]);
    let start = text.len() - inside.len() + 1;
    let end = inside.strip_prefix('"')?.find(&closing);
    Some(end.map_or(text.len(), |end| start + end + closing.len()))
}
