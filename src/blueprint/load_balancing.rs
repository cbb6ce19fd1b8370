//! The load balancer in front of the application nodes, where no proxy host is.

use crate::spec::{Alb, HostName, Role, Scheme};

use super::build::Builder;
use super::kinds::{ApplicationLoadBalancer, BalancerListener, RegisteredTargets, TargetGroup};
use super::{Address, Group, SubnetTier};

/// Where application hosts take what the load balancer passes on: their nginx has the login gate.
const APP_HOST_PORT: u16 = 80;
/// Answers without looking at database or file store, so that a slow database does not take
/// every node out of service at once.
const HEALTH_PATH: &str = "/api/v4/system/ping";
/// AWS waits for 300 seconds; clients of Mattermost connect again by themselves.
const DRAIN_SECONDS: u32 = 30;

impl Builder<'_> {
    /// The load balancer with its group of application nodes.
    pub(super) fn load_balancing(&mut self, hosts: &[HostName]) {
        let Some(alb) = self.spec.load_balancer.alb().cloned() else {
            return;
        };
        self.balancer(&alb);
        self.resource(
            Address::target_group(),
            // Snapshots look for parts of a load balancer only where its security group exists.
            vec![Address::vpc(), Address::security_group(Group::LoadBalancer)],
            TargetGroup {
                port: APP_HOST_PORT,
                health_path: HEALTH_PATH.to_owned(),
                drain_seconds: DRAIN_SECONDS,
            },
        );
        self.resource(
            Address::listener(),
            vec![Address::load_balancer(), Address::target_group()],
            BalancerListener {
                load_balancer: Address::load_balancer(),
                target_group: Address::target_group(),
                port: alb.port(),
                certificate: alb.certificate.map(|certificate| certificate.arn),
            },
        );
        let instances: Vec<Address> = hosts
            .iter()
            .filter(|host| host.role == Role::App)
            .map(|host| Address::instance(*host))
            .collect();
        let mut after = vec![Address::target_group()];
        after.extend(instances.iter().cloned());
        self.resource(
            Address::targets(),
            after,
            RegisteredTargets {
                target_group: Address::target_group(),
                instances,
                port: APP_HOST_PORT,
            },
        );
    }

    fn balancer(&mut self, alb: &Alb) {
        let tier = match alb.scheme {
            Scheme::Public => SubnetTier::Public,
            Scheme::Internal => SubnetTier::Private,
        };
        let subnets = self.subnets(tier);
        let group = Address::security_group(Group::LoadBalancer);
        let mut after = subnets.clone();
        after.push(group.clone());
        if alb.scheme == Scheme::Public && self.is_own() {
            after.push(Address::internet_gateway());
        }
        self.resource(
            Address::load_balancer(),
            after,
            ApplicationLoadBalancer {
                scheme: alb.scheme,
                subnets,
                group,
                idle_timeout: alb.idle_timeout,
            },
        );
    }
}
