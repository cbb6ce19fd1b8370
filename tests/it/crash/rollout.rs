//! Application nodes that serve change one by one: what their hosts, their proxies and the load
//! balancer are told, in which order.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use loadrig::blueprint::Stage;
use loadrig::diagnose::Diagnose;
use loadrig::engine::{
    Engine, HostCondition, HostRequest, Hosts, NodePeers, Permit, Poller, TaskError, Urgency,
    WalkReport,
};
use loadrig::events::{Events, Outcome};
use loadrig::spec::{HostName, Role, Spec};
use strict_cloud::{AccountProfile, AwsAccount, SharedAccount};
use tokio::sync::watch;

use super::layouts::layouts;
use super::link::{CloudBackend, ProcessLink};
use super::outcome::later;
use super::process::{End, Job, KEY, REGION, graph, plan_of, run, runtime};
use super::sweep::SETTLED;
use crate::connector;

/// Hosts that serve, or are down; what is done to them is written down.
struct BusyHosts {
    link: Arc<ProcessLink>,
    log: Arc<Mutex<Vec<String>>>,
    /// Application nodes that are down.
    idle: BTreeSet<HostName>,
    /// Application nodes that serve while they change.
    meanwhile: BTreeSet<HostName>,
    /// The application node that does not come back.
    broken: Option<HostName>,
    /// Application nodes that are as planned already.
    as_planned: BTreeSet<HostName>,
    /// The application node that comes back and is no part of the server.
    alone: Option<HostName>,
    /// Whether what nodes have to know is written down, too.
    tells_peers: bool,
    /// Whether each proxy names the others.
    know_each_other: bool,
    /// Whether the changes of search proxies are written down, too.
    tells_search: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("out of order")]
struct OutOfOrder;

impl Diagnose for OutOfOrder {}

impl BusyHosts {
    /// All of them serve, and not while they change.
    fn new(link: Arc<ProcessLink>, log: Arc<Mutex<Vec<String>>>) -> Self {
        Self {
            link,
            log,
            idle: BTreeSet::new(),
            meanwhile: BTreeSet::new(),
            broken: None,
            as_planned: BTreeSet::new(),
            alone: None,
            tells_peers: false,
            know_each_other: false,
            tells_search: false,
        }
    }

    fn note(&self, text: String) {
        self.log.lock().unwrap().push(text);
    }

    /// How often the load balancer was told of a change, if there is one.
    fn balanced(&self) -> String {
        let calls = self.link.calls();
        let count = |name: &str| calls.iter().filter(|call| call.contains(name)).count();
        match (count("DeregisterTargets"), count("RegisterTargets")) {
            (0, 0) => String::new(),
            (gone, back) => format!(", {gone} deregistered, {back} registered"),
        }
    }
}

