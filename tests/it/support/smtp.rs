//! A stand-in for a mail server, for what no decent one can be brought to do: answer wrongly at any stage, break off, hang, never end.
//!
//! Each connection plays one thing of the script and is decent otherwise; all mails it took and everything it heard are kept. A
//! decent server that is not ours is in [`crate::mailing`].

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::internet::acceptor;
use super::wire_faults::ENDLESS;

/// Where in the dialogue something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Dot,
}

impl At {
    pub const IN_THE_CLEAR: [At; 7] = [At::Greeting, At::Ehlo, At::Auth, At::Mail, At::Rcpt, At::Data, At::Dot];
}

/// What is done there instead of the usual.
#[derive(Debug, Clone)]
pub enum Play {
    /// Says this and goes on.
    Say(Vec<u8>),
    /// Says this byte by byte and goes on.
    Drip(Vec<u8>),
    /// Says this and closes.
    Close(Vec<u8>),
    /// Says this and resets the connection.
    Reset(Vec<u8>),
    /// Says this, closes its own half, and listens until the caller goes away.
    HalfClose(Vec<u8>),
    /// Says this, and nothing more until the caller goes away.
    Hang(Vec<u8>),
    /// Says this again and again until the caller goes away or [`ENDLESS`] bytes are sent.
    Endless(Vec<u8>),
}

/// How it does TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    None,
    /// From the first byte, with this certificate of the fixtures.
    Implicit(&'static str),
    /// When asked.
    OnDemand(&'static str),
}

/// How one connection went.
#[derive(Debug, Default)]
pub struct Ended {
    /// Every line the caller sent outside TLS.
    pub in_the_clear: String,
    /// Every line the caller sent, in TLS or not, but for mails.
    pub heard: String,
    /// How many bytes the caller's side took of what is endless.
    pub said: usize,
}

struct Stage {
    tls: Tls,
    offers: &'static str,
    script: Mutex<VecDeque<(At, Play)>>,
    mails: Mutex<Vec<String>>,
    acting: UnboundedSender<()>,
}

/// The stand-in, on a free loopback port; stops when dropped.
pub struct MailServer {
    pub address: SocketAddr,
    stage: Arc<Stage>,
    acted: UnboundedReceiver<()>,
    ended: UnboundedReceiver<Ended>,
    _server: JoinSet<()>,
}

impl MailServer {
    /// In the clear, taking logins; its connections play these, one each, and those after them nothing.
    pub async fn playing(script: impl IntoIterator<Item = (At, Play)>) -> Self {
        Self::with(Tls::None, "AUTH PLAIN LOGIN", script).await
    }

    pub async fn with(tls: Tls, offers: &'static str, script: impl IntoIterator<Item = (At, Play)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ((acting, acted), (ending, ended)) = (unbounded_channel(), unbounded_channel());
        let script = Mutex::new(script.into_iter().collect());
        let stage = Arc::new(Stage { tls, offers, script, mails: Mutex::default(), acting });
        let mut server = JoinSet::new();
        server.spawn(listen(listener, stage.clone(), ending));
        Self { address, stage, acted, ended, _server: server }
    }

    /// The mails it took, as they were before dots were doubled.
    pub fn take_mails(&self) -> Vec<String> {
        std::mem::take(&mut self.stage.mails.lock().unwrap())
    }

    /// Returns once what hangs hangs.
    pub async fn has_acted(&mut self) {
        self.acted.recv().await.unwrap();
    }

    /// How the next connection ended, once one has.
    pub async fn has_ended(&mut self) -> Ended {
        self.ended.recv().await.unwrap()
    }
}

async fn listen(listener: TcpListener, stage: Arc<Stage>, ending: UnboundedSender<Ended>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let play = stage.script.lock().unwrap().pop_front();
        let (stage, ending) = (stage.clone(), ending.clone());
        connections.spawn(async move {
            let (stream, twin) = doubled(stream);
            let mut caller = Caller { stage, play, twin: Some(twin), ended: Ended::default(), is_private: false };
            caller.serve(stream).await;
            caller.twin = None;
            // Nobody may be left to hear of it.
            let _ = ending.send(caller.ended);
        });
    }
}

