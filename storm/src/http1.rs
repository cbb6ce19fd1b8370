//! HTTP/1.1 on one connection: a request is written, its answer read, and nothing is kept
//! between two of them. What a client does not look at is read and thrown away. A connection can
//! go on as a websocket's.

use std::io;
use std::time::Instant;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::reply::{ReplyError, ReplyHead, WireReply};
use crate::route::NetStream;

/// Headers of an answer that are understood at the most.
const MAX_HEADERS: usize = 64;
/// A head is shorter than this.
const MAX_HEAD: usize = 64 << 10;
/// What is read at once.
const READ: usize = 8 << 10;

/// An idle or busy connection.
#[derive(Debug)]
pub(crate) struct Http1 {
    stream: NetStream,
    /// When it was used last.
    pub(crate) used: Instant,
}

impl Http1 {
    pub(crate) fn new(stream: NetStream) -> Self {
        Self {
            stream,
            used: Instant::now(),
        }
    }

    /// Whether the server has closed it meanwhile.
    pub(crate) fn is_closed(&self) -> bool {
        self.stream.is_closed()
    }

    /// Sends a request and reads the answer; its body too if `read`, or if it is an error's.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        read: bool,
    ) -> Result<WireReply, ReplyError> {
        let unsent = |error: io::Error| ReplyError::Unanswered(error.to_string());
        self.stream.write_all(request).await.map_err(unsent)?;
        self.stream.flush().await.map_err(unsent)?;
        let mut incoming = IncomingBytes {
            stream: &mut self.stream,
            buffer: BytesMut::with_capacity(READ),
        };
        let (head, body) = incoming.head().await?;
        let mut reply = WireReply {
            head,
            body: Vec::new(),
        };
        let kept = (read || reply.head.status >= 400).then_some(&mut reply.body);
        match body {
            BodyLength::Known(length) => incoming.take(length, kept).await?,
            BodyLength::Chunked => incoming.chunks(kept).await?,
            BodyLength::UntilClose => {
                reply.head.reusable = false;
                incoming.rest(kept).await?;
            }
        }
        // More than the answer: whatever it is, it answers nothing that was asked.
        reply.head.reusable &= incoming.buffer.is_empty();
        self.used = Instant::now();
        Ok(reply)
    }

    /// Sends a request to go on as a websocket (RFC 6455, 4.1). Gives the head of the answer, the
    /// connection, and what came after the head, which is the websocket's if the status is 101.
    pub(crate) async fn upgrade(
        mut self,
        request: &[u8],
    ) -> Result<(ReplyHead, NetStream, Vec<u8>), ReplyError> {
        let unsent = |error: io::Error| ReplyError::Unanswered(error.to_string());
        self.stream.write_all(request).await.map_err(unsent)?;
        self.stream.flush().await.map_err(unsent)?;
        let mut incoming = IncomingBytes {
            stream: &mut self.stream,
            buffer: BytesMut::with_capacity(READ),
        };
        let (head, _) = incoming.head().await?;
        // As long as it is: a websocket keeps it for good.
        let rest = incoming.buffer.to_vec();
        Ok((head, self.stream, rest))
    }
}

/// How long the body of an answer is.
enum BodyLength {
    Known(u64),
    Chunked,
    UntilClose,
}

struct IncomingBytes<'a> {
    stream: &'a mut NetStream,
    buffer: BytesMut,
}

impl IncomingBytes<'_> {
    /// Reads more, which has to come.
    async fn fill(&mut self) -> Result<(), ReplyError> {
        match self.more().await? {
            0 => Err(ReplyError::broken("the connection ended within an answer")),
            _ => Ok(()),
        }
    }

    async fn more(&mut self) -> Result<usize, ReplyError> {
        self.buffer.reserve(READ);
        let read = self.stream.read_buf(&mut self.buffer).await;
        read.map_err(|error| ReplyError::broken(error.to_string()))
    }

    async fn head(&mut self) -> Result<(ReplyHead, BodyLength), ReplyError> {
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await;
            match read {
                // As far as is known nobody has seen the request.
                Ok(0) if self.buffer.is_empty() => {
                    return Err(ReplyError::Unanswered("the connection was closed".into()));
                }
                Err(error) if self.buffer.is_empty() => {
                    return Err(ReplyError::Unanswered(error.to_string()));
                }
                Ok(0) => return Err(ReplyError::broken("the connection ended within a head")),
                Err(error) => return Err(ReplyError::broken(error.to_string())),
                Ok(_) => {}
            }
            while let Some((length, head, body)) = parse_head(&self.buffer)? {
                self.buffer.advance(length);
                if head.status >= 200 || head.status == 101 {
                    return Ok((head, body));
                }
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(ReplyError::broken("a head without an end"));
            }
            self.buffer.reserve(READ);
        }
    }

    /// Takes so many bytes of the body.
    async fn take(
        &mut self,
        mut left: u64,
        mut kept: Option<&mut Vec<u8>>,
    ) -> Result<(), ReplyError> {
        while left > 0 {
            if self.buffer.is_empty() {
                self.fill().await?;
            }
            let here =
                usize::try_from(left).map_or(self.buffer.len(), |n| n.min(self.buffer.len()));
            if let Some(kept) = kept.as_deref_mut() {
                kept.extend_from_slice(&self.buffer[..here]);
            }
            self.buffer.advance(here);
            left -= here as u64;
        }
        Ok(())
    }

    async fn chunks(&mut self, mut kept: Option<&mut Vec<u8>>) -> Result<(), ReplyError> {
        loop {
            let (length, size) = loop {
                match httparse::parse_chunk_size(&self.buffer) {
                    Ok(httparse::Status::Complete(found)) => break found,
                    Ok(httparse::Status::Partial) => self.fill().await?,
                    Err(_) => return Err(ReplyError::broken("a chunk without a size")),
                }
            };
            self.buffer.advance(length);
            if size == 0 {
                return self.trailers().await;
            }
            self.take(size, kept.as_deref_mut()).await?;
            self.take(2, None).await?;
        }
    }

    /// Reads lines up to an empty one.
    async fn trailers(&mut self) -> Result<(), ReplyError> {
        loop {
            let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
                self.fill().await?;
                continue;
            };
            let is_last = self.buffer[..end].iter().all(|byte| *byte == b'\r');
            self.buffer.advance(end + 1);
            if is_last {
                return Ok(());
            }
        }
    }

    async fn rest(&mut self, mut kept: Option<&mut Vec<u8>>) -> Result<(), ReplyError> {
        loop {
            let here = self.buffer.len();
            if let Some(kept) = kept.as_deref_mut() {
                kept.extend_from_slice(&self.buffer);
            }
            self.buffer.advance(here);
            if self.more().await? == 0 {
                return Ok(());
            }
        }
    }
}

