//! Why nobody answered a call: whom it was for, through which proxy, and the plain cause.
//!
//! The SDK's own error is a chain of layers ("dispatch failure: io error: client error") that
//! names neither; the chain goes to the log.

use std::error::Error;

use aws_smithy_runtime_api::client::result::ConnectorError;
use hyper_util::client::proxy::matcher::Matcher;

use crate::diagnose::last_cause;

/// A call that nobody answered.
#[derive(Debug, thiserror::Error)]
#[error("`{origin}` does not answer{}: {cause}", through(proxy.as_deref()))]
pub(in crate::aws) struct Unreachable {
    origin: String,
    proxy: Option<String>,
    cause: String,
    source: Box<dyn Error + Send + Sync>,
}

impl Unreachable {
    /// The same error, of the same kind, with whom the call was for.
    pub(in crate::aws) fn wrap(
        error: ConnectorError,
        uri: &str,
        has_proxy: bool,
    ) -> ConnectorError {
        let connection = error.connection_metadata().cloned();
        let (is_io, is_timeout, is_user) = (error.is_io(), error.is_timeout(), error.is_user());
        let kind = error.as_other();
        let source = error.into_source();
        let wrapped = Box::new(Self {
            origin: origin(uri),
            proxy: has_proxy.then(|| proxy_of(uri)).flatten(),
            cause: last_cause(source.as_ref()),
            source,
        });
        let error = match (is_io, is_timeout, is_user) {
            (true, ..) => ConnectorError::io(wrapped),
            (_, true, _) => ConnectorError::timeout(wrapped),
            (.., true) => ConnectorError::user(wrapped),
            _ => ConnectorError::other(wrapped, kind),
        };
        match connection {
            Some(connection) => error.with_connection(connection),
            None => error,
        }
    }

    /// The part of an error's chain that says whom a call was for.
    pub(in crate::aws) fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }
}

fn through(proxy: Option<&str>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy `{proxy}`"))
}

/// Scheme, host and port of a URL: the path of a call says nothing of who should answer.
fn origin(uri: &str) -> String {
    let Ok(url) = reqwest::Url::parse(uri) else {
        return uri.to_owned();
    };
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    format!(
        "{}://{}{port}",
        url.scheme(),
        url.host_str().unwrap_or_default()
    )
}

/// The proxy that the environment names for a URL, by the rules of the HTTP client; without the
/// password that may be in it.
pub(crate) fn proxy_of(uri: &str) -> Option<String> {
    let intercept = Matcher::from_env().intercept(&uri.parse().ok()?)?;
    Some(origin(&intercept.uri().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_neither_path_nor_password() {
        for (uri, expected) in [
            (
                "https://sts.us-east-1.amazonaws.com/?a=b",
                "https://sts.us-east-1.amazonaws.com",
            ),
            ("http://user:hunter2@proxy:3128/", "http://proxy:3128"),
            ("http://[::1]:80/x", "http://[::1]"),
        ] {
            assert_eq!(origin(uri), expected);
        }
    }

    #[test]
    fn the_kind_and_the_plain_cause_stay() {
        let refused = std::io::Error::from_raw_os_error(111);
        let error = ConnectorError::io(refused.into());
        let wrapped = Unreachable::wrap(error, "https://ec2.aws.test/", false);
        assert!(wrapped.is_io());
        assert_eq!(
            Unreachable::find(&wrapped).unwrap().to_string(),
            "`https://ec2.aws.test` does not answer: Connection refused"
        );
        let error = ConnectorError::other("odd".into(), None);
        assert!(Unreachable::wrap(error, "https://ec2.aws.test/", false).is_other());
    }
}
