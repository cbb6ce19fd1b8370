//! Replays: what is called before a fact and for it. Parameters may refer to what earlier calls
//! were answered: `{"$from": [0, "Role", "Arn"]}`, be joined of parts: `{"$join": [… , "x"]}`, and be
//! what follows the last slash: `{"$last": …}`.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One sequence of calls to a fresh account.
#[derive(Debug, Deserialize)]
pub(crate) struct ReplaySequence {
    /// Whether things take AWS's time.
    #[serde(default)]
    pub(crate) slow: bool,
    /// What fails on purpose, in words of `loadrig local strict --faults`: what AWS refuses by
    /// what others do in its zones.
    #[serde(default)]
    pub(crate) faults: String,
    pub(crate) steps: Vec<ReplayStep>,
}

/// One call.
#[derive(Debug, Deserialize)]
pub(crate) struct ReplayStep {
    /// Such as `s3:PutObject`.
    pub(crate) call: String,
    pub(crate) region: Option<String>,
    /// Seconds of AWS's time that pass before it.
    #[serde(default)]
    pub(crate) after: u64,
    #[serde(default)]
    pub(crate) with: Value,
    /// The facts that its answer is compared with.
    #[serde(default)]
    pub(crate) facts: Vec<ReplayedFact>,
}

/// Which fact, and which part of the answer it tells of. A fact of several steps agrees if it agrees
/// with all of them.
#[derive(Debug, Deserialize)]
pub(crate) struct ReplayedFact {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) at: Vec<Value>,
    /// Whether the fact is something that the recorder computed of the answer.
    #[serde(default)]
    pub(crate) derived: bool,
    /// Fields that the recorder itself does not compare, as in `Role.Description`: they hang on
    /// what was in its account before.
    #[serde(default)]
    pub(crate) varies: Vec<String>,
    /// What the fact says, where it says it in words.
    pub(crate) expect: Option<Value>,
}

/// Reads every replay.
pub(crate) fn read(folder: &Path) -> Result<Vec<ReplaySequence>, String> {
    let mut all = Vec::new();
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let read: Vec<ReplaySequence> =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        all.extend(read);
    }
    Ok(all)
}

impl ReplayStep {
    /// Service and operation.
    pub(crate) fn operation(&self) -> (&str, &str) {
        self.call.split_once(':').unwrap_or((&self.call, ""))
    }

    /// The parameters, with references filled in from earlier answers and what an SDK adds by
    /// itself. None if a reference leads nowhere: an earlier call was answered otherwise.
    pub(crate) fn parameters(&self, answers: &[Value]) -> Option<Value> {
        let mut filled = fill(&self.with, answers, "")?;
        let (service, action) = self.operation();
        if service == "route53"
            && let Some(fields) = filled.as_object_mut()
        {
            // SDKs take the prefix off that answers have.
            for name in ["Id", "HostedZoneId"] {
                let id = fields.get(name).and_then(Value::as_str).map(str::to_owned);
                if let Some(bare) = id.as_deref().and_then(|id| id.strip_prefix("/hostedzone/")) {
                    fields.insert(name.to_owned(), bare.into());
                }
            }
        }
        if service == "s3"
            && let Some(fields) = filled.as_object_mut()
        {
            as_sdks_do(action, fields);
        }
        Some(filled)
    }
}

/// What a path leads to.
pub(crate) fn at<'v>(value: &'v Value, path: &[Value]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, part| match part {
        Value::String(name) => value.get(name),
        Value::Number(number) => value.get(usize::try_from(number.as_u64()?).ok()?),
        _ => None,
    })
}

fn fill(value: &Value, answers: &[Value], name: &str) -> Option<Value> {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(path)) = fields.get("$from") {
                return at(&json!(answers), path).cloned();
            }
            if let Some(Value::Array(parts)) = fields.get("$join") {
                let parts: Option<Vec<String>> = parts
                    .iter()
                    .map(|part| Some(fill(part, answers, name)?.as_str()?.to_owned()))
                    .collect();
                return Some(parts?.concat().into());
            }
            if let Some(path) = fields.get("$last") {
                let filled = fill(path, answers, name)?;
                return Some(filled.as_str()?.rsplit('/').next()?.into());
            }
            if let Some(Value::String(time)) = fields.get("$time") {
                return Some(written_time(time, name).into());
            }
            let filled = fields
                .iter()
                .map(|(name, value)| Some((name.clone(), fill(value, answers, name)?)));
            Some(Value::Object(filled.collect::<Option<_>>()?))
        }
        Value::Array(items) => {
            let filled = items.iter().map(|item| fill(item, answers, name));
            Some(Value::Array(filled.collect::<Option<_>>()?))
        }
        other => Some(other.clone()),
    }
}

/// A time as it stands in a header or in a body.
fn written_time(time: &str, name: &str) -> String {
    let moment = time.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil: jiff::civil::DateTime = time.parse().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    let Some(moment) = moment else {
        return time.to_owned();
    };
    if name.starts_with("If") || name.starts_with("Copy") || name == "Expires" {
        let zoned = moment.to_zoned(jiff::tz::TimeZone::UTC);
        return zoned.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    }
    moment.to_string()
}

/// SDKs ask for keys in URL encoding, send a checksum and ask for checksums by themselves.
fn as_sdks_do(action: &str, fields: &mut Map<String, Value>) {
    match action {
        "ListObjectsV2" | "ListObjectVersions" => {
            fields.entry("EncodingType").or_insert_with(|| "url".into());
        }
        "PutObject" | "UploadPart" => {
            let given = fields
                .keys()
                .any(|name| name.starts_with("Checksum") || name == "ContentMD5");
            if !given {
                let body = fields
                    .get("Body")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let sum = BASE64_STANDARD.encode(crc32(body.as_bytes()).to_be_bytes());
                fields.insert("ChecksumCRC32".to_owned(), sum.into());
                fields.insert("ChecksumAlgorithm".to_owned(), "CRC32".into());
            }
        }
        "CreateMultipartUpload" => {
            fields
                .entry("ChecksumAlgorithm")
                .or_insert_with(|| "CRC32".into());
        }
        "GetObject" | "HeadObject" if action == "GetObject" => {
            fields
                .entry("ChecksumMode")
                .or_insert_with(|| "ENABLED".into());
        }
        _ => {}
    }
}

/// CRC-32 as in ISO 3309.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 {
                (sum >> 1) ^ 0xEDB8_8320
            } else {
                sum >> 1
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn references_are_filled_in() {
        let answers = [json!({ "Role": { "Arn": "arn:r" } })];
        let step = ReplayStep {
            call: "iam:GetRole".to_owned(),
            region: None,
            after: 0,
            with: json!({ "A": { "$from": [0, "Role", "Arn"] }, "B": { "$join": [{ "$from": [0, "Role", "Arn"] }, "x"] }, "C": { "$last": "/z/1" } }),
            facts: vec![],
        };
        assert_eq!(
            step.parameters(&answers).unwrap(),
            json!({ "A": "arn:r", "B": "arn:rx", "C": "1" })
        );
        assert_eq!(step.parameters(&[]), None);
    }
}
