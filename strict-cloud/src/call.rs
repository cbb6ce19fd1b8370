//! One AWS call as it came over the wire: which service and action it is, and with
//! which parameters. Pure: reads and rewrites text, sends nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, header};
use serde_json::Value;

use crate::s3_path;

/// How a service writes its requests, answers and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireProtocol {
    /// EC2's own: a form, and XML with `Response/Errors`.
    Ec2,
    /// RDS, IAM, ElastiCache, ELB, STS: a form, and XML with `ErrorResponse`.
    Query,
    /// S3: paths, and XML with `Error`.
    S3,
    /// Route 53: paths, and XML with `ErrorResponse`.
    RestXml,
    /// SSM, OpenSearch and the like: JSON with `__type`.
    Json,
}

impl WireProtocol {
    /// How a service speaks, by its name in signatures.
    pub(crate) fn of_service(service: &str) -> Self {
        match service {
            "ec2" => Self::Ec2,
            "rds"
            | "iam"
            | "sts"
            | "elasticache"
            | "elasticloadbalancing"
            | "autoscaling"
            | "monitoring"
            | "sns"
            | "cloudformation" => Self::Query,
            "s3" => Self::S3,
            "route53" => Self::RestXml,
            _ => Self::Json,
        }
    }
}

/// One AWS call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which call of the strict cloud it is, from 1; 0 before the cloud has seen it.
    pub number: u64,
    /// The service's name in signatures, such as `ec2`; empty for what is not signed.
    pub service: String,
    /// The action, such as `RunInstances`; for paths without one, method and path.
    pub action: String,
    /// The region of the signature.
    pub region: String,
    /// Who signed: the access key's id.
    pub key_id: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Instance states that are asked for: the strict cloud applies this filter itself.
    pub(crate) state_filter: Option<Vec<String>>,
    form: BTreeMap<String, String>,
}

impl Call {
    /// Reads a request. Service, region and key are told by the signature's scope, as in
    /// `Credential=KEY/20250101/us-east-1/ec2/aws4_request`.
    #[must_use]
    pub fn parse(request: Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let (method, mut uri, mut headers) = (parts.method, parts.uri, parts.headers);
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let scope = text(header::AUTHORIZATION.as_str())
            .split_once("Credential=")
            .map_or("", |(_, scope)| scope)
            .split([',', ' '])
            .next()
            .unwrap_or_default();
        let mut parts = scope.split('/');
        let key_id = parts.next().unwrap_or_default().to_owned();
        let region = parts.nth(1).unwrap_or_default().to_owned();
        let service = parts.next().unwrap_or_default().to_owned();
        let target = text("x-amz-target").to_owned();
        if service == "s3" {
            uri = s3_path::path_style(uri, &mut headers);
        }
        let form = if matches!(
            WireProtocol::of_service(&service),
            WireProtocol::Ec2 | WireProtocol::Query
        ) {
            let query = uri.query().unwrap_or_default().as_bytes();
            form_urlencoded::parse(query)
                .chain(form_urlencoded::parse(&body))
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect()
        } else {
            BTreeMap::new()
        };
        let action = match form.get("Action") {
            Some(action) => action.clone(),
            None if !target.is_empty() => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None => path_action(&service, &method, &uri),
        };
        Self {
            number: 0,
            service,
            action,
            region,
            key_id,
            method,
            path: uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            headers,
            body,
            state_filter: None,
            form,
        }
    }

    /// How this service speaks.
    #[must_use]
    pub fn protocol(&self) -> WireProtocol {
        WireProtocol::of_service(&self.service)
    }

