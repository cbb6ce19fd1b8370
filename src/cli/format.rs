//! Times and amounts as people read them.

use std::time::Duration;

/// A duration by its two largest units: `45 s`, `2 min 5 s`, `3 h 20 min`, `2 days 4 h`.
#[must_use]
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {small_unit}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => two(minutes, "min", seconds % 60, "s"),
        (0, _, _) => two(hours, "h", minutes % 60, "min"),
        (1, _, _) => two(days, "day", hours % 24, "h"),
        _ => two(days, "days", hours % 24, "h"),
    }
}

/// A number with its noun: `1 warning`, `2 warnings`.
#[must_use]
pub(super) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// A change as a part: `+5.2 %`.
#[must_use]
pub(super) fn signed_percent(part: f64) -> String {
    format!("{:+.1} %", 100.0 * part)
}

/// A path as it is typed in a shell.
#[must_use]
pub(super) fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "_./-+=,:@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The width that texts keep to where words allow.
pub(super) const WIDTH: usize = 100;

/// Items with separators between, in lines of the width that texts keep to.
pub(super) fn wrapped(items: &[String], indent: &str, separator: &str) -> String {
    let mut text = String::new();
    let mut line = indent.to_owned();
    for (at, item) in items.iter().enumerate() {
        let after = if at + 1 < items.len() { separator } else { "" };
        let more = format!("{item}{after}");
        if line.len() > indent.len() && line.chars().count() + 1 + more.chars().count() > WIDTH {
            text.push_str(&format!("{line}\n"));
            indent.clone_into(&mut line);
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(&more);
    }
    if line.len() > indent.len() {
        text.push_str(&format!("{line}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_two_largest_units() {
        let text = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(text(0), "0 s");
        assert_eq!(text(125), "2 min 5 s");
        assert_eq!(text(120), "2 min");
        assert_eq!(text(3600 * 3 + 1200), "3 h 20 min");
        assert_eq!(text(86400), "1 day");
        assert_eq!(text(86400 * 2 + 3600 * 4), "2 days 4 h");
    }

    #[test]
    fn paths_are_quoted_where_a_shell_needs_it() {
        let text = |path: &str| quoted(path.as_ref());
        assert_eq!(text("plans/a.json"), "plans/a.json");
        assert_eq!(text("my plan"), "'my plan'");
        assert_eq!(text("it's"), r"'it'\''s'");
    }

    #[test]
    fn nouns_agree_with_their_number() {
        assert_eq!(count(1, "warning"), "1 warning");
        assert_eq!(count(0, "warning"), "0 warnings");
    }

    #[test]
    fn items_are_wrapped_at_the_width() {
        let items: Vec<String> = (0..40).map(|n| format!("item-{n}")).collect();
        let text = wrapped(&items, "      ", ",");
        assert!(text.lines().count() > 1);
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(text.matches("item-").count(), 40);
        assert_eq!(wrapped(&[], "      ", ","), "");
    }
}