/// The same socket twice, because within TLS it is out of reach.
fn doubled(stream: TcpStream) -> (TcpStream, TcpStream) {
    let stream = stream.into_std().unwrap();
    let twin = stream.try_clone().unwrap();
    (TcpStream::from_std(stream).unwrap(), TcpStream::from_std(twin).unwrap())
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

struct Caller {
    stage: Arc<Stage>,
    play: Option<(At, Play)>,
    twin: Option<TcpStream>,
    ended: Ended,
    is_private: bool,
}

/// The connection is over.
struct Over;

impl Caller {
    async fn serve(&mut self, stream: TcpStream) {
        let mut stream: Box<dyn Stream> = match self.stage.tls {
            Tls::Implicit(certificate) => match acceptor(certificate).accept(stream).await {
                Ok(stream) => Box::new(stream),
                Err(_) => return,
            },
            Tls::None | Tls::OnDemand(_) => Box::new(stream),
        };
        self.is_private = matches!(self.stage.tls, Tls::Implicit(_));
        if self.answers(&mut stream, At::Greeting, "220 mail.test ESMTP").await.is_err() {
            return;
        }
        while let Some(line) = self.line(&mut stream).await {
            if line == "STARTTLS" {
                let Tls::OnDemand(certificate) = self.stage.tls else { return };
                if self.answers(&mut stream, At::StartTls, "220 2.0.0 Ready").await.is_err() {
                    return;
                }
                let Ok(private) = acceptor(certificate).accept(stream).await else { return };
                (stream, self.is_private) = (Box::new(private), true);
            } else if self.obeys(&mut stream, &line).await.is_err() {
                return;
            }
        }
    }

    async fn obeys(&mut self, stream: &mut Box<dyn Stream>, line: &str) -> Result<(), Over> {
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        match verb {
            "EHLO" => {
                let offers = match self.stage.tls {
                    Tls::OnDemand(_) if !self.is_private => "STARTTLS",
                    _ => self.stage.offers,
                };
                let answer = format!("250-mail.test greets you\r\n250-SIZE 100000\r\n250 {offers}");
                self.answers(stream, At::Ehlo, &answer).await
            }
            "AUTH" => {
                for challenge in ["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"] {
                    if line == "AUTH LOGIN" && self.play.as_ref().is_none_or(|(at, _)| *at != At::Auth) {
                        stream.write_all(challenge.as_bytes()).await.map_err(|_| Over)?;
                        self.line(stream).await.ok_or(Over)?;
                    }
                }
                self.answers(stream, At::Auth, "235 2.7.0 Welcome").await
            }
            "MAIL" => self.answers(stream, At::Mail, "250 2.1.0 Ok").await,
            "RCPT" => self.answers(stream, At::Rcpt, "250 2.1.5 Ok").await,
            "DATA" => {
                self.answers(stream, At::Data, "354 End data with <CR><LF>.<CR><LF>").await?;
                let mail = mail(stream).await.ok_or(Over)?;
                // What is refused, or left without a word, may have been taken all the same.
                self.stage.mails.lock().unwrap().push(mail);
                self.answers(stream, At::Dot, "250 2.0.0 Ok: queued as 7").await
            }
            _ => Err(Over),
        }
    }

    /// One line; `None` when the caller closed.
    async fn line(&mut self, stream: &mut Box<dyn Stream>) -> Option<String> {
        let line = line(stream).await?;
        let heard = format!("{}\n", line.trim_end());
        self.ended.heard += &heard;
        if !self.is_private {
            self.ended.in_the_clear += &heard;
        }
        Some(line.trim_end().to_owned())
    }

    async fn answers(&mut self, stream: &mut Box<dyn Stream>, at: At, usual: &str) -> Result<(), Over> {
        let Some((_, play)) = self.play.take_if(|(planned, _)| *planned == at) else {
            return stream.write_all(format!("{usual}\r\n").as_bytes()).await.map_err(|_| Over);
        };
        let done = self.perform(stream, &play).await;
        let _ = stream.flush().await;
        let _ = self.stage.acting.send(());
        if let Play::HalfClose(_) | Play::Hang(_) = play {
            let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
        }
        match play {
            Play::Say(_) | Play::Drip(_) => done,
            _ => Err(Over),
        }
    }

    async fn perform(&mut self, stream: &mut Box<dyn Stream>, play: &Play) -> Result<(), Over> {
        match play {
            Play::Say(bytes) | Play::Close(bytes) | Play::Hang(bytes) => {
                stream.write_all(bytes).await.map_err(|_| Over)
            }
            Play::Reset(bytes) => {
                stream.write_all(bytes).await.map_err(|_| Over)?;
                self.twin.take().unwrap().set_zero_linger().unwrap();
                Ok(())
            }
            Play::HalfClose(bytes) => {
                stream.write_all(bytes).await.map_err(|_| Over)?;
                stream.shutdown().await.map_err(|_| Over)
            }
            Play::Drip(bytes) => {
                for byte in bytes {
                    stream.write_all(&[*byte]).await.map_err(|_| Over)?;
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
            Play::Endless(bytes) => {
                while self.ended.said < ENDLESS && stream.write_all(bytes).await.is_ok() {
                    self.ended.said += bytes.len();
                }
                Ok(())
            }
        }
    }
}

/// One line with its end; `None` when the caller closed. Byte by byte, so that nothing is read that belongs to TLS.
async fn line(stream: &mut Box<dyn Stream>) -> Option<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        line.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(line).unwrap())
}

/// All lines up to the final dot, each as it was before dots were doubled; with their ends.
async fn mail(stream: &mut Box<dyn Stream>) -> Option<String> {
    let mut mail = String::new();
    loop {
        let line = line(stream).await?;
        match line.strip_prefix('.') {
            Some("\r\n") => return Some(mail),
            Some(rest) => mail += rest,
            None => mail += &line,
        }
    }
}
