//! Commands and replies on one connection: bounded, and in step.
//!
//! lettre's own connection is not used: it reads a line without an end into memory, keeps what was said before the TLS
//! handshake for afterwards, and bounds no stage in time. Here a reply has a longest length, an answer to what was not asked
//! ends the connection, and nothing of the clear is carried into TLS. Knows no mail and no verdict. A connection is owned by
//! its attempt, so whoever is dropped closes it. Next file: [`super::session`], which holds the dialogue.

use std::fmt;

use futures_util::FutureExt;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::notify::message::one_line;

/// The longest reply, all lines of it: a line has 512 bytes at most, and no server has more than a few dozen extensions to
/// tell of, <https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.5>.
pub(super) const LONGEST_REPLY: usize = 16 * 1024;

/// What carries bytes both ways.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Carrier for T {}

/// One reply, <https://www.rfc-editor.org/rfc/rfc5321#section-4.2>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// From 200 to 599.
    pub(super) code: u16,
    /// The text of each line, readable, as the server wrote it.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// The text on one line.
    pub(super) fn text(&self) -> String {
        self.lines.join(" ").trim().to_owned()
    }
}

/// Why no reply came, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is gone, or was not private.
    Broken(String),
    /// Who is there does not speak SMTP, or is out of step.
    Nonsense(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(why) => f.write_str(why),
            Self::Nonsense(what) => f.write_str(what),
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(one_line(&error.to_string()))
    }
}

/// One connection.
pub(super) struct Wire {
    carrier: Box<dyn Carrier>,
    unread: Vec<u8>,
}

impl Wire {
    pub(super) fn new(carrier: impl Carrier + 'static) -> Self {
        Self { carrier: Box::new(carrier), unread: Vec::new() }
    }

    /// The same connection, private from here on. What came before the handshake is nobody's answer:
    /// <https://nostarttls.secvuln.info>.
    pub(super) async fn into_private(self, tls: &TlsConnector, host: &str) -> Result<Self, Fault> {
        if !self.unread.is_empty() {
            return Err(Fault::Nonsense("went on in the clear after agreeing to TLS, as somebody in between would"));
        }
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| Fault::Nonsense("has a name no certificate has"))?;
        Ok(Self::new(tls.connect(name, self.carrier).await?))
    }

    /// Sends one command, without its line end, and reads its reply.
    pub(super) async fn ask(&mut self, command: &str) -> Result<Reply, Fault> {
        self.in_step()?;
        self.write(format!("{command}\r\n").as_bytes()).await?;
        self.reply().await
    }

    /// That nothing was answered that was not asked.
    pub(super) fn in_step(&self) -> Result<(), Fault> {
        if self.unread.is_empty() { Ok(()) } else { Err(Fault::Nonsense("answered what nobody asked")) }
    }

    /// Sends bytes as they are, all of them.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.carrier.write_all(bytes).await?;
        Ok(self.carrier.flush().await?)
    }

    /// Takes leave without waiting for anything: what is done is done.
    pub(super) fn leave(mut self) {
        let _ = self.write(b"QUIT\r\n").now_or_never();
    }

    /// Reads one reply, of one line or several.
    pub(super) async fn reply(&mut self) -> Result<Reply, Fault> {
        let (mut lines, mut code, mut read) = (Vec::new(), None, 0);
        loop {
            let line = self.line(&mut read).await?;
            let (of_line, is_last, text) = parsed(&line).ok_or(Fault::Nonsense("does not speak SMTP"))?;
            if code.is_some_and(|code| code != of_line) {
                return Err(Fault::Nonsense("answered with two codes at once"));
            }
            code = Some(of_line);
            lines.push(text);
            if is_last {
                return Ok(Reply { code: of_line, lines });
            }
        }
    }

    /// One line without its end. `read` counts what was read for this reply.
    async fn line(&mut self, read: &mut usize) -> Result<Vec<u8>, Fault> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                *read += end + 1;
                let mut line: Vec<u8> = self.unread.drain(..=end).collect();
                line.truncate(line.trim_ascii_end().len());
                return if *read > LONGEST_REPLY { Err(TOO_LONG) } else { Ok(line) };
            }
            if *read + self.unread.len() > LONGEST_REPLY {
                return Err(TOO_LONG);
            }
            let mut chunk = [0; 1024];
            match self.carrier.read(&mut chunk).await? {
                0 => return Err(Fault::Broken("the connection was closed".to_owned())),
                count => self.unread.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            }
        }
    }
}

const TOO_LONG: Fault = Fault::Nonsense("answered without an end");

/// Code, whether it is the last line, and the text.
fn parsed(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(code).ok().filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))?;
    let code = code.parse().ok().filter(|code| (200..600).contains(code))?;
    let is_last = match rest.first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default());
    Some((code, is_last, one_line(&text)))
}
