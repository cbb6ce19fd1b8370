//! Rules of buckets and conditional writes that the emulator lacks.
//!
//! "Bucket naming rules", "Blocking public access to your Amazon S3 storage" and "Setting default
//! server-side encryption" (defaults of buckets since 2023), "Cost allocation tags" (signs of tags),
//! "Conditional writes" (S3 User Guide); errors of CreateBucket and PutBucketVersioning.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use roxmltree::Document;

use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::Core;
use crate::errors::{AwsError, Reply, escaped};
use crate::s3_path::bucket;
use crate::xml;

/// What each bucket begins with.
const ENCRYPTION: &str = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>";
const NO_PUBLIC_ACCESS: &str = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";

/// The other name of a region, and the region.
const EU: &str = "EU";
const EUROPE: &str = "eu-west-1";

pub(crate) async fn check(core: &Core, call: &Call) -> Result<(), AwsError> {
    match call.action.as_str() {
        "CreateBucket" => check_creation(core, call).await,
        "PUTBucket tagging" => check_tags(call),
        "PUTBucket versioning" => check_versioning(call),
        "PutObject" => check_conditions(call),
        _ => Ok(()),
    }
}

fn sent<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.headers.get(name).and_then(|value| value.to_str().ok())
}

async fn check_creation(core: &Core, call: &Call) -> Result<(), AwsError> {
    let name = bucket(call);
    if !is_bucket_name(name) {
        return Err(AwsError::new(
            "InvalidBucketName",
            "The specified bucket is not valid.",
        ));
    }
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    let place = xml::first(body, "LocationConstraint").unwrap_or_default();
    // Elsewhere a constraint is compared with the region, which the emulator does.
    if call.region == "us-east-1" && !place.is_empty() && !is_region(&place) {
        return Err(AwsError::new(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
        ));
    }
    check_tags(call)?;
    check_repeated_tags(body)?;
    // A name that was just deleted: aws/aws-cli#2411, "up to an hour" in #2593.
    if !core
        .ledger()
        .is_visible(&deleted_name(name), core.clock.now())
    {
        return Err(AwsError::with(
            StatusCode::CONFLICT,
            "OperationAborted",
            "A conflicting conditional operation is currently in progress against this resource. \
             Please try again.",
        ));
    }
    if has_tags(body) {
        // Without tags, creating a bucket again in us-east-1 is answered as the first time.
        let known = core
            .upstream
            .get(call, "s3", &format!("/{name}?location"))
            .await?;
        if known.is_success() {
            return Err(AwsError::with(
                StatusCode::CONFLICT,
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
            ));
        }
    }
    Ok(())
}

/// Settings of a bucket that set nothing are none; the emulator fails on them.
pub(crate) fn without_empty_settings(call: &mut Call) {
    if call.action != "CreateBucket" {
        return;
    }
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    let empty = Document::parse(body).is_ok_and(|document| {
        !document
            .root_element()
            .children()
            .any(|node| node.is_element())
    });
    if empty {
        call.body = Bytes::new();
    }
}

/// 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit.
fn is_bucket_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.chars().all(|c| plain(c) || c == '.' || c == '-')
        && name.starts_with(plain)
        && name.ends_with(plain)
}

/// `EU`, or a region's form, such as `eu-west-1`.
fn is_region(place: &str) -> bool {
    let parts: Vec<&str> = place.split('-').collect();
    place == EU || (parts.len() >= 3 && parts.last().is_some_and(|last| last.parse::<u8>().is_ok()))
}

fn has_tags(body: &str) -> bool {
    xml::first(body, "Key").is_some()
}

/// Tags have letters, digits, spaces and `_ . : / = + - @`; `aws:` is reserved.
fn check_tags(call: &Call) -> Result<(), AwsError> {
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    let Ok(document) = Document::parse(body) else {
        return Ok(());
    };
    let allowed = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
    };
    for tag in document
        .descendants()
        .filter(|node| node.has_tag_name("Tag"))
    {
        let key = xml::text_of(tag, "Key").unwrap_or_default();
        let value = xml::text_of(tag, "Value").unwrap_or_default();
        let wrong = if key.starts_with("aws:") {
            if call.action == "CreateBucket" {
                "User-defined tag keys can't start with \"aws:\""
            } else {
                "System tags cannot be added/updated by requester"
            }
        } else if !allowed(key) {
            "The TagKey you have provided is invalid"
        } else if !allowed(value) {
            "The TagValue you have provided is invalid"
        } else {
            continue;
        };
        return Err(AwsError::new("InvalidTag", wrong));
    }
    Ok(())
}

/// A key that is there twice; S3 itself fails on it (LocalStack's tests recorded it on AWS,
/// test_s3_api.py, 2026).
fn check_repeated_tags(body: &str) -> Result<(), AwsError> {
    let keys = xml::texts(body, "Key");
    let repeated = keys
        .iter()
        .enumerate()
        .any(|(at, key)| keys[..at].contains(key));
    if repeated {
        return Err(AwsError::with(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "We encountered an internal error. Please try again.",
        ));
    }
    Ok(())
}

