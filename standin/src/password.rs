//! Password hashing at Mattermost's price (11.0 and later): PBKDF2-HMAC-SHA256
//! with 600,000 rounds, about a quarter of a second of one core, and the lock that
//! releases up to 11.7 hold over it. It may not know users or the database.

use std::num::NonZeroU32;
use std::time::Duration;

use aws_lc_rs::pbkdf2;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::metrics::Gauge;
use crate::timed_check::TimedCheck;

/// Longest password that is accepted, in bytes.
pub(crate) const MAX_LENGTH: usize = 72;
/// Shortest password that is accepted, in bytes (`PasswordSettings` default).
pub(crate) const MIN_LENGTH: usize = 8;

const ROUNDS: NonZeroU32 = match NonZeroU32::new(600_000) {
    Some(rounds) => rounds,
    None => NonZeroU32::MIN,
};
const KEY_LENGTH: usize = 32;

/// `false` for logins side by side, as in releases from 11.8 on.
const SERIAL_VARIABLE: &str = "MM_STANDIN_SERIAL_LOGINS";
/// Rounds of new hashes; fewer make tests quick.
const ROUNDS_VARIABLE: &str = "MM_STANDIN_HASH_ROUNDS";
/// Milliseconds by the clock: for how long a login holds the lock, or, with logins side by side,
/// has a processor for its check.
const TIME_VARIABLE: &str = "MM_STANDIN_HASH_TIME";
/// How many checks that take time go on at once, where they are not one after the other.
const PROCESSORS_VARIABLE: &str = "MM_STANDIN_HASH_PROCESSORS";
/// The longest time of a check, milliseconds.
const LONGEST_MS: f64 = 60_000.0;

/// Why a hash could not be made or checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// The stored text is not a PBKDF2 hash.
    #[error("stored password hash is not in the form `$pbkdf2$f=SHA256,w=…,l=…$salt$hash`")]
    Form,
    /// The thread that hashes has died.
    #[error("password hashing was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// How the passwords of one node are hashed and checked.
///
/// Releases up to 11.7 check one password at a time per node, so that a node's login rate is one
/// over the time of a hash whatever its processors; the stand-in does the same unless it is told
/// to behave like 11.8 and later, which hash side by side.
#[derive(Debug)]
pub(crate) struct PasswordChecks {
    /// Holds by how much turns have exceeded the time that they were to take.
    turn: Option<Mutex<Duration>>,
    rounds: NonZeroU32,
    timed: Option<TimedCheck>,
}

impl Default for PasswordChecks {
    fn default() -> Self {
        Self::new(true, ROUNDS)
    }
}

impl PasswordChecks {
    /// Checks one after the other if `serial`, with `rounds` for new hashes.
    pub(crate) fn new(serial: bool, rounds: NonZeroU32) -> Self {
        Self {
            turn: serial.then(Mutex::default),
            rounds,
            timed: None,
        }
    }

