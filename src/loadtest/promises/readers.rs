//! Whether every application node uses every reader of the database, and how far these are behind. The
//! server's own metrics count connections to all readers together, so each reader is asked itself.

use std::time::Duration;

use futures::future::join_all;
use secrecy::SecretString;

use crate::loadtest::population::ServerDatabase;

use super::Promise;

const READERS: &str = "database readers: each in use, and not behind";
/// How long a reader may take to answer.
const ANSWER: Duration = Duration::from_secs(20);
/// Further behind than this is worth a look, milliseconds.
const LAG_MS: u64 = 2000;

/// Selects the connections that the host of this very connection has besides it, and how far the reader is
/// behind its writer, milliseconds. A reader of Aurora replays no log: it tells its lag by a function that
/// no other PostgreSQL has. One that has replayed all that it received is behind only if nothing comes any more.
const STATE: &str = r"
SELECT to_regproc('aurora_replica_status') IS NOT NULL AS aurora \gset
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
   AND client_addr IS NOT DISTINCT FROM inet_client_addr();
\if :aurora
SELECT round(replica_lag_in_msec::numeric) FROM aurora_replica_status()
 WHERE server_id = aurora_db_instance_identifier();
\else
SELECT CASE
  WHEN NOT pg_is_in_recovery() THEN 0
  WHEN EXISTS (SELECT FROM pg_stat_wal_receiver)
   AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
  ELSE round(1000 * extract(epoch FROM now() - pg_last_xact_replay_timestamp()))
 END;
\endif
";

/// A reader, as one application node reaches it.
pub struct ReaderAccess {
    /// The node, for example `app-1`.
    pub node: String,
    /// The reader's host name and port.
    pub reader: String,
    /// The way to it, through that node.
    pub database: Box<dyn ServerDatabase>,
}

/// What a reader told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ReaderState {
    /// Of the node to the reader.
    connections: u64,
    lag_ms: u64,
}

/// Asks every reader from every node. The nodes are to have read from all of them just before.
pub(super) async fn readers(environment: &str, readers: &[ReaderAccess]) -> Promise {
    let asked = readers.iter().map(|access| async move {
        let statements = SecretString::from(STATE.to_owned());
        let answer = tokio::time::timeout(ANSWER, access.database.execute(statements)).await;
        let state = match answer {
            Ok(Ok(text)) => parse(&text),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", ANSWER.as_secs())),
        };
        (access, state)
    });
    judge(environment, &join_all(asked).await)
}

fn parse(text: &str) -> Result<ReaderState, String> {
    let numbers: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
    match numbers.as_deref() {
        Ok(&[connections, lag_ms]) => Ok(ReaderState {
            connections,
            lag_ms,
        }),
        _ => Err(format!("it does not tell its state, but `{}`", text.trim())),
    }
}

type Answer<'a> = (&'a ReaderAccess, Result<ReaderState, String>);

fn judge(environment: &str, answers: &[Answer<'_>]) -> Promise {
    let mut faults = Vec::new();
    let (mut connections, mut lag) = (0, None);
    for (access, state) in answers {
        let (node, reader) = (&access.node, &access.reader);
        match state {
            Err(why) => faults.push(format!("{node} cannot ask {reader}: {why}")),
            Ok(state) if state.connections == 0 => {
                faults.push(format!("{node} has no connection to {reader}"));
            }
            Ok(state) => {
                connections += state.connections;
                lag = lag.max(Some((state.lag_ms, reader)));
            }
        }
    }
    if !faults.is_empty() {
        return Promise::broken(READERS, faults.join("; ")).remedy(format!(
            "`loadrig plan {environment}` shows a reader that is not ready; the server's log says why it does not \
             use one: `loadrig ssh {environment} app-1 -- sudo journalctl -u mattermost`"
        ));
    }
    match lag {
        Some((lag_ms, reader)) if lag_ms > LAG_MS => {
            let seconds = lag_ms as f64 / 1000.0;
            Promise::doubtful(READERS, format!("{reader} is {seconds:.1} s behind")).remedy(
                "look at the replication lag of the readers and at the load of the writer in CloudWatch",
            )
        }
        _ => Promise::kept(
            READERS,
            format!(
                "{connections} connections, at most {} ms behind",
                lag.map_or(0, |(lag_ms, _)| lag_ms)
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_tells_is_two_numbers() {
        let state = ReaderState {
            connections: 3,
            lag_ms: 120,
        };
        assert_eq!(parse("3\n120\n"), Ok(state));
        // A reader of Aurora that the cluster does not list, or one that never replayed anything.
        for none in ["3\n", "3\n\n", ""] {
            assert!(parse(none).is_err(), "`{none}`");
        }
    }
}
