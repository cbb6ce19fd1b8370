//! Security groups, and who may reach whom by them.

use ipnet::Ipv4Net;

use crate::spec::{Network, Role};

use super::build::Builder;
use super::{Address, Desired, Group, Peer, Protocol, Rule};

impl Builder<'_> {
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Role::ALL
            .into_iter()
            .filter(|role| self.spec.count(*role) > 0)
            .map(Group::Hosts)
            .collect();
        groups.push(Group::Database);
        if self.spec.search.nodes > 0 {
            groups.push(Group::Search);
        }
        if self.spec.cache.nodes > 0 {
            groups.push(Group::Cache);
        }
        groups
    }

    pub(super) fn security(&mut self, operators: &[Ipv4Net]) {
        let groups = self.groups();
        for group in &groups {
            self.resource(
                Address::security_group(*group),
                vec![Address::vpc()],
                Desired::SecurityGroup {
                    group: *group,
                    description: format!("{} of {}", group.as_str(), self.spec.name),
                },
            );
        }
        for group in &groups {
            let rules = rules(&self.spec.network, *group, &groups, operators);
            let mut after = vec![Address::security_group(*group)];
            for rule in &rules {
                if let Peer::Group(peer) = rule.from
                    && peer != *group
                {
                    after.push(Address::security_group(peer));
                }
            }
            after.sort();
            after.dedup();
            self.resource(
                Address::security_rules(*group),
                after,
                Desired::SecurityRules {
                    group: *group,
                    rules,
                },
            );
        }
    }
}

/// Who may reach a group, port by port. Nothing is open to the world unless the operator
/// says so by `access.operators`.
fn rules(network: &Network, group: Group, present: &[Group], operators: &[Ipv4Net]) -> Vec<Rule> {
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
        for net in operators {
            if !network.is_behind_bastion(role) {
                rules.push(tcp(22, Peer::Range(*net)));
            }
            if role == Role::Proxy {
                rules.push(tcp(80, Peer::Range(*net)));
            }
        }
        rules.push(tcp(9100, Peer::Group(Group::Hosts(Role::Metrics))));
    }
    let app = Peer::Group(Group::Hosts(Role::App));
    match group {
        Group::Hosts(Role::App) => {
            rules.push(tcp(8065, Peer::Group(Group::Hosts(Role::Proxy))));
            rules.push(tcp(8067, Peer::Group(Group::Hosts(Role::Metrics))));
            rules.push(tcp(8074, app));
            rules.push(Rule {
                protocol: Protocol::Udp,
                port: 8074,
                from: app,
            });
        }
        Group::Hosts(Role::Proxy) => {
            rules.push(tcp(80, Peer::Group(Group::Hosts(Role::Agent))));
        }
        Group::Hosts(Role::SearchProxy) => rules.push(tcp(9200, app)),
        Group::Hosts(Role::Metrics | Role::Agent | Role::Bastion) => {}
        Group::Database => rules.push(tcp(5432, app)),
        Group::Search => rules.push(tcp(443, Peer::Group(Group::Hosts(Role::SearchProxy)))),
        Group::Cache => rules.push(tcp(6379, app)),
    }
    rules.retain(|rule| match rule.from {
        Peer::Group(peer) => present.contains(&peer),
        Peer::Range(_) => true,
    });
    rules.sort();
    rules.dedup();
    rules
}
