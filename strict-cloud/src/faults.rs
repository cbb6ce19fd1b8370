//! Failures on purpose: throttling, server errors, cut connections, no capacity, expired
//! credentials. What happens to a call follows from the seed and the call's number alone,
//! save for throttling, which follows from AWS's buckets and the time.

use std::sync::{Mutex, PoisonError};

use http::StatusCode;

use crate::buckets::{ApiBuckets, throttled};
use crate::call::Call;
use crate::clock::Clock;
use crate::errors::AwsError;

/// When credentials expire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expiry {
    /// They stay valid.
    #[default]
    Never,
    /// This one call finds them expired; the next has new ones.
    Once(u64),
    /// From this call on, until calls are signed with another key.
    UntilRenewed(u64),
    /// From this call on, for good.
    ForGood(u64),
}

/// Where there is no capacity, and until when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shortage {
    /// A zone, such as `us-east-1a`; none means every zone.
    pub zone: Option<String>,
    /// An instance type; none means every type.
    pub instance_type: Option<String>,
    /// The last call that finds none; none means that it stays so.
    pub until: Option<u64>,
}

/// What fails, how often and when.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    /// Tells this run's failures from those of other seeds.
    pub seed: u64,
    /// Share of the bucket that other users of the account leave at the start; none
    /// switches the buckets off.
    pub throttle: Option<f64>,
    /// Share of calls that are throttled whatever the buckets say.
    pub throttled: f64,
    /// Share of calls that end with a server error, carried out or not.
    pub errors: f64,
    /// Share of calls whose connection is cut before they take effect.
    pub cut_before: f64,
    /// Share of calls whose connection is cut after they took effect.
    pub cut_after: f64,
    /// Where there is no capacity.
    pub shortages: Vec<Shortage>,
    /// Which types of hosts and databases are not offered in which zone.
    pub lacking: Vec<(String, String)>,
    /// When credentials expire.
    pub expiry: Expiry,
    /// Nothing fails for who signs with this key: for whoever watches.
    pub spared_key: Option<String>,
}

impl FaultPlan {
    /// A bit of everything, drawn from the seed. Whatever stays for good would make
    /// success impossible, so nothing does.
    #[must_use]
    pub fn of_seed(seed: u64, region: &str) -> Self {
        let draw = |what| share(seed, 0, what);
        let zone = ["a", "b", "c"][(draw("zone") * 3.0) as usize % 3];
        let shortages = (draw("shortage") < 0.4)
            .then(|| Shortage {
                zone: Some(format!("{region}{zone}")),
                instance_type: None,
                until: Some(60 + (draw("until") * 120.0) as u64),
            })
            .into_iter()
            .collect();
        let at = 1 + (draw("expires at") * 300.0) as u64;
        Self {
            seed,
            throttle: (draw("throttle") < 0.5).then(|| draw("level")),
            throttled: 0.05 * draw("throttled"),
            errors: 0.05 * draw("errors"),
            cut_before: 0.03 * draw("cut before"),
            cut_after: 0.03 * draw("cut after"),
            shortages,
            lacking: Vec::new(),
            expiry: match (draw("expiry") * 4.0) as u64 {
                0 => Expiry::Once(at),
                1 => Expiry::UntilRenewed(at),
                _ => Expiry::Never,
            },
            spared_key: None,
        }
    }

