//! Blueprint and plan over every size that ships: what is true of all of them.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use loadrig::blueprint::{
    Address, AttributeValue, Blueprint, Desired, Group, Kind, Peer, Rule, Stage, Step, blueprint,
    kinds,
};
use loadrig::plan::{Action, Observed, Plan, Snapshot, State, expected, plan, plan_down};
use loadrig::spec::{Acme, Layout, Library, Nat, NodeGroup, ProxyTls, Role, Spec, TlsCertificate};
use proptest::prelude::*;

fn sizes() -> Vec<Spec> {
    let sizes = Library::new(None).architectures().expect("sizes parse");
    sizes
        .iter()
        .map(loadrig::spec::Architecture::example)
        .collect()
}

fn operator() -> Vec<ipnet::Ipv4Net> {
    vec!["198.51.100.7/32".parse().expect("a range")]
}

/// A cloud that holds exactly what the blueprint asks for.
fn perfect(blueprint: &Blueprint) -> Snapshot {
    Snapshot {
        resources: blueprint
            .resources()
            .map(|(address, desired)| observed(address, desired))
            .collect(),
    }
}

fn observed(address: &Address, desired: &Desired) -> Observed {
    Observed {
        address: address.clone(),
        kind: desired.kind(),
        id: format!("id-of-{address}"),
        state: State::Ready,
        status: "available".to_owned(),
        attributes: desired.attributes(),
    }
}

fn action<'a>(plan: &'a Plan, address: &Address) -> (Action, &'a str) {
    let change = plan.changes.iter().find(|c| &c.address == address);
    let change = change.expect("the address is in the plan");
    (change.action, &change.reason)
}

#[test]
fn the_key_of_the_seed_does_not_change_under_a_rig() {
    let spec = &mut sizes()[1];
    let key = |spec: &Spec, existing: &str| {
        let blueprint = blueprint(spec, &operator());
        let mut snapshot = perfect(&blueprint);
        let seed = snapshot.resources.iter_mut();
        for seed in seed.filter(|one| one.address == Address::seed()) {
            seed.attributes = [("key", AttributeValue::from(existing))]
                .into_iter()
                .collect();
        }
        plan(&blueprint, &snapshot)
    };
    // Rigs of earlier versions, and those whose YAML names no key.
    let kept = key(spec, "alias/aws/ssm");
    assert_eq!(action(&kept, &Address::seed()).0, Action::Keep);
    spec.access.seed_key = Some("alias/operators".to_owned());
    let kept = key(spec, "alias/operators");
    assert_eq!(action(&kept, &Address::seed()).0, Action::Keep);
    let refused = key(spec, "alias/aws/ssm");
    let (action, reason) = action(&refused, &Address::seed());
    assert_eq!(action, Action::Refuse);
    assert!(reason.contains("encrypted with alias/aws/ssm"), "{reason}");
}

#[test]
fn every_node_follows_its_dependencies_and_appears_once() {
    for spec in sizes() {
        let mut seen = BTreeSet::new();
        for node in blueprint(&spec, &operator()).nodes {
            for after in &node.after {
                assert!(
                    seen.contains(after),
                    "{}: {} before {after}",
                    spec.name,
                    node.address
                );
            }
            assert!(seen.insert(node.address.clone()), "{} twice", node.address);
        }
    }
}

#[test]
fn the_list_of_kinds_is_complete() {
    // The error of an unknown variant names all that there are.
    let error = serde_json::from_str::<Kind>("\"none such\"").unwrap_err();
    let known = error.to_string().matches('`').count() / 2 - 1;
    assert_eq!(Kind::ALL.len(), known, "{error}");
    assert_eq!(Kind::ALL.into_iter().collect::<BTreeSet<_>>().len(), known);
}

