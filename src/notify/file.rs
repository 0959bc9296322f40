//! A file as a target: one line of JSON for each message, for programs and archives.
//!
//! A line is on the disk before its message counts as delivered. Whatever kills the relay, and whenever: no line is lost
//! that was delivered, and each later line parses by itself. The file is opened anew for each line and locked while it is
//! written, so that others may rename or cut it in between, and two relays do not mix their lines. A message that may have
//! been written and is written again has the same `id`. Knows no network. Next: [`super::message`], what there is to say.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::identity::hashed;
use super::message::{Message, Text, is_obeyed};
use super::{Kit, Notifier, NotifyError, Obstacle, Scope, Sent, noted};
use crate::config::{ByteSize, Section};
use crate::event::batch::Batch;
use crate::event::delivery::Phase;
use crate::event::tally::Tally;
use crate::http_client::Endpoint;
use crate::template::{Markup, Wording};

/// `file: { path, max_size, keep }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    path: String,
    #[serde(default = "default_max_size")]
    max_size: ByteSize,
    #[serde(default = "default_keep")]
    keep: u32,
}

fn default_max_size() -> ByteSize {
    ByteSize::from_bytes(100 << 20)
}

fn default_keep() -> u32 {
    10
}

/// Builds the notifier. Nothing is opened: whether the file can be written is for [`Notifier::ready`] to find out.
pub fn build(section: &Section, _: &Kit) -> Option<Arc<dyn Notifier>> {
    let config: Config = section.read()?;
    let path = noted(section, "path", path(&config.path), "write the name of a file, such as `data/events.jsonl`");
    let max_size = noted(section, "max_size", max_size(config.max_size), "leave it out for `100MiB`");
    let keep = noted(section, "keep", keep(config.keep), "leave it out for 10");
    let lines = Lines { path: path?, max_size: max_size?, keep: keep? };
    Some(Arc::new(Filed { lines, turn: Arc::default() }))
}

fn path(path: &str) -> Result<PathBuf, &'static str> {
    let named = Path::new(path);
    let is_number = |extension: &str| extension.bytes().all(|byte| byte.is_ascii_digit());
    match named.extension().and_then(|extension| extension.to_str()) {
        _ if path.trim().is_empty() || path.contains(char::is_control) => Err("is no name of a file"),
        _ if path.ends_with('/') || named.file_name().is_none() => Err("is the name of a folder"),
        Some(extension) if is_number(extension) => Err("ends with a number, as the older files of another target do"),
        _ => Ok(named.to_owned()),
    }
}

fn max_size(size: ByteSize) -> Result<u64, &'static str> {
    let bytes = u64::try_from(size.get()).unwrap_or(u64::MAX);
    if bytes >= 1024 { Ok(bytes) } else { Err("must be at least `1KiB`") }
}

fn keep(keep: u32) -> Result<u32, &'static str> {
    if (1..=1000).contains(&keep) { Ok(keep) } else { Err("must be 1 to 1000 older files") }
}

struct Filed {
    lines: Lines,
    /// Whose turn it is to write. Goes along with the writing, so that one that nobody waits for any more is let finish.
    turn: Arc<Mutex<()>>,
}

#[async_trait]
impl Notifier for Filed {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        harmless(&format!("{:#}", line(batch, wording)))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let line = harmless(&line(batch, wording).to_string());
        let (turn, lines) = (self.turn.clone().lock_owned().await, self.lines.clone());
        // Whoever asked may go away meanwhile; the line is written to its end all the same.
        let writing = tokio::task::spawn_blocking(move || {
            let written = lines.append(&line);
            drop(turn);
            written
        });
        let written = writing.await.map_err(|error| NotifyError::ambiguous(None, format!("not written: {error}")))?;
        written.map(|()| Sent::default()).map_err(|failure| self.lines.verdict(&failure))
    }

    fn own(&self) -> Option<String> {
        let path = std::path::absolute(&self.lines.path).unwrap_or_else(|_| self.lines.path.clone());
        Some(format!("the file `{}`", path.display()))
    }

    fn ready(&self) -> Option<Result<String, Obstacle>> {
        let ready = || format!("`{}` can be written", self.lines.path.display());
        Some(self.lines.try_out().map(|()| ready()).map_err(|error| self.lines.obstacle(&error)))
    }
}

