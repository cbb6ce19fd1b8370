//! What AWS does now and then, and an account here only when a test asks for it.

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