#[test]
fn nothing_is_open_to_more_than_groups_and_operators() {
    for spec in sizes() {
        for (address, desired) in blueprint(&spec, &operator()).resources() {
            let Desired::SecurityRules(kinds::SecurityRules { rules, .. }) = desired else {
                continue;
            };
            for rule in rules {
                if let Peer::Range(range) = rule.from {
                    assert_eq!(vec![range], operator(), "{address}: {rule}");
                    assert!(matches!(rule.port, 22 | 80), "{address}: {rule}");
                }
            }
        }
    }
}

/// The one exception: an ACME server comes to the proxies, and to nothing but port 80 of them.
#[test]
fn an_acme_server_reaches_port_80_of_the_proxies_alone() {
    let mut spec = sizes().remove(0);
    spec.tls = Some(ProxyTls {
        host_name: "chat.corp.io".to_owned(),
        certificate: TlsCertificate::Acme(Acme {
            email: "ops@corp.io".to_owned(),
            directory: Acme::LETS_ENCRYPT.to_owned(),
            authority: None,
        }),
    });
    let mut open = Vec::new();
    for (address, desired) in blueprint(&spec, &operator()).resources() {
        if let Desired::SecurityRules(kinds::SecurityRules { rules, .. }) = desired {
            let to_all = rules
                .iter()
                .filter(|rule| rule.from == Peer::Range(Ipv4Net::default()));
            open.extend(to_all.map(|rule| format!("{address} {}", rule.port)));
        }
    }
    assert_eq!(open, ["security-rules/proxy 80"]);
}

#[test]
fn subnets_lie_in_the_vpc_and_do_not_overlap() {
    for spec in sizes() {
        let blueprint = blueprint(&spec, &[]);
        let subnets: Vec<_> = blueprint
            .resources()
            .filter_map(|(_, desired)| match desired {
                Desired::Subnet(kinds::Subnet { cidr, .. }) => Some(*cidr),
                _ => None,
            })
            .collect();
        for (i, one) in subnets.iter().enumerate() {
            assert!(spec.network.cidr.contains(one), "{one}");
            for other in &subnets[i + 1..] {
                assert!(
                    !one.contains(other) && !other.contains(one),
                    "{one} {other}"
                );
            }
        }
    }
}

#[test]
fn hosts_are_prepared_while_the_database_is_created() {
    let spec = &sizes()[1];
    let blueprint = blueprint(spec, &operator());
    let app = "app-1".parse().expect("a host");
    let prepare = Address::host(app, loadrig::blueprint::Stage::Prepare);
    let mut needs = vec![prepare];
    while let Some(address) = needs.pop() {
        let node = blueprint.node(&address).expect("a node");
        if let Step::Resource(desired) = &node.step {
            assert!(
                !matches!(desired.kind(), Kind::Database | Kind::Search),
                "{address}"
            );
        }
        needs.extend(node.after.clone());
    }
}

#[test]
fn nobody_is_let_in_before_the_first_administrator() {
    let first = Address::parse("host/app-1/configure");
    let rig = "architecture: 1k\nmattermost: {release: 11.7.9, license_env: L}\n";
    for (more, ways_in) in [
        (
            "sizes: {nodes: {proxy: {count: 2}}}\n",
            &["host/proxy-1/configure", "host/proxy-2/configure"][..],
        ),
        (
            "load_balancer: alb\nsizes: {nodes: {proxy: {count: 0}}}\n",
            &["security-rules/load-balancer"],
        ),
    ] {
        let spec = Library::new(None).load_text("test", &format!("{rig}{more}"));
        let blueprint = blueprint(&spec.expect("a spec"), &operator());
        for way in ways_in {
            let node = blueprint.node(&Address::parse(way)).expect("a way in");
            assert!(node.after.contains(&first), "{way}: {:?}", node.after);
        }
        // Where hosts are left alone, nothing waits for them.
        let resources = blueprint.without_hosts();
        let waits = resources
            .nodes
            .iter()
            .find(|node| node.after.contains(&first));
        assert_eq!(waits, None);
    }
}

