//! Where uploaded files are kept: an S3 bucket, or a directory. It knows keys
//! and bytes; what a file is to a user is the API's business.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Credentials, Region};
use bytes::Bytes;

use crate::config::FileSettings;

/// Mattermost's default, which means "Amazon's own".
const AMAZON: &str = "s3.amazonaws.com";

/// Why a file could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileStoreError {
    /// `DriverName` is neither of the two.
    #[error("FileSettings.DriverName `{0}` is not offered; use `local` or `amazons3`")]
    Driver(String),
    /// S3 without a bucket.
    #[error("FileSettings.AmazonS3Bucket is empty")]
    NoBucket,
    /// A key that would leave the directory.
    #[error("file key `{0}` leaves the file store")]
    Key(String),
    /// The bucket refused.
    #[error("S3 bucket `{bucket}` refused {what}")]
    S3 {
        bucket: String,
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The directory refused.
    #[error("file store directory `{}` refused {what}", path.display())]
    Local {
        path: PathBuf,
        what: &'static str,
        #[source]
        source: std::io::Error,
    },
}

/// Where uploaded files are kept: a directory or a bucket.
#[derive(Debug, Clone)]
pub(crate) enum FileStore {
    /// A directory of this machine.
    Local { directory: PathBuf },
    /// A bucket.
    S3 {
        client: aws_sdk_s3::Client,
        bucket: String,
        prefix: String,
    },
}

impl FileStore {
    /// The store that the settings name. Nothing is contacted yet, except for
    /// what the AWS default chain needs.
    ///
    /// # Errors
    /// When the settings name no store.
    pub(crate) async fn open(settings: &FileSettings) -> Result<Self, FileStoreError> {
        match settings.driver_name.as_str() {
            "local" => Ok(Self::Local {
                directory: PathBuf::from(&settings.directory),
            }),
            "amazons3" if settings.amazon_s3_bucket.is_empty() => Err(FileStoreError::NoBucket),
            "amazons3" => Ok(Self::S3 {
                client: s3_client(settings).await,
                bucket: settings.amazon_s3_bucket.clone(),
                prefix: settings.amazon_s3_path_prefix.trim_matches('/').to_owned(),
            }),
            other => Err(FileStoreError::Driver(other.to_owned())),
        }
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) async fn check_health(&self) -> Result<(), FileStoreError> {
        match self {
            Self::Local { directory } => tokio::fs::create_dir_all(directory)
                .await
                .map_err(|source| local_error(directory, "a directory", source)),
            Self::S3 { client, bucket, .. } => client
                .head_bucket()
                .bucket(bucket)
                .send()
                .await
                .map(drop)
                .map_err(|e| s3_error(bucket, "a look at the bucket", e)),
        }
    }

    /// Keeps `data` under `key`.
    ///
    /// # Errors
    /// When the store refuses.
    pub(crate) async fn write(&self, key: &str, data: Bytes) -> Result<(), FileStoreError> {
        match self {
            Self::Local { directory } => {
                let path = local_path(directory, key)?;
                let write = async {
                    if let Some(parent) = path.parent() {
                        tokio::fs::create_dir_all(parent).await?;
                    }
                    tokio::fs::write(&path, &data).await
                };
                write
                    .await
                    .map_err(|source| local_error(&path, "a write", source))
            }
            Self::S3 {
                client,
                bucket,
                prefix,
            } => client
                .put_object()
                .bucket(bucket)
                .key(s3_key(prefix, key))
                .body(data.into())
                .send()
                .await
                .map(drop)
                .map_err(|e| s3_error(bucket, "a write", e)),
        }
    }

    /// What is kept under `key`.
    ///
    /// # Errors
    /// When the store refuses or has no such key.
    pub(crate) async fn read(&self, key: &str) -> Result<Bytes, FileStoreError> {
        match self {
            Self::Local { directory } => {
                let path = local_path(directory, key)?;
                let data = tokio::fs::read(&path).await;
                Ok(data
                    .map_err(|source| local_error(&path, "a read", source))?
                    .into())
            }
            Self::S3 {
                client,
                bucket,
                prefix,
            } => {
                let get = client.get_object().bucket(bucket).key(s3_key(prefix, key));
                let object = get
                    .send()
                    .await
                    .map_err(|e| s3_error(bucket, "a read", e))?;
                let data = object.body.collect().await;
                Ok(data
                    .map_err(|e| s3_error(bucket, "a read", e))?
                    .into_bytes())
            }
        }
    }
}

