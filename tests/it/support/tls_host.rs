//! TLS in front of a stand-in on this machine, under the name `localhost`, by an authority that no system knows; it may ask who
//! comes in.
//!
//! The certificates are those of [`super::internet`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::internet::fixture;

/// Listens until it is dropped.
pub struct TlsHost {
    port: u16,
    came: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl TlsHost {
    /// In front of what listens there in the clear.
    pub async fn before(behind: SocketAddr) -> Self {
        Self::start(behind, false).await
    }

    /// The same for those alone who show a certificate of the same authority.
    pub async fn before_known_clients(behind: SocketAddr) -> Self {
        Self::start(behind, true).await
    }

    async fn start(behind: SocketAddr, asks_who: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, came) = (listener.local_addr().unwrap().port(), Arc::<AtomicUsize>::default());
        let mut server = JoinSet::new();
        server.spawn(listen(listener, acceptor(asks_who), behind, came.clone()));
        Self { port, came, _server: server }
    }

    /// `https://localhost:PORT`.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// How many connections were opened to it, whatever became of them.
    pub fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

fn acceptor(asks_who: bool) -> TlsAcceptor {
    castai_relay::http_client::install_crypto();
    let mut known = RootCertStore::empty();
    known.add(CertificateDer::from_pem_file(fixture("inside-authority.pem")).unwrap()).unwrap();
    let builder = rustls::ServerConfig::builder();
    let builder = match asks_who {
        true => builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(known)).build().unwrap()),
        false => builder.with_no_client_auth(),
    };
    let certificate = CertificateDer::from_pem_file(fixture("inside.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("inside.key")).unwrap();
    TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate], key).unwrap()))
}

async fn listen(listener: TcpListener, tls: TlsAcceptor, behind: SocketAddr, came: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        came.fetch_add(1, Ordering::SeqCst);
        let tls = tls.clone();
        connections.spawn(async move {
            let (outside, inside) = (tls.accept(stream).await, TcpStream::connect(behind).await);
            if let (Ok(mut outside), Ok(mut inside)) = (outside, inside) {
                // Whatever breaks off, breaks off.
                let _ = copy_bidirectional(&mut outside, &mut inside).await;
            }
        });
    }
}