#[test]
fn a_job_server_comes_after_the_application_nodes_and_nobody_waits_for_it() {
    let mut spec = sizes()[1].clone();
    let app = spec.nodes[&Role::App].clone();
    let before = perfect(&blueprint(&spec, &operator()));
    spec.nodes.insert(Role::Job, NodeGroup { count: 1, ..app });
    let graph = blueprint(&spec, &operator());
    let configure = Address::parse("host/job-1/configure");
    let job = graph.node(&configure).expect("the job server");
    for app in spec.hosts_of(Role::App) {
        assert!(job.after.contains(&Address::host(app, Stage::Configure)));
    }
    let waits = graph
        .nodes
        .iter()
        .find(|node| node.after.contains(&configure));
    assert_eq!(waits, None);
    let ports = |group: &str| {
        let rules = Address::parse(&format!("security-rules/{group}"));
        let desired = graph.resources().find(|(address, _)| **address == rules);
        let Some((_, Desired::SecurityRules(kinds::SecurityRules { rules, .. }))) = desired else {
            panic!("no {rules}");
        };
        let from_jobs = |rule: &&Rule| rule.from == Peer::Group(Group::Hosts(Role::Job));
        let ports: Vec<u16> = rules
            .iter()
            .filter(from_jobs)
            .map(|rule| rule.port)
            .collect();
        ports
    };
    assert_eq!(ports("database"), [5432]);
    assert_eq!(ports("search-proxy"), [9200]);
    assert!(ports("app").is_empty() && ports("search").is_empty());
    // Those who run are left alone, but for whom they admit.
    let plan = plan(&graph, &before);
    let work: Vec<(String, Action)> = plan
        .work()
        .map(|change| (change.address.to_string(), change.action))
        .collect();
    assert_eq!(
        work,
        [
            ("security-group/job".to_owned(), Action::Create),
            ("security-rules/job".to_owned(), Action::Create),
            ("security-rules/search-proxy".to_owned(), Action::Update),
            ("security-rules/database".to_owned(), Action::Update),
            ("instance/job-1".to_owned(), Action::Create),
        ]
    );
}

#[test]
fn a_changed_size_replaces_its_hosts_and_nothing_else() {
    let mut spec = sizes()[1].clone();
    let before = perfect(&blueprint(&spec, &operator()));
    let group = spec.nodes.get_mut(&Role::App).expect("app nodes");
    group.instance_type = "c7i.2xlarge".to_owned();
    group.count += 1;
    let plan = plan(&blueprint(&spec, &operator()), &before);
    let work: Vec<(String, Action)> = plan
        .work()
        .map(|change| (change.address.to_string(), change.action))
        .collect();
    assert_eq!(
        work,
        [
            ("instance/app-1".to_owned(), Action::Replace),
            ("instance/app-2".to_owned(), Action::Replace),
            ("instance/app-3".to_owned(), Action::Create),
        ]
    );
}

#[test]
fn storage_never_shrinks_and_databases_are_not_replaced() {
    let mut spec = sizes()[1].clone();
    let before = perfect(&blueprint(&spec, &operator()));
    spec.database.storage_gib -= 10;
    spec.database.version = "16".to_owned();
    let plan = plan(&blueprint(&spec, &operator()), &before);
    let writer = Address::parse("database/writer");
    assert_eq!(action(&plan, &writer).0, Action::Refuse);
    assert_eq!(plan.count(Action::Replace), 0);
}

