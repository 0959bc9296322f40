//! An answer that is read as it comes, for as long as it comes: a stream of events.
//!
//! Knows nothing of what is in it. Next: [`super`], which reads answers to their end.

use bytes::Bytes;
use reqwest::Response;

use super::{HttpClient, Request, SendError, read_up_to};

/// An answer of which only the head has been read.
#[derive(Debug)]
pub struct Streamed {
    /// The HTTP status.
    pub status: u16,
    response: Response,
}

impl HttpClient {
    /// Sends it, once, and leaves the body to be read piece by piece. The caller bounds the time.
    ///
    /// # Errors
    /// As [`HttpClient::exchange`].
    pub async fn open(&self, request: Request<'_>) -> Result<Streamed, SendError> {
        let response = self.send(&request).await?;
        Ok(Streamed { status: response.status().as_u16(), response })
    }
}

impl Streamed {
    /// The next piece; `None` at the end, however it came about.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.response.chunk().await.ok().flatten()
    }

    /// All the rest, up to `limit` bytes.
    pub async fn rest(self, limit: usize) -> Bytes {
        read_up_to(limit, self.response).await.0
    }
}
