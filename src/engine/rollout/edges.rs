//! What the steps of a rollout wait for besides what the blueprint says.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::{Address, Blueprint, Stage, Step};
use crate::plan::RolloutOrder;
use crate::spec::{HostName, Role};

use super::work::SURVEY;

/// By the name of a step, the names of the steps that it also waits for.
pub(in crate::engine) fn edges(
    order: &RolloutOrder,
    blueprint: &Blueprint,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut edges = Edges::default();
    if order.is_empty() {
        return edges.0;
    }
    let created: Vec<String> = order.created.iter().map(configured).collect();
    let ready: Vec<String> = order.proxies_kept.iter().map(prepared).collect();
    for node in &order.kept {
        edges.add(configured(node), [SURVEY.to_owned()]);
        // The first of them asks all, so it waits for what any of them waits for.
        let address = Address::host(*node, Stage::Configure);
        let after = blueprint.node(&address).map(|node| node.after.iter());
        let after = after.into_iter().flatten().map(Address::to_string);
        edges.add(SURVEY.to_owned(), after);
        edges.add(SURVEY.to_owned(), ready.iter().cloned());
        edges.add(SURVEY.to_owned(), created.iter().cloned());
    }
    let kept: Vec<String> = order.kept.iter().map(configured).collect();
    let mut before: Option<String> = None;
    for node in &order.replaced {
        edges.add(instance(node), ready.iter().cloned());
        edges.add(instance(node), created.iter().cloned());
        edges.add(instance(node), kept.iter().cloned());
        edges.add(instance(node), before);
        before = Some(configured(node));
    }
    let apps = order.kept.iter().chain(&order.replaced);
    let apps: Vec<String> = apps.chain(&order.created).map(configured).collect();
    edges.proxies(order, blueprint, &apps);
    edges.search_proxies(order);
    edges.add(Address::targets().to_string(), apps);
    edges.0
}

#[derive(Default)]
struct Edges(BTreeMap<String, BTreeSet<String>>);

impl Edges {
    fn add(&mut self, step: String, after: impl IntoIterator<Item = String>) {
        self.0.entry(step).or_default().extend(after);
    }

    /// Proxies come after the application nodes, and one by one.
    fn proxies(&mut self, order: &RolloutOrder, blueprint: &Blueprint, apps: &[String]) {
        for node in &blueprint.nodes {
            if let Step::Host {
                host,
                stage: Stage::Configure,
            } = node.step
                && host.role == Role::Proxy
            {
                self.add(configured(&host), apps.iter().cloned());
            }
        }
        let mut before: Option<String> = None;
        for proxy in &order.proxies_kept {
            self.add(configured(proxy), before);
            before = Some(configured(proxy));
        }
        for proxy in &order.proxies_replaced {
            self.add(instance(proxy), apps.iter().cloned());
            self.add(instance(proxy), before);
            before = Some(configured(proxy));
        }
    }

    /// Search proxies come one by one: each restarts when it gets another build, and there may be no more
    /// than two.
    fn search_proxies(&mut self, order: &RolloutOrder) {
        let mut before: Option<String> = None;
        for proxy in &order.search_kept {
            self.add(configured(proxy), before);
            before = Some(configured(proxy));
        }
        for proxy in &order.search_replaced {
            self.add(instance(proxy), before);
            before = Some(configured(proxy));
        }
    }
}

fn configured(host: &HostName) -> String {
    Address::host(*host, Stage::Configure).to_string()
}

fn prepared(host: &HostName) -> String {
    Address::host(*host, Stage::Prepare).to_string()
}

fn instance(host: &HostName) -> String {
    Address::instance(*host).to_string()
}

#[cfg(test)]
mod tests {
    use crate::blueprint::blueprint_offline;
    use crate::plan::{Action, Snapshot, plan};
    use crate::spec::{Library, Spec};

    use super::*;

    fn spec(size: &str) -> Spec {
        let library = Library::new(Some("no-such-directory".into()));
        library.architecture(size).unwrap().example()
    }

    /// The order for a size whose hosts exist, but for what `action` says of them.
    fn order(spec: &Spec, action: impl Fn(HostName) -> Action) -> (Blueprint, RolloutOrder) {
        let blueprint = blueprint_offline(spec);
        let mut plan = plan(&blueprint, &Snapshot::default());
        for host in spec.hosts() {
            let address = Address::instance(host);
            let change = plan.changes.iter_mut().find(|one| one.address == address);
            let change = change.unwrap();
            change.action = action(host);
            change.existing = Some(crate::plan::Observed {
                address,
                kind: change.kind,
                id: "i-1".to_owned(),
                state: crate::plan::State::Ready,
                status: "running".to_owned(),
                attributes: crate::blueprint::Attributes::default(),
            });
        }
        let order = RolloutOrder::of(&blueprint, &plan);
        (blueprint, order)
    }

