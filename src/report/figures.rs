//! Figures as people read them.

use jiff::SignedDuration;

/// Milliseconds: `0.42 ms`, `12.3 ms`, `1.24 s`, `1 m 05 s`.
#[must_use]
pub fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.2} s", ms / 1000.0),
        // A file may hold any number.
        ms => SignedDuration::try_from_secs_f64(ms / 1000.0)
            .map_or_else(|_| format!("{ms:.3e} ms"), duration),
    }
}

/// A duration: `0.4 s`, `42 s`, `3 m 20 s`, `1 h 02 m`.
pub(super) fn duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs_f64().max(0.0);
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} m {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} m", whole / 3600, whole % 3600 / 60),
    }
}

/// US dollars: `$1,234.56`, and four digits below ten cents.
pub(super) fn dollars(amount: f64) -> String {
    if amount.abs() < 0.1 {
        return format!("${amount:.4}");
    }
    let text = format!("{amount:.2}");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    format!("${}.{cents}", thousands(whole))
}

/// US dollars as in a column of hourly rates: `$1,234.5600`.
pub(super) fn rate(amount: f64) -> String {
    let text = format!("{amount:.4}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, "0000"));
    format!("${}.{rest}", thousands(whole))
}

/// A whole number with separators: `12,345`.
pub(super) fn count(number: u64) -> String {
    thousands(&number.to_string())
}

fn thousands(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_keep_three_digits_or_so() {
        let shown = [0.42, 12.34, 345.6, 1240.0, 65_000.0].map(millis);
        assert_eq!(
            shown,
            ["0.42 ms", "12.3 ms", "346 ms", "1.24 s", "1 m 05 s"]
        );
    }

    #[test]
    fn durations_drop_insignificant_units() {
        let shown =
            [0.44, 9.99, 59.4, 200.0, 3720.0].map(|s| duration(SignedDuration::from_secs_f64(s)));
        assert_eq!(shown, ["0.4 s", "10 s", "59 s", "3 m 20 s", "1 h 02 m"]);
    }

    #[test]
    fn money_has_separators_and_small_prices_keep_their_digits() {
        assert_eq!(dollars(1_234_567.891), "$1,234,567.89");
        assert_eq!(dollars(0.0416), "$0.0416");
        assert_eq!(dollars(0.7497), "$0.75");
        assert_eq!(rate(1234.5), "$1,234.5000");
        assert_eq!(count(999), "999");
        assert_eq!(count(12_345), "12,345");
    }
}