    /// Reads `throttle,errors=0.1,cut=0.05,capacity=us-east-1a,expire=120`.
    ///
    /// # Errors
    /// When a word is not known; the text says which.
    pub fn parse(seed: u64, words: &str, region: &str) -> Result<Self, String> {
        let mut plan = Self {
            seed,
            ..Self::default()
        };
        for word in words.split(',').filter(|word| !word.is_empty()) {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word, None),
            };
            let share = || match value {
                None => Ok(0.02),
                Some(text) => text
                    .parse::<f64>()
                    .ok()
                    .filter(|share| (0.0..=1.0).contains(share))
                    .ok_or_else(|| format!("`{word}`: a share from 0 to 1 is expected")),
            };
            let call = || match value.and_then(|text| text.parse::<u64>().ok()) {
                Some(number) if number > 0 => Ok(number),
                _ => Err(format!(
                    "`{word}`: the number of a call is expected; the first is 1"
                )),
            };
            match name {
                "all" => plan = Self::of_seed(seed, region),
                "throttle" => plan.throttle = Some(value.map_or(Ok(1.0), |_| share())?),
                "throttled" => plan.throttled = share()?,
                "errors" => plan.errors = share()?,
                "cut" => {
                    plan.cut_before = share()? / 2.0;
                    plan.cut_after = plan.cut_before;
                }
                "cut-before" => plan.cut_before = share()?,
                "cut-after" => plan.cut_after = share()?,
                "capacity" => plan.shortages.push(shortage(word, value)?),
                "lacks" => {
                    let pair = value.and_then(|value| value.split_once('@'));
                    let (kind, zone) =
                        pair.ok_or_else(|| format!("`{word}`: TYPE@ZONE is expected"))?;
                    plan.lacking.push((kind.to_owned(), zone.to_owned()));
                }
                "expire-once" => plan.expiry = Expiry::Once(call()?),
                "expire" => plan.expiry = Expiry::UntilRenewed(call()?),
                "expire-for-good" => plan.expiry = Expiry::ForGood(call()?),
                _ => {
                    return Err(format!(
                        "`{name}` is no fault; known are all, throttle, throttled, errors, cut, cut-before, cut-after, \
                         capacity=[TYPE@]ZONE, lacks=TYPE@ZONE, expire-once=N, expire=N and expire-for-good=N"
                    ));
                }
            }
        }
        Ok(plan)
    }
}

/// The refusal of a launch by the call of this number, if one of these is a shortage of its type
/// in its zone.
pub(crate) fn no_capacity(
    shortages: &[Shortage],
    call: u64,
    instance_type: &str,
    zone: &str,
) -> Option<AwsError> {
    let short = shortages.iter().any(|shortage| {
        shortage.zone.as_deref().is_none_or(|z| z == zone)
            && shortage
                .instance_type
                .as_deref()
                .is_none_or(|t| t == instance_type)
            && shortage.until.is_none_or(|last| call <= last)
    });
    short.then(|| {
        AwsError::with(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InsufficientInstanceCapacity",
            format!(
                "We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested ({zone}). \
                 Our system will be working on provisioning additional capacity."
            ),
        )
    })
}

fn shortage(word: &str, value: Option<&str>) -> Result<Shortage, String> {
    let unclear = || format!("`{word}`: a zone, a type or TYPE@ZONE is expected");
    let value = value.ok_or_else(unclear)?;
    let (instance_type, zone) = match value.split_once('@') {
        Some((instance_type, zone)) => (Some(instance_type), Some(zone)),
        // Types have a dot, zones have none.
        None if value.contains('.') => (Some(value), None),
        None => (None, Some(value)),
    };
    // An empty one would be no zone or type, and the fault would never show.
    if instance_type.is_some_and(str::is_empty) || zone.is_some_and(str::is_empty) {
        return Err(unclear());
    }
    Ok(Shortage {
        zone: zone.map(str::to_owned),
        instance_type: instance_type.map(str::to_owned),
        until: None,
    })
}

/// What fails about a call, on one side of its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// It is answered with this error.
    Refuse(AwsError),
    /// Its connection is cut.
    Cut,
}

/// The failures of one run.
#[derive(Debug)]
pub(crate) struct Faults {
    plan: FaultPlan,
    clock: Clock,
    buckets: Mutex<ApiBuckets>,
    /// The key that expired.
    expired: Mutex<Option<String>>,
}

impl Faults {
    pub(crate) fn new(plan: FaultPlan, clock: Clock) -> Self {
        Self {
            plan,
            clock,
            buckets: Mutex::default(),
            expired: Mutex::default(),
        }
    }

    /// What fails before a call takes effect.
    pub(crate) fn before(&self, call: &Call) -> Fault {
        if self.plan.spared_key.as_ref() == Some(&call.key_id) {
            return Fault::None;
        }
        if self.is_expired(call) {
            return Fault::Refuse(expired(call));
        }
        if let Some(start) = self.plan.throttle {
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = buckets.take(call, &self.clock, start) {
                return Fault::Refuse(error);
            }
        }
        if self.is_drawn(call, "throttled", self.plan.throttled) {
            return Fault::Refuse(throttled(call));
        }
        if self.is_drawn(call, "cut before", self.plan.cut_before) {
            return Fault::Cut;
        }
        if self.is_drawn(call, "error before", self.plan.errors / 2.0) {
            return Fault::Refuse(broken(call));
        }
        Fault::None
    }

