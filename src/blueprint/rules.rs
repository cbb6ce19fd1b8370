//! Security groups, and who may reach whom by them.

use ipnet::Ipv4Net;

use crate::spec::{AddressKind, Network, Role, Scheme};

use super::build::{Builder, first_administrator};
use super::kinds::{SecurityGroup, SecurityRules};
use super::{Address, Group, Peer, Protocol, Rule};

impl Builder<'_> {
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Role::ALL
            .into_iter()
            .filter(|role| self.spec.count(*role) > 0)
            .map(Group::Hosts)
            .collect();
        if self.spec.services.database.existing.is_none() {
            groups.push(Group::Database);
        }
        if self.spec.search.nodes > 0 {
            groups.push(Group::Search);
        }
        if self.spec.cache.nodes > 0 {
            groups.push(Group::Cache);
        }
        if self.spec.load_balancer.alb().is_some() {
            groups.push(Group::LoadBalancer);
        }
        groups
    }

    pub(super) fn security(&mut self, operators: &[Peer]) {
        let groups = self.groups();
        self.security_groups(&groups);
        // The load balancer's may name addresses that only hosts and gateways bring.
        for group in groups.iter().filter(|one| **one != Group::LoadBalancer) {
            let mut rules = rules(&self.spec.network, *group, &groups, operators);
            if let (Some(tls), Group::Hosts(Role::Proxy)) = (&self.spec.tls, group) {
                rules = with_https(rules);
                if tls.acme().is_some() {
                    rules = with_challenges(rules);
                }
            }
            self.rules_of(*group, rules, vec![]);
        }
    }

    pub(super) fn security_groups(&mut self, groups: &[Group]) {
        for group in groups {
            self.resource(
                Address::security_group(*group),
                vec![Address::vpc()],
                SecurityGroup {
                    group: *group,
                    description: format!("{} of {}", group.as_str(), self.spec.name),
                },
            );
        }
    }

    pub(super) fn rules_of(&mut self, group: Group, rules: Vec<Rule>, mut after: Vec<Address>) {
        after.push(Address::security_group(group));
        for rule in &rules {
            match rule.from {
                Peer::Group(peer) if peer != group => after.push(Address::security_group(peer)),
                other => after.extend(other.public_address_of()),
            }
        }
        after.sort();
        after.dedup();
        self.resource(
            Address::security_rules(group),
            after,
            SecurityRules { group, rules },
        );
    }

    /// Who may reach the load balancer: operators and agents, each at the address by which
    /// it sees them, and application hosts where it is internal. A public one sees the public
    /// addresses even of hosts beside it.
    pub(super) fn security_of_balancer(&mut self, operators: &[Peer]) {
        let Some(alb) = self.spec.load_balancer.alb() else {
            return;
        };
        let network = &self.spec.network;
        let public = alb.scheme == Scheme::Public;
        let agents = self.spec.hosts().into_iter();
        let agents = agents.filter(|host| host.role == Role::Agent);
        let mut peers: Vec<Peer> = Vec::new();
        if self.spec.count(Role::Agent) > 0 {
            match (public, network.is_public(Role::Agent)) {
                (false, _) => peers.push(Peer::Group(Group::Hosts(Role::Agent))),
                (true, true) => peers.extend(agents.map(Peer::Host)),
                (true, false) => peers.extend(network.nat_zones().map(Peer::Nat)),
            }
        }
        if !public {
            // `verify` comes through a host, where the operator's own network does not lead there.
            peers.push(Peer::Group(Group::Hosts(Role::App)));
        }
        if public || self.spec.access.address == AddressKind::Private {
            peers.extend_from_slice(operators);
        }
        let port = alb.port();
        let rules = peers
            .into_iter()
            .map(|from| Rule {
                protocol: Protocol::Tcp,
                port,
                from,
            })
            .collect();
        // The load balancer looks for its nodes meanwhile, so that this costs no time.
        self.rules_of(Group::LoadBalancer, rules, vec![first_administrator()]);
    }
}

/// Who may reach the proxies over HTTP may do so over HTTPS; port 80 only leads there.
fn with_https(mut rules: Vec<Rule>) -> Vec<Rule> {
    let plain: Vec<Rule> = rules
        .iter()
        .filter(|rule| rule.port == 80)
        .copied()
        .collect();
    rules.extend(plain.into_iter().map(|rule| Rule { port: 443, ..rule }));
    rules.sort();
    rules
}

/// An ACME server comes from addresses that nobody knows before, to port 80 alone: there is nothing
/// but its challenges and the way to HTTPS.
fn with_challenges(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.push(Rule {
        protocol: Protocol::Tcp,
        port: 80,
        from: Peer::Range(Ipv4Net::default()),
    });
    rules.sort();
    rules.dedup();
    rules
}

/// Who may reach a group, port by port. Nothing is open to the internet unless the operator
/// says so with `access.operators`.
fn rules(network: &Network, group: Group, present: &[Group], operators: &[Peer]) -> Vec<Rule> {
    let tcp = |port, from| Rule {
        protocol: Protocol::Tcp,
        port,
        from,
    };
    let mut rules = Vec::new();
    if let Group::Hosts(role) = group {
        if network.is_behind_bastion(role) {
            rules.push(tcp(22, Peer::Group(Group::Hosts(Role::Bastion))));
        }
        for operator in operators {
            if !network.is_behind_bastion(role) {
                rules.push(tcp(22, *operator));
            }
            if role == Role::Proxy {
                rules.push(tcp(80, *operator));
            }
        }
        rules.push(tcp(9100, Peer::Group(Group::Hosts(Role::Metrics))));
    }
    let app = Peer::Group(Group::Hosts(Role::App));
    // Who uses what the server uses.
    let servers = [app, Peer::Group(Group::Hosts(Role::Job))];
    match group {
        Group::Hosts(Role::App) => {
            rules.push(tcp(8065, Peer::Group(Group::Hosts(Role::Proxy))));
            rules.push(tcp(80, Peer::Group(Group::LoadBalancer)));
            // Where nodes are registered that had no nginx yet, until they have one.
            rules.push(tcp(8065, Peer::Group(Group::LoadBalancer)));
            rules.push(tcp(8067, Peer::Group(Group::Hosts(Role::Metrics))));
            rules.push(tcp(8074, app));
            rules.push(Rule {
                protocol: Protocol::Udp,
                port: 8074,
                from: app,
            });
        }
        // It takes no requests, and is no member of the cluster.
        Group::Hosts(Role::Job) => {
            rules.push(tcp(8067, Peer::Group(Group::Hosts(Role::Metrics))));
        }
        Group::Hosts(Role::Proxy) => {
            rules.push(tcp(80, Peer::Group(Group::Hosts(Role::Agent))));
        }
        Group::Hosts(Role::SearchProxy) => {
            rules.extend(servers.map(|server| tcp(9200, server)));
            rules.push(tcp(9201, Peer::Group(Group::Hosts(Role::Metrics))));
        }
        Group::Hosts(Role::Metrics | Role::Agent | Role::Bastion) => {}
        Group::Database => rules.extend(servers.map(|server| tcp(5432, server))),
        Group::Search => rules.push(tcp(443, Peer::Group(Group::Hosts(Role::SearchProxy)))),
        Group::Cache => rules.extend(servers.map(|server| tcp(6379, server))),
        Group::LoadBalancer => {}
    }
    rules.retain(|rule| match rule.from {
        Peer::Group(peer) => present.contains(&peer),
        _ => true,
    });
    rules.sort();
    rules.dedup();
    rules
}
