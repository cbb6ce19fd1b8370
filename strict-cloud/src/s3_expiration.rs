//! When a lifecycle rule lets an object expire: the header `x-amz-expiration` of PutObject, GetObject
//! and HeadObject.
//!
//! "Lifecycle configuration elements": filters, and days rounded up to the next midnight UTC; "Working
//! with objects: how to find when objects will expire" (S3 User Guide).

use http::HeaderMap;
use http::HeaderValue;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use roxmltree::Node;

use crate::call::Call;
use crate::cloud::Core;
use crate::errors::{AwsError, Reply};
use crate::{s3_path, xml};

const EXPIRATION: &str = "x-amz-expiration";

fn fact(bucket: &str) -> String {
    format!("s3/lifecycle/{bucket}")
}

/// An object as lifecycle rules see it.
#[derive(Debug, Default)]
struct AgingObject {
    key: String,
    size: u64,
    tags: Vec<(String, String)>,
    written: Timestamp,
}

/// Keeps a bucket's rules as they were sent: the emulator drops those about sizes.
pub(crate) async fn note_rules(core: &Core, call: &Call, reply: &Reply) -> Result<(), AwsError> {
    let bucket = s3_path::bucket(call);
    match call.action.as_str() {
        _ if !reply.is_success() => {}
        "PUTBucket lifecycle" => {
            let kept = core
                .upstream
                .get(call, "s3", &format!("/{bucket}?lifecycle"))
                .await?;
            let ids = xml::texts(kept.text(), "ID");
            let sent = std::str::from_utf8(&call.body).unwrap_or_default();
            // S3 gives an id to a rule that came without.
            let named = xml::edit(sent, |document, edits| {
                for (rule, id) in xml::named(document, "Rule").zip(&ids) {
                    if xml::text_of(rule, "ID").is_none() {
                        edits.set(rule, "ID", id);
                    }
                }
            });
            let rules = named.unwrap_or_else(|| sent.to_owned());
            core.ledger().note(&fact(bucket), &rules);
        }
        "DELETEBucket lifecycle" | "DeleteBucket" => core.ledger().forget_fact(&fact(bucket)),
        _ => {}
    }
    Ok(())
}

/// Tells of the expiration of what was written.
pub(crate) fn tell_written(core: &Core, call: &Call, reply: &mut Reply) {
    if call.action != "PutObject" || !s3_path::is_whole_object(call) || !reply.is_success() {
        return;
    }
    let header = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok());
    let length = header("x-amz-decoded-content-length").and_then(|length| length.parse().ok());
    let tags = header("x-amz-tagging").unwrap_or_default();
    let object = AgingObject {
        key: s3_path::key(call).unwrap_or_default(),
        size: length.unwrap_or(call.body.len() as u64),
        tags: form_urlencoded::parse(tags.as_bytes())
            .into_owned()
            .collect(),
        written: Timestamp::now(),
    };
    tell(core, call, &object, &mut reply.headers);
}

/// Tells of the expiration of what was read. Only the current version expires so.
pub(crate) async fn tell_read(
    core: &Core,
    call: &Call,
    headers: &mut HeaderMap,
) -> Result<(), AwsError> {
    let bucket = s3_path::bucket(call);
    let has_rules = core.ledger().fact(&fact(bucket)).is_some();
    if !has_rules || !s3_path::is_whole_object(call) || s3_path::query(call, "versionId").is_some()
    {
        return Ok(());
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let whole = header("content-range").and_then(|range| range.rsplit_once('/'));
    let length = whole.map_or_else(|| header("content-length"), |(_, length)| Some(length));
    let key = s3_path::key(call).unwrap_or_default();
    let tags = match header("x-amz-tagging-count") {
        Some(_) => {
            let path = format!("{}?tagging", s3_path::object(bucket, &key, None));
            let answer = core.upstream.get(call, "s3", &path).await?;
            tags_of(answer.text())
        }
        None => vec![],
    };
    let modified = header("last-modified")
        .and_then(|time| jiff::fmt::rfc2822::parse(time).ok())
        .map(|time| time.timestamp());
    let object = AgingObject {
        key,
        size: length
            .and_then(|length| length.parse().ok())
            .unwrap_or_default(),
        tags,
        written: modified.unwrap_or_else(Timestamp::now),
    };
    tell(core, call, &object, headers);
    Ok(())
}

fn tags_of(text: &str) -> Vec<(String, String)> {
    xml::read(text, |document| {
        let tags = xml::named(document, "Tag").map(tag_of);
        tags.collect()
    })
}

fn tag_of(tag: Node<'_, '_>) -> (String, String) {
    let part = |name| xml::text_of(tag, name).unwrap_or_default().to_owned();
    (part("Key"), part("Value"))
}

fn tell(core: &Core, call: &Call, object: &AgingObject, headers: &mut HeaderMap) {
    let rules = core.ledger().fact(&fact(s3_path::bucket(call)));
    let value = rules.and_then(|rules| expiration(&rules, object));
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
        headers.insert(EXPIRATION, value);
    }
}

