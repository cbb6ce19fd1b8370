//! Buckets, keys and queries in the paths of S3's requests. Pure.

use form_urlencoded::Serializer;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::call::Call;

/// What stands in a path as it is.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Members of a query that do not ask for a part of an object, such as its tags.
const PLAIN: &[&str] = &["versionId", "x-id"];

/// Where requests with the bucket in the path go.
const HOST: HeaderValue = HeaderValue::from_static("s3.amazonaws.com");

/// Puts a bucket that a request has in its host name into its path, where all rules look for
/// it: "Virtual hosting of buckets" (S3 User Guide) has both stand for the same.
pub(crate) fn path_style(uri: Uri, headers: &mut HeaderMap) -> Uri {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let Some(bucket) = bucket_of_host(host) else {
        return uri;
    };
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let Ok(path) = format!("/{bucket}{path}").parse() else {
        return uri;
    };
    headers.insert(header::HOST, HOST);
    path
}

/// The bucket in a host name of S3's. Access points, websites and the control API have names
/// of their own kinds.
fn bucket_of_host(host: &str) -> Option<&str> {
    let host = host.split(':').next()?.strip_suffix(".amazonaws.com")?;
    let (bucket, place) = host
        .rsplit_once(".s3.")
        .or_else(|| Some((host.strip_suffix(".s3")?, "")))
        .or_else(|| host.rsplit_once(".s3-"))?;
    let is_region = |text: &str| {
        let dashes = text.matches('-').count();
        let of_another_kind = ["website-", "control", "accesspoint"];
        dashes >= 2
            && text.ends_with(|last: char| last.is_ascii_digit())
            && !text.contains('.')
            && !of_another_kind.iter().any(|kind| text.starts_with(kind))
    };
    let region = place.strip_prefix("dualstack.").unwrap_or(place);
    (region.is_empty() || is_region(region)).then_some(bucket)
}

/// The bucket of a path; empty if it has none.
pub(crate) fn bucket(call: &Call) -> &str {
    call.segments().first().copied().unwrap_or_default()
}

/// The object's key.
pub(crate) fn key(call: &Call) -> Option<String> {
    let path = address(call).trim_start_matches('/');
    let (_, key) = path.split_once('/')?;
    (!key.is_empty()).then(|| percent_decode_str(key).decode_utf8_lossy().into_owned())
}

/// The path of an object, and of one of its versions.
pub(crate) fn object(bucket: &str, key: &str, version: Option<&str>) -> String {
    let path = format!("/{bucket}/{}", utf8_percent_encode(key, KEY));
    match version {
        Some(version) => {
            let query = Serializer::new(String::new())
                .append_pair("versionId", version)
                .finish();
            format!("{path}?{query}")
        }
        None => path,
    }
}

/// A member of the query.
pub(crate) fn query(call: &Call, name: &str) -> Option<String> {
    let all = form_urlencoded::parse(query_text(call).as_bytes());
    let mut named = all.filter(|(given, _)| given == name);
    named.next().map(|(_, value)| value.into_owned())
}

/// Puts another value in place of a member of the query.
pub(crate) fn set_query(call: &mut Call, name: &str, value: &str) {
    let mut query = Serializer::new(String::new());
    for (given, before) in form_urlencoded::parse(query_text(call).as_bytes()) {
        let value = if given == name { value } else { &before };
        query.append_pair(&given, value);
    }
    call.path = format!("{}?{}", address(call), query.finish());
}

/// Whether it is about a whole object: not its tags, its retention or a part of an upload.
pub(crate) fn is_whole_object(call: &Call) -> bool {
    key(call).is_some()
        && form_urlencoded::parse(query_text(call).as_bytes())
            .all(|(name, _)| PLAIN.contains(&&*name) || name.starts_with("response-"))
}

fn address(call: &Call) -> &str {
    call.path
        .split_once('?')
        .map_or(&call.path, |(path, _)| path)
}

fn query_text(call: &Call) -> &str {
    call.path.split_once('?').map_or("", |(_, query)| query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn styled(host: &str, path: &str) -> (String, String) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        let uri = path_style(path.parse().unwrap(), &mut headers);
        (
            headers[header::HOST].to_str().unwrap().to_owned(),
            uri.to_string(),
        )
    }

    #[test]
    fn a_bucket_in_the_host_name_moves_into_the_path() {
        for host in [
            "files.s3.amazonaws.com",
            "files.s3.eu-west-1.amazonaws.com",
            "files.s3-eu-west-1.amazonaws.com",
            "files.s3.dualstack.eu-west-1.amazonaws.com:443",
        ] {
            let (to, path) = styled(host, "/a%20b?uploads");
            assert_eq!(
                (to.as_str(), path.as_str()),
                ("s3.amazonaws.com", "/files/a%20b?uploads"),
                "{host}"
            );
        }
        let (_, path) = styled("with.dots.s3.us-gov-west-1.amazonaws.com", "/");
        assert_eq!(path, "/with.dots/");
    }

    #[test]
    fn a_host_name_without_a_bucket_stays() {
        for host in [
            "s3.amazonaws.com",
            "s3.eu-west-1.amazonaws.com",
            "s3-eu-west-1.amazonaws.com",
            "s3.dualstack.eu-west-1.amazonaws.com",
            "site.s3-website-eu-west-1.amazonaws.com",
            "point-123.s3-accesspoint.eu-west-1.amazonaws.com",
            "127.0.0.1:5000",
            "ec2.eu-west-1.amazonaws.com",
        ] {
            assert_eq!(
                styled(host, "/files/a"),
                (host.to_owned(), "/files/a".into())
            );
        }
    }
}
