//! Signature Version 4 as a service checks it: computed again from what arrived, by the published
//! recipe (AWS General Reference, "Create a signed AWS API request") and not by the library that signs.

use axum::http::{HeaderMap, Method, Uri};
use hkdf::hmac::{Hmac, KeyInit, Mac};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// What the `Authorization` header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    /// The access key that it was made with.
    pub access_key: String,
    day: String,
    region: String,
    service: String,
    signed_headers: Vec<String>,
    signature: String,
}

/// A request as it arrived.
#[derive(Clone, Copy)]
pub(crate) struct SignedRequest<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl Authorization {
    /// Reads the header.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let broken = || format!("`{text}` is not an `Authorization` header of {ALGORITHM}");
        let rest = text.strip_prefix(ALGORITHM).ok_or_else(broken)?;
        let mut parts = [None, None, None];
        for part in rest.split(',') {
            let (key, value) = part.trim().split_once('=').ok_or_else(broken)?;
            let at = ["Credential", "SignedHeaders", "Signature"]
                .iter()
                .position(|known| *known == key);
            if let Some(place) = at.and_then(|at| parts.get_mut(at)) {
                *place = Some(value);
            }
        }
        let [Some(credential), Some(headers), Some(signature)] = parts else {
            return Err(broken());
        };
        let scope: Vec<&str> = credential.split('/').collect();
        let [access_key, day, region, service, "aws4_request"] = scope.as_slice() else {
            return Err(broken());
        };
        Ok(Self {
            access_key: (*access_key).to_owned(),
            day: (*day).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            signed_headers: headers.split(';').map(str::to_owned).collect(),
            signature: signature.to_owned(),
        })
    }

    /// Whether a request was signed with this secret for this service, or what is wrong.
    pub(crate) fn check(
        &self,
        request: SignedRequest<'_>,
        secret: &str,
        (region, service): (&str, &str),
        now: Timestamp,
    ) -> Result<(), String> {
        for (what, found, expected) in [
            ("region", &self.region, region),
            ("service", &self.service, service),
        ] {
            if found != expected {
                return Err(format!(
                    "Credential should be scoped to the {what} `{expected}`, not `{found}`."
                ));
            }
        }
        if !self.signed_headers.iter().any(|name| name == "host") {
            return Err("'Host' must be a 'SignedHeader' in the AWS Authorization.".to_owned());
        }
        let date = text(request.headers, "x-amz-date").unwrap_or_default();
        let sent = DateTime::strptime("%Y%m%dT%H%M%SZ", &date)
            .and_then(|time| time.to_zoned(TimeZone::UTC))
            .map_err(|_| format!("`{date}` is not a date in `x-amz-date`"))?;
        if !date.starts_with(&self.day) {
            return Err(
                "Date in Credential scope does not match the date of `x-amz-date`.".to_owned(),
            );
        }
        if now.duration_since(sent.timestamp()).abs() > SKEW {
            return Err(format!(
                "Signature expired: {date} is not within 5 minutes of {now}"
            ));
        }
        let canonical = self.canonical(request)?;
        let scope = format!("{}/{region}/{service}/aws4_request", self.day);
        let to_sign = format!(
            "{ALGORITHM}\n{date}\n{scope}\n{}",
            hash(canonical.as_bytes())
        );
        let mut key = hmac(format!("AWS4{secret}").as_bytes(), &self.day);
        for part in [region, service, "aws4_request", &to_sign] {
            key = hmac(&key, part);
        }
        if hex::encode(&key) == self.signature {
            return Ok(());
        }
        Err(
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method."
                .to_owned(),
        )
    }

    fn canonical(&self, request: SignedRequest<'_>) -> Result<String, String> {
        let mut lines = vec![
            request.method.to_string(),
            path(request.uri.path()),
            query(request.uri.query().unwrap_or_default()),
        ];
        for name in &self.signed_headers {
            let value = text(request.headers, name);
            let value = value.ok_or_else(|| format!("the signed header `{name}` is not there"))?;
            let words: Vec<&str> = value.split_ascii_whitespace().collect();
            lines.push(format!("{name}:{}", words.join(" ")));
        }
        lines.push(String::new());
        lines.push(self.signed_headers.join(";"));
        lines.push(hash(request.body));
        Ok(lines.join("\n"))
    }
}

