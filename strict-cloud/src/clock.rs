//! How long things take on AWS, and the one clock that all rules read.
//!
//! The figures are typical times out of public logs of Terraform and AWS's own acceptance
//! tests of its provider, read in 2026; see `docs/strict-cloud.md` for where each comes
//! from. A scale of 0.01 makes them a hundred times shorter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Whether things take the time that they take on AWS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Timing {
    /// Everything is done at once. What the rules refuse is refused all the same.
    #[default]
    Instant,
    /// Everything takes the time that it takes on AWS, by the scale.
    Aws,
}

/// What takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delay {
    InstanceStart,
    InstanceEnd,
    /// After its launch, until every read finds a resource.
    Visibility,
    /// After its launch, until lists show the tags of a resource.
    TagVisibility,
    /// Until EC2 knows an instance profile that IAM has.
    ProfilePropagation,
    /// Until other services know a VPC, a subnet, a security group or that an instance runs.
    ServicePropagation,
    /// Until a service's role that was just created is known everywhere.
    RolePropagation,
    /// Until Route 53 finds a zone that was just created.
    ZonePropagation,
    /// Until every name server has a change.
    DnsChange,
    /// After a domain is gone or a change of it is over, until its name or it takes the next one.
    SearchSettling,
    /// How long a load balancer may be `failed` on its way.
    BalancerFailure,
    NatStart,
    NatEnd,
    BalancerStart,
    /// Interfaces of a load balancer, after it is gone.
    BalancerInterfaces,
    /// Interfaces of a database, domain or cache, after it is gone.
    Interfaces,
    DatabaseStart,
    DatabaseChange,
    DatabaseEnd,
    DatabaseSnapshot,
    /// Until a database that accepted a change says that it is changing.
    DatabaseLag,
    /// Until a database has taken over another parameter group.
    ParametersApply,
    /// Until storage that was changed may be changed again.
    StorageOptimization,
    /// Until deletions find a protection lifted.
    ProtectionLag,
    ClusterStart,
    ClusterEnd,
    /// Until a cluster that accepted a failover says that it fails over.
    FailoverLag,
    /// Until a reader of a cluster has been promoted.
    ClusterFailover,
    /// Until the standby of an instance has taken over.
    StandbyFailover,
    SearchStart,
    SearchChange,
    SearchEnd,
    CacheStart,
    CacheChange,
    CacheEnd,
    /// Until a cache whose tags were changed takes the next change.
    CacheTags,
    /// Until an endpoint's routes are gone.
    EndpointEnd,
    /// Until a target that was registered is healthy.
    TargetHealthy,
    /// Until a target that was deregistered is out of its group.
    TargetDrained,
    /// Until the address of a NAT gateway that is gone can be released.
    AddressRelease,
    /// Until a network has no mapped address any more, after what had one is gone.
    MappedAddress,
    /// Until reads show what was changed of a network.
    AttributeLag,
    /// While a new profile is known, and a launch goes on without it.
    ProfileUse,
    /// Until IAM itself sees everywhere what was detached.
    DetachLag,
    /// Until the name of a bucket that was deleted is free.
    BucketName,
    /// Until a bucket that was created is there for all calls.
    BucketVisibility,
    /// Until the name of a parameter that was deleted is free.
    ParameterName,
    /// Until a service knows the role that was made for it.
    ServiceRole,
    /// After its end, until lists forget an instance or a NAT gateway.
    Forgetting,
}

