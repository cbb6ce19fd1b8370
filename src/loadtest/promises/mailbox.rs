//! Looks into a mailbox by IMAP, without changing anything in it.

use std::sync::Arc;
use std::time::Duration;

use async_imap::{Client, Session};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::loadtest::entrance::trust_config;

use super::PromiseMailbox;

/// How long the mailbox may take for one answer.
const ANSWER: Duration = Duration::from_secs(20);

/// Why there was no looking.
#[derive(Debug, thiserror::Error)]
pub(super) enum MailboxError {
    #[error("cannot connect: {0}")]
    Connection(String),
    #[error("its server says: {0}")]
    Imap(#[from] async_imap::error::Error),
    #[error("no answer within {} s", ANSWER.as_secs())]
    Slow,
}

type Result<T> = std::result::Result<T, MailboxError>;

/// The inbox of a mailbox, and where new messages begin in it.
pub(super) struct OpenMailbox {
    session: Session<TlsStream<TcpStream>>,
    /// What was there before has lower ids.
    next: u32,
}

impl OpenMailbox {
    /// Opens it, to read alone.
    pub(super) async fn open(mailbox: &PromiseMailbox) -> Result<Self> {
        in_time(Self::opened(mailbox)).await
    }

    async fn opened(mailbox: &PromiseMailbox) -> Result<Self> {
        let failed = |error: std::io::Error| MailboxError::Connection(error.to_string());
        let config = trust_config(mailbox.authority.as_deref(), mailbox.authority.is_none());
        let config = config.map_err(MailboxError::Connection)?;
        let name = ServerName::try_from(mailbox.server.clone())
            .map_err(|error| MailboxError::Connection(error.to_string()))?;
        let at = (mailbox.server.as_str(), mailbox.port);
        let stream = TcpStream::connect(at).await.map_err(failed)?;
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await.map_err(failed)?;
        let mut client = Client::new(stream);
        // The greeting.
        client.read_response().await.map_err(failed)?;
        let login = client.login(&mailbox.username, mailbox.password.expose());
        let mut session = login.await.map_err(|(error, _)| error)?;
        let inbox = session.examine("INBOX").await?;
        // A server that does not tell is asked for the last message, after which new ones come.
        let next = match inbox.uid_next {
            Some(next) => next,
            None => last(&session.uid_search("*").await?).saturating_add(1),
        };
        Ok(Self { session, next })
    }

    /// Whether a message from one address to another has come since it was opened.
    pub(super) async fn has_new(&mut self, from: &str, to: &str) -> Result<bool> {
        let next = self.next;
        let query = format!("UID {next}:* FROM \"{from}\" TO \"{to}\"");
        let looked = async {
            // New messages are told with the answer to whatever is asked.
            self.session.noop().await?;
            Ok(self.session.uid_search(query).await?)
        };
        // `*` is the last message, also where that is an old one.
        Ok(last(&in_time(looked).await?) >= next)
    }

    /// Takes leave; what the server says to it does not matter.
    pub(super) async fn close(mut self) {
        let _ = in_time(async { Ok(self.session.logout().await?) }).await;
    }
}

fn last(ids: &std::collections::HashSet<u32>) -> u32 {
    ids.iter().copied().max().unwrap_or(0)
}

async fn in_time<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let done = tokio::time::timeout(ANSWER, work).await;
    done.map_err(|_| MailboxError::Slow)?
}