    /// Reads how to check from the stand-in's own variables.
    ///
    /// # Errors
    /// When one of them does not hold what it should.
    pub(crate) fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let serial = match variable(SERIAL_VARIABLE) {
            None => true,
            Some(text) => text.parse().map_err(|_| {
                format!("variable `{SERIAL_VARIABLE}` does not hold `true` or `false`")
            })?,
        };
        let rounds = match variable(ROUNDS_VARIABLE) {
            None => ROUNDS,
            Some(text) => text.parse().map_err(|_| {
                format!("variable `{ROUNDS_VARIABLE}` does not hold a number from 1")
            })?,
        };
        let time = match variable(TIME_VARIABLE) {
            None => None,
            Some(text) => match text.parse::<f64>() {
                Ok(ms) if (0.0..=LONGEST_MS).contains(&ms) => {
                    Some(Duration::from_secs_f64(ms / 1000.0))
                }
                _ => {
                    return Err(format!(
                        "variable `{TIME_VARIABLE}` does not hold milliseconds from 0 to {LONGEST_MS}"
                    ));
                }
            },
        };
        let processors = match variable(PROCESSORS_VARIABLE) {
            None => NonZeroU32::MIN,
            Some(text) => text.parse().map_err(|_| {
                format!("variable `{PROCESSORS_VARIABLE}` does not hold a number from 1")
            })?,
        };
        Ok(Self {
            timed: time.map(|time| TimedCheck::new(time, processors.get() as usize)),
            ..Self::new(serial, rounds)
        })
    }

    /// Whether logins are checked one after the other.
    pub(crate) fn is_serial(&self) -> bool {
        self.turn.is_some()
    }

    /// Waits for this node's turn, counted in `waiting`. The caller keeps it over check and
    /// counter.
    pub(crate) async fn turn<'a>(&'a self, waiting: &'a Gauge) -> LoginTurn<'a> {
        waiting.add(1);
        let mut turn = LoginTurn {
            waiting,
            held: None,
        };
        if let Some(lock) = &self.turn {
            turn.held = Some(HeldLock {
                excess: lock.lock().await,
                since: Instant::now(),
                time: self.timed.as_ref().map(TimedCheck::time),
            });
        }
        turn
    }

    /// Hashes `password` with a new salt on a thread that may block.
    ///
    /// # Errors
    /// When the thread does not finish.
    pub(crate) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let rounds = self.rounds;
        let phc =
            tokio::task::spawn_blocking(move || hash_with(&password, &rand::random(), rounds));
        Ok(phc.await?)
    }

    /// Whether `password` is the one behind `stored`. A login's check takes what is left of the time of
    /// its turn.
    ///
    /// # Errors
    /// When `stored` is not such a hash, or the thread does not finish.
    pub(crate) async fn verify(
        &self,
        turn: Option<&LoginTurn<'_>>,
        password: String,
        stored: String,
    ) -> Result<bool, PasswordError> {
        if let Some(timed) = &self.timed {
            match turn.and_then(|turn| turn.held.as_ref()) {
                Some(held) => tokio::time::sleep(held.left()).await,
                None => timed.spend().await,
            }
            if timed.is_proved(&password, &stored) {
                return Ok(true);
            }
        }
        let check = move || (verify_with(&password, &stored), password, stored);
        let (is_right, password, stored) = tokio::task::spawn_blocking(check).await?;
        if let (Ok(true), Some(timed)) = (&is_right, &self.timed) {
            timed.prove(&password, &stored);
        }
        is_right
    }
}

/// A login's turn, or its wait for it.
#[derive(Debug)]
pub(crate) struct LoginTurn<'a> {
    waiting: &'a Gauge,
    held: Option<HeldLock<'a>>,
}

/// The lock of a login whose turn it is.
#[derive(Debug)]
struct HeldLock<'a> {
    excess: MutexGuard<'a, Duration>,
    since: Instant,
    /// For how long it is to be held, where that is set.
    time: Option<Duration>,
}

impl HeldLock<'_> {
    /// How much longer to hold it. What went beyond the time in earlier turns, in this one's queries
    /// or in theirs, is made up for: over several logins, each takes the time that was set.
    fn left(&self) -> Duration {
        let used = self.since.elapsed() + *self.excess;
        self.time.unwrap_or_default().saturating_sub(used)
    }
}

impl Drop for HeldLock<'_> {
    fn drop(&mut self) {
        if let Some(time) = self.time {
            *self.excess = (*self.excess + self.since.elapsed()).saturating_sub(time);
        }
    }
}

impl Drop for LoginTurn<'_> {
    fn drop(&mut self) {
        self.waiting.add(-1);
        drop(self.held.take());
    }
}

fn hash_with(password: &str, salt: &[u8; 16], rounds: NonZeroU32) -> String {
    let mut key = [0; KEY_LENGTH];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        salt,
        password.as_bytes(),
        &mut key,
    );
    let (salt, key) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(key));
    format!("$pbkdf2$f=SHA256,w={rounds},l={KEY_LENGTH}${salt}${key}")
}

