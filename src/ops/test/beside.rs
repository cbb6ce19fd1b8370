//! Follows load, and brings to an end what was begun on the rig beside it.

use tokio::sync::watch;

use crate::engine::Urgency;

/// Follows load to its end, and drives `carrying` beside it, which does to the rig what nobody else
/// does, and begins nothing more after `say_over` or an interruption. None: interrupted before the
/// load was over.
///
/// Either way it returns no sooner than `carrying`: what has begun may have taken a node away, and
/// dropped half-way nobody would bring it back.
pub(super) async fn follow_beside<T>(
    following: impl Future<Output = T>,
    carrying: impl Future<Output = ()>,
    say_over: watch::Sender<bool>,
    mut stop: watch::Receiver<Urgency>,
) -> Option<T> {
    tokio::pin!(following, carrying);
    let mut is_carried = false;
    let followed = loop {
        tokio::select! {
            followed = &mut following => break Some(followed),
            () = &mut carrying, if !is_carried => is_carried = true,
            _ = stop.wait_for(|urgency| *urgency > Urgency::None) => break None,
        }
    };
    say_over.send_replace(true);
    if !is_carried {
        carrying.await;
    }
    followed
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn an_interruption_waits_for_what_has_begun_on_the_rig() {
        let (interrupt, stop) = watch::channel(Urgency::None);
        let (say_over, mut over) = watch::channel(false);
        let (bring_back, brought_back) = oneshot::channel();
        // A node is away until the event ends, whatever the operator does.
        let carrying = async {
            over.wait_for(|over| *over).await.unwrap();
            brought_back.await.unwrap();
        };
        let follow = follow_beside(pending::<()>(), carrying, say_over, stop);
        tokio::pin!(follow);
        interrupt.send_replace(Urgency::Now);
        for _ in 0..10 {
            assert!(futures::poll!(&mut follow).is_pending());
            tokio::task::yield_now().await;
        }
        bring_back.send(()).unwrap();
        assert_eq!(follow.await, None);
    }

    #[tokio::test]
    async fn an_event_that_is_under_way_when_the_load_ends_is_ended_too() {
        let (_interrupt, stop) = watch::channel(Urgency::None);
        let (say_over, mut over) = watch::channel(false);
        let mut is_ended = false;
        let carrying = async {
            over.wait_for(|over| *over).await.unwrap();
            tokio::task::yield_now().await;
            is_ended = true;
        };
        let followed = follow_beside(async { 7 }, carrying, say_over, stop).await;
        assert_eq!((followed, is_ended), (Some(7), true));
    }

    #[tokio::test]
    async fn events_that_are_over_early_do_not_end_the_following() {
        let (_interrupt, stop) = watch::channel(Urgency::None);
        let (say_over, _over) = watch::channel(false);
        let (end, ended) = oneshot::channel();
        let follow = follow_beside(ended, async {}, say_over, stop);
        tokio::pin!(follow);
        assert!(futures::poll!(&mut follow).is_pending());
        end.send(3).unwrap();
        assert_eq!(follow.await, Some(Ok(3)));
    }
}