    /// HTTP method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Path and query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// HTTP headers, the signature among them.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body as it was sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn reads(&self) -> bool {
        // Paths that stand for no known action are named by their method.
        [
            "Describe", "Get", "List", "Head", "Simulate", "GET ", "HEAD ",
        ]
        .iter()
        .any(|verb| self.action.starts_with(verb))
    }

    /// Whether its answer may be too large to be read whole; no rule reads it.
    pub(crate) fn is_large_read(&self) -> bool {
        self.service == "s3" && self.action == "GetObject"
    }

    /// Whether it asks for permission and nothing else.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.get("DryRun") == Some("true")
    }

    /// A field of the form.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.form.get(name).map(String::as_str)
    }

    /// Every value whose field begins with `prefix` and a dot: `SubnetId.1`,
    /// `SubnetIds.SubnetIdentifier.1`.
    pub(crate) fn all(&self, prefix: &str) -> Vec<&str> {
        self.form
            .iter()
            .filter(|(name, _)| {
                name.strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with('.'))
            })
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The form's fields.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Puts another form in place of the one that came.
    pub(crate) fn set_fields(&mut self, fields: impl IntoIterator<Item = (String, String)>) {
        self.form = fields.into_iter().collect();
        let mut text = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.form {
            text.append_pair(name, value);
        }
        self.body = Bytes::from(text.finish());
        // What came in the address is in the form by now.
        "/".clone_into(&mut self.path);
        self.method = Method::POST;
        self.headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
    }

    /// Puts another body in place of the one that came, whose checksums no longer hold.
    pub(crate) fn set_body(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
        self.headers.remove("content-md5");
        let sums: Vec<_> = self
            .headers
            .keys()
            .filter(|name| name.as_str().starts_with("x-amz-checksum-"))
            .cloned()
            .collect();
        for name in sums {
            self.headers.remove(name);
        }
    }

    /// Delay a filter of a describe call out and gives its values, if it was there.
    pub(crate) fn take_filter(&mut self, name: &str) -> Option<Vec<String>> {
        let number = self.form.iter().find_map(|(field, value)| {
            let number = field.strip_prefix("Filter.")?.strip_suffix(".Name")?;
            (value == name).then(|| number.to_owned())
        })?;
        let prefix = format!("Filter.{number}.");
        let (taken, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.form)
            .into_iter()
            .partition(|(field, _)| field.starts_with(&prefix));
        self.set_fields(kept);
        let value = format!("{prefix}Value.");
        Some(
            taken
                .into_iter()
                .filter(|(field, _)| field.starts_with(&value))
                .map(|(_, value)| value)
                .collect(),
        )
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The parts of the path.
    pub(crate) fn segments(&self) -> Vec<&str> {
        let path = self.path.split('?').next().unwrap_or_default();
        path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// The service in words of IAM, as in `es:CreateDomain`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.service, self.action)
    }
}

