//! What a login takes an application node: many at once, which a node that checks one password at a
//! time answers one after the other.

use std::time::{Duration, Instant};

use futures::future::join_all;

use super::api::{Api, ApiError, ApiSession};
use super::wire::Admin;

/// When logins that were sent to a node at the same moment were answered, in the order of their
/// answers, from that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginTimes(Vec<Duration>);

impl LoginTimes {
    /// Logins that were answered.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Seconds from one answer to the next, in the mean. The first answer is not counted: it has the
    /// way to the node in it, which the others wait for at the same time.
    ///
    /// None for fewer than two logins.
    #[must_use]
    pub fn seconds_of_each(&self) -> Option<f64> {
        let (first, last) = (self.0.first()?, self.0.last()?);
        let gaps = self.0.len().checked_sub(1).filter(|gaps| *gaps > 0)?;
        Some(last.saturating_sub(*first).as_secs_f64() / gaps as f64)
    }
}

/// Logs the administrator in `count` times at the same moment at a node's own address, and out again.
///
/// # Errors
/// When a login fails; the others are logged out again then too.
pub async fn time_logins(url: &str, admin: &Admin, count: usize) -> Result<LoginTimes, ApiError> {
    let api = Api::new(url, None)?;
    // The node reads the account from the database once, and a password that was set before the
    // version's own hash is hashed anew: neither is part of every login.
    let session = api.administrator(admin).await?;
    let started = Instant::now();
    let logins = join_all((0..count).map(|_| async {
        let logged_in = api.log_in(&admin.username, admin.password.expose()).await;
        logged_in.map(|(_, session)| (started.elapsed(), session))
    }));
    let (mut times, mut sessions, mut failed) = (Vec::new(), vec![session], None);
    for login in logins.await {
        match login {
            Ok((time, session)) => {
                times.push(time);
                sessions.push(session);
            }
            Err(error) => failed = Some(error),
        }
    }
    let left = log_out(&api, &sessions).await;
    if let Some(error) = failed {
        return Err(error);
    }
    left?;
    times.sort_unstable();
    Ok(LoginTimes(times))
}

async fn log_out(api: &Api, sessions: &[ApiSession]) -> Result<(), ApiError> {
    let all = join_all(sessions.iter().map(|session| api.log_out(session)));
    all.await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_node_is_not_counted() {
        let times =
            |ms: &[u64]| LoginTimes(ms.iter().copied().map(Duration::from_millis).collect());
        assert_eq!(times(&[]).seconds_of_each(), None);
        assert_eq!(times(&[900]).seconds_of_each(), None);
        let each = times(&[900, 1_100, 1_310, 1_500])
            .seconds_of_each()
            .unwrap();
        assert!((each - 0.2).abs() < 1e-9, "{each}");
    }
}
