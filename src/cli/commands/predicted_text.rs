//! Times, intervals and lines as texts of predictions have them.

use std::time::Duration;

use forecast::Range;

use crate::cli::format::{WIDTH, duration};

/// The width of tables: that of texts.
pub(super) const TABLE_WIDTH: u16 = 100;

/// A line, in lines of the width that texts keep to.
pub(super) fn folded(line: &str) -> String {
    let mut text = String::new();
    let mut length = 0;
    for word in line.split(' ') {
        let more = word.chars().count();
        if length > 0 && length + 1 + more > WIDTH {
            text.push_str("\n  ");
            length = 2;
        } else if length > 0 {
            text.push(' ');
            length += 1;
        }
        text.push_str(word);
        length += more;
    }
    text.push('\n');
    text
}

/// The middle with the interval, unless they look the same.
pub(super) fn range(range: Range) -> String {
    let [low, median, high] = [range.low, range.median, range.high].map(time);
    if low == high {
        return median;
    }
    let unit = |text: &str| text.rsplit(' ').next().map(str::to_owned);
    if unit(&low) == unit(&median) && unit(&high) == unit(&median) {
        let number = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
        format!("{median} ({} to {})", number(&low), number(&high))
    } else {
        format!("{median} ({low} to {high})")
    }
}

/// Seconds that were asked for.
pub(super) fn given(seconds: f64) -> String {
    match seconds.fract() == 0.0 {
        true => duration(Duration::from_secs_f64(seconds)),
        false => time(seconds),
    }
}

/// Seconds that came out, in the unit that people would use.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        short if short < 9.95 => format!("{short:.1} s"),
        medium if medium < 119.5 => format!("{medium:.0} s"),
        long if long < 7200.0 => format!("{:.1} min", long / 60.0),
        longer if longer < 172_800.0 => format!("{:.1} h", longer / 3600.0),
        days => format!("{:.1} days", days / 86_400.0),
    }
}
