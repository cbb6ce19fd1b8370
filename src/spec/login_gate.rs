//! The login gate: how many logins nginx lets through, and why so many.
//!
//! Servers before 11.8 check one password at a time on each node, and go on for clients that have
//! hung up: a login storm does not queue there, it collapses. nginx drops a request that waits when
//! its client has gone, so the queue belongs in front of the nodes. A pure function of the spec.

use serde::{Deserialize, Serialize};

use super::login_cost::LoginCost;
use super::{Purpose, Role, Spec};

/// The share of a node's vCPUs that logins may take where the server has no lock over them.
const CPU_SHARE: f64 = 0.30;
/// The share of the clients' patience that the queue may take; the rest is for the hash, which takes
/// longer on a busy node. A shorter queue lets in no fewer, since those who are refused come back.
const QUEUE_SHARE: f64 = 0.5;
/// The share of the clients' patience for which logins may be in a node, waiting or being checked, if it is as fast
/// as expected. A slow node gets fewer logins for it, in place of a queue that grows until all of its clients
/// have gone; even one that is nearly twice as slow as expected answers those who are let through.
const NODE_SHARE: f64 = 0.25;
/// As many as keep a node busy while an answer and the next login are on their way.
const FEWEST_IN_NODE: u32 = 2;
/// Seconds after which mattermost-load-test-ng gives a request up.
const PATIENCE_OF_RIGS: u32 = 5;
/// Seconds after which the most impatient of Mattermost's own clients gives a request up: the
/// Android app sets no time-out, and its HTTP library's is 10 s.
const PATIENCE_OF_PEOPLE: u32 = 10;

/// What an environment says of its login gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateSetting {
    /// No gate.
    Off,
    /// A gate; what is not given follows from instance types and version.
    On {
        /// Logins per second of all proxies together.
        rate: Option<f64>,
        /// Logins that may wait at all proxies together.
        burst: Option<u32>,
        /// Seconds for which clients wait for an answer.
        patience: Option<u32>,
    },
}

impl Default for GateSetting {
    fn default() -> Self {
        GateSetting::On {
            rate: None,
            burst: None,
            patience: None,
        }
    }
}

impl Eq for GateSetting {}

/// Whether there is a gate, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum LoginGate {
    /// nginx limits logins.
    On(GateLimits),
    /// Nothing limits logins.
    Off {
        /// Why not.
        reason: String,
    },
}

/// How nginx limits logins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateLimits {
    /// Where nginx does: on the proxies, or behind a load balancer on the application hosts.
    pub on: Role,
    /// Logins per second of all of them together.
    pub rate: f64,
    /// Seconds for which clients wait for an answer.
    pub patience: u32,
    /// Logins per minute that each lets through.
    pub per_minute: u32,
    /// Logins that may wait at each.
    pub burst: u32,
    /// Logins that each lets be in one application node at a time; when all nodes have as many, more are
    /// refused.
    pub in_node: u32,
    /// Seconds after which a client that was refused may try again.
    pub retry_after: u32,
    /// What the rate follows from.
    pub reason: String,
}

impl GateLimits {
    /// Why nobody may get in: the queue in front of the gate is longer than clients wait.
    #[must_use]
    pub fn dead_queue(&self) -> Option<String> {
        let seconds = f64::from(self.burst) * 60.0 / f64::from(self.per_minute.max(1));
        (seconds >= f64::from(self.patience)).then(|| {
            format!(
                "the queue takes {seconds:.0} s and clients go after {} s, so a storm lets nobody in: \
                 lower `burst` or raise `rate`",
                self.patience
            )
        })
    }

    /// What a proxy says of its gate when it is asked.
    #[must_use]
    pub fn as_configured(&self) -> String {
        format!(
            "rate={}r/m burst={} in_node={}",
            self.per_minute, self.burst, self.in_node
        )
    }
}

/// How many logins the nodes can take, per second.
struct Capacity {
    rate: f64,
    reason: String,
}