/// The head at the beginning of what was read, if all of it is there, and its length.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, ReplyHead, BodyLength)>, ReplyError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(ReplyError::broken(format!("no HTTP answer: {error}"))),
    };
    let mut head = ReplyHead::new(response.code.unwrap_or(0));
    head.reusable = response.version == Some(1);
    let mut body = BodyLength::UntilClose;
    for header in &*response.headers {
        let name = header.name;
        if name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).unwrap_or_default();
            let length = text.trim().parse();
            let length = length.map_err(|_| ReplyError::broken("a length that is no number"))?;
            if !matches!(body, BodyLength::Chunked) {
                body = BodyLength::Known(length);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            body = BodyLength::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            if header.value.eq_ignore_ascii_case(b"close") {
                head.reusable = false;
            }
        } else {
            head.header(name, header.value);
        }
    }
    if matches!(head.status, 100..=199 | 204 | 304) {
        body = BodyLength::Known(0);
    }
    Ok(Some((length, head, body)))
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// What a client makes of an answer that comes in these pieces.
    async fn answered(pieces: &'static [&'static str]) -> Result<WireReply, ReplyError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 4]).await.unwrap();
            for piece in pieces {
                stream.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let mut connection = Http1::new(NetStream::Plain(stream));
        let reply = connection.exchange(b"ping", true).await;
        server.await.unwrap();
        reply
    }

    #[tokio::test]
    async fn bodies_are_read_by_length_in_chunks_and_until_the_end() {
        let reply = answered(&["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\n\r\nhel", "lo"]).await;
        let reply = reply.unwrap();
        assert_eq!(
            (reply.head.status, reply.body.as_slice()),
            (200, &b"hello"[..])
        );
        assert!(reply.head.reusable);
        let chunked = &[
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r",
            "\n2;x=y\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n",
        ];
        let reply = answered(chunked).await.unwrap();
        assert_eq!(reply.body, b"hello");
        assert!(reply.head.reusable);
        let reply = answered(&["HTTP/1.0 200 OK\r\n\r\nhel", "lo"])
            .await
            .unwrap();
        assert_eq!(reply.body, b"hello");
        assert!(!reply.head.reusable);
        let reply =
            answered(&["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"]).await;
        assert_eq!(reply.unwrap().head.status, 204);
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error_and_silence_is_another() {
        let broken = answered(&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"]).await;
        assert!(matches!(broken, Err(ReplyError::Broken(_))), "{broken:?}");
        let broken = answered(&["SSH-2.0-OpenSSH\r\n\r\n"]).await;
        assert!(matches!(broken, Err(ReplyError::Broken(_))), "{broken:?}");
        let silent = answered(&[]).await;
        assert!(
            matches!(silent, Err(ReplyError::Unanswered(_))),
            "{silent:?}"
        );
    }

    #[tokio::test]
    async fn an_upgraded_connection_is_handed_over_with_what_came_early() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 4]).await.unwrap();
            let head = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: abc\r\n\r\nhel";
            stream.write_all(head).await.unwrap();
            stream.write_all(b"lo").await.unwrap();
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let connection = Http1::new(NetStream::Plain(stream));
        let (head, mut stream, mut early) = connection.upgrade(b"ping").await.unwrap();
        server.await.unwrap();
        assert_eq!((head.status, head.accept.as_deref()), (101, Some("abc")));
        stream.read_to_end(&mut early).await.unwrap();
        assert_eq!(early, b"hello");
    }

    #[tokio::test]
    async fn gate_and_login_headers_are_kept() {
        let head = &["HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n\
             Set-Cookie: MMAUTHTOKEN=abc; Path=/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"];
        let reply = answered(head).await.unwrap();
        assert_eq!(reply.head.retry_after, Some(7));
        assert_eq!(reply.head.cookies, ["MMAUTHTOKEN=abc"]);
        assert!(!reply.head.reusable);
    }
}
