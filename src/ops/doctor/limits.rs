//! When a canary stops: as the user wants, and when its time is over. What it removes has no such
//! limit.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::engine::Urgency;

/// How long what is in flight is waited for when the time is over.
const DRAIN: Duration = Duration::from_secs(15);

/// The user's urgency, and at the end of `limit` first [`Urgency::Drain`], then [`Urgency::Now`].
pub(super) fn limited(
    user: &watch::Receiver<Urgency>,
    limit: Duration,
) -> watch::Receiver<Urgency> {
    let over = Instant::now() + limit;
    follow(
        user,
        &[(over, Urgency::Drain), (over + DRAIN, Urgency::Now)],
        |urgency| urgency,
    )
}

/// The urgency with which to stop removing: one interrupt ends the trial, which is then removed; a
/// second one ends the removal too.
pub(super) fn while_removing(user: &watch::Receiver<Urgency>) -> watch::Receiver<Urgency> {
    follow(user, &[], |urgency| match urgency {
        Urgency::None | Urgency::Drain => Urgency::None,
        Urgency::Now => Urgency::Now,
    })
}

fn follow(
    user: &watch::Receiver<Urgency>,
    times: &[(Instant, Urgency)],
    read: fn(Urgency) -> Urgency,
) -> watch::Receiver<Urgency> {
    let mut user = user.clone();
    let (tell, stop) = watch::channel(read(*user.borrow_and_update()));
    let mut times: Vec<(Instant, Urgency)> = times.to_vec();
    times.reverse();
    tokio::spawn(async move {
        let raise = |urgency: Urgency| {
            tell.send_if_modified(|now| {
                let more = urgency > *now;
                *now = urgency.max(*now);
                more
            });
        };
        let mut listens = true;
        loop {
            let next = times.last().copied();
            let over = async {
                match next {
                    Some((at, _)) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = user.changed(), if listens => match changed {
                    Ok(()) => raise(read(*user.borrow_and_update())),
                    Err(_) => listens = false,
                },
                () = over => {
                    times.pop();
                    raise(next.map_or(Urgency::None, |(_, urgency)| urgency));
                }
                () = tell.closed() => return,
            }
        }
    });
    stop
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_ends_a_trial_and_no_removal() {
        let (_user, stop) = watch::channel(Urgency::None);
        let limit = Duration::from_mins(1);
        let (mut trial, removal) = (limited(&stop, limit), while_removing(&stop));
        let began = Instant::now();
        trial.wait_for(|now| *now == Urgency::Drain).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 60);
        trial.wait_for(|now| *now == Urgency::Now).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 75);
        assert_eq!(*removal.borrow(), Urgency::None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_interrupt_ends_a_trial_and_the_second_a_removal() {
        let (user, stop) = watch::channel(Urgency::None);
        let mut trial = limited(&stop, Duration::from_mins(1));
        let mut removal = while_removing(&stop);
        user.send(Urgency::Drain).unwrap();
        trial.wait_for(|now| *now == Urgency::Drain).await.unwrap();
        assert_eq!(*removal.borrow(), Urgency::None);
        user.send(Urgency::Now).unwrap();
        removal.wait_for(|now| *now == Urgency::Now).await.unwrap();
    }
}