    /// What fails after a call took effect: its answer.
    pub(crate) fn after(&self, call: &Call) -> Fault {
        if self.is_drawn(call, "cut after", self.plan.cut_after) {
            return Fault::Cut;
        }
        if self.is_drawn(call, "error after", self.plan.errors / 2.0) {
            return Fault::Refuse(broken(call));
        }
        Fault::None
    }

    /// Whether there is no capacity for an instance type in a zone.
    pub(crate) fn capacity_error(
        &self,
        call: &Call,
        instance_type: &str,
        zone: &str,
    ) -> Option<AwsError> {
        no_capacity(&self.plan.shortages, call.number, instance_type, zone)
    }

    /// Whether a zone does not offer a type of hosts or databases.
    pub(crate) fn lacks(&self, kind: &str, zone: &str) -> bool {
        let is_it = |(lacking, at): &(String, String)| lacking == kind && at == zone;
        self.plan.lacking.iter().any(is_it)
    }

    fn is_expired(&self, call: &Call) -> bool {
        match self.plan.expiry {
            Expiry::Never => false,
            Expiry::Once(at) => call.number == at,
            Expiry::ForGood(at) => call.number >= at,
            Expiry::UntilRenewed(at) => {
                if call.number < at {
                    return false;
                }
                let mut key = self.expired.lock().unwrap_or_else(PoisonError::into_inner);
                *key.get_or_insert_with(|| call.key_id.clone()) == call.key_id
            }
        }
    }

    fn is_drawn(&self, call: &Call, what: &str, rate: f64) -> bool {
        self.plan.spared_key.as_ref() != Some(&call.key_id)
            && rate > 0.0
            && share(self.plan.seed, call.number, what) < rate
    }
}

/// A number from 0 to 1 that follows from seed, number and word.
fn share(seed: u64, number: u64, what: &str) -> f64 {
    let word = what.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut mixed = seed
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(number.wrapping_mul(0xd1b5_4a32_d192_ed03))
        ^ word;
    // The finaliser of SplitMix64.
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// Expired credentials, in the service's words ("Common errors" of each API reference;
/// EC2's "Error codes for the Amazon EC2 API": `RequestExpired` for temporary ones).
fn expired(call: &Call) -> AwsError {
    match call.service.as_str() {
        "ec2" => AwsError::new("RequestExpired", "Request has expired."),
        "s3" => AwsError::new("ExpiredToken", "The provided token has expired."),
        "ssm" | "es" | "servicequotas" => AwsError::new(
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        _ => AwsError::with(
            StatusCode::FORBIDDEN,
            "ExpiredToken",
            "The security token included in the request is expired",
        ),
    }
}

/// A server error, in the service's words.
fn broken(call: &Call) -> AwsError {
    let (status, code) = match call.service.as_str() {
        "ec2" => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable"),
        "s3" | "ssm" => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        "es" => (StatusCode::INTERNAL_SERVER_ERROR, "InternalException"),
        "iam" => (StatusCode::INTERNAL_SERVER_ERROR, "ServiceFailure"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure"),
    };
    AwsError::with(
        status,
        code,
        "We encountered an internal error. Please try again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_deterministic_and_seeds_differ() {
        let draws = |seed| -> Vec<bool> {
            (1..400)
                .map(|number| share(seed, number, "cut after") < 0.1)
                .collect()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        let struck = draws(7).iter().filter(|struck| **struck).count();
        assert!((20..60).contains(&struck), "{struck} of 399");
    }

    #[test]
    fn fault_words_are_parsed() {
        let plan = FaultPlan::parse(
            3,
            "throttle,errors=0.1,cut=0.04,capacity=c7i.xlarge@us-east-1a,expire=120",
            "us-east-1",
        )
        .unwrap();
        assert_eq!(plan.throttle, Some(1.0));
        assert!((plan.errors - 0.1).abs() < 1e-9 && (plan.cut_after - 0.02).abs() < 1e-9);
        assert_eq!(plan.expiry, Expiry::UntilRenewed(120));
        assert_eq!(plan.shortages[0].zone.as_deref(), Some("us-east-1a"));
        assert!(
            FaultPlan::parse(3, "typo", "us-east-1")
                .unwrap_err()
                .contains("typo")
        );
    }
}
