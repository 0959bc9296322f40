//! The world outside as a process under test sees it: real names and real TLS, and behind each name a stand-in.
//!
//! A proxy, found by `HTTPS_PROXY`, takes every connection, ends its TLS as an ingress does, and hands it on in the clear.
//! Its certificates are in `tests/fixtures/tls`: `host.pem` for all the names used, signed by `authority.pem`, which is
//! found by `SSL_CERT_FILE`; `stranger.pem` the same by an authority that nobody trusts. `inside.pem` for this machine and
//! `client.pem`, who may come in there, are signed by `inside-authority.pem`, and `mail.pem` for `localhost` by
//! `mail-authority.pem`: both only a configuration can name. Made with OpenSSL for a hundred years; the authorities' keys were
//! thrown away. None of them is good for anything but these tests.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What is behind a name.
#[derive(Clone)]
struct Host {
    at: SocketAddr,
    tls: TlsAcceptor,
}

/// The world; ends when dropped.
pub struct Internet {
    proxy: SocketAddr,
    gate: Arc<Gate>,
    _server: JoinSet<()>,
}

/// What the proxy knows.
#[derive(Default)]
struct Gate {
    hosts: Mutex<HashMap<String, Host>>,
    /// Whom it lets through; everybody where there is nothing.
    credentials: Mutex<Option<String>>,
    /// The heads of all it was asked.
    asked: Mutex<Vec<String>>,
}

/// A file in `tests/fixtures/tls`.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// Ends TLS with this certificate of the fixtures.
pub fn acceptor(certificate: &str) -> TlsAcceptor {
    castai_relay::http_client::install_crypto();
    let certificate = CertificateDer::from_pem_file(fixture(certificate)).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("host.key")).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

impl Internet {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (proxy, gate) = (listener.local_addr().unwrap(), Arc::<Gate>::default());
        let mut server = JoinSet::new();
        server.spawn(listen(listener, gate.clone()));
        Self { proxy, gate, _server: server }
    }

    /// Where the proxy listens.
    pub fn proxy(&self) -> SocketAddr {
        self.proxy
    }

    /// From now on the proxy lets only those through who show this: `name:password`.
    pub fn demand(&self, credentials: &str) {
        let shown = format!("proxy-authorization: basic {}", STANDARD.encode(credentials));
        *self.gate.credentials.lock().unwrap() = Some(shown.to_ascii_lowercase());
    }

    /// The heads of all that the proxy was asked.
    pub fn asked(&self) -> Vec<String> {
        self.gate.asked.lock().unwrap().clone()
    }

    /// Behind this name is what listens there, in the clear.
    pub fn host(&self, name: &str, at: SocketAddr) {
        self.put(name, at, "host.pem");
    }

    /// The same with a certificate that nobody trusts.
    pub fn distrusted_host(&self, name: &str, at: SocketAddr) {
        self.put(name, at, "stranger.pem");
    }

    /// There is no such name any more.
    pub fn forget(&self, name: &str) {
        self.gate.hosts.lock().unwrap().remove(&format!("{name}:443"));
    }

    fn put(&self, name: &str, at: SocketAddr, certificate: &str) {
        let host = Host { at, tls: acceptor(certificate) };
        self.gate.hosts.lock().unwrap().insert(format!("{name}:443"), host);
    }

    /// The variables by which a process finds this world.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        let authority = fixture("authority.pem").display().to_string();
        let proxy = format!("http://{}", self.proxy);
        [("HTTPS_PROXY", proxy), ("NO_PROXY", "127.0.0.1".to_owned()), ("SSL_CERT_FILE", authority)]
    }
}

async fn listen(listener: TcpListener, gate: Arc<Gate>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connect(stream, gate.clone()));
    }
}

/// One CONNECT (RFC 9110, 9.3.6). Whatever breaks off, breaks off: that is what those who call must cope with.
async fn connect(mut stream: TcpStream, gate: Arc<Gate>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap_or_default();
    let name = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    gate.asked.lock().unwrap().push(head.clone());
    let demanded = gate.credentials.lock().unwrap().clone();
    if demanded.is_some_and(|shown| !head.to_ascii_lowercase().contains(&shown)) {
        let refusal = b"HTTP/1.1 407 No\r\nproxy-authenticate: Basic realm=\"p\"\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(refusal).await;
        return;
    }
    let Some(host) = gate.hosts.lock().unwrap().get(name).cloned() else {
        let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
        return;
    };
    if stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.is_err() {
        return;
    }
    let (outside, inside) = (host.tls.accept(stream).await, TcpStream::connect(host.at).await);
    if let (Ok(mut outside), Ok(mut inside)) = (outside, inside) {
        let _ = copy_bidirectional(&mut outside, &mut inside).await;
    }
}