/// What fails and may hold data is for people to decide; a read replica holds its source's, and a
/// domain that never had an address holds none.
#[test]
fn only_what_holds_nothing_is_replaced_once_it_failed() {
    let spec = sizes()[3].clone();
    let graph = blueprint(&spec, &operator());
    for (address, output, expected) in [
        ("database/writer", None, Action::Refuse),
        ("database/reader-1", None, Action::Refuse),
        ("database/reader-1", Some("source"), Action::Replace),
        ("search", None, Action::Replace),
        ("search", Some("endpoint"), Action::Refuse),
    ] {
        let mut snapshot = perfect(&graph);
        let failed = snapshot.resources.iter_mut();
        let mut failed = failed.filter(|one| one.address.as_str() == address);
        let failed = failed.next().expect(address);
        failed.state = State::Failed;
        failed.status = "failed".to_owned();
        if let Some(output) = output {
            failed.attributes.insert(output, "there");
        }
        let plan = plan(&graph, &snapshot);
        let found = action(&plan, &Address::parse(address)).0;
        assert_eq!(found, expected, "{address}, {output:?}");
    }
}

#[test]
fn a_full_database_grows_or_says_how() {
    let mut spec = sizes()[1].clone();
    let mut full = perfect(&blueprint(&spec, &operator()));
    let writer = Address::parse("database/writer");
    let database = full.resources.iter_mut().find(|one| one.address == writer);
    let database = database.expect("a writer");
    database.state = State::Failed;
    database.status = "storage-full".to_owned();
    let refused = plan(&blueprint(&spec, &operator()), &full);
    let (act, reason) = action(&refused, &writer);
    assert_eq!(act, Action::Refuse);
    assert!(
        reason.contains("raise `sizes.database.storage_gib`"),
        "{reason}"
    );
    spec.database.storage_gib *= 2;
    let grows = plan(&blueprint(&spec, &operator()), &full);
    assert_eq!(action(&grows, &writer).0, Action::Update);
}

#[test]
fn another_engine_is_refused_and_loses_nothing() {
    let mut spec = sizes()[3].clone();
    let before = perfect(&blueprint(&spec, &operator()));
    spec.services.database.engine = loadrig::spec::DatabaseEngine::AuroraPostgresql;
    let plan = plan(&blueprint(&spec, &operator()), &before);
    for address in ["database/writer", "database/reader-1"] {
        assert_eq!(action(&plan, &Address::parse(address)).0, Action::Refuse);
    }
    assert_eq!(plan.count(Action::Delete), 0);
}

#[test]
fn a_changed_parameter_restarts_writer_and_readers_in_the_same_run() {
    let spec = &sizes()[3];
    let blueprint = blueprint(spec, &operator());
    let mut snapshot = perfect(&blueprint);
    for resource in &mut snapshot.resources {
        if resource.kind == Kind::DatabaseParameters
            && let Some(AttributeValue::Lines(lines)) = resource.attributes.get_mut("parameters")
        {
            lines.remove("max_connections=1024");
            lines.insert("max_connections=500".to_owned());
        }
    }
    let plan = plan(&blueprint, &snapshot);
    for address in ["database/writer", "database/reader-1"] {
        assert_eq!(
            action(&plan, &Address::parse(address)),
            (Action::Update, "restarts, to take over max_connections")
        );
    }
    assert_eq!(plan.count(Action::Update), 4);
}

#[test]
fn of_twins_the_unusable_one_is_removed() {
    let spec = &sizes()[1];
    let blueprint = blueprint(spec, &operator());
    let mut snapshot = perfect(&blueprint);
    let mut twin = snapshot.get(&Address::vpc()).expect("a VPC").clone();
    twin.id = "a-twin".to_owned();
    twin.state = State::Pending;
    snapshot.resources.insert(0, twin);
    let plan = plan(&blueprint, &snapshot);
    let work: Vec<_> = plan.work().collect();
    assert_eq!(work.len(), 1);
    assert_eq!(work[0].action, Action::Delete);
    assert_eq!(
        work[0].existing.as_ref().map(|e| e.id.as_str()),
        Some("a-twin")
    );
}