/// The header's value by the rule that ends the object first.
fn expiration(rules: &str, object: &AgingObject) -> Option<String> {
    let ends: Vec<(Zoned, String)> = xml::read(rules, |document| {
        let ends = xml::named(document, "Rule").filter_map(|rule| {
            let enabled = xml::text_of(rule, "Status") == Some("Enabled");
            let end = end_of(xml::child_of(rule, "Expiration")?, object.written)?;
            let id = xml::text_of(rule, "ID").unwrap_or_default();
            (enabled && applies(rule, object)).then(|| (end, id.to_owned()))
        });
        ends.collect()
    });
    let (end, id) = ends.into_iter().min_by(|one, other| one.0.cmp(&other.0))?;
    Some(format!(
        "expiry-date=\"{}\", rule-id=\"{}\"",
        end.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        utf8_percent_encode(&id, NON_ALPHANUMERIC)
    ))
}

/// When an expiration comes: its date, or so many days after the writing, at the next midnight.
fn end_of(expiration: Node<'_, '_>, written: Timestamp) -> Option<Zoned> {
    if let Some(date) = xml::text_of(expiration, "Date") {
        return Some(date.parse::<Timestamp>().ok()?.to_zoned(TimeZone::UTC));
    }
    let days: i64 = xml::text_of(expiration, "Days")?.parse().ok()?;
    let day = written.to_zoned(TimeZone::UTC).start_of_day().ok()?;
    day.checked_add((days + 1).days()).ok()
}

/// Whether a rule is about an object: its filter, or the prefix of rules of old.
fn applies(rule: Node<'_, '_>, object: &AgingObject) -> bool {
    let filter = xml::child_of(rule, "Filter").unwrap_or(rule);
    let filter = xml::child_of(filter, "And").unwrap_or(filter);
    let number = |name| xml::text_of(filter, name).and_then(|size| size.parse::<u64>().ok());
    let prefix = xml::text_of(filter, "Prefix").unwrap_or_default();
    let tags: Vec<_> = filter
        .children()
        .filter(|child| child.tag_name().name() == "Tag")
        .map(tag_of)
        .collect();
    object.key.starts_with(prefix)
        && tags.iter().all(|tag| object.tags.contains(tag))
        && number("ObjectSizeGreaterThan").is_none_or(|least| object.size > least)
        && number("ObjectSizeLessThan").is_none_or(|most| object.size < most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(rules: &str, key: &str, size: u64) -> Option<String> {
        let rules = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
        expiration(
            &rules,
            &AgingObject {
                key: key.to_owned(),
                size,
                tags: vec![("a".to_owned(), "b".to_owned())],
                written: "2014-01-15T10:30:00Z".parse().unwrap(),
            },
        )
    }

    /// The example of "Lifecycle configuration elements": three days after 15 January, 10:30.
    #[test]
    fn days_end_at_the_next_midnight() {
        let rule = |filter: &str, days: u32| {
            format!(
                "<Rule><ID>r {days}</ID>{filter}<Status>Enabled</Status><Expiration><Days>{days}</Days></Expiration></Rule>"
            )
        };
        let logs = "<Filter><Prefix>logs/</Prefix></Filter>";
        let told = ends(&format!("{}{}", rule(logs, 9), rule(logs, 3)), "logs/1", 1);
        let expected = "expiry-date=\"Sun, 19 Jan 2014 00:00:00 GMT\", rule-id=\"r%203\"";
        assert_eq!(told.as_deref(), Some(expected));
        assert_eq!(ends(&rule(logs, 3), "other", 1), None);
        let and = |tag: &str| {
            format!(
                "<Filter><And><Tag><Key>a</Key><Value>{tag}</Value></Tag><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>"
            )
        };
        assert!(ends(&rule(&and("b"), 1), "k", 8).is_some());
        assert!(ends(&rule(&and("b"), 1), "k", 9).is_none());
        assert!(ends(&rule(&and("c"), 1), "k", 8).is_none());
    }
}
