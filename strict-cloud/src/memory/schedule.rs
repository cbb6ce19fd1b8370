//! What will happen by itself, and when.
//!
//! Resources hold states and no times: everything that is on its way stands here. So two accounts
//! that differ only in how long ago something happened are the same account, and a client that
//! waits can be told when the next thing will happen.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use jiff::Timestamp;

/// Something that happens to the resource of this id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ScheduledEvent {
    /// Reads show what was changed of the subnet.
    SubnetShown(String),
    /// Lists show it.
    Shown(String),
    /// Lists show its tags.
    TagsShown(String),
    InstanceStarted(String),
    InstanceEnded(String),
    /// It is not listed any more.
    InstanceForgotten(String),
    NatStarted(String),
    NatEnded(String),
    NatForgotten(String),
    EndpointEnded(String),
    /// The interfaces of this owner leave its subnets.
    InterfacesLeft(String),
    /// EC2 knows the profile.
    ProfileKnown(String),
    DatabaseReady(String),
    /// RDS moves it to a newer minor version, as soon as it is available.
    DatabaseUpgrades(String),
    /// A change that was accepted shows in the state.
    DatabaseChanging(String),
    /// A parameter group has arrived, and its static parameters wait for a restart.
    ParametersApplied(String),
    StorageOptimized(String),
    /// Deletions find the protection lifted, of a database or a cluster.
    ProtectionLifted(String),
    DatabaseEnded(String),
    ClusterReady(String),
    /// A failover that was accepted shows in the state.
    ClusterFailingOver(String),
    ClusterFailedOver(String),
    ClusterEnded(String),
    DatabaseSnapshotReady(String),
    /// Other services know of it.
    KnownToServices(String),
    /// A service's role is known everywhere.
    ServiceRoleKnown(String),
    /// It is `failed`, for a while.
    BalancerFailed(String),
    BalancerActive(String),
    /// Target group and target.
    TargetHealthy(String, String),
    TargetDrained(String, String),
    CacheReady(String),
    CacheEnded(String),
    /// What a change left behind for a while is over.
    LagOver(String),
    DomainReady(String),
    DomainEnded(String),
    /// A domain takes the next change.
    DomainSettled(String),
    /// The name of a domain that is gone may be used again.
    DomainNameFree(String),
    /// A zone can be changed.
    ZoneKnown(String),
    /// A change of a zone is at every name server.
    DnsChanged(String),
}

/// Events by time; those of one time in the order in which they were arranged.
#[derive(Debug, Clone, Default)]
pub(super) struct EventSchedule {
    events: BTreeSet<(Timestamp, u64, ScheduledEvent)>,
    arranged: u64,
}

impl EventSchedule {
    /// Arranges an event.
    pub(super) fn add(&mut self, at: Timestamp, event: ScheduledEvent) {
        self.arranged += 1;
        self.events.insert((at, self.arranged, event));
    }

    /// Delay the next event that is due by then.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<(Timestamp, ScheduledEvent)> {
        let first = self.events.first()?;
        if first.0 > now {
            return None;
        }
        let (at, _, event) = self.events.pop_first()?;
        Some((at, event))
    }

    /// When the next event is.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.events.first().map(|(at, _, _)| *at)
    }

    /// Hashes what will happen, and in how long.
    pub(super) fn hash_from(&self, now: Timestamp, state: &mut impl Hasher) {
        for (at, _, event) in &self.events {
            at.duration_since(now).as_millis().hash(state);
            event.hash(state);
        }
    }
}