#[test]
fn of_twins_the_one_in_use_stays() {
    let spec = &sizes()[1];
    let mut spec = spec.clone();
    spec.network.layout = Layout::Private;
    let blueprint = blueprint(&spec, &operator());
    let whole = perfect(&blueprint);
    let mut tried = 0;
    for (kind, attribute, unused) in [
        (Kind::ElasticAddress, "used", None),
        (
            Kind::RouteTable,
            "subnets",
            Some(AttributeValue::names(Vec::<String>::new())),
        ),
    ] {
        let mut snapshot = whole.clone();
        let real = snapshot
            .resources
            .iter_mut()
            .find(|resource| resource.kind == kind)
            .expect("one of the kind");
        let (address, id) = (real.address.clone(), real.id.clone());
        if real.value(attribute).is_none() {
            real.attributes.insert(attribute, "eipassoc-1");
        }
        let mut twin = real.clone();
        twin.id = "a-twin".to_owned();
        twin.attributes.remove(attribute);
        twin.attributes
            .extend(unused.clone().map(|value| (attribute, value)));
        snapshot.resources.insert(0, twin);
        let plan = plan(&blueprint, &snapshot);
        let work: Vec<_> = plan.work().collect();
        assert_eq!(work.len(), 1, "{address} {id}");
        assert_eq!(
            work[0].existing.as_ref().map(|e| e.id.as_str()),
            Some("a-twin")
        );
        tried += 1;
    }
    assert_eq!(tried, 2);
}

#[test]
fn a_manually_changed_rule_is_updated_in_place() {
    let spec = &sizes()[1];
    let blueprint = blueprint(spec, &operator());
    let mut snapshot = perfect(&blueprint);
    for resource in &mut snapshot.resources {
        if resource.address.as_str() == "security-rules/proxy" {
            let rules = AttributeValue::lines(["tcp/22 from 0.0.0.0/0"]);
            resource.attributes.insert("rules", rules);
        }
    }
    let plan = plan(&blueprint, &snapshot);
    let address = Address::parse("security-rules/proxy");
    assert_eq!(action(&plan, &address), (Action::Update, "changes rules"));
    assert_eq!(plan.work().count(), 1);
}

#[test]
fn the_expected_time_of_no_change_is_seconds() {
    let spec = &sizes()[1];
    let blueprint = blueprint(spec, &operator());
    let nothing = plan(&blueprint, &perfect(&blueprint));
    let all = plan(&blueprint, &Snapshot::default());
    assert!(expected(&blueprint, &nothing).0.as_secs() < 10);
    assert!(expected(&blueprint, &all).0.as_secs() > 600);
}

/// Every size in every layout that an environment can choose.
fn layouts() -> Vec<Spec> {
    let text = |size: &str, network: &str| {
        let text = format!("architecture: {size}\nnetwork: {network}");
        let spec = Library::new(None).load_text("test", &text);
        spec.unwrap_or_else(|errors| panic!("{errors}"))
    };
    ["1k", "30k"]
        .iter()
        .flat_map(|size| {
            [
                "{layout: private}",
                "{layout: private, nat: per-zone}",
                "{layout: bastion}",
                "{layout: bastion, nat: per-zone, private_dns: true}",
            ]
            .map(|network| text(size, network))
        })
        .collect()
}

/// Networks and entrances that have less in common with the sizes' own.
fn others() -> Vec<Spec> {
    let alb = "load_balancer: alb\nsizes: {nodes: {proxy: {count: 0}}}\n";
    let existing =
        "existing: {vpc: vpc-0a1b2c3d, private_subnets: [subnet-0000000c, subnet-0000000d]";
    let public = "public_subnets: [subnet-0000000a, subnet-0000000b]";
    let ranges = "access: {operators: [203.0.113.0/24]}\n";
    [
        alb.to_owned(),
        format!("{alb}network: {{layout: bastion, nat: per-zone}}"),
        format!("{alb}alb: {{scheme: internal}}\nnetwork: {{layout: private}}"),
        format!("network: {{layout: bastion, {existing}, {public}}}}}"),
        format!("network: {{{existing}, {public}}}}}"),
        format!("{ranges}network: {{layout: private, private_dns: true, {existing}}}}}"),
        "network: {private_dns: true, s3_endpoint: true}".to_owned(),
    ]
    .iter()
    .map(|rest| {
        let spec = Library::new(None).load_text("test", &format!("architecture: 1k\n{rest}"));
        spec.unwrap_or_else(|errors| panic!("{errors}"))
    })
    .collect()
}

