//! What the host of a canary costs.

use std::time::Duration;

use crate::blueprint::kinds::Priced;
use crate::blueprint::{Address, CANARY_HOST, CanaryHost, canary};
use crate::engine::CloudError;
use crate::ops::error::{OpsError, PreflightError};
use crate::spec::{CloudTarget, Prices, Spec};

/// Refuses a host that may cost more than was allowed: nobody may be left to remove it before it
/// ends itself.
///
/// # Errors
/// When it may.
pub(super) fn check(spec: &Spec, lifetime: Duration, limit: f64) -> Result<(), OpsError> {
    if spec.cloud == CloudTarget::Local {
        return Ok(());
    }
    let region = spec.region.clone();
    let most = most(spec, lifetime)?;
    let most = most.ok_or(PreflightError::CanaryCostUnknown { region })?;
    if most > limit {
        return Err(PreflightError::CanaryTooExpensive { most, limit }.into());
    }
    Ok(())
}

/// What a host costs at list prices by the time at which it ends itself, US dollars; none where a
/// price is not known.
fn most(spec: &Spec, lifetime: Duration) -> Result<Option<f64>, CloudError> {
    let host = CanaryHost {
        operators: Vec::new(),
        lifetime,
    };
    let address = Address::instance(CANARY_HOST);
    let graph = canary(spec, Some(&host));
    let hosts = graph.resources().filter(|(at, _)| **at == address);
    // The dearest that it may become where AWS has no capacity.
    let mut most = Some(0.0);
    for candidate in hosts.flat_map(|(_, desired)| desired.candidates()) {
        let priced = Priced {
            address: &address,
            attributes: &candidate.attributes(),
            cluster: None,
        };
        let charges = (candidate.kind().info().charges)(priced, Prices::of(&spec.region))?;
        let by_hour = charges
            .iter()
            .map(|one| Some(one.count * one.unit.as_ref()?.per_hour))
            .sum::<Option<f64>>();
        let whole = by_hour.map(|usd| usd * lifetime.as_secs_f64() / 3600.0);
        most = most.zip(whole).map(|(most, one): (f64, f64)| most.max(one));
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::canary_spec;
    use crate::spec::Library;

    #[test]
    fn five_cents_are_enough_for_a_host_and_a_tenth_of_one_is_not() {
        let spec = Library::new(None)
            .load_text("test", "architecture: 1k")
            .unwrap();
        let spec = canary_spec(&spec, "canary-1");
        let lifetime = Duration::from_mins(20);
        assert!(check(&spec, lifetime, 0.05).is_ok());
        let refused = check(&spec, lifetime, 0.001).unwrap_err().to_string();
        assert!(refused.contains("`--spend`"), "{refused}");
        let mut nowhere = spec;
        nowhere.region = "xx-nowhere-1".to_owned();
        let unknown = check(&nowhere, lifetime, 0.05).unwrap_err().to_string();
        assert!(unknown.contains("xx-nowhere-1"), "{unknown}");
    }
}
