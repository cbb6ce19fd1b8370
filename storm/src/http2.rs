//! HTTP/2 on one connection for each user, as browsers have it.

use bytes::Bytes;
use h2::client::SendRequest;

use crate::reply::{ReplyError, ReplyHead, WireReply};
use crate::route::NetStream;

/// What may be on the way to a client: of each answer, and of all.
const WINDOW: u32 = 1 << 20;

/// A connection. Cheap to clone: all clones are the same connection.
#[derive(Clone)]
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
}

impl Http2 {
    /// Agrees on HTTP/2.
    pub(crate) async fn new(stream: NetStream) -> Result<Self, ReplyError> {
        let handshake = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(stream)
            .await;
        let (sender, connection) =
            handshake.map_err(|error| ReplyError::Connect(error.to_string()))?;
        // It ends with the last clone, or with an error that each request on it gets to see.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender })
    }

    /// Sends a request and reads the answer; its body too if `read`, or if it is an error's.
    pub(crate) async fn exchange(
        &self,
        request: http::Request<()>,
        body: Option<Bytes>,
        read: bool,
    ) -> Result<WireReply, ReplyError> {
        let unanswered = |error: h2::Error| ReplyError::Unanswered(error.to_string());
        let broken = |error: h2::Error| ReplyError::broken(error.to_string());
        let mut sender = self.sender.clone().ready().await.map_err(unanswered)?;
        let (answer, mut out) = sender
            .send_request(request, body.is_none())
            .map_err(unanswered)?;
        if let Some(body) = body {
            out.send_data(body, true).map_err(unanswered)?;
        }
        let answer = answer.await.map_err(broken)?;
        let mut head = ReplyHead::new(answer.status().as_u16());
        for (name, value) in answer.headers() {
            head.header(name.as_str(), value.as_bytes());
        }
        let kept = read || head.status >= 400;
        let mut reply = WireReply {
            head,
            body: Vec::new(),
        };
        let mut incoming = answer.into_body();
        while let Some(piece) = incoming.data().await {
            let piece = piece.map_err(broken)?;
            let released = incoming.flow_control().release_capacity(piece.len());
            released.map_err(broken)?;
            if kept {
                reply.body.extend_from_slice(&piece);
            }
        }
        Ok(reply)
    }
}