impl LoginGate {
    /// The gate of an environment.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        let on = Self::place(spec);
        let GateSetting::On {
            rate,
            burst,
            patience,
        } = spec.login_gate
        else {
            return LoginGate::Off {
                reason: "`proxy.login_gate` is `off`".to_owned(),
            };
        };
        let capacity = Capacity::of(spec);
        let reason = match rate {
            None => capacity.reason.clone(),
            Some(rate) if rate > capacity.rate => format!(
                "`proxy.login_gate.rate`; more than the {:.1} that the nodes are expected to take: {}",
                capacity.rate, capacity.reason
            ),
            Some(_) => "`proxy.login_gate.rate`".to_owned(),
        };
        let rate = rate.unwrap_or(capacity.rate);
        let patience = patience.unwrap_or(match spec.purpose {
            Purpose::Rig => PATIENCE_OF_RIGS,
            Purpose::GoldStandard => PATIENCE_OF_PEOPLE,
        });
        let share = f64::from(spec.count(on).max(1));
        let waiting = burst.map_or(rate * f64::from(patience) * QUEUE_SHARE, f64::from);
        // An application host has one node behind its gate, a proxy all of them.
        let behind_each = match on {
            Role::App => 1.0,
            _ => f64::from(spec.count(Role::App).max(1)),
        };
        let taken = rate.min(capacity.rate) / share / behind_each;
        let in_node = (taken * f64::from(patience) * NODE_SHARE) as u32;
        LoginGate::On(GateLimits {
            on,
            rate,
            patience,
            per_minute: ((rate * 60.0 / share) as u32).max(1),
            burst: ((waiting / share) as u32).max(1),
            in_node: in_node.max(FEWEST_IN_NODE),
            retry_after: (patience / 4).max(1),
            reason,
        })
    }

    /// Why the nodes cannot take what the environment lets through: passwords beyond wait in the nodes, also for
    /// clients that have gone.
    #[must_use]
    pub fn excess(spec: &Spec) -> Option<String> {
        let GateSetting::On {
            rate: Some(rate), ..
        } = spec.login_gate
        else {
            return None;
        };
        let capacity = Capacity::of(spec);
        (rate > capacity.rate).then(|| {
            format!(
                "{rate} logins per second, and the nodes are expected to take {:.1}: {}",
                capacity.rate, capacity.reason
            )
        })
    }

    /// The hosts that have it, or would: an application load balancer cannot limit logins, so behind
    /// it the application hosts do.
    #[must_use]
    pub fn place(spec: &Spec) -> Role {
        match spec.load_balancer.alb() {
            Some(_) => Role::App,
            None => Role::Proxy,
        }
    }

    /// The limits, if there is a gate.
    #[must_use]
    pub fn limits(&self) -> Option<&GateLimits> {
        match self {
            LoginGate::On(limits) => Some(limits),
            LoginGate::Off { .. } => None,
        }
    }
}