/// Tags that are none, which the emulator keeps: the bucket has none (recorded on AWS by
/// LocalStack's tests, test_s3_api.py, 2026).
pub(crate) async fn without_tags(core: &Core, call: &Call) -> Result<Option<Reply>, AwsError> {
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    if call.action != "PUTBucket tagging" || has_tags(body) {
        return Ok(None);
    }
    let path = format!("/{}?tagging", bucket(call));
    let deleted = core
        .upstream
        .question(call, "s3", Method::DELETE, &path, Bytes::new());
    deleted.await.map(Some)
}

fn check_versioning(call: &Call) -> Result<(), AwsError> {
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    if xml::first(body, "Status").is_some() {
        return Ok(());
    }
    Err(AwsError::new(
        "IllegalVersioningConfigurationException",
        "The Versioning element must be specified",
    ))
}

/// `If-None-Match` takes `*` alone, `If-Match` all but it, and not both.
fn check_conditions(call: &Call) -> Result<(), AwsError> {
    let (matches, none) = (sent(call, "if-match"), sent(call, "if-none-match"));
    let both = matches.is_some() && none.is_some();
    if both || matches == Some("*") || none.is_some_and(|none| none != "*") {
        return Err(AwsError::with(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        ));
    }
    Ok(())
}

/// `EU` is Ireland's other name (CreateBucket, `LocationConstraint`); the emulator has no such
/// region.
pub(crate) fn place_eu(call: &mut Call) {
    if call.action != "CreateBucket" || !["us-east-1", EUROPE].contains(&call.region.as_str()) {
        return;
    }
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    let placed = xml::edit(body, |document, edits| {
        for place in xml::named(document, "LocationConstraint") {
            if place.text() == Some(EU) {
                let name = format!("<LocationConstraint>{EUROPE}</LocationConstraint>");
                edits.replace(place, name);
            }
        }
    });
    if let Some(placed) = placed {
        call.set_body(placed);
    }
}

/// Elsewhere than in us-east-1 a new bucket's location is its address (CreateBucket, examples).
pub(crate) fn locate(call: &Call, reply: &mut Reply) {
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    if call.action != "CreateBucket" || xml::first(body, "LocationConstraint").is_none() {
        return;
    }
    let address = format!("http://{}.s3.amazonaws.com/", bucket(call));
    if reply.is_success()
        && let Ok(value) = HeaderValue::from_str(&address)
    {
        reply.headers.insert(header::LOCATION, value);
    }
}

/// ListBuckets, `Prefix`: "If Prefix was sent with the request, it is included in the response."
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>)
pub(crate) fn repeat_prefix(call: &Call, reply: &mut Reply) {
    let is_list = call.method == Method::GET && bucket(call).is_empty();
    let query = call.path.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let Some((_, prefix)) = pairs.find(|(name, _)| is_list && name == "prefix") else {
        return;
    };
    let told = xml::edit(reply.text(), |document, edits| {
        edits.set(document.root_element(), "Prefix", &escaped(&prefix));
    });
    if let Some(text) = told {
        reply.set_text(text);
    }
}

/// A new bucket has its defaults, and the tags that it was made with.
pub(crate) async fn created(core: &Core, call: &Call, reply: &Reply) -> Result<(), AwsError> {
    if call.action != "CreateBucket" || !reply.is_success() {
        return Ok(());
    }
    let name = bucket(call);
    let put = async |part: &str, body: String| {
        let path = format!("/{name}?{part}");
        core.upstream
            .question(call, "s3", Method::PUT, &path, Bytes::from(body))
            .await
    };
    let noted = format!("s3/bucket/{name}");
    // A bucket that is created again keeps what it has.
    if core.ledger().fact(&noted).is_none() {
        put("encryption", ENCRYPTION.to_owned()).await?;
        put("publicAccessBlock", NO_PUBLIC_ACCESS.to_owned()).await?;
        core.ledger().note(&noted, "made");
    }
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    if has_tags(body) {
        let tags = xml::read(body, |document| {
            let tags = document
                .descendants()
                .filter(|node| node.has_tag_name("Tag"));
            // The names' space is declared by the request's root.
            tags.map(|tag| {
                let text = |name: &str| escaped(xml::text_of(tag, name).unwrap_or_default());
                format!(
                    "<Tag><Key>{}</Key><Value>{}</Value></Tag>",
                    text("Key"),
                    text("Value")
                )
            })
            .collect::<String>()
        });
        put(
            "tagging",
            format!("<Tagging><TagSet>{tags}</TagSet></Tagging>"),
        )
        .await?;
    }
    Ok(())
}

pub(crate) fn deleted(core: &Core, call: &Call, reply: &Reply) {
    if call.action == "DeleteBucket" && reply.is_success() {
        let name = bucket(call);
        core.ledger().forget_fact(&format!("s3/bucket/{name}"));
        let free = core.clock.after(Delay::BucketName);
        core.ledger().created(&deleted_name(name), free, free);
    }
}

/// Key of the time until which the name of a bucket that was deleted is taken.
fn deleted_name(name: &str) -> String {
    format!("s3/bucket-name/{name}")
}