impl Hosts for BusyHosts {
    async fn apply(&self, request: HostRequest) -> Result<Outcome, TaskError> {
        let HostRequest { host, away, .. } = request;
        let names: Vec<String> = away.iter().map(HostName::to_string).collect();
        match (host.role, request.stage) {
            (Role::App, Stage::Configure) => {
                self.note(format!("{host} changes{}", self.balanced()));
            }
            (Role::Proxy, Stage::Configure) => {
                self.note(format!("{host} leaves out [{}]", names.join(" ")));
            }
            (Role::SearchProxy, Stage::Configure) if self.tells_search => {
                self.note(format!("{host} changes"));
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        if host.role == Role::SearchProxy && request.stage == Stage::Configure && self.tells_search
        {
            self.note(format!("{host} has changed"));
        }
        match self.broken == Some(host) && request.stage == Stage::Configure {
            true => Err(Box::new(OutOfOrder)),
            false => Ok(Outcome::Applied),
        }
    }

    async fn compare(&self, request: HostRequest) -> Result<HostCondition, TaskError> {
        Ok(match request.host {
            host if self.idle.contains(&host) => HostCondition::Idle,
            host if self.as_planned.contains(&host) => HostCondition::AsPlanned,
            host if self.meanwhile.contains(&host) => HostCondition::ServingMeanwhile,
            _ => HostCondition::Serving,
        })
    }

    async fn drained(&self, request: HostRequest, node: HostName) -> Result<(), TaskError> {
        self.note(format!("{} has nothing at {node}", request.host));
        Ok(())
    }

    async fn known(&self, _request: HostRequest) -> Result<BTreeSet<HostName>, TaskError> {
        Ok([host("app-1"), host("app-2")].into())
    }

    async fn joined(&self, request: HostRequest, peers: NodePeers) -> Result<(), TaskError> {
        let names: Vec<String> = peers.all.iter().map(HostName::to_string).collect();
        if self.tells_peers {
            self.note(format!("{} knows [{}]", request.host, names.join(" ")));
        }
        match self.alone == Some(request.host) {
            true => Err(Box::new(OutOfOrder)),
            false => Ok(()),
        }
    }

    fn peers(&self, one: HostName) -> Vec<HostName> {
        let proxies = ["proxy-1", "proxy-2"].map(host);
        let others = proxies.into_iter().filter(|other| *other != one);
        match self.know_each_other && one.role == Role::Proxy {
            true => others.collect(),
            false => Vec::new(),
        }
    }
}

/// A rig that is up, as its layout has it.
fn standing(layout: &str) -> (Spec, AwsAccount) {
    let layouts = layouts(AccountProfile::Used).into_iter();
    let layout = layouts.into_iter().find(|one| one.name == layout).unwrap();
    let up = run(layout.account, Job::Up(&layout.spec));
    assert_eq!(up.end, End::Done);
    (layout.spec, later(up.account, SETTLED))
}

fn host(name: &str) -> HostName {
    name.parse().unwrap()
}

/// Runs an `up` of a rig in use; answers with what its hosts were told, the calls, and the end.
fn change(
    spec: &Spec,
    account: AwsAccount,
    idle: &[&str],
    broken: Option<&str>,
) -> (Vec<String>, Vec<String>, WalkReport) {
    let hosts = |link, log| BusyHosts {
        idle: idle.iter().map(|name| host(name)).collect(),
        broken: broken.map(host),
        ..BusyHosts::new(link, log)
    };
    change_among(spec, account, hosts)
}

/// The same with any hosts.
fn change_among(
    spec: &Spec,
    account: AwsAccount,
    hosts: impl FnOnce(Arc<ProcessLink>, Arc<Mutex<Vec<String>>>) -> BusyHosts,
) -> (Vec<String>, Vec<String>, WalkReport) {
    runtime().block_on(async {
        let link = ProcessLink::new(CloudBackend::Memory(SharedAccount::new(account)), None);
        let cloud = Arc::new(connector::connect(REGION, "AKIDCRASH", link.clone()).await);
        let log = Arc::new(Mutex::new(Vec::new()));
        let graph = graph(spec);
        let plan = plan_of(&cloud, &graph, &spec.name).await.unwrap();
        let engine = Arc::new(Engine {
            poller: Poller::new(Arc::clone(&cloud), &spec.name),
            cloud: Arc::clone(&cloud),
            hosts: Arc::new(hosts(Arc::clone(&link), Arc::clone(&log))),
            environment: spec.name.clone(),
            tags: spec.tags.clone(),
            operator_key: Some(KEY.to_owned()),
            permit: Permit::default(),
            events: Events::default(),
        });
        let (_keep, stop) = watch::channel(Urgency::None);
        let (report, _) = engine.up(&graph, &plan, stop).await;
        let left = plan_of(&cloud, &graph, &spec.name).await.unwrap();
        if report.is_complete() {
            assert!(left.is_empty(), "{:?}", left.work().collect::<Vec<_>>());
        }
        let log = log.lock().unwrap().clone();
        (log, link.calls(), report)
    })
}

fn failures(report: &WalkReport) -> Vec<String> {
    let failed = report.failed.iter();
    failed
        .map(|(step, error)| format!("{step}: {error}"))
        .collect()
}

#[test]
fn nodes_leave_the_proxy_change_and_come_back_one_by_one() {
    let (spec, account) = standing("public");
    let (log, _, report) = change(&spec, account, &[], None);
    assert!(report.is_complete(), "{:?}", failures(&report));
    assert_eq!(
        log,
        [
            "proxy-1 leaves out [app-1]",
            "proxy-1 has nothing at app-1",
            "app-1 changes",
            "proxy-1 leaves out []",
            "proxy-1 leaves out [app-2]",
            "proxy-1 has nothing at app-2",
            "app-2 changes",
            "proxy-1 leaves out []",
            "proxy-1 leaves out []",
        ]
    );
}

#[test]
fn a_node_that_does_not_come_back_stays_out_and_ends_the_rollout() {
    let (spec, account) = standing("public");
    let (log, _, report) = change(&spec, account, &[], Some("app-1"));
    assert_eq!(
        log,
        [
            "proxy-1 leaves out [app-1]",
            "proxy-1 has nothing at app-1",
            "app-1 changes"
        ]
    );
    assert_eq!(
        failures(&report),
        [
            "host/app-1/configure: out of order\n`app-1` gets no requests; `app-2` untouched and \
             serving as before",
            "host/app-2/configure: not changed, because `app-1` did not come back: `app-2` serves \
             as before",
        ]
    );
}

/// It answers, but has no license, or does not know the others.
#[test]
fn a_node_that_comes_back_alone_stays_out_and_ends_the_rollout() {
    let (spec, account) = standing("public");
    let (log, _, report) = change_among(&spec, account.clone(), |link, log| BusyHosts {
        alone: Some(host("app-1")),
        tells_peers: true,
        ..BusyHosts::new(link, log)
    });
    assert_eq!(
        log,
        [
            "proxy-1 leaves out [app-1]",
            "proxy-1 has nothing at app-1",
            "app-1 changes",
            "app-1 knows [app-2]",
        ]
    );
    let stopped = "host/app-2/configure: not changed, because `app-1` did not come back: `app-2` serves \
                   as before";
    assert_eq!(
        failures(&report),
        [
            "host/app-1/configure: out of order\n`app-1` gets no requests; `app-2` untouched and \
             serving as before",
            stopped,
        ]
    );

    // The next `up` finds it as planned, and neither lets people to it nor goes on.
    let (log, _, report) = change_among(&spec, account, |link, log| BusyHosts {
        as_planned: [host("app-1")].into(),
        alone: Some(host("app-1")),
        ..BusyHosts::new(link, log)
    });
    assert_eq!(log, [""; 0]);
    assert_eq!(failures(&report), ["rollout: out of order"]);
}

#[test]
fn a_node_that_was_repaired_has_to_know_those_that_are_as_planned() {
    let (spec, account) = standing("public");
    let (log, _, report) = change_among(&spec, account, |link, log| BusyHosts {
        as_planned: [host("app-1")].into(),
        idle: [host("app-2")].into(),
        tells_peers: true,
        ..BusyHosts::new(link, log)
    });
    assert!(report.is_complete(), "{:?}", failures(&report));
    assert_eq!(
        log[..3],
        ["app-1 knows []", "app-2 changes", "app-2 knows [app-1]"]
    );
}

#[test]
fn a_node_that_serves_while_it_changes_stays_in_the_proxy_also_when_the_change_fails() {
    let (spec, account) = standing("public");
    let change = |account, broken: Option<&str>| {
        change_among(&spec, account, |link, log| BusyHosts {
            meanwhile: [host("app-1"), host("app-2")].into(),
            broken: broken.map(host),
            ..BusyHosts::new(link, log)
        })
    };
    let (log, _, report) = change(account.clone(), None);
    assert!(report.is_complete(), "{:?}", failures(&report));
    let (mut nodes, proxies) = (log[..2].to_vec(), &log[2..]);
    nodes.sort();
    assert_eq!(nodes, ["app-1 changes", "app-2 changes"]);
    assert_eq!(proxies, ["proxy-1 leaves out []"]);

    let (log, _, report) = change(account, Some("app-1"));
    assert!(
        !log.iter().any(|line| line.contains("leaves out [app")),
        "{log:?}"
    );
    assert_eq!(
        failures(&report),
        ["host/app-1/configure: out of order\n`app-1` gets requests and serves"]
    );
}

#[test]
fn nodes_that_are_down_come_first_and_end_the_rollout_too() {
    let (spec, account) = standing("public");
    let (log, _, report) = change(&spec, account.clone(), &["app-2"], None);
    assert!(report.is_complete(), "{:?}", failures(&report));
    assert_eq!(log[0], "app-2 changes");
    assert_eq!(log[1], "proxy-1 leaves out [app-1]");

    let (log, _, report) = change(&spec, account, &["app-2"], Some("app-2"));
    assert_eq!(log, ["app-2 changes"]);
    let failed = failures(&report);
    assert!(
        failed
            .iter()
            .any(|one| one.contains("`app-1` serves as before")),
        "{failed:?}"
    );
}

#[test]
fn instances_are_replaced_one_by_one() {
    let (mut spec, account) = standing("public");
    let group = spec.nodes.get_mut(&Role::App).unwrap();
    group.instance_type = "c7i.4xlarge".to_owned();
    let (log, calls, report) = change(&spec, account, &[], None);
    assert!(report.is_complete(), "{:?}", failures(&report));
    assert_eq!(
        log,
        [
            "proxy-1 leaves out [app-1]",
            "proxy-1 has nothing at app-1",
            "app-1 changes",
            "proxy-1 leaves out []",
            "proxy-1 leaves out [app-2]",
            "proxy-1 has nothing at app-2",
            "app-2 changes",
            "proxy-1 leaves out []",
            "proxy-1 leaves out []",
        ]
    );
    let instances = ["TerminateInstances", "RunInstances"];
    let made: Vec<&str> = calls
        .iter()
        .filter_map(|call| instances.into_iter().find(|name| call.contains(name)))
        .collect();
    assert_eq!(
        made,
        [
            "TerminateInstances",
            "RunInstances",
            "TerminateInstances",
            "RunInstances"
        ]
    );
}

#[test]
fn nodes_leave_the_load_balancer_change_and_come_back_one_by_one() {
    let (spec, account) = standing("balancer");
    let count = spec.count(Role::App);
    let (log, _, report) = change(&spec, account, &[], None);
    assert!(report.is_complete(), "{:?}", failures(&report));
    let expected: Vec<String> = (1..=count)
        .map(|node| {
            format!(
                "app-{node} changes, {node} deregistered, {} registered",
                node - 1
            )
        })
        .collect();
    assert_eq!(log, expected);
}

#[test]
fn search_proxies_change_one_after_the_other_before_the_application_nodes() {
    let (mut spec, account) = standing("public");
    spec.nodes.get_mut(&Role::SearchProxy).unwrap().count = 2;
    let up = run(account, Job::Up(&spec));
    assert_eq!(up.end, End::Done);
    let account = later(up.account, SETTLED);
    let changed = |broken: Option<&str>| {
        change_among(&spec, account.clone(), |link, log| BusyHosts {
            tells_search: true,
            broken: broken.map(host),
            ..BusyHosts::new(link, log)
        })
    };
    let (log, _, report) = changed(None);
    assert!(report.is_complete(), "{:?}", failures(&report));
    assert_eq!(
        log[..5],
        [
            "search-proxy-1 changes",
            "search-proxy-1 has changed",
            "search-proxy-2 changes",
            "search-proxy-2 has changed",
            "proxy-1 leaves out [app-1]",
        ]
    );
    // The other one goes on as it is, and so do the nodes that use it.
    let (log, _, report) = changed(Some("search-proxy-1"));
    assert!(!report.is_complete());
    let touched = |name: &str| log.iter().any(|line| line.starts_with(name));
    assert!(touched("search-proxy-1"), "{log:?}");
    assert!(!touched("search-proxy-2") && !touched("app"), "{log:?}");
}

/// Whichever proxy is configured last tells the others of those that came after them.
#[test]
fn proxies_that_know_each_other_are_told_of_one_that_comes_later() {
    let told = |know_each_other: bool| {
        let (mut spec, account) = standing("public");
        spec.nodes.get_mut(&Role::Proxy).unwrap().count = 2;
        let (log, _, report) = change_among(&spec, account, |link, log| BusyHosts {
            know_each_other,
            ..BusyHosts::new(link, log)
        });
        assert!(report.is_complete(), "{:?}", failures(&report));
        // Those that follow the last application node.
        let last = log.iter().rposition(|line| line.ends_with("changes"));
        let mut after: Vec<String> = log[last.unwrap() + 1..].to_vec();
        // The node that was last comes back at the proxy that served before.
        assert_eq!(after.remove(0), "proxy-1 leaves out []");
        after
    };
    let alone = told(false);
    assert_eq!(alone.len(), 2, "{alone:?}");
    let together = told(true);
    assert_eq!(together.len(), 3, "{together:?}");
    assert_eq!(together[2], together[0], "{together:?}");
}
