//! The dialogue with the mail server, from the first connection to its answer after the final dot.
//!
//! One connection for each attempt and one mail for each connection, so that no answer can be taken for another's. Every stage has
//! a time of its own, all before the final dot have one together. Nothing but EHLO is said before the connection is as private as
//! it must be. What the answers mean is for [`super::verdict`] to say.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::server::{Security, Server};
use super::wire::{Fault, Reply, Wire};
use crate::config::Secret;
use crate::http_client::Connection;

/// How long each stage may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a connection to stand, the name looked up.
    pub(super) connect: Duration,
    /// For the reply to one command, and for the TLS handshake.
    pub(super) command: Duration,
    /// For everything before the final dot.
    pub(super) hand_over: Duration,
    /// For the reply to the final dot, when scanners look at the mail. RFC 5321 would wait for ten minutes, section 4.5.3.2.6; a
    /// second mail to a server that took two minutes for the first is less harm than all others waiting for so long.
    pub(super) after_dot: Duration,
}

impl Patience {
    pub(super) const USUAL: Self = Self {
        connect: Duration::from_secs(10),
        command: Duration::from_secs(30),
        hand_over: Duration::from_secs(90),
        after_dot: Duration::from_secs(120),
    };

    /// All of it.
    pub(super) fn total(self) -> Duration {
        self.hand_over.saturating_add(self.after_dot)
    }
}

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody has answered yet.
    Connect,
    /// The server introduces itself.
    Greeting,
    /// EHLO.
    Hello,
    /// STARTTLS.
    StartTls,
    /// The TLS handshake.
    Handshake,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    From,
    /// RCPT TO.
    To,
    /// DATA, and the mail itself.
    Data,
    /// The final dot is sent: from here on the mail may be delivered.
    End,
}

impl Stage {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::Greeting => "the greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Handshake => "the TLS handshake",
            Self::Auth => "AUTH",
            Self::From => "MAIL FROM",
            Self::To => "RCPT TO",
            Self::Data => "DATA",
            Self::End => "the end of the mail",
        }
    }
}

/// Why the mail was not taken, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server said so.
    Refused(Stage, Reply),
    /// It offers no way to do what must be done, so nothing was sent.
    Missing(&'static str),
    /// Nothing came, or nonsense.
    Fault(Stage, Fault),
}

/// Whom the server is asked to bring what.
pub(super) struct Envelope<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    /// Lines that end with CRLF.
    pub(super) mail: &'a [u8],
}

/// As whom we log in.
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Secret,
}

/// Everything a connection needs.
pub(super) struct Session {
    pub(super) server: Server,
    pub(super) tls: Option<TlsConnector>,
    pub(super) login: Option<Login>,
    pub(super) patience: Patience,
    /// Says which addresses may be connected to.
    pub(super) connection: Connection,
}

impl Session {
    /// Sends the mail, once, and yields what the server answered when it took it.
    pub(super) async fn send(&self, envelope: Envelope<'_>) -> Result<Reply, Failure> {
        let wire = self.hand_over(&envelope).await?;
        self.finish(wire).await
    }

    /// Goes as far as logging in: that proves the way and the password, and sends nothing.
    pub(super) async fn knock(&self) -> Result<(), Failure> {
        self.open(&mut Stage::Connect).await.map(Wire::leave)
    }

    /// Everything up to the final dot, which is not sent yet: whoever breaks off here has sent no mail.
    async fn hand_over(&self, envelope: &Envelope<'_>) -> Result<Wire, Failure> {
        let mut stage = Stage::Connect;
        let handing_over = async {
            let wire = self.open(&mut stage).await?;
            self.fill(wire, envelope, &mut stage).await
        };
        let handed_over = tokio::time::timeout(self.patience.hand_over, handing_over).await;
        handed_over.unwrap_or_else(|_| Err(Failure::Fault(stage, no_answer_within(self.patience.hand_over))))
    }

