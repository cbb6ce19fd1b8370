//! One proxy's gate, as nginx's `ngx_http_limit_req_module` does it: a leaky bucket that delays.
//! <https://nginx.org/en/docs/http/ngx_http_limit_req_module.html>

use crate::model::Gate;

/// One proxy's bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    /// Requests beyond the rate; none before the first request.
    excess: Option<f64>,
    at: f64,
}

impl Bucket {
    /// For how many seconds a request that comes now is held up, or none if it is refused.
    ///
    /// A request that is held up counts even if its client goes meanwhile.
    pub(crate) fn take(&mut self, gate: &Gate, now: f64) -> Option<f64> {
        let excess = self.excess.map_or(0.0, |excess| {
            (excess - gate.rate * (now - self.at) + 1.0).max(0.0)
        });
        if excess > f64::from(gate.burst) {
            return None;
        }
        self.excess = Some(excess);
        self.at = now;
        Some(excess / gate.rate)
    }

    /// From when on a request is not refused, if none is let through before.
    pub(crate) fn opens(&self, gate: &Gate) -> f64 {
        let excess = self.excess.unwrap_or_default();
        self.at + (excess + 1.0 - f64::from(gate.burst)).max(0.0) / gate.rate
    }
}
