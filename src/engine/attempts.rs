//! How often, and for how long, a call that is repeated has failed.

use std::fmt;
use std::time::Duration;

/// The failed calls that an error stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// How often the call was sent. An error that stands for none is an earlier answer again:
    /// what that call may have created is looked for.
    pub calls: u32,
    /// From the first failure to the last.
    pub time: Duration,
}

impl Attempts {
    /// Of an answer that is given again without another call.
    pub const NONE: Self = Self {
        calls: 0,
        time: Duration::ZERO,
    };
}

/// One call that failed.
impl Default for Attempts {
    fn default() -> Self {
        Self {
            calls: 1,
            time: Duration::ZERO,
        }
    }
}

/// ` 60 times in 15 min 3 s`, or nothing for a single call.
impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.calls < 2 {
            return Ok(());
        }
        write!(f, " {} times in ", self.calls)?;
        let seconds = self.time.as_secs();
        match (seconds / 60, seconds % 60) {
            (0, seconds) => write!(f, "{seconds} s"),
            (minutes, 0) => write!(f, "{minutes} min"),
            (minutes, seconds) => write!(f, "{minutes} min {seconds} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_calls_are_counted_in_words() {
        let text = |calls, seconds| {
            let time = Duration::from_secs(seconds);
            Attempts { calls, time }.to_string()
        };
        assert_eq!(Attempts::default().to_string(), "");
        assert_eq!(Attempts::NONE.to_string(), "");
        assert_eq!(text(2, 0), " 2 times in 0 s");
        assert_eq!(text(60, 903), " 60 times in 15 min 3 s");
        assert_eq!(text(60, 900), " 60 times in 15 min");
    }
}