/// The message, with the event it tells of: of many, the most severe one.
fn line(batch: &Batch, wording: &Wording) -> Value {
    let (message, lead) = (Message::compose(batch, wording, Markup::Plain), batch.lead());
    let text = message.text.as_ref().map(|text: &Text| text.in_markup(Markup::Plain));
    let facts = message.facts.iter().map(|fact| json!({"label": fact.label, "value": fact.value}));
    let links = message.links.iter().map(|link| json!({"text": link.text, "url": link.url}));
    let incident = batch.incident.as_ref();
    json!({
        "id": id(batch),
        "at": batch.claimed_at,
        "route": batch.route().as_str(),
        "target": batch.target().as_str(),
        "severity": message.severity.as_str(),
        "title": message.title,
        "text": text,
        "facts": facts.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "footer": message.footer,
        "deliveries": batch.deliveries.len(),
        "resolved": batch.many().map(Tally::resolved),
        "incident": incident.map(|incident| json!({"key": incident.key.as_str(), "phase": phase(incident.phase)})),
        "event": lead.event,
    })
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Resolve => "resolve",
    }
}

/// The same on every attempt, also when the batch has grown meanwhile, and for nothing else.
fn id(batch: &Batch) -> String {
    let again = batch.lead().told_anew_by().map(|replay| replay.to_string());
    let phase = batch.incident.as_ref().map(|incident| phase(incident.phase));
    let (event, route) = (batch.first_event().id.as_str(), batch.route().as_str());
    hashed(&json!([event, batch.target().as_str(), route, phase, again]).to_string())
}

/// JSON in which what a terminal obeys, and what ends a line to some readers, is escaped. Both stand within texts only.
fn harmless(json: &str) -> String {
    let special = |c: char| c != '\n' && is_obeyed(c) || matches!(c, '\u{2028}' | '\u{2029}');
    let escaped = |c: char| if special(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(escaped).collect()
}

/// Where lines go, and how much of them is kept: `path`, then `path.1` to `path.<keep>`, from new to old.
#[derive(Debug, Clone)]
struct Lines {
    path: PathBuf,
    /// Bytes of one file. A longer line has a file of its own.
    max_size: u64,
    keep: u32,
}

/// A line that was not written, and whether it may be there all the same.
#[derive(Debug)]
struct Failure {
    error: io::Error,
    perhaps_done: bool,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { error, perhaps_done: false }
    }
}

impl Lines {
    /// Writes one line, and returns when it is on the disk.
    fn append(&self, line: &str) -> Result<(), Failure> {
        let mut file = self.open()?;
        let size = file.metadata()?.len();
        let needed = size.saturating_add(line.len() as u64).saturating_add(1);
        if size > 0 && needed > self.max_size {
            // The lock on the full file is ours until the new one is open.
            self.rotate()?;
            let next = self.open()?;
            file = next;
        }
        let size = file.metadata()?.len();
        // What the relay was killed in the midst of writing ends here.
        let start = if ends_with_a_line(&mut file, size)? { "" } else { "\n" };
        if let Err(error) = file.write_all(format!("{start}{line}\n").as_bytes()) {
            let undone = file.metadata().and_then(|now| if now.len() > size { file.set_len(size) } else { Ok(()) });
            return Err(Failure { error, perhaps_done: undone.is_err() });
        }
        self.sync(&file, size == 0).map_err(|error| Failure { error, perhaps_done: true })
    }