    /// A connection that is private and logged in.
    async fn open(&self, stage: &mut Stage) -> Result<Wire, Failure> {
        let (stream, ours) = self.connect().await.map_err(|fault| Failure::Fault(Stage::Connect, fault))?;
        let mut wire = Wire::new(stream);
        if self.server.security == Security::Implicit {
            wire = self.shake_hands(wire, stage).await?;
        }
        *stage = Stage::Greeting;
        let (wire, _) = self.step(wire, *stage, 220..221, None).await?;
        let (mut wire, mut offers) = self.hello(wire, stage, ours).await?;
        if self.server.security == Security::StartTls {
            if !offers.has("STARTTLS") {
                return Err(Failure::Missing(
                    "does not offer STARTTLS, so nothing was sent in the clear: look for what is in between, or write `smtps://`",
                ));
            }
            *stage = Stage::StartTls;
            let (in_the_clear, _) = self.step(wire, *stage, 220..221, Some("STARTTLS")).await?;
            let private = self.shake_hands(in_the_clear, stage).await?;
            (wire, offers) = self.hello(private, stage, ours).await?;
        }
        match &self.login {
            Some(login) => {
                *stage = Stage::Auth;
                self.log_in(wire, login, &offers).await
            }
            None => Ok(wire),
        }
    }

    async fn connect(&self) -> Result<(TcpStream, SocketAddr), Fault> {
        let patience = self.patience.connect;
        let looking_up = self.connection.addresses(&self.server.host, self.server.port);
        let addresses = tokio::time::timeout(patience, looking_up).await.map_err(|_| no_answer_within(patience))??;
        let stream = self.connect_to_one(&addresses).await?;
        let ours = stream.local_addr()?;
        // Commands are small and wait for their replies.
        stream.set_nodelay(true)?;
        Ok((stream, ours))
    }

