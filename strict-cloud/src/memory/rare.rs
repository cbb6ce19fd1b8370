//! What AWS does now and then, and an account here when its profile or a test asks for it.

use super::account::AwsAccount;

/// Something that happens seldom. Each happens once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RareEvent {
    /// The next load balancer is `failed` for a while before it is `active`: Terraform's AWS
    /// provider (`waitLoadBalancerActive`) takes that state for one that passes.
    BalancerFailsInBetween,
    /// The next replication group ends as `create-failed`; only its events say why
    /// (terraform-provider-aws#8561).
    CacheFails(String),
    /// The next instance is terminated instead of running, for this reason: a code and, after a
    /// colon, its text ("Instance terminates immediately", Amazon EC2 User Guide).
    LaunchEnds(String),
    /// The status check of the next instance fails from its start on, and nothing on it answers:
    /// `DescribeInstances` says `running` ("Status checks for Amazon EC2 instances", Amazon EC2 User
    /// Guide).
    StatusCheckFails,
    /// The next read replica ends as `failed`; only its events say why (the texts that
    /// aws-cloudformation-resource-providers-rds 5a410e8 fails on).
    ReplicaFails(String),
    /// The next database is moved to a newer minor version some minutes after it was created, as
    /// RDS does with versions at the end of their support, whatever `AutoMinorVersionUpgrade`
    /// says ("Upgrading a DB instance engine version", Amazon RDS User Guide).
    MinorVersionMoves,
    /// The next domain does not get past its validation, and stays in `Processing`
    /// (terraform-provider-aws#44810).
    DomainFails(String),
    /// The next change of a domain ends as `ValidationFailed`, and the domain stays in
    /// `Processing` (terraform-provider-aws#44810).
    DomainChangeFails(String),
}

impl AwsAccount {
    /// Lets something happen once, at the next opportunity.
    pub fn expect(&mut self, event: RareEvent) {
        self.rare.push(event);
    }

    /// The first event that `which` takes, if a test asked for one.
    pub(super) fn take_rare<T>(&mut self, which: impl Fn(&RareEvent) -> Option<T>) -> Option<T> {
        let (at, found) = self
            .rare
            .iter()
            .enumerate()
            .find_map(|(at, event)| Some((at, which(event)?)))?;
        self.rare.remove(at);
        Some(found)
    }
}