#[test]
fn every_network_is_a_graph_in_order() {
    for spec in layouts().into_iter().chain(others()) {
        let blueprint = blueprint(&spec, &operator());
        let mut seen = BTreeSet::new();
        for node in &blueprint.nodes {
            for after in &node.after {
                assert!(seen.contains(after), "{} before {after}", node.address);
            }
            assert!(seen.insert(node.address.clone()), "{} twice", node.address);
        }
        assert!(plan(&blueprint, &perfect(&blueprint)).is_empty());
    }
}

#[test]
fn an_adopted_network_is_neither_created_nor_removed() {
    for spec in others()
        .iter()
        .filter(|spec| spec.network.existing.is_some())
    {
        let blueprint = blueprint(spec, &operator());
        let perfect = perfect(&blueprint);
        for (address, desired) in blueprint.resources() {
            let network = matches!(
                desired.kind(),
                Kind::Vpc
                    | Kind::Subnet
                    | Kind::InternetGateway
                    | Kind::RouteTable
                    | Kind::NatGateway
                    | Kind::ElasticAddress
                    | Kind::Endpoint
            );
            assert!(!network, "{address}");
        }
        let up = plan(&blueprint, &Snapshot::default());
        assert!(
            up.changes.iter().all(|change| {
                (change.kind == Kind::Adopted) == (change.action == Action::Refuse)
            })
        );
        let down = plan_down(&perfect);
        assert!(
            down.changes
                .iter()
                .all(|change| change.kind != Kind::Adopted)
        );
    }
}

#[test]
fn an_own_vpc_does_not_become_an_adopted_one() {
    let specs = others();
    let own = perfect(&blueprint(&sizes()[1], &operator()));
    let plan = plan(&blueprint(&specs[3], &operator()), &own);
    let (action, reason) = action(&plan, &Address::vpc());
    assert_eq!(action, Action::Refuse);
    assert!(reason.contains("of its own"), "{reason}");
    let adopted = plan.changes.iter().filter(|c| c.kind == Kind::Adopted);
    assert!(adopted.into_iter().all(|c| c.action == Action::Refuse));
}

#[test]
fn hosts_in_private_subnets_have_nat_and_no_public_address() {
    for spec in layouts() {
        let blueprint = blueprint(&spec, &operator());
        for (address, desired) in blueprint.resources() {
            if let Desired::Instance(kinds::Instance { host, subnet, .. }) = desired {
                let public = subnet.as_str().contains("/public-");
                let expected = matches!(host.role, Role::Proxy | Role::Bastion);
                assert_eq!(public, expected, "{address}");
            }
        }
        let gateways = blueprint
            .resources()
            .filter(|(_, desired)| desired.kind() == Kind::NatGateway)
            .count();
        let expected = if spec.network.nat == Nat::Single {
            1
        } else {
            2
        };
        assert_eq!(gateways, expected);
        for zone in 0..2 {
            let table = Address::private_route_table(zone);
            assert!(blueprint.node(&table).is_some(), "{table}");
        }
    }
}