    /// Each has its part of the time, so that one that swallows everything does not hide the next.
    async fn connect_to_one(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
        let parts = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let patience = self.patience.connect / parts;
        let mut fault = Fault::Broken("the host has no address".to_owned());
        for address in addresses {
            match tokio::time::timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => fault = error.into(),
                Err(_) => fault = no_answer_within(patience),
            }
        }
        Err(fault)
    }

    async fn shake_hands(&self, wire: Wire, stage: &mut Stage) -> Result<Wire, Failure> {
        *stage = Stage::Handshake;
        let fault = |fault| Failure::Fault(Stage::Handshake, fault);
        let Some(tls) = &self.tls else { return Err(fault(Fault::Nonsense("needs TLS, which is not set up"))) };
        let patience = self.patience.command;
        let shaking = tokio::time::timeout(patience, wire.into_private(tls, &self.server.host));
        shaking.await.unwrap_or_else(|_| Err(no_answer_within(patience))).map_err(fault)
    }

    /// Introduces us by our address, as RFC 5321, 4.1.3, wants it of who has no name of its own: the machine's name is nobody's
    /// business, and the sender's domain is the server's rather than ours.
    async fn hello(&self, wire: Wire, stage: &mut Stage, ours: SocketAddr) -> Result<(Wire, Offers), Failure> {
        *stage = Stage::Hello;
        let command = match ours.ip().to_canonical() {
            std::net::IpAddr::V4(ip) => format!("EHLO [{ip}]"),
            std::net::IpAddr::V6(ip) => format!("EHLO [IPv6:{ip}]"),
        };
        let (wire, reply) = self.step(wire, *stage, 250..251, Some(&command)).await?;
        Ok((wire, Offers(reply.lines)))
    }

    /// <https://www.rfc-editor.org/rfc/rfc4954>, by the first of the two mechanisms that the server offers.
    async fn log_in(&self, wire: Wire, login: &Login, offers: &Offers) -> Result<Wire, Failure> {
        let (user, password) = (&login.user, login.password.expose());
        if offers.has_mechanism("PLAIN") {
            let plain = STANDARD.encode(format!("\0{user}\0{password}"));
            return Ok(self.step(wire, Stage::Auth, 235..236, Some(&format!("AUTH PLAIN {plain}"))).await?.0);
        }
        if !offers.has_mechanism("LOGIN") {
            return Err(Failure::Missing(
                "offers neither AUTH PLAIN nor AUTH LOGIN: use a server that takes a password, or leave the user out of `url`",
            ));
        }
        let (wire, _) = self.step(wire, Stage::Auth, 334..335, Some("AUTH LOGIN")).await?;
        let (wire, _) = self.step(wire, Stage::Auth, 334..335, Some(&STANDARD.encode(user))).await?;
        Ok(self.step(wire, Stage::Auth, 235..236, Some(&STANDARD.encode(password))).await?.0)
    }

    /// The envelope and the mail, all but the final dot.
    async fn fill(&self, wire: Wire, envelope: &Envelope<'_>, stage: &mut Stage) -> Result<Wire, Failure> {
        *stage = Stage::From;
        let from = format!("MAIL FROM:<{}>", envelope.from);
        let (wire, _) = self.step(wire, *stage, 200..300, Some(&from)).await?;
        *stage = Stage::To;
        let to = format!("RCPT TO:<{}>", envelope.to);
        let (wire, _) = self.step(wire, *stage, 200..300, Some(&to)).await?;
        *stage = Stage::Data;
        let (mut wire, _) = self.step(wire, *stage, 354..355, Some("DATA")).await?;
        let stuffed = dot_stuffed(envelope.mail);
        let written = wire.write(&stuffed).await.and_then(|()| wire.in_step());
        written.map(|()| wire).map_err(|fault| Failure::Fault(Stage::Data, fault))
    }

    /// The final dot and what the server says to it.
    async fn finish(&self, mut wire: Wire) -> Result<Reply, Failure> {
        let patience = self.patience.after_dot;
        let ending = tokio::time::timeout(patience, wire.ask("."));
        match ending.await.unwrap_or_else(|_| Err(no_answer_within(patience))) {
            Ok(reply) if (200..300).contains(&reply.code) => {
                wire.leave();
                Ok(reply)
            }
            Ok(reply) => Err(Failure::Refused(Stage::End, reply)),
            Err(fault) => Err(Failure::Fault(Stage::End, fault)),
        }
    }

    /// One command, or none, and the reply to it, which must be one of those codes.
    async fn step(
        &self,
        mut wire: Wire,
        stage: Stage,
        expected: std::ops::Range<u16>,
        command: Option<&str>,
    ) -> Result<(Wire, Reply), Failure> {
        let patience = self.patience.command;
        let asking = async {
            match command {
                Some(command) => wire.ask(command).await,
                None => wire.reply().await,
            }
        };
        let asked = tokio::time::timeout(patience, asking).await.unwrap_or_else(|_| Err(no_answer_within(patience)));
        let reply = asked.map_err(|fault| Failure::Fault(stage, fault))?;
        if expected.contains(&reply.code) {
            return Ok((wire, reply));
        }
        wire.leave();
        Err(Failure::Refused(stage, reply))
    }
}

fn no_answer_within(patience: Duration) -> Fault {
    Fault::Broken(format!("no answer within {}s", patience.as_secs()))
}

/// What the server said it can do.
struct Offers(Vec<String>);

impl Offers {
    fn has(&self, extension: &str) -> bool {
        // The first line is the greeting.
        self.0.iter().skip(1).any(|line| line.eq_ignore_ascii_case(extension))
    }

    /// `AUTH LOGIN PLAIN`, or `AUTH=LOGIN PLAIN` as it was written before there was a standard.
    fn has_mechanism(&self, mechanism: &str) -> bool {
        self.0.iter().skip(1).any(|line| {
            let mut words = line.split([' ', '=']);
            words.next().is_some_and(|word| word.eq_ignore_ascii_case("AUTH"))
                && words.any(|word| word.eq_ignore_ascii_case(mechanism))
        })
    }
}

/// A line that begins with a dot gets a second one, so that none is the end: RFC 5321, section 4.5.2.
fn dot_stuffed(mail: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(mail.len() + 16);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed
}

#[cfg(test)]
#[path = "tests/session.rs"]
mod tests;