    /// Whether a walk comes to its end with these edges.
    fn ends(blueprint: &Blueprint, edges: &BTreeMap<String, BTreeSet<String>>) -> bool {
        let mut left: BTreeMap<String, BTreeSet<String>> = blueprint
            .nodes
            .iter()
            .map(|node| {
                let name = node.address.to_string();
                let after = node.after.iter().map(Address::to_string).collect();
                (name, after)
            })
            .collect();
        for (step, after) in edges {
            if left.contains_key(step) || step == SURVEY {
                left.entry(step.clone()).or_default().extend(after.clone());
            }
        }
        loop {
            let waiting: BTreeSet<String> = left.keys().cloned().collect();
            let before = left.len();
            left.retain(|_, after| after.iter().any(|name| waiting.contains(name)));
            if left.is_empty() || left.len() == before {
                return left.is_empty();
            }
        }
    }

    #[test]
    fn no_order_of_changes_waits_for_itself() {
        let library = Library::new(Some("no-such-directory".into()));
        for size in library.architecture_names() {
            let mut spec = spec(&size);
            if let Some(group) = spec.nodes.get_mut(&Role::SearchProxy) {
                group.count = group.count.max(2);
            }
            for tls in [false, true] {
                if tls {
                    spec.tls = Some(crate::spec::ProxyTls {
                        host_name: "chat.example.com".to_owned(),
                        certificate: crate::spec::TlsCertificate::Private,
                    });
                }
                let roles = [Role::App, Role::Proxy, Role::SearchProxy].map(Some);
                for replaced in std::iter::once(None).chain(roles) {
                    for first_only in [false, true] {
                        let (blueprint, order) = order(&spec, |host| {
                            let is = replaced.is_none_or(|role| role == host.role);
                            match is && (host.index == 1 || !first_only) {
                                true => Action::Replace,
                                false => Action::Keep,
                            }
                        });
                        let edges = edges(&order, &blueprint);
                        assert!(ends(&blueprint, &edges), "{size} {tls} {replaced:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn replaced_nodes_wait_for_each_other_and_proxies_for_all() {
        let spec = spec("10k");
        let (blueprint, order) = order(&spec, |host| match host.role {
            Role::App => Action::Replace,
            _ => Action::Keep,
        });
        let edges = edges(&order, &blueprint);
        assert!(edges["instance/app-2"].contains("host/app-1/configure"));
        assert!(edges["host/proxy-1/configure"].contains("host/app-2/configure"));
        assert!(!edges.contains_key(SURVEY), "{edges:?}");
    }

    #[test]
    fn replaced_proxies_take_turns_with_and_without_tls() {
        let mut spec = spec("10k");
        spec.nodes.get_mut(&Role::Proxy).unwrap().count = 2;
        for tls in [false, true] {
            spec.tls = tls.then(|| crate::spec::ProxyTls {
                host_name: "chat.example.com".to_owned(),
                certificate: crate::spec::TlsCertificate::Private,
            });
            let (blueprint, order) = order(&spec, |host| match host.role {
                Role::Proxy => Action::Replace,
                _ => Action::Keep,
            });
            let edges = edges(&order, &blueprint);
            assert!(edges["instance/proxy-2"].contains("host/proxy-1/configure"));
            assert!(ends(&blueprint, &edges), "tls {tls}: {edges:?}");
        }
    }

    #[test]
    fn search_proxies_take_turns_before_the_application_nodes() {
        let mut spec = spec("10k");
        spec.nodes.get_mut(&Role::SearchProxy).unwrap().count = 3;
        let (blueprint, order) = order(&spec, |host| match (host.role, host.index) {
            (Role::SearchProxy, 2) => Action::Replace,
            _ => Action::Keep,
        });
        let edges = edges(&order, &blueprint);
        assert!(edges["host/search-proxy-3/configure"].contains("host/search-proxy-1/configure"));
        assert!(edges["instance/search-proxy-2"].contains("host/search-proxy-3/configure"));
        assert!(edges[SURVEY].contains("host/search-proxy-2/configure"));
        assert!(ends(&blueprint, &edges), "{edges:?}");
    }

    #[test]
    fn nodes_that_are_missing_come_first() {
        let spec = spec("10k");
        let (blueprint, order) = order(&spec, |host| match (host.role, host.index) {
            (Role::App, 1) => Action::Create,
            _ => Action::Keep,
        });
        assert_eq!(order.only_node(), None);
        let edges = edges(&order, &blueprint);
        assert!(edges[SURVEY].contains("host/app-1/configure"));
        assert!(edges["host/app-2/configure"].contains(SURVEY));
        assert!(ends(&blueprint, &edges));
    }

    #[test]
    fn a_first_up_waits_for_nothing_more() {
        let spec = spec("10k");
        let (blueprint, order) = order(&spec, |_| Action::Create);
        assert!(order.is_empty());
        assert!(edges(&order, &blueprint).is_empty());
        let hosts = blueprint.nodes.iter();
        assert!(
            hosts
                .clone()
                .any(|node| matches!(node.step, Step::Host { .. }))
        );
    }
}
