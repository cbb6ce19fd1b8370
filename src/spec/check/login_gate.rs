//! The login gate: whether there is a proxy to have one.

use super::Checker;
use crate::spec::shape::{EnvironmentFile, GateLimitsShape, GateShape};
use crate::spec::{BalancerKind, GateSetting};

impl Checker<'_> {
    /// What the environment says of its login gate.
    pub(super) fn login_gate(&mut self, file: &EnvironmentFile) -> GateSetting {
        let shape = file
            .proxy
            .as_ref()
            .and_then(|proxy| proxy.login_gate.as_ref());
        let limits = match shape {
            None => return GateSetting::default(),
            Some(GateShape::Word(_)) => return GateSetting::Off,
            Some(GateShape::Limits(limits)) => limits,
        };
        if file.load_balancer == Some(BalancerKind::Alb) {
            let problem = self.key_place(&["proxy", "login_gate"]).problem(
                "a login gate without proxies",
                "expected `load_balancer: nginx`, or no `login_gate`",
            );
            self.report(problem.hint("an application load balancer cannot limit logins"));
        }
        let GateLimitsShape {
            rate,
            burst,
            patience_seconds,
        } = limits;
        GateSetting::On {
            rate: *rate,
            burst: *burst,
            patience: *patience_seconds,
        }
    }
}
