//! Reads from a request which AWS call it is. Pure.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Method, Uri, header};

/// One AWS call, as far as the front cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    service: String,
    action: String,
    reads: bool,
    form: BTreeMap<String, String>,
}

impl Call {
    /// Reads a request. Services are told by the signature's scope, as in
    /// `Credential=KEY/20250101/us-east-1/ec2/aws4_request`.
    pub(super) fn of(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value: &axum::http::HeaderValue| value.to_str().ok())
        };
        let service = text(header::AUTHORIZATION)
            .and_then(|value| value.split_once("Credential="))
            .and_then(|(_, scope)| scope.split('/').nth(3))
            .unwrap_or_default()
            .to_owned();
        // The query services send forms; of S3's bodies none is worth a look.
        let form = if matches!(service.as_str(), "ec2" | "rds" | "iam") {
            form(body)
        } else {
            BTreeMap::new()
        };
        let action = form
            .get("Action")
            .cloned()
            .unwrap_or_else(|| uri.path().to_owned());
        let reads = match service.as_str() {
            "es" => method == Method::GET || uri.path().ends_with("/domain-info"),
            _ => ["Describe", "Get", "List"]
                .iter()
                .any(|verb| action.starts_with(verb)),
        };
        Self {
            service,
            action,
            reads,
            form,
        }
    }

    /// The service's name in signatures.
    pub(super) fn service(&self) -> &str {
        &self.service
    }

    /// The action, or the path for services that have none.
    pub(super) fn action(&self) -> &str {
        &self.action
    }

    /// Whether hosts may have to follow.
    pub(super) fn changes(&self) -> bool {
        matches!(self.service.as_str(), "ec2" | "rds" | "iam" | "es") && !self.reads
    }

    /// Whether the answer may claim what is not so yet.
    pub(super) fn rewritten(&self) -> bool {
        match self.service.as_str() {
            "ec2" => self.action.starts_with("DescribeInstance"),
            "rds" => self.action.contains("DBInstance"),
            "es" => true,
            _ => false,
        }
    }

    /// The database and its new master password, if this call sets one.
    pub(super) fn master_password(&self) -> Option<(&str, &str)> {
        if self.service != "rds" {
            return None;
        }
        Some((
            self.form.get("DBInstanceIdentifier")?,
            self.form.get("MasterUserPassword")?,
        ))
    }
}

/// Fields of a form.
fn form(body: &[u8]) -> BTreeMap<String, String> {
    let Ok(text) = std::str::from_utf8(body) else {
        return BTreeMap::new();
    };
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Undoes the encoding of form fields.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(value) => {
                bytes.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(if byte == b'+' { b' ' } else { byte });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &Method, path: &str, service: &str, body: &str) -> Call {
        let mut headers = HeaderMap::new();
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=AKIA/20250101/us-east-1/{service}/aws4_request, Signature=x"
        );
        headers.insert(header::AUTHORIZATION, scope.parse().unwrap());
        Call::of(method, &path.parse().unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn a_master_password_is_read_with_its_signs() {
        let call = call(
            &Method::POST,
            "/",
            "rds",
            "Action=CreateDBInstance&DBInstanceIdentifier=demo-db&MasterUserPassword=a%2Bb+c%26%C3%A9",
        );
        assert_eq!(call.master_password(), Some(("demo-db", "a+b c&é")));
        assert!(call.changes());
    }

    #[test]
    fn describing_changes_nothing() {
        assert!(!call(&Method::POST, "/", "ec2", "Action=DescribeInstances").changes());
        assert!(
            !call(
                &Method::POST,
                "/2021-01-01/opensearch/domain-info",
                "es",
                "{}"
            )
            .changes()
        );
        assert!(call(&Method::POST, "/2021-01-01/opensearch/domain", "es", "{}").changes());
        assert!(call(&Method::POST, "/", "ec2", "Action=TerminateInstances").changes());
    }

    #[test]
    fn an_upload_is_no_change() {
        assert!(!call(&Method::PUT, "/bucket/key", "s3", "Action=RunInstances").changes());
    }
}
