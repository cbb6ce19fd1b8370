//! The login gate, as an environment sets it.

use crate::spec::GateSetting;
use crate::spec::shape::{EnvironmentFile, GateLimitsShape, GateShape, GateWord};

impl EnvironmentFile {
    /// What the environment says of its login gate.
    pub(super) fn login_gate(&self) -> GateSetting {
        let shape = self
            .proxy
            .as_ref()
            .and_then(|proxy| proxy.login_gate.as_ref());
        let limits = match shape {
            None | Some(GateShape::Word(GateWord::On)) => return GateSetting::default(),
            Some(GateShape::Word(GateWord::Off)) => return GateSetting::Off,
            Some(GateShape::Limits(limits)) => limits,
        };
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
