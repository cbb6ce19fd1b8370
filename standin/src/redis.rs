//! The cache server, where the configuration names one. Mattermost does not start without it and
//! keeps a connection to it; so does the stand-in, whose own caches stay in memory. It knows two of
//! Redis' commands and nothing of what is cached.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::config::CacheSettings;

/// The server may be silent for so long.
const ANSWER: Duration = Duration::from_secs(5);
/// How often it is asked whether it is there.
const INTERVAL: Duration = Duration::from_secs(10);

/// Why the cache server cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RedisError {
    /// It cannot be reached, or the connection broke.
    #[error("no connection to `{address}`")]
    Io {
        address: String,
        #[source]
        source: std::io::Error,
    },
    /// It did not answer in time.
    #[error("`{address}` did not answer within {} s", ANSWER.as_secs())]
    Silent { address: String },
    /// It answered, and not as Redis does.
    #[error("`{address}` answered `{answer}`")]
    Refused { address: String, answer: String },
}

/// A connection to the cache server.
#[derive(Debug)]
pub(crate) struct Redis {
    settings: CacheSettings,
    stream: BufReader<TcpStream>,
}

impl Redis {
    /// Connects; nothing where the cache is in memory.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn open(settings: &CacheSettings) -> Result<Option<Self>, RedisError> {
        if settings.cache_type != "redis" {
            return Ok(None);
        }
        let redis = Self::connect(settings).await?;
        info!(address = settings.redis_address, "cache server is ready");
        Ok(Some(redis))
    }

    async fn connect(settings: &CacheSettings) -> Result<Self, RedisError> {
        let address = &settings.redis_address;
        let stream = timeout(ANSWER, TcpStream::connect(address)).await;
        let stream = stream.map_err(|_| RedisError::Silent {
            address: address.clone(),
        })?;
        let stream = stream.map_err(|source| RedisError::Io {
            address: address.clone(),
            source,
        })?;
        let mut redis = Self {
            settings: settings.clone(),
            stream: BufReader::new(stream),
        };
        redis
            .ask(&format!("SELECT {}", settings.redis_db), "+OK")
            .await?;
        redis.ask("PING", "+PONG").await?;
        Ok(redis)
    }

    async fn ask(&mut self, command: &str, expected: &str) -> Result<(), RedisError> {
        let address = &self.settings.redis_address;
        let mut answer = String::new();
        let talk = async {
            let command = format!("{command}\r\n");
            self.stream.get_mut().write_all(command.as_bytes()).await?;
            self.stream.read_line(&mut answer).await
        };
        let talk = timeout(ANSWER, talk).await;
        let talk = talk.map_err(|_| RedisError::Silent {
            address: address.clone(),
        })?;
        talk.map_err(|source| RedisError::Io {
            address: address.clone(),
            source,
        })?;
        if answer.trim_end() == expected {
            return Ok(());
        }
        Err(RedisError::Refused {
            address: address.clone(),
            answer: answer.trim_end().to_owned(),
        })
    }

    /// Keeps the connection, and makes a new one when it breaks. A broken one is closed first: while the
    /// kernel tries to send what was asked, it would look established.
    pub(crate) async fn keep(self) {
        let settings = self.settings.clone();
        let mut redis = self;
        loop {
            redis.until_lost().await;
            drop(redis);
            redis = loop {
                match Self::connect(&settings).await {
                    Ok(redis) => break redis,
                    Err(_) => sleep(INTERVAL).await,
                }
            };
            info!(
                address = settings.redis_address,
                "cache server is ready again"
            );
        }
    }

    /// Comes back when the server does not answer any more.
    async fn until_lost(&mut self) {
        loop {
            sleep(INTERVAL).await;
            if let Err(error) = self.ask("PING", "+PONG").await {
                warn!(error = crate::error::chain(&error), "cache server is lost");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn at(address: &str) -> CacheSettings {
        CacheSettings {
            cache_type: "redis".to_owned(),
            redis_address: address.to_owned(),
            ..CacheSettings::default()
        }
    }

    async fn server(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            for answer in answers {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn a_cache_in_memory_needs_no_server() {
        let memory = Redis::open(&CacheSettings::default()).await.unwrap();
        assert!(memory.is_none());
    }

    #[tokio::test]
    async fn what_does_not_answer_like_redis_is_no_cache() {
        let address = server(&["+OK\r\n", "+PONG\r\n"]).await;
        assert!(Redis::open(&at(&address)).await.unwrap().is_some());
        let address = server(&["-NOAUTH Authentication required.\r\n"]).await;
        let error = Redis::open(&at(&address)).await.unwrap_err().to_string();
        assert!(error.contains("NOAUTH"), "{error}");
        let error = Redis::open(&at("127.0.0.1:1")).await.unwrap_err();
        assert!(matches!(error, RedisError::Io { .. }), "{error:?}");
    }
}