impl std::fmt::Display for LoginGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LoginGate::Off { reason } => write!(f, "none: {reason}"),
            LoginGate::On(limits) => {
                // nginx counts by the minute where it is less than a few by the second.
                let let_through = match limits.per_minute {
                    few @ 0..60 => format!("{few} logins per minute"),
                    many => format!("{:.1} logins per second", f64::from(many) / 60.0),
                };
                let host = match limits.on {
                    Role::App => "application host, behind the load balancer,",
                    _ => "proxy",
                };
                write!(
                    f,
                    "each {host} lets {let_through} through, {} wait (clients wait {} s), at most {} are in a \
                     node, more get HTTP 429: {}",
                    limits.burst, limits.patience, limits.in_node, limits.reason
                )?;
                match limits.dead_queue() {
                    Some(text) => write!(f, "; {text}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl LoginCost {
    /// Logins per second that a gate lets through to all nodes together.
    #[must_use]
    pub fn gate_rate(&self) -> f64 {
        let busy = if self.is_serial {
            self.headroom
        } else {
            // Never slower than with the lock, which gives logins one vCPU.
            (f64::from(self.vcpus) * CPU_SHARE).max(self.headroom)
        };
        busy / self.seconds * f64::from(self.nodes)
    }
}

impl Capacity {
    fn of(spec: &Spec) -> Self {
        let cost = LoginCost::of(spec);
        let LoginCost {
            nodes,
            is_serial,
            server,
            seconds,
            ..
        } = &cost;
        let how = if *is_serial {
            format!("a node checks one password at a time, in {seconds:.2} s")
        } else {
            format!(
                "logins may take {:.0} % of a node's vCPUs and at least one, a password {seconds:.2} s",
                CPU_SHARE * 100.0
            )
        };
        let plural = if *nodes == 1 { "node" } else { "nodes" };
        Self {
            rate: cost.gate_rate(),
            reason: format!("{nodes} {plural} of {server}; {how} ({})", cost.basis),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Library;
    use crate::spec::hashing::{HashCost, PasswordHash};

    fn gate(text: &str) -> LoginGate {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.load_text("test", text);
        LoginGate::of(&spec.unwrap_or_else(|e| panic!("{e}")))
    }

    fn limits(text: &str) -> GateLimits {
        gate(text).limits().unwrap().clone()
    }

    fn released(version: &str) -> GateLimits {
        limits(&format!(
            "architecture: 1k\nmattermost: {{release: {version}, license_env: L}}"
        ))
    }

    #[test]
    fn the_rate_stays_below_what_the_nodes_hash() {
        let one = released("11.2.0");
        let cost = HashCost::of("c7i.large", PasswordHash::Pbkdf2).seconds;
        assert!((one.rate - 2.0 * 0.95 / cost).abs() < 1e-9);
        assert!(f64::from(one.per_minute) / 60.0 <= one.rate);
        assert_eq!(one.burst, (one.rate * 5.0 * 0.5) as u32);
        assert!(
            one.reason.contains("one password at a time"),
            "{}",
            one.reason
        );
    }

    #[test]
    fn proxies_share_the_rate() {
        let text = "architecture: 1k\nmattermost: {release: 11.2.0, license_env: L}\nsizes: {nodes: {proxy: {count: 2}}}";
        let (one, two) = (released("11.2.0"), limits(text));
        assert!((one.rate - two.rate).abs() < 1e-9);
        assert_eq!(two.per_minute, (two.rate * 30.0) as u32);
        assert!(2 * two.burst <= one.burst);
    }

    #[test]
    fn the_rate_follows_the_servers_version() {
        let (bcrypt, locked, free) = (released("10.11.4"), released("11.7.9"), released("11.8.0"));
        assert!(bcrypt.rate > locked.rate);
        // Two vCPUs: as much as with the lock.
        assert!((free.rate - locked.rate).abs() < 1e-9);
        let large = |version: &str| {
            limits(&format!(
                "architecture: 1k\nmattermost: {{release: {version}, license_env: L}}\n\
                 sizes: {{nodes: {{app: {{instance_type: c7i.4xlarge}}}}}}"
            ))
        };
        assert!((large("11.7.9").rate - locked.rate).abs() < 1e-9);
        assert!(large("11.8.0").rate > 5.0 * locked.rate);
    }

    #[test]
    fn a_fallback_type_that_is_slower_counts() {
        let text = "architecture: 1k\nmattermost: {release: 11.2.0, license_env: L}\n\
                    sizes: {nodes: {app: {fallback_instance_types: [t3.large]}}}";
        assert!(limits(text).rate < released("11.2.0").rate / 2.0);
        assert!(limits(text).reason.contains("t3.large"));
    }

    #[test]
    fn what_is_set_counts_and_is_explained() {
        let set = limits(
            "architecture: 1k\nproxy: {login_gate: {rate: 5, burst: 40, patience_seconds: 10}}",
        );
        assert_eq!((set.per_minute, set.burst, set.retry_after), (300, 40, 2));
        assert_eq!(set.reason, "`proxy.login_gate.rate`");
        assert_eq!(set.as_configured(), "rate=300r/m burst=40 in_node=6");
        let fast = limits("architecture: 1k\nproxy: {login_gate: {rate: 50}}");
        assert!(fast.reason.contains("more than"), "{}", fast.reason);
    }

    #[test]
    fn a_node_holds_no_more_logins_than_it_checks_while_their_clients_wait() {
        let one = released("11.2.0");
        let cost = HashCost::of("c7i.large", PasswordHash::Pbkdf2).seconds;
        let busy = f64::from(one.in_node) * cost;
        assert!(busy <= f64::from(one.patience) * NODE_SHARE, "{busy} s");
        // A rate that is set too high fills no node.
        let fast = limits("architecture: 1k\nproxy: {login_gate: {rate: 500}}");
        let usual = limits("architecture: 1k\nproxy: {login_gate: on}");
        assert_eq!(fast.in_node, usual.in_node);
        let slow = limits("architecture: 1k\nproxy: {login_gate: {rate: 0.5}}");
        assert_eq!(slow.in_node, FEWEST_IN_NODE);
    }

    #[test]
    fn a_queue_that_outlasts_its_clients_is_told() {
        assert_eq!(released("11.2.0").dead_queue(), None);
        let long = gate("architecture: 1k\nproxy: {login_gate: {rate: 0.5, burst: 400}}");
        let text = long.to_string();
        assert!(text.contains("30 logins per minute"), "{text}");
        assert!(text.contains("takes 800 s"), "{text}");
    }

    #[test]
    fn no_gate_says_why() {
        let off = gate("architecture: 1k\nproxy: {login_gate: off}");
        assert_eq!(off.to_string(), "none: `proxy.login_gate` is `off`");
    }

    #[test]
    fn behind_a_load_balancer_each_application_host_has_its_share() {
        let alb = "architecture: 1k\nmattermost: {release: 11.2.0, license_env: L}\n\
                   load_balancer: alb\nsizes: {nodes: {proxy: {count: 0}}}\n";
        let (proxy, hosts) = (released("11.2.0"), limits(alb));
        assert_eq!((proxy.on, hosts.on), (Role::Proxy, Role::App));
        assert!((proxy.rate - hosts.rate).abs() < 1e-9);
        assert_eq!(hosts.per_minute, (hosts.rate * 30.0) as u32);
        let text = gate(alb).to_string();
        assert!(
            text.starts_with("each application host, behind the load balancer, lets"),
            "{text}"
        );
        let off = gate(&format!("{alb}proxy: {{login_gate: off}}\n"));
        assert_eq!(off.to_string(), "none: `proxy.login_gate` is `off`");
    }
}
