//! At which moments users arrive: drawn before the storm begins, from the plan's seed alone.

use std::f64::consts::PI;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::plan::ArrivalShape;

/// The moments, from the start of the phase, in order; as many as there are users.
#[must_use]
pub fn arrival_times(users: u32, over: Duration, shape: ArrivalShape, seed: u64) -> Vec<Duration> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let window = over.as_secs_f64();
    let count = users as usize;
    let mut at = |share: &dyn Fn(f64) -> f64| -> Vec<f64> {
        (0..count)
            .map(|_| share(rng.random::<f64>()) * window)
            .collect()
    };
    let mut seconds = match shape {
        ArrivalShape::Burst => vec![0.0; count],
        ArrivalShape::Uniform => at(&|share| share),
        ArrivalShape::HalfSine => at(&|share| (1.0 - 2.0 * share).acos() / PI),
        ArrivalShape::Decay { tau_ms } => {
            let windows = window / (tau_ms.max(1) as f64 / 1000.0);
            // The inverse of the distribution, cut off at the end of the phase.
            let kept = -(-windows).exp_m1();
            at(&|share| -(-share * kept).ln_1p() / windows)
        }
        ArrivalShape::Even => {
            // Agents that begin together do not send together.
            let first = rng.random::<f64>();
            let gap = window / f64::from(users.max(1));
            (0..users)
                .map(|index| (f64::from(index) + first) * gap)
                .collect()
        }
        ArrivalShape::Poisson => {
            let mean = window / f64::from(users.max(1));
            let mut now = 0.0;
            (0..users)
                .map(|_| {
                    now -= (1.0 - rng.random::<f64>()).ln() * mean;
                    now
                })
                .collect()
        }
    };
    seconds.sort_by(f64::total_cmp);
    seconds
        .into_iter()
        .map(|second| Duration::try_from_secs_f64(second).unwrap_or(over))
        .collect()
}