fn verify_with(password: &str, stored: &str) -> Result<bool, PasswordError> {
    let parts: Vec<&str> = stored.split('$').collect();
    let ["", "pbkdf2", parameters, salt, key] = parts[..] else {
        return Err(PasswordError::Form);
    };
    let rounds = parameters
        .strip_prefix("f=SHA256,w=")
        .and_then(|rest| rest.split_once(",l=")?.0.parse().ok())
        .ok_or(PasswordError::Form)?;
    let salt = STANDARD_NO_PAD
        .decode(salt)
        .map_err(|_| PasswordError::Form)?;
    let key = STANDARD_NO_PAD
        .decode(key)
        .map_err(|_| PasswordError::Form)?;
    let same = pbkdf2::verify(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        &salt,
        password.as_bytes(),
        &key,
    );
    Ok(same.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: NonZeroU32 = NonZeroU32::new(10).unwrap();

    #[test]
    fn hash_has_mattermosts_form_and_cost() {
        let phc = hash_with("Passw0rd!", &[7; 16], ROUNDS);
        assert!(
            phc.starts_with("$pbkdf2$f=SHA256,w=600000,l=32$BwcHBwcHBwcHBwcHBwcHBw$"),
            "{phc}"
        );
        assert!(!phc.ends_with('='), "{phc}");
    }

    #[test]
    fn only_the_right_password_verifies() {
        let phc = hash_with("Passw0rd!", &[7; 16], FEW);
        assert!(verify_with("Passw0rd!", &phc).expect("form"));
        assert!(!verify_with("passw0rd!", &phc).expect("form"));
    }

    #[test]
    fn other_hashes_are_refused_not_accepted() {
        for stored in ["", "$2a$10$abcdef", "$pbkdf2$f=SHA256,w=x,l=32$AA$AA"] {
            assert!(
                matches!(verify_with("x", stored), Err(PasswordError::Form)),
                "{stored}"
            );
        }
    }

    #[test]
    fn variables_change_order_and_price() {
        let checks = |name: &'static str, value: &'static str| {
            PasswordChecks::from_variables(move |asked| (asked == name).then(|| value.to_owned()))
        };
        let usual = checks("", "").expect("valid");
        assert_eq!((usual.turn.is_some(), usual.rounds), (true, ROUNDS));
        assert!(
            checks(SERIAL_VARIABLE, "false")
                .expect("valid")
                .turn
                .is_none()
        );
        assert_eq!(checks(ROUNDS_VARIABLE, "10").expect("valid").rounds, FEW);
        assert!(checks(ROUNDS_VARIABLE, "0").is_err());
        assert!(checks(SERIAL_VARIABLE, "perhaps").is_err());
        assert!(usual.timed.is_none());
        assert!(
            checks(TIME_VARIABLE, "12.5")
                .expect("valid")
                .timed
                .is_some()
        );
        assert!(checks(TIME_VARIABLE, "-1").is_err());
        assert!(checks(PROCESSORS_VARIABLE, "0").is_err());
    }

    #[tokio::test]
    async fn one_login_has_its_turn_at_a_time() {
        let checks = PasswordChecks::default();
        let waiting = Gauge::default();
        let first = checks.turn(&waiting).await;
        let second = checks.turn(&waiting);
        tokio::pin!(second);
        assert!(futures::poll!(&mut second).is_pending());
        assert_eq!(waiting.get(), 2);
        drop(first);
        drop(second.await);
        assert_eq!(waiting.get(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn turns_take_the_time_that_is_set_over_several_logins() {
        let checks = PasswordChecks::from_variables(|asked| match asked {
            TIME_VARIABLE => Some("50".into()),
            ROUNDS_VARIABLE => Some("1".into()),
            _ => None,
        });
        let checks = checks.expect("valid");
        let waiting = Gauge::default();
        let stored = checks.hash("Passw0rd!".into()).await.expect("hash");
        let began = Instant::now();
        // The database is slow before a check, then after it; once by more than a whole turn.
        for (before, after) in [(10, 0), (0, 20), (0, 70), (5, 5), (0, 0)] {
            let turn = checks.turn(&waiting).await;
            tokio::time::sleep(Duration::from_millis(before)).await;
            let right = checks.verify(Some(&turn), "Passw0rd!".into(), stored.clone());
            assert!(right.await.expect("form"));
            tokio::time::sleep(Duration::from_millis(after)).await;
        }
        let took = began.elapsed().as_millis();
        assert!((250..256).contains(&took), "{took} ms");
    }
}