impl Delay {
    /// Seconds, the typical case.
    pub(crate) fn seconds(self) -> u64 {
        match self {
            Self::Visibility | Self::DetachLag => 2,
            Self::TagVisibility => 3,
            Self::ProfileUse => 4,
            Self::AttributeLag | Self::BucketVisibility | Self::FailoverLag | Self::ServiceRole => {
                5
            }
            Self::InstanceStart | Self::ProfilePropagation => 8,
            Self::EndpointEnd
            | Self::ServicePropagation
            | Self::RolePropagation
            | Self::ZonePropagation
            | Self::ProtectionLag
            | Self::BalancerFailure => 10,
            Self::DatabaseLag | Self::Interfaces | Self::TargetHealthy | Self::AddressRelease => 20,
            Self::InstanceEnd
            | Self::TargetDrained
            | Self::DnsChange
            | Self::ParameterName
            | Self::ClusterFailover
            | Self::CacheTags => 30,
            Self::ClusterStart => 40,
            Self::ParametersApply => 45,
            Self::NatEnd
            | Self::BalancerInterfaces
            | Self::ClusterEnd
            | Self::MappedAddress
            | Self::SearchSettling => 60,
            Self::StandbyFailover => 90,
            Self::NatStart => 105,
            Self::BalancerStart => 150,
            Self::DatabaseSnapshot => 240,
            Self::DatabaseEnd | Self::CacheEnd => 300,
            Self::DatabaseStart => 450,
            Self::CacheStart | Self::CacheChange => 480,
            Self::DatabaseChange => 540,
            Self::SearchEnd => 720,
            Self::SearchStart | Self::SearchChange => 1020,
            Self::Forgetting | Self::BucketName => 3600,
            Self::StorageOptimization => 6 * 3600,
        }
    }
}

impl Delay {
    /// Seconds where what was changed takes `factor` times as long to be known everywhere.
    pub(crate) fn seconds_in(self, factor: u64) -> u64 {
        match self.is_propagation() {
            true => self.seconds() * factor,
            false => self.seconds(),
        }
    }

    /// Whether it is the time until others know of a change that is made.
    fn is_propagation(self) -> bool {
        matches!(
            self,
            Self::Visibility
                | Self::TagVisibility
                | Self::ProfilePropagation
                | Self::ProfileUse
                | Self::ServicePropagation
                | Self::RolePropagation
                | Self::ServiceRole
                | Self::ZonePropagation
                | Self::AttributeLag
                | Self::ProtectionLag
                | Self::DetachLag
                | Self::AddressRelease
                | Self::BucketVisibility
        )
    }
}

/// The proxy's clock. Copies go together.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    timing: Timing,
    scale: f64,
    /// What the times until everybody knows of a change are multiplied with.
    propagation: u64,
    /// Milliseconds that it was put forward.
    ahead: Arc<AtomicU64>,
}

impl Clock {
    /// A clock whose times are `scale` times those of AWS.
    pub(crate) fn new(timing: Timing, scale: f64) -> Self {
        let scale = if scale.is_finite() {
            scale.max(0.0)
        } else {
            1.0
        };
        Self {
            timing,
            scale,
            propagation: 1,
            ahead: Arc::default(),
        }
    }

    /// The same, where changes become known so many times later.
    pub(crate) fn propagating(self, propagation: u64) -> Self {
        Self {
            propagation,
            ..self
        }
    }

    /// Whether nothing takes time, so that no answer needs a look.
    pub(crate) fn is_instant(&self) -> bool {
        self.timing == Timing::Instant
    }

    /// The time of all rules: the real one, and what tests have skipped.
    pub(crate) fn now(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.ahead.load(Ordering::Relaxed))
    }

    /// Puts it forward by a time of AWS's.
    pub(crate) fn put_forward(&self, time: Duration) {
        let here = time.mul_f64(self.scale).as_millis();
        let here = u64::try_from(here).unwrap_or(u64::MAX / 4);
        self.ahead.fetch_add(here, Ordering::Relaxed);
    }

    /// How long it takes here.
    pub(crate) fn delay(&self, what: Delay) -> Duration {
        match self.timing {
            Timing::Instant => Duration::ZERO,
            Timing::Aws => {
                Duration::from_secs(what.seconds_in(self.propagation)).mul_f64(self.scale)
            }
        }
    }

    /// When it will be over, if it begins now.
    pub(crate) fn after(&self, what: Delay) -> Instant {
        self.now() + self.delay(what)
    }

    /// Seconds of AWS's time that have passed between two moments here.
    pub(crate) fn seconds_between(&self, earlier: Instant, later: Instant) -> f64 {
        let real = later.saturating_duration_since(earlier).as_secs_f64();
        match self.timing {
            Timing::Aws if self.scale > 0.0 => real / self.scale,
            _ => real,
        }
    }
}
