//! Values of options, parsed where they enter.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::spec::regions::PARTITION;

/// A time like `90s` or `15m`.
pub(super) fn duration(text: &str) -> Result<std::time::Duration, String> {
    parsed(text)
        .and_then(|time| std::time::Duration::try_from(time).ok())
        .filter(|time| !time.is_zero())
        .ok_or_else(|| DURATION.to_owned())
}

/// What is expected where a time is given.
const DURATION: &str = "expected a duration such as `90s`, `15m` or `2d`";

/// A time in units down to seconds and up to days of 24 hours, as in the YAML.
fn parsed(text: &str) -> Option<jiff::SignedDuration> {
    let span: jiff::Span = text.parse().ok()?;
    span.to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .ok()
}

/// A time from a second to a week.
pub(super) fn up_to_a_week(text: &str) -> Result<std::time::Duration, String> {
    limited(text, std::time::Duration::from_hours(7 * 24), "a week")
}

/// A time from a second to a day: the longest phase of a scenario.
pub(super) fn up_to_a_day(text: &str) -> Result<std::time::Duration, String> {
    limited(text, std::time::Duration::from_hours(24), "a day")
}

/// A time from a second to an hour.
pub(super) fn up_to_an_hour(text: &str) -> Result<std::time::Duration, String> {
    limited(text, std::time::Duration::from_hours(1), "an hour")
}

fn limited(
    text: &str,
    most: std::time::Duration,
    name: &str,
) -> Result<std::time::Duration, String> {
    let time = parsed(text).ok_or_else(|| DURATION.to_owned())?;
    let fault = match std::time::Duration::try_from(time) {
        Ok(time) if time > most => "longer",
        Ok(time) if time >= std::time::Duration::from_secs(1) => return Ok(time),
        _ => "shorter",
    };
    Err(format!("{fault} than can be: expected `1s` to {name}"))
}

/// What names a run.
pub(super) fn run(text: &str) -> Result<String, String> {
    match text.rsplit('/').next() {
        Some("") | None => Err("expected a run's name or the beginning of it".to_owned()),
        Some(_) => Ok(text.to_owned()),
    }
}

/// A number greater than zero.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "expected a number greater than zero".to_owned())
}

/// A number of zero or more.
pub(super) fn not_negative(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| "expected a number of at least zero".to_owned())
}

/// How many times as fast as planned users arrive.
pub(super) fn rate_factor(text: &str) -> Result<f64, String> {
    not_negative(text)
        .ok()
        .filter(|factor| *factor <= 100.0)
        .ok_or_else(|| "expected a number from zero to 100".to_owned())
}

/// A number of one or more.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse::<usize>()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "expected a number of at least 1".to_owned())
}

/// A file for a picture; a name without an extension, `/dev/stdout` for example, says nothing.
pub(super) fn svg(text: &str) -> Result<PathBuf, String> {
    of_kind(text, &["svg"])
}

/// A file for a page.
pub(super) fn html(text: &str) -> Result<PathBuf, String> {
    of_kind(text, &["html", "htm"])
}

/// A directory. It may be empty: an empty variable of the environment means none, as everywhere.
pub(super) fn directory() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A file that is written: other programs mean standard output by `-`.
pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("expected a file: `/dev/stdout` is standard output, `./-` a file".to_owned()),
        "" => Err("expected a file".to_owned()),
        path => Ok(PathBuf::from(path)),
    }
}

fn of_kind(text: &str, extensions: &[&str]) -> Result<PathBuf, String> {
    let path = file(text)?;
    match path.extension() {
        Some(found)
            if !extensions
                .iter()
                .any(|known| found.eq_ignore_ascii_case(known)) =>
        {
            let kind = extensions.first().unwrap_or(&"").to_uppercase();
            let name = path.with_extension(extensions.first().unwrap_or(&""));
            Err(format!(
                "only {kind} is written: did you mean `{}`?",
                name.display()
            ))
        }
        _ => Ok(path),
    }
}

/// A region's name by its shape; whether there is one of that name shows later.
pub(super) fn region(text: &str) -> Result<String, String> {
    if let Some(why) = crate::spec::regions::unsupported_partition(text) {
        return Err(why);
    }
    if crate::spec::is_region_shaped(text) {
        return Ok(text.to_owned());
    }
    Err(match crate::spec::regions::nearest_region(text) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "expected a region such as `us-east-1`".to_owned(),
    })
}

/// `local`, or a URL with a host.
pub(super) fn endpoint(text: &str) -> Result<String, String> {
    if text == "local" || is_url(text) {
        return Ok(text.to_owned());
    }
    Err("expected `local`, or a URL such as `https://vpce.example.com`".to_owned())
}

/// A URL of an emulator.
pub(super) fn server(text: &str) -> Result<String, String> {
    if is_url(text) {
        return Ok(text.to_owned());
    }
    Err("expected a URL such as `http://127.0.0.1:5000`".to_owned())
}

fn is_url(text: &str) -> bool {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with([':', '/']))
}

/// An account's id.
pub(super) fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("expected an account id of 12 digits".to_owned())
    }
}

/// As Route 53 spells ids of hosted zones: at most 32 characters (Amazon Route 53 API Reference).
pub(super) fn hosted_zone(text: &str) -> Result<String, String> {
    let is_plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    if text.starts_with('Z') && text.len() <= 32 && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("expected the id of a hosted zone, for example `Z0123456789ABCDEFGHIJ`".to_owned())
    }
}

/// A role or user. The account itself (`root`) is everybody whom IAM lets in.
pub(super) fn principal(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts[..] {
        ["arn", PARTITION, "iam", "", id, name]
            if account(id).is_ok()
                && ["role/", "user/"]
                    .iter()
                    .any(|kind| name.strip_prefix(kind).is_some_and(|name| !name.is_empty())) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "expected the ARN of a role or user, for example `arn:{PARTITION}:iam::123456789012:role/operators`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_may_be_given_in_days() {
        let hours = |hours| Ok(Duration::from_hours(hours));
        for (text, time) in [("90s", Ok(Duration::from_secs(90))), ("7d", hours(168))] {
            assert_eq!(duration(text), time, "{text}");
            assert_eq!(up_to_a_week(text), time, "{text}");
        }
        assert_eq!(up_to_a_week("1d12h"), hours(36));
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert!(up_to_a_week("8d").unwrap_err().starts_with("longer"));
        for text in ["", "7", "1mo", "-1d", "0s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
