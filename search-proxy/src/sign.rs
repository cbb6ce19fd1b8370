//! Signature Version 4 of requests to the search domain (service `es`).

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;

/// The service that signatures name.
const SERVICE: &str = "es";

/// Signs requests to one region's domains.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    region: String,
}

/// A request as far as it is signed.
pub(super) struct ToSign<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) host: &'a str,
    /// The SHA-256 of the body, in hexadecimal.
    pub(super) sha256: &'a str,
}

impl Signer {
    pub(super) fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
        }
    }

    /// The headers that make a request one of the role's.
    pub(super) fn headers(
        &self,
        request: &ToSign<'_>,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Result<Vec<(String, String)>, String> {
        let identity = credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let signable = SignableRequest::new(
            request.method,
            request.url,
            std::iter::once(("host", request.host)),
            SignableBody::Precomputed(request.sha256.to_owned()),
        );
        let signable = signable.map_err(|error| error.to_string())?;
        let (instructions, _) = sign(signable, &params)
            .map_err(|error| error.to_string())?
            .into_parts();
        let (headers, _) = instructions.into_parts();
        Ok(headers
            .iter()
            .map(|header| (header.name().to_owned(), header.value().to_owned()))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn headers(sha256: &str) -> Vec<(String, String)> {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("TOKEN".into()), None, "");
        let request = ToSign {
            method: "POST",
            url: "https://vpc-demo.us-east-1.es.amazonaws.com/posts*/_search?q=a%20b",
            host: "vpc-demo.us-east-1.es.amazonaws.com",
            sha256,
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let signer = Signer::new("us-east-1");
        signer.headers(&request, &credentials, now).unwrap()
    }

    fn value(headers: &[(String, String)], name: &str) -> String {
        let found = headers.iter().find(|(key, _)| key == name);
        found.unwrap().1.clone()
    }

    #[test]
    fn the_signature_names_role_region_and_service() {
        let headers = headers(&"0".repeat(64));
        let authorization = value(&headers, "authorization");
        assert!(
            authorization.starts_with(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/us-east-1/es/aws4_request, \
                 SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="
            ),
            "{authorization}"
        );
        assert_eq!(value(&headers, "x-amz-security-token"), "TOKEN");
    }

    #[test]
    fn the_signature_covers_the_body() {
        let of = |digit: &str| value(&headers(&digit.repeat(64)), "authorization");
        assert_ne!(of("0"), of("1"));
        assert_eq!(of("0"), of("0"));
    }
}