async fn s3_client(settings: &FileSettings) -> aws_sdk_s3::Client {
    let limit = Duration::from_millis(settings.amazon_s3_request_timeout_milliseconds);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(TimeoutConfig::builder().operation_timeout(limit).build());
    if !settings.amazon_s3_region.is_empty() {
        loader = loader.region(Region::new(settings.amazon_s3_region.clone()));
    }
    if !settings.amazon_s3_access_key_id.is_empty() {
        let (id, secret) = (
            &settings.amazon_s3_access_key_id,
            &settings.amazon_s3_secret_access_key,
        );
        loader = loader.credentials_provider(Credentials::new(id, secret, None, None, "config"));
    }
    if let Some(endpoint) = endpoint_url(settings) {
        loader = loader.endpoint_url(endpoint);
    }
    let shared = loader.load().await;
    // Other servers than Amazon's seldom have a name for each bucket.
    let path_style = shared.endpoint_url().is_some();
    let config = aws_sdk_s3::config::Builder::from(&shared)
        .force_path_style(path_style)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// The URL of an S3 server that is not Amazon's.
fn endpoint_url(settings: &FileSettings) -> Option<String> {
    let endpoint = settings.amazon_s3_endpoint.as_str();
    if endpoint.is_empty() || endpoint == AMAZON {
        return None;
    }
    let scheme = if settings.amazon_s3_ssl {
        "https"
    } else {
        "http"
    };
    Some(format!("{scheme}://{endpoint}"))
}

fn s3_key(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}/{key}")
    }
}

fn local_path(directory: &Path, key: &str) -> Result<PathBuf, FileStoreError> {
    let plain = Path::new(key)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if plain {
        Ok(directory.join(key))
    } else {
        Err(FileStoreError::Key(key.to_owned()))
    }
}

fn local_error(path: &Path, what: &'static str, source: std::io::Error) -> FileStoreError {
    FileStoreError::Local {
        path: path.to_owned(),
        what,
        source,
    }
}

fn s3_error(
    bucket: &str,
    what: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> FileStoreError {
    FileStoreError::S3 {
        bucket: bucket.to_owned(),
        what,
        source: source.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn local_store_returns_stored_files() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let settings = FileSettings {
            directory: dir.path().join("data").display().to_string(),
            ..FileSettings::default()
        };
        let store = FileStore::open(&settings).await.expect("open");
        store.check_health().await.expect("healthy");
        store
            .write("20260101/a.txt", Bytes::from_static(b"hello"))
            .await
            .expect("write");
        assert_eq!(store.read("20260101/a.txt").await.expect("read"), "hello");
        assert!(store.read("20260101/b.txt").await.is_err());
    }

    #[tokio::test]
    async fn keys_cannot_leave_the_directory() {
        let store = FileStore::Local {
            directory: "/nowhere".into(),
        };
        for key in ["../x", "/etc/passwd", "a/../../x"] {
            assert!(
                matches!(store.read(key).await, Err(FileStoreError::Key(_))),
                "{key}"
            );
        }
    }

    #[tokio::test]
    async fn settings_that_name_no_store_are_refused() {
        let settings = |driver: &str| FileSettings {
            driver_name: driver.to_owned(),
            ..FileSettings::default()
        };
        assert!(matches!(
            FileStore::open(&settings("amazons3")).await,
            Err(FileStoreError::NoBucket)
        ));
        assert!(matches!(
            FileStore::open(&settings("floppy")).await,
            Err(FileStoreError::Driver(_))
        ));
    }

    #[test]
    fn only_other_servers_than_amazons_need_an_endpoint() {
        let mut settings = FileSettings::default();
        assert_eq!(endpoint_url(&settings), None);
        settings.amazon_s3_endpoint = "minio:9000".to_owned();
        settings.amazon_s3_ssl = false;
        assert_eq!(
            endpoint_url(&settings).as_deref(),
            Some("http://minio:9000")
        );
    }
}
