//! The job server, and the application nodes that leave jobs to it.

use super::*;

/// The spec with a job server; `proxies` are its search proxies.
fn with_a_job_server(proxies: u32) -> Spec {
    let mut spec = spec();
    let app = spec.nodes[&Role::App].clone();
    spec.nodes.insert(Role::Job, NodeGroup { count: 1, ..app });
    if let Some(group) = spec.nodes.get_mut(&Role::SearchProxy) {
        group.count = proxies;
    }
    spec
}

#[test]
fn application_nodes_leave_jobs_to_a_job_server() {
    let spec = with_a_job_server(1);
    let facts = facts(&spec);
    let of = |host: &str, name: &str| {
        let bundle = render(&spec, host.parse().unwrap(), Stage::Configure, &facts).unwrap();
        variable(&file(&bundle, VARIABLES), name).map(str::to_owned)
    };
    let runs = "MM_JOBSETTINGS_RUNJOBS";
    assert_eq!(of("app-1", runs).as_deref(), Some("false"));
    assert_eq!(of("app-2", runs).as_deref(), Some("false"));
    assert_eq!(of("job-1", runs).as_deref(), Some("true"));
    for same in [
        "MM_CONFIG",
        "MM_SQLSETTINGS_DATASOURCE",
        "MM_JOBSETTINGS_RUNSCHEDULER",
    ] {
        assert_eq!(of("job-1", same), of("app-1", same), "{same}");
    }
    // Whoever has none runs them, as ever.
    let alone = file(&rendered("app-1", Stage::Configure), VARIABLES);
    assert_eq!(variable(&alone, runs), Some("true"));
}

#[test]
fn the_log_of_a_job_server_tells_that_it_has_started() {
    let level = |host: &str, chosen: Option<&str>| {
        let mut spec = with_a_job_server(1);
        if let Some(chosen) = chosen {
            let keys = [("ConsoleLevel".to_owned(), chosen.into())].into();
            spec.mattermost.config = [("LogSettings".to_owned(), keys)].into();
        }
        let facts = facts(&spec);
        let bundle = render(&spec, host.parse().unwrap(), Stage::Configure, &facts).unwrap();
        let variables = file(&bundle, VARIABLES);
        variable(&variables, "MM_LOGSETTINGS_CONSOLELEVEL").map(str::to_owned)
    };
    assert_eq!(level("job-1", None).as_deref(), Some("INFO"));
    assert_eq!(level("job-1", Some("ERROR")).as_deref(), Some("INFO"));
    assert_eq!(level("job-1", Some("debug")).as_deref(), Some("debug"));
    assert_eq!(level("app-1", Some("ERROR")).as_deref(), Some("ERROR"));
    assert_eq!(level("app-1", None), None);
}

#[test]
fn a_job_server_finds_search_as_application_nodes_do() {
    let spec = with_a_job_server(2);
    let mut facts = facts(&spec);
    facts.entrance = Some("http://lr-demo.elb.amazonaws.com".to_owned());
    let of = |spec: &Spec, stage| render(spec, "job-1".parse().unwrap(), stage, &facts).unwrap();
    let bundle = of(&spec, Stage::Configure);
    assert!(find_file(&bundle, RELAY).is_some());
    assert!(shown(&of(&spec, Stage::Prepare)).contains("nginx"));
    // A load balancer sends it nothing.
    let mut behind = spec.clone();
    behind.load_balancer = behind_a_balancer().load_balancer;
    assert_eq!(find_file(&of(&behind, Stage::Configure), SITE), None);
    let metrics = render(
        &spec,
        "metrics-1".parse().unwrap(),
        Stage::Configure,
        &facts,
    )
    .unwrap();
    let job = facts
        .hosts
        .iter()
        .find(|host| host.name.role == Role::Job)
        .unwrap();
    assert!(shown(&metrics).contains(&format!("{}:8067", job.private_ip)));
}