/// Encoded once more than it arrived, as all services but S3 have it.
fn path(raw: &str) -> String {
    let segments: Vec<&str> = raw.split('/').filter(|one| !one.is_empty()).collect();
    let end = if raw.len() > 1 && raw.ends_with('/') {
        "/"
    } else {
        ""
    };
    let joined = format!("/{}{end}", segments.join("/"));
    utf8_percent_encode(&joined, PATH).to_string()
}

fn query(raw: &str) -> String {
    let encoded = |text: &str| {
        let text = text.replace('+', " ");
        let plain = percent_decode_str(&text).collect::<Vec<u8>>();
        percent_encoding::percent_encode(&plain, UNRESERVED).to_string()
    };
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (encoded(key), encoded(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join("&")
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Vec<&str> = values
        .map(|value| value.to_str())
        .collect::<Result<_, _>>()
        .ok()?;
    (!values.is_empty()).then(|| values.join(","))
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // Every length of a key is one of HMAC's.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const HOST: &str = "vpc-demo.us-east-1.es.amazonaws.com";

    /// A request as the search proxy signs it.
    struct Sent {
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Vec<u8>,
    }

    impl Sent {
        fn new(path: &str, body: &str) -> Self {
            let credentials = Credentials::new("ASIAKEY", "secret", Some("TOKEN".into()), None, "");
            let identity = credentials.into();
            let params = SigningParams::builder()
                .identity(&identity)
                .region("us-east-1")
                .name("es")
                .time(SystemTime::now())
                .settings(SigningSettings::default())
                .build()
                .unwrap()
                .into();
            let url = format!("https://{HOST}{path}");
            let body = body.as_bytes();
            let signable = SignableRequest::new(
                "POST",
                &url,
                [("host", HOST)].into_iter(),
                SignableBody::Bytes(body),
            );
            let (instructions, _) = sign(signable.unwrap(), &params).unwrap().into_parts();
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static(HOST));
            for header in instructions.into_parts().0 {
                let name: HeaderName = header.name().parse().unwrap();
                headers.insert(name, header.value().parse().unwrap());
            }
            Self {
                method: Method::POST,
                uri: path.parse().unwrap(),
                headers,
                body: body.to_vec(),
            }
        }

        fn checked(&self, secret: &str, scope: (&str, &str), now: Timestamp) -> Result<(), String> {
            let authorization = self.headers["authorization"].to_str().unwrap();
            let request = SignedRequest {
                method: &self.method,
                uri: &self.uri,
                headers: &self.headers,
                body: &self.body,
            };
            Authorization::parse(authorization)?.check(request, secret, scope, now)
        }

        fn check(&self) -> Result<(), String> {
            self.checked("secret", ("us-east-1", "es"), Timestamp::now())
        }
    }

    #[test]
    fn what_the_library_signs_is_signed_by_the_recipe() {
        for path in [
            "/",
            "/posts*/_search?q=a%20b&pretty",
            "/posts%2A,users/_doc/%C3%BC?routing=a%2Fb&a=2&a=1",
            "/_bulk?refresh=true",
        ] {
            assert_eq!(Sent::new(path, "{\"a\": 1}\n").check(), Ok(()), "{path}");
        }
    }

    #[test]
    fn what_was_changed_on_the_way_is_refused() {
        let refused = "The request signature we calculated does not match";
        let changes: [fn(&mut Sent); 4] = [
            |one| one.method = Method::PUT,
            |one| one.uri = "/posts/_search?q=b".parse().unwrap(),
            |one| one.body.push(b' '),
            |one| {
                one.headers
                    .insert("x-amz-security-token", HeaderValue::from_static("OTHER"));
            },
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut sent = Sent::new("/posts/_search?q=a", "{}");
            change(&mut sent);
            assert!(sent.check().unwrap_err().starts_with(refused), "{at}");
        }
        let sent = Sent::new("/", "");
        let now = Timestamp::now();
        let wrong = |secret, scope, now| sent.checked(secret, scope, now).unwrap_err();
        assert!(wrong("other", ("us-east-1", "es"), now).starts_with(refused));
        assert!(wrong("secret", ("eu-west-1", "es"), now).contains("scoped to the region"));
        assert!(wrong("secret", ("us-east-1", "s3"), now).contains("scoped to the service"));
        let later = now + SignedDuration::from_mins(6);
        assert!(wrong("secret", ("us-east-1", "es"), later).starts_with("Signature expired"));
        assert!(Authorization::parse("Basic YTpi").is_err());
    }
}
