//! What the proxies, and nginx on application hosts, let through.

use super::*;
use crate::hosts::Digest;

#[test]
fn the_server_trusts_the_header_that_its_entrance_sets() {
    let mut spec = spec();
    let mut facts = facts(&spec);
    facts.entrance = Some("https://chat.example.com".to_owned());
    let trusted = |spec: &Spec| {
        let bundle = render(spec, "app-1".parse().unwrap(), Stage::Configure, &facts);
        let environment = file(&bundle.unwrap(), VARIABLES);
        let name = "MM_SERVICESETTINGS_TRUSTEDPROXYIPHEADER";
        variable(&environment, name).unwrap().to_owned()
    };
    assert_eq!(trusted(&spec), "X-Real-IP");
    spec.load_balancer = crate::spec::LoadBalancer::Alb(crate::spec::Alb {
        scheme: crate::spec::Scheme::Internal,
        certificate: None,
        idle_timeout: 75,
    });
    assert_eq!(trusted(&spec), "X-Real-IP");
}

#[test]
fn proxies_send_nothing_to_nodes_that_are_away() {
    let spec = spec();
    let mut facts = facts(&spec);
    let host = |name: &str| name.parse::<HostName>().unwrap();
    let site = |facts: &Facts| {
        let bundle = render(&spec, host("proxy-1"), Stage::Configure, facts)?;
        let files = bundle.steps().iter().flat_map(|step| step.written());
        let mut files = files.filter(|file| file.path().ends_with("mattermost.conf"));
        let content = files.next().unwrap().content().to_vec();
        Ok::<_, BundleError>(String::from_utf8(content).unwrap())
    };
    let server = |facts: &Facts, name: &str| {
        let known = facts.hosts.iter().find(|known| known.name == host(name));
        format!("server {}:8065", known.unwrap().private_ip)
    };
    let (first, second) = (server(&facts, "app-1"), server(&facts, "app-2"));
    let both = site(&facts).unwrap();
    assert!(both.contains(&first) && both.contains(&second));
    facts.away.insert(host("app-1"));
    let one = site(&facts).unwrap();
    assert!(!one.contains(&first) && one.contains(&second));
    // One that is away need not exist.
    facts.hosts.retain(|known| known.name != host("app-1"));
    assert_eq!(site(&facts).unwrap(), one);
    facts.away.insert(host("app-2"));
    assert!(site(&facts).is_err());
}

#[test]
fn application_nodes_find_one_of_several_search_proxies() {
    let mut spec = spec();
    let one = rendered("app-1", Stage::Configure);
    assert_eq!(find_file(&one, RELAY), None);
    assert!(shown(&one).contains("CONNECTIONURL=http://10.20.0.13:9200\n"));
    assert!(!shown(&rendered("app-1", Stage::Prepare)).contains("nginx"));

    if let Some(group) = spec.nodes.get_mut(&Role::SearchProxy) {
        group.count = 2;
    }
    let two = of_an_app_host(&spec, Stage::Configure);
    assert!(shown(&two).contains("CONNECTIONURL=http://127.0.0.1:9200\n"));
    let relay = find_file(&two, RELAY).unwrap();
    for address in ["10.20.0.13", "10.20.0.14"] {
        assert!(relay.contains(&format!("server {address}:9200 max_fails=1")));
    }
    // What the first one cannot send goes to the second, and the other way round.
    let map = relay.split("map $upstream_addr").nth(1).unwrap();
    let of = |from: &str| {
        let line = map.lines().find(|line| line.contains(from)).unwrap();
        let group = line.trim_end_matches(';').rsplit(' ').next().unwrap();
        let group = relay.split(&format!("upstream {group} {{")).nth(1).unwrap();
        group.split('}').next().unwrap().to_owned()
    };
    assert!(of("10.20.0.13:9200").contains("server 10.20.0.14:9200"));
    assert!(!of("10.20.0.13:9200").contains("server 10.20.0.13:9200"));
    assert!(of("10.20.0.14:9200").contains("server 10.20.0.13:9200"));
    assert_eq!(find_file(&two, SITE), None);
    // A search proxy that waits for the domain is not given up.
    let proxy = rendered("search-proxy-1", Stage::Configure);
    let config = find_file(&proxy, "/etc/loadrig/search-proxy.json").unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let answer = config["answer_seconds"].as_u64().unwrap();
    let waits = relay.split("proxy_read_timeout ").nth(1).unwrap();
    let waits: u64 = waits.split("s;").next().unwrap().parse().unwrap();
    assert!(waits > answer, "{waits} {answer}");
    // Hosts of the test have 8 GiB of memory and 20 GiB of disk.
    assert_eq!(config["held_bytes"], 1_u64 << 30);
    assert_eq!(config["spooled_bytes"], 5_u64 << 30);
    assert_eq!(config["passed_over_seconds"], 0);
    // One of several does not stop before the relay asks the other one again.
    let facts = facts(&spec);
    let host = "search-proxy-2".parse().unwrap();
    let second = render(&spec, host, Stage::Configure, &facts).unwrap();
    let config = find_file(&second, "/etc/loadrig/search-proxy.json").unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let passed_over = relay.split("fail_timeout=").nth(1).unwrap();
    let passed_over: u64 = passed_over.split("s;").next().unwrap().parse().unwrap();
    assert!(config["passed_over_seconds"].as_u64().unwrap() > passed_over);
    assert!(shown(&of_an_app_host(&spec, Stage::Prepare)).contains("nginx"));
}

#[test]
fn nothing_restarts_an_nginx_in_service() {
    let proxy = rendered("proxy-1", Stage::Configure);
    let mut services = proxy.steps().iter().filter(|step| step.name() == "nginx");
    let service = services.next().unwrap();
    // What is restarted for comes first: the digest of nothing.
    let nothing = Digest::of::<&str>(&[]);
    let call = format!("service nginx {nothing} ");
    assert!(service.script().contains(&call), "{}", service.script());
    assert_eq!(services.next().map(BundleStep::name), None);
}