#[test]
fn behind_a_bastion_nothing_but_the_bastion_answers_ssh_to_operators() {
    for spec in layouts() {
        let behind = spec.network.layout == Layout::Bastion;
        for (address, desired) in blueprint(&spec, &operator()).resources() {
            let Desired::SecurityRules(kinds::SecurityRules { rules, .. }) = desired else {
                continue;
            };
            let open = rules
                .iter()
                .any(|rule| rule.port == 22 && matches!(rule.from, Peer::Range(_)));
            let host = Role::ALL
                .iter()
                .any(|role| address.as_str() == format!("security-rules/{role}"));
            let expected = host && (!behind || address.as_str().ends_with("/bastion"));
            assert_eq!(open, expected, "{address}");
        }
    }
}

#[test]
fn one_nat_gateway_or_many_is_one_changed_route() {
    let specs = layouts();
    let (single, each) = (&specs[0], &specs[1]);
    let before = perfect(&blueprint(single, &operator()));
    let plan = plan(&blueprint(each, &operator()), &before);
    let work: Vec<(&str, Action)> = plan
        .work()
        .map(|change| (change.address.as_str(), change.action))
        .collect();
    assert_eq!(
        work,
        [
            ("elastic-address/nat-b", Action::Create),
            ("nat-gateway/b", Action::Create),
            ("route-table/private-b", Action::Update),
        ]
    );
}

#[test]
fn another_layout_replaces_the_hosts_that_move() {
    let specs = layouts();
    let mut public = specs[0].clone();
    public.network.layout = Layout::Public;
    let before = perfect(&blueprint(&public, &operator()));
    let plan = plan(&blueprint(&specs[0], &operator()), &before);
    for change in plan.changes {
        if change.kind != Kind::Instance {
            continue;
        }
        let stays = change.address.as_str() == "instance/proxy-1";
        let expected = if stays { Action::Keep } else { Action::Replace };
        assert_eq!(change.action, expected, "{}", change.address);
    }
}

#[test]
fn a_route_follows_a_replaced_gateway() {
    let specs = layouts();
    let blueprint = blueprint(&specs[0], &operator());
    let mut snapshot = perfect(&blueprint);
    for resource in &mut snapshot.resources {
        if resource.kind == Kind::NatGateway {
            resource.state = State::Failed;
        }
    }
    let plan = plan(&blueprint, &snapshot);
    assert_eq!(action(&plan, &Address::nat_gateway(0)).0, Action::Replace);
    for zone in 0..2 {
        assert_eq!(
            action(&plan, &Address::private_route_table(zone)),
            (Action::Update, "nat-gateway/a is replaced")
        );
    }
    assert_eq!(plan.work().count(), 3);
}

proptest! {
    #[test]
    fn missing_resources_are_created_and_existing_ones_kept(size in 0_usize..11, lost in any::<u64>()) {
        let spec = &sizes()[size];
        let blueprint = blueprint(spec, &operator());
        let mut snapshot = perfect(&blueprint);
        let mut index = 0;
        snapshot.resources.retain(|_| { index += 1; lost >> (index % 64) & 1 == 0 });
        let plan = plan(&blueprint, &snapshot);
        // A seed cannot be made again where something was made from it.
        let heir = blueprint.nodes.iter().any(|node| {
            node.after.contains(&Address::seed()) && snapshot.get(&node.address).is_some()
        });
        for change in &plan.changes {
            let there = snapshot.get(&change.address).is_some();
            let expected = match there {
                true => Action::Keep,
                false if heir && change.kind == Kind::Seed => Action::Refuse,
                false => Action::Create,
            };
            prop_assert_eq!(change.action, expected);
        }
        let work = plan.count(Action::Create) + plan.count(Action::Refuse);
        prop_assert_eq!(plan.is_empty(), work == 0);
    }

    #[test]
    fn down_removes_exactly_the_existing_resources(size in 0_usize..11) {
        let snapshot = perfect(&blueprint(&sizes()[size], &operator()));
        let plan = plan_down(&snapshot);
        prop_assert_eq!(plan.count(Action::Delete), snapshot.resources.len());
        prop_assert_eq!(plan.changes.len(), snapshot.resources.len());
    }
}
