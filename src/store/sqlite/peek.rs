//! A look at a database from another process, whether a relay runs on it or not: for diagnosis.
//!
//! Takes no part in the lock and never creates or changes a database. A database in WAL mode can be read in two ways.
//! While there is a log, its newest pages are in the log, and SQLite reads it through the shared memory beside it. Where
//! there is no log nobody has it open, and everything is in the one file; it is read as `immutable` then, because SQLite
//! would otherwise create the log. <https://www.sqlite.org/wal.html#read_only_databases>

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{OpenError, read, schema};
use crate::names::CursorName;
use crate::store::StoreError;

/// A database to look at. Holds nothing open between looks.
#[derive(Debug, Clone)]
pub struct Peek {
    path: PathBuf,
    log: PathBuf,
}

impl Peek {
    /// Finds the database at `path` and asks for its version.
    ///
    /// # Errors
    /// When it is not there, a newer version of the relay wrote it, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let found = path.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => OpenError::Missing(path.to_owned()),
            _ => OpenError::Io { path: path.to_owned(), error },
        })?;
        let mut log = found.clone().into_os_string();
        log.push("-wal");
        let peek = Self { path: found, log: log.into() };
        peek.look(|_| Ok(()))?;
        Ok(peek)
    }

    /// The last value of a cursor; `None` when it was never moved, or the database is older than cursors are.
    ///
    /// # Errors
    /// When the database cannot be read any more.
    pub fn cursor(&self, name: &CursorName) -> Result<Option<String>, StoreError> {
        let cursor = self.look(|connection| match self.version(connection)? {
            ..schema::WITH_CURSORS => Ok(None),
            _ => read::cursor(connection, name).map_err(|error| self.failed(error)),
        });
        cursor.map_err(|error| StoreError { doing: "read a cursor", detail: error.to_string() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn version(&self, connection: &Connection) -> Result<i64, OpenError> {
        schema::known_version(connection, &self.path)
    }

    /// Asks something of it; twice, when a relay that started meanwhile may have changed the answer.
    pub(super) fn look<T>(&self, look: impl Fn(&Connection) -> Result<T, OpenError>) -> Result<T, OpenError> {
        let at_rest = !self.log.exists();
        let seen = self.connect(at_rest).and_then(|connection| look(&connection));
        // A relay that started meanwhile may have changed the file under our eyes.
        if at_rest && self.log.exists() {
            return self.connect(false).and_then(|connection| look(&connection));
        }
        seen
    }

    fn connect(&self, at_rest: bool) -> Result<Connection, OpenError> {
        let uri = format!("file:{}{}", escaped(&self.path), if at_rest { "?immutable=1" } else { "" });
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(uri, flags).map_err(|error| self.failed(error))?;
        connection.busy_timeout(Duration::from_secs(5)).map_err(|error| self.failed(error))?;
        schema::known_version(&connection, &self.path).map(|_| connection)
    }

    pub(super) fn failed(&self, error: rusqlite::Error) -> OpenError {
        OpenError::Database { path: self.path.clone(), error }
    }
}

/// A path as SQLite reads it in a URI: <https://www.sqlite.org/uri.html>
fn escaped(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes.map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
#[path = "../tests/peek.rs"]
mod tests;