    /// The file, locked, to write at its end.
    fn open(&self) -> io::Result<File> {
        /// Between opening and locking somebody may rename it, but hardly again and again.
        const TRIES: usize = 10;
        self.refuse_what_is_no_file()?;
        for _ in 0..TRIES {
            let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(ErrorKind::WouldBlock.into()),
                // Not every file system has locks.
                Err(TryLockError::Error(_)) | Ok(()) => {}
            }
            let (opened, there) = (file.metadata()?, fs::metadata(&self.path).ok());
            if there.is_some_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino())) {
                return Ok(file);
            }
        }
        Err(ErrorKind::ResourceBusy.into())
    }

    /// A pipe would block for as long as nobody reads.
    fn refuse_what_is_no_file(&self) -> io::Result<()> {
        match fs::metadata(&self.path) {
            Ok(there) if there.is_dir() => Err(ErrorKind::IsADirectory.into()),
            Ok(there) if there.is_file() || there.file_type().is_char_device() => Ok(()),
            Ok(_) => Err(ErrorKind::InvalidInput.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes room for a new file. Each step is one rename into a free place, but for the oldest file when all are taken:
    /// who is killed in between has lost nothing, and the next time only what is left to do is done.
    fn rotate(&self) -> io::Result<()> {
        let is_free = |number: &u32| fs::symlink_metadata(self.numbered(*number)).is_err();
        let free = (1..=self.keep).find(is_free).unwrap_or(self.keep);
        moves(free).try_for_each(|(from, to)| fs::rename(self.numbered(from), self.numbered(to)))?;
        // There are more where `keep` was larger once.
        let too_old = (self.keep + 1..).map(|number| self.numbered(number)).take_while(|path| path.exists());
        too_old.collect::<Vec<_>>().iter().try_for_each(fs::remove_file)?;
        self.sync_folder()
    }

    /// `path.<number>`; 0 is the one that is written to.
    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        if number > 0 {
            name.push(format!(".{number}"));
        }
        name.into()
    }

    fn sync(&self, file: &File, is_new: bool) -> io::Result<()> {
        if !file.metadata()?.is_file() {
            return Ok(());
        }
        file.sync_data()?;
        if is_new { self.sync_folder() } else { Ok(()) }
    }

    /// So that a new name outlives a failure of power.
    fn sync_folder(&self) -> io::Result<()> {
        File::open(self.folder())?.sync_all()
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Whether a line could be written and the file be rotated, without writing one. Nothing is left behind.
    fn try_out(&self) -> io::Result<()> {
        self.refuse_what_is_no_file()?;
        match OpenOptions::new().append(true).open(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            // What is no file, such as `/dev/stdout`, is not rotated.
            Ok(there) if !there.metadata()?.is_file() => Ok(()),
            // A rotation makes a new file beside it.
            _ => self.try_folder(),
        }
    }

    fn try_folder(&self) -> io::Result<()> {
        let mut trial = self.path.clone().into_os_string();
        trial.push(".trial");
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&trial) {
            Ok(_) => fs::remove_file(&trial),
            // Somebody tries at this moment, or was killed while trying: a file could be made there.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn verdict(&self, Failure { error, perhaps_done }: &Failure) -> NotifyError {
        let Obstacle { said, cure } = self.obstacle(error);
        let failed = NotifyError::target_failed(Scope::Target, None, format!("{said}: {cure}"));
        if *perhaps_done { failed.perhaps_done() } else { failed }
    }

    /// What is in the way, in words.
    fn obstacle(&self, error: &io::Error) -> Obstacle {
        let (path, folder) = (self.path.display(), self.folder().display());
        let (said, cure) = match error.kind() {
            ErrorKind::NotFound => (format!("the folder `{folder}` is not there"), "create it"),
            ErrorKind::NotADirectory => (format!("`{folder}` is no folder"), "change `path`"),
            ErrorKind::IsADirectory => (format!("`{path}` is a folder"), "name a file in it in `path`"),
            ErrorKind::InvalidInput => (format!("`{path}` is no file"), "change `path`"),
            ErrorKind::PermissionDenied => {
                (format!("the relay may not write `{path}`"), "let its user write to the file and to its folder")
            }
            ErrorKind::ReadOnlyFilesystem => {
                (format!("`{path}` is on a disk that is read only"), "mount one that can be written")
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                (format!("the disk of `{path}` is full"), "make room on it, or lower `max_size` or `keep`")
            }
            ErrorKind::WouldBlock | ErrorKind::ResourceBusy => {
                (format!("another process is at `{path}`"), "give each relay a file of its own")
            }
            _ => (format!("`{path}` cannot be written: {error}"), "look at the disk and at `path`"),
        };
        Obstacle { said, cure: cure.to_owned() }
    }
}

/// What is renamed, in order, when the place `free` is to be filled: `(1, 2)` is `path.1` to `path.2`.
fn moves(free: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..free).rev().map(|number| (number, number + 1))
}

fn ends_with_a_line(file: &mut File, size: u64) -> io::Result<bool> {
    if size == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests;