/// The action of services that say it by method and path.
fn path_action(service: &str, method: &Method, uri: &Uri) -> String {
    let parts: Vec<&str> = uri
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let word = match (service, method.as_str(), parts.as_slice()) {
        ("es", "POST", [_, "opensearch", "domain"]) => "CreateDomain",
        ("es", "GET", [_, "opensearch", "domain", _]) => "DescribeDomain",
        ("es", "DELETE", [_, "opensearch", "domain", _]) => "DeleteDomain",
        ("es", "POST", [_, "opensearch", "domain", _, "config"]) => "UpdateDomainConfig",
        ("es", "GET", [_, "opensearch", "domain", _, "config"]) => "DescribeDomainConfig",
        ("es", "POST", [_, "opensearch", "domain-info"]) => "DescribeDomains",
        ("es", "GET", [_, "domain"]) => "ListDomainNames",
        ("es", "GET", [_, "opensearch", "instanceTypeDetails", _]) => "ListInstanceTypeDetails",
        ("es", "GET", [_, "tags"] | [_, "tags", ..]) => "ListTags",
        ("es", "POST", [_, "tags"]) => "AddTags",
        ("route53", "POST", [_, "hostedzone"]) => "CreateHostedZone",
        ("route53", "GET", [_, "hostedzone"]) => "ListHostedZones",
        ("route53", "GET", [_, "hostedzone", _]) => "GetHostedZone",
        ("route53", "DELETE", [_, "hostedzone", _]) => "DeleteHostedZone",
        ("route53", "GET", [_, "hostedzonesbyname" | "hostedzonesbyvpc"]) => "ListHostedZones",
        ("route53", "POST", [_, "hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        ("route53", "GET", [_, "hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("route53", "GET", [_, "change", _]) => "GetChange",
        ("route53", "GET", [_, "tags", "hostedzone", _]) => "ListTagsForResource",
        ("route53", "POST", [_, "tags", "hostedzone", _]) => "ChangeTagsForResource",
        ("route53", "POST", [_, "tags", "hostedzone"]) => "ListTagsForResources",
        ("s3", _, []) => "ListBuckets",
        ("s3", verb, [_]) => return bucket_action(verb, uri.query()),
        ("s3", "PUT", _) => "PutObject",
        ("s3", "GET", _) => "GetObject",
        ("s3", "HEAD", _) => "HeadObject",
        ("s3", "DELETE", _) => "DeleteObject",
        _ => return format!("{method} {}", uri.path()),
    };
    word.to_owned()
}

/// What is done to a bucket: the first word of the query tells its part, as in `?tagging`.
fn bucket_action(verb: &str, query: Option<&str>) -> String {
    let part = query
        .unwrap_or_default()
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or_default())
        .find(|name| !name.is_empty() && *name != "x-id")
        .unwrap_or_default();
    match (verb, part) {
        ("PUT", "") => "CreateBucket".to_owned(),
        ("DELETE", "") => "DeleteBucket".to_owned(),
        ("HEAD", _) => "HeadBucket".to_owned(),
        ("GET", _) => format!("GetBucket {part}"),
        ("POST", _) => format!("PostBucket {part}"),
        _ => format!("{verb}Bucket {part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: Method, path: &str, service: &str, body: &str) -> Call {
        let mut headers = HeaderMap::new();
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=AKIA/20250101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=x"
        );
        headers.insert(header::AUTHORIZATION, scope.parse().unwrap());
        let mut request = Request::new(Bytes::from(body.to_owned()));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        *request.headers_mut() = headers;
        Call::parse(request)
    }

    #[test]
    fn the_signature_gives_service_region_and_key() {
        let call = call(
            Method::POST,
            "/",
            "ec2",
            "Action=RunInstances&SubnetId=s%2D1",
        );
        assert_eq!(call.name(), "ec2:RunInstances");
        assert_eq!(
            (call.region.as_str(), call.key_id.as_str()),
            ("eu-west-1", "AKIA")
        );
        assert_eq!(call.get("SubnetId"), Some("s-1"));
        assert!(!call.reads());
    }

    #[test]
    fn rest_paths_map_to_actions() {
        for (method, path, service, action) in [
            (
                Method::POST,
                "/2021-01-01/opensearch/domain",
                "es",
                "CreateDomain",
            ),
            (
                Method::DELETE,
                "/2021-01-01/opensearch/domain/a",
                "es",
                "DeleteDomain",
            ),
            (Method::PUT, "/b", "s3", "CreateBucket"),
            (Method::PUT, "/b?tagging", "s3", "PUTBucket tagging"),
            (Method::DELETE, "/b?x-id=DeleteBucket", "s3", "DeleteBucket"),
            (Method::PUT, "/b/k", "s3", "PutObject"),
            (
                Method::POST,
                "/2013-04-01/hostedzone",
                "route53",
                "CreateHostedZone",
            ),
        ] {
            assert_eq!(call(method, path, service, "").action, action);
        }
    }

    #[test]
    fn a_filter_can_be_removed() {
        let mut call = call(
            Method::POST,
            "/",
            "ec2",
            "Action=DescribeInstances&Filter.1.Name=vpc-id&Filter.1.Value.1=v&Filter.2.Name=instance-state-name&Filter.2.Value.1=running&Filter.2.Value.2=pending",
        );
        assert_eq!(
            call.take_filter("instance-state-name").unwrap(),
            ["running", "pending"]
        );
        assert_eq!(call.take_filter("instance-state-name"), None);
        assert_eq!(
            call.body,
            "Action=DescribeInstances&Filter.1.Name=vpc-id&Filter.1.Value.1=v"
        );
    }
}
