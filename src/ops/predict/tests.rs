//! Predictions for rigs that differ from one another in one thing.

use jiff::SignedDuration;

use crate::loadtest::{Scenario, StormOverrides};
use crate::spec::Library;

use super::*;

const LICENSED: &str = "mattermost: {release: 11.7.9, license_env: L}\n";
const LICENSED_15K: &str = "architecture: 15k\nmattermost: {release: 11.7.9, license_env: L}\n";
const UNLICENSED: &str = "mattermost: {release: 11.7.9, unlicensed: accept}\n";

fn spec(text: &str) -> Spec {
    let library = Library::new(Some("no-such-directory".into()));
    let spec = library.load_text("test", text);
    spec.unwrap_or_else(|errors| panic!("{errors}"))
}

fn storm(minutes: i64, changes: StormOverrides) -> StormScenario {
    let scenario = Scenario::find("login-storm").unwrap();
    let within = Some(SignedDuration::from_mins(minutes));
    let changes = StormOverrides { within, ..changes };
    storm_of(&scenario).unwrap().with(&changes).unwrap()
}

fn users(users: u32, minutes: i64) -> StormScenario {
    let users = Some(users);
    storm(
        minutes,
        StormOverrides {
            users,
            ..StormOverrides::default()
        },
    )
}

fn predicted(text: &str, users: u32) -> Prediction {
    predict(&spec(text), &super::tests::users(users, 15), None).unwrap()
}

fn licensed(more: &str, users: u32) -> Prediction {
    predicted(&format!("architecture: 15k\n{LICENSED}{more}"), users)
}

fn case<'a>(prediction: &'a Prediction, change: &str) -> &'a PredictedCase {
    let mut cases = prediction.cases.iter();
    let found = cases.find(|case| case.change.contains(change));
    found.unwrap_or_else(|| panic!("no `{change}` in {prediction:#?}"))
}

fn near(value: f64, expected: f64, share: f64) {
    assert!(
        (value - expected).abs() <= expected * share,
        "{value} is not {expected}"
    );
}

/// Seconds until the last user is in.
fn last_in(case: &PredictedCase) -> f64 {
    case.last_in.expect("somebody gets in").median
}

#[test]
fn without_a_gate_a_storm_beyond_the_nodes_collapses_and_with_one_it_is_late() {
    let off = licensed("proxy: {login_gate: off}\n", 15_000);
    assert!(off.offered > off.possible.median && off.gate.is_none());
    let now = case(&off, "as it is");
    assert_eq!(now.verdict, StormVerdict::Collapses);
    assert!(now.logged_in.high < 5_000.0, "{now:?}");
    // Nobody goes home, so it does not end.
    assert!(
        now.recovered.high.is_infinite() && now.dead_work > 0.99,
        "{now:?}"
    );
    // Everybody would have to wait until the nodes have checked all of them.
    let patience = off.holds_with_patience.unwrap();
    assert!((60.0..600.0).contains(&patience), "{patience}");
    let gated = case(&off, "a login gate");
    assert_eq!(gated.verdict, StormVerdict::Late);
    assert!(
        gated.logged_in.low >= 15_000.0 && gated.dead_work < 0.01,
        "{gated:?}"
    );
}

#[test]
fn the_cheapest_change_lets_everybody_in_in_time() {
    let late = licensed("", 15_000);
    assert_eq!(case(&late, "as it is").verdict, StormVerdict::Late);
    let nodes = case(&late, "application nodes");
    assert!(nodes.passes() && nodes.cost.per_hour > 0.0, "{nodes:?}");
    let cheapest = late.cheapest().unwrap();
    assert!(cheapest.passes() && cheapest.cost.per_hour <= nodes.cost.per_hour);
    // Not the patience of people, which no change of ours is.
    assert!(
        !late
            .cases
            .iter()
            .any(|case| case.change.contains("come over"))
    );
}

#[test]
fn a_storm_that_the_nodes_can_take_needs_no_change() {
    let calm = licensed("", 3_000);
    assert!(calm.cases.len() == 1 && calm.spread.is_none());
    assert_eq!(calm.cheapest().unwrap().change, "as it is");
}

#[test]
fn the_rate_that_the_yaml_names_is_kept_until_a_change_says_otherwise() {
    let text = format!("architecture: 10k\n{LICENSED}proxy: {{login_gate: {{rate: 5}}}}\n");
    let slow = predicted(&text, 10_000);
    near(slow.gate.unwrap(), 5.0, 0.001);
    let now = case(&slow, "as it is");
    assert_eq!(now.verdict, StormVerdict::Late);
    near(last_in(now), 10_000.0 / 5.0, 0.01);
    for change in slow.cases.iter().skip(1) {
        let is_slow = (last_in(change) - last_in(now)).abs() < 20.0;
        let says_so = change.change.contains("in place of 5.0/s");
        assert!(is_slow != says_so, "{change:?}");
    }
    let free = case(&slow, "in place of 5.0/s");
    assert!(free.cost.per_hour.abs() < 1e-9 && free.cost.is_known());
    assert_eq!(free.yaml.as_deref(), Some("remove `proxy.login_gate.rate`"));
}

#[test]
fn a_gate_whose_every_key_is_wrong_is_replaced_by_the_one_that_follows_from_the_rig() {
    let gate = "{rate: 1000, burst: 100000, patience_seconds: 600}";
    let wrong = licensed(&format!("proxy: {{login_gate: {gate}}}\n"), 15_000);
    assert_eq!(case(&wrong, "as it is").verdict, StormVerdict::Collapses);
    let derived = case(&wrong, "in place of 1000.0/s");
    assert_eq!(derived.verdict, StormVerdict::Late);
    assert!(derived.logged_in.low >= 15_000.0, "{derived:?}");
    let keys = "remove `proxy.login_gate.rate` and `proxy.login_gate.burst` and \
                `proxy.login_gate.patience_seconds`";
    assert_eq!(derived.yaml.as_deref(), Some(keys));
}

#[test]
fn a_change_that_is_offered_can_be_made() {
    for users in [15_000, 60_000] {
        let prediction = licensed("proxy: {login_gate: {rate: 5}}\n", users);
        for remedy in remedies(
            &spec(&format!(
                "architecture: 15k\n{LICENSED}proxy: {{login_gate: {{rate: 5}}}}\n"
            )),
            &Trial::new(&AskedStorm::new(&super::tests::users(users, 15)).unwrap()),
        ) {
            assert!(remedy.spec.count(crate::spec::Role::App) <= 200);
            let rig = rig(&remedy.spec);
            let again = prediction
                .cases
                .iter()
                .find(|case| case.change == remedy.change);
            assert!(
                again.is_some() && rig.nodes.count <= 200,
                "{}",
                remedy.change
            );
        }
    }
    // More nodes than an environment may have.
    let huge = predict(
        &spec(&format!("architecture: 200k\n{LICENSED}")),
        &users(250_000, 1)
            .with(&StormOverrides {
                within: Some(SignedDuration::from_secs(1)),
                ..StormOverrides::default()
            })
            .unwrap(),
        None,
    )
    .unwrap();
    assert!(
        !huge
            .cases
            .iter()
            .any(|case| case.change.contains("application nodes,"))
    );
    assert!(
        !huge
            .cases
            .iter()
            .any(|case| case.change.ends_with("application nodes"))
    );
    let too_many = |count: u32| {
        let text = format!("architecture: 1k\nsizes: {{nodes: {{app: {{count: {count}}}}}}}");
        let library = Library::new(Some("no-such-directory".into()));
        library.load_text("test", &text).is_err()
    };
    assert!(too_many(201) && !too_many(200));
}

#[test]
fn without_a_license_there_is_one_node_and_accounts_that_exist_log_in() {
    let text = format!("architecture: 15k\n{UNLICENSED}");
    let many = predict(&spec(&text), &users(3_000, 15), None).unwrap();
    assert_eq!((many.users, many.most_accounts), (3_000, Some(250)));
    let sudden = predict(
        &spec(&format!("{text}proxy: {{login_gate: {{rate: 1}}}}\n")),
        &users(250, 1),
        None,
    )
    .unwrap();
    assert!(
        !sudden
            .cases
            .iter()
            .any(|case| case.change.contains("application nodes"))
    );
    assert!(sudden.cheapest().is_some());
}

/// Logins that were measured take longer than the table says, as on busy nodes.
#[test]
fn no_type_is_offered_that_hashes_as_the_measured_one_does() {
    let offered = |text: &str| {
        let prediction = predict(&spec(text), &users(15_000, 15), None).unwrap();
        let types = prediction.cases.iter().filter_map(|case| {
            let name = case.change.split_once("application nodes of ")?.1;
            Some(name.to_owned())
        });
        types.collect::<Vec<String>>()
    };
    let measured = |more: &str| {
        format!(
            "architecture: 15k\n{more}sizes: {{nodes: {{app: {{count: 4, instance_type: TYPE}}}}}}\n\
             proxy: {{login_gate: {{rate: 20}}}}\n"
        )
    };
    let official = measured("mattermost: {release: 11.7.9, license_env: L, login_seconds: 0.5}\n");
    assert_eq!(offered(&official.replace("TYPE", "c7i.xlarge")), [""; 0]);
    let other = offered(&official.replace("TYPE", "m7i.xlarge"));
    assert!(
        other.iter().any(|name| name.starts_with("c7i.")),
        "{other:?}"
    );
    // There all hosts have the machine's processors, whatever their type is called.
    let local =
        measured("cloud: local\naccess: {address: private}\nmattermost: {login_seconds: 0.5}\n");
    assert_eq!(offered(&local.replace("TYPE", "m7i.xlarge")), [""; 0]);
}

#[test]
fn a_slow_gate_is_late_by_as_long_as_it_takes() {
    // 200 minutes, and the storm has three quarters of an hour.
    let slow = licensed("proxy: {login_gate: {rate: 1.25}}\n", 15_000);
    let now = case(&slow, "as it is");
    assert_eq!(now.verdict, StormVerdict::Late);
    near(last_in(now), 15_000.0 / 1.25, 0.01);
    assert!(
        now.logged_in.low >= 15_000.0 && now.cut_off.is_none(),
        "{now:?}"
    );
}

#[test]
fn a_longer_time_is_searched_and_is_what_was_simulated() {
    for (release, gate, users) in [
        ("11.7.9", "{rate: 5}", 15_000),
        ("11.7.9", "{rate: 20}", 15_000),
        ("11.7.9", "off", 15_000),
        ("11.8.0", "{rate: 14}", 15_000),
        ("11.7.9", "{rate: 100}", 15_000),
    ] {
        let text = format!(
            "architecture: 15k\nmattermost: {{release: {release}, license_env: L}}\n\
             proxy: {{login_gate: {gate}}}\n"
        );
        let prediction = predicted(&text, users);
        let spread = prediction.spread.as_ref();
        let spread = spread.unwrap_or_else(|| panic!("none for {gate} on {release}"));
        assert!(
            spread.passes() && spread.within > prediction.within,
            "{spread:?}"
        );
        let minutes = format!("people come over {:.0} min", spread.within / 60.0);
        assert_eq!(spread.change, minutes);
        assert!(
            spread.last_in.unwrap().high <= spread.within * 1.1 + 30.0,
            "{spread:?}"
        );
    }
}

#[test]
fn a_gate_below_what_the_nodes_take_may_be_raised() {
    let text = "architecture: 15k\nmattermost: {release: 11.8.0, license_env: L}\n";
    let held = predicted(text, 15_000);
    let gate = held.gate.unwrap();
    assert!(gate < held.possible.low, "{held:?}");
    let raised = case(&held, "a gate of");
    assert!(
        raised.passes() && raised.cost.per_hour.abs() < 1e-9,
        "{raised:?}"
    );
    assert!(raised.processors > case(&held, "as it is").processors);
    assert_eq!(held.cheapest().unwrap().change, raised.change);
}

#[test]
fn where_a_type_has_no_price_the_cost_says_so() {
    let text = format!("architecture: 15k\nregion: ap-south-2\n{LICENSED}");
    let priced = predicted(&text, 15_000);
    let nodes = case(&priced, "application nodes");
    assert!(nodes.passes() && !nodes.cost.is_known(), "{nodes:?}");
    let whole = licensed("", 15_000);
    assert!(case(&whole, "application nodes").cost.is_known());
    // What is free everywhere is free there.
    let gated = predicted(&format!("{text}proxy: {{login_gate: off}}\n"), 15_000);
    assert!(case(&gated, "a login gate").cost.is_known());
}

#[test]
fn a_size_is_predicted_for_an_official_server() {
    let library = Library::new(Some("no-such-directory".into()));
    let mut size = library.architecture("10k").unwrap().example();
    with_official_server(&mut size);
    let prediction = predict(&size, &users(10_000, 15), None).unwrap();
    assert_eq!(prediction.server, "Mattermost 11.7");
    assert_eq!(prediction.environment, "10k");
}

#[test]
fn json_has_the_verdicts_that_the_text_has() {
    let off = licensed("proxy: {login_gate: off}\n", 15_000);
    let json = serde_json::to_value(&off).unwrap();
    assert_eq!(json["cases"][0]["verdict"], "collapses");
    assert_eq!(
        json["cases"][0]["recovered"]["median"],
        serde_json::Value::Null
    );
    for verdict in [
        StormVerdict::InTime,
        StormVerdict::Late,
        StormVerdict::Collapses,
    ] {
        assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.as_str());
    }
}

#[test]
fn the_scenario_says_how_clients_behave() {
    let of = |client: &str| {
        let text = format!(
            "name: s\ntitle: S\ndescription: s\nengine: storm\nusers: 15000\ndeadline: 1h\n\
             client: {client}\nphases: [storm: {{over: 15m}}, drain: {{at_most: 15m}}]\n"
        );
        let scenario = Scenario::parse("s.yaml", &text).unwrap();
        let off = format!("architecture: 15k\n{LICENSED}proxy: {{login_gate: off}}\n");
        predict(&spec(&off), storm_of(&scenario).unwrap(), None)
    };
    let hasty = of("{patience: 10s, retry: {after: 3s, jitter: 0s}}").unwrap();
    assert_eq!(hasty.cases[0].verdict, StormVerdict::Collapses);
    assert_eq!(hasty.scenario, "s");
    // Without an end to their patience everybody waits for the turn, as the web client does.
    let patient = of("{}").unwrap();
    assert_eq!(patient.patience, None);
    assert_eq!(patient.cases[0].verdict, StormVerdict::Late);
    assert!(patient.cases[0].logged_in.low >= 15_000.0);
    let never = of("{patience: 10s, retry: {at_most: 0}}").unwrap();
    assert_eq!(never.retry_after, None);
    assert!(never.cases[0].logged_in.high < 15_000.0);
    let counted = of("{patience: 10s, retry: {at_most: 3}}").unwrap_err();
    assert!(counted.to_string().contains("at_most: 3"), "{counted}");
}

#[test]
fn a_scenario_without_a_storm_is_refused() {
    let scenario = Scenario::find("smoke").unwrap();
    let message = storm_of(&scenario).unwrap_err().to_string();
    assert!(message.contains("has no phase `storm`"), "{message}");
}

/// When the users of a scenario are back on so many application nodes.
fn returns(nodes: u32, scenario: &str, outage: Option<i64>) -> PredictedReturn {
    let text =
        format!("architecture: 15k\n{LICENSED}sizes: {{nodes: {{app: {{count: {nodes}}}}}}}\n");
    let scenario = Scenario::find(scenario).unwrap();
    let scenario = storm_of(&scenario).unwrap();
    let outage = outage.map(SignedDuration::from_secs);
    let predicted = predict_returns(&spec(&text), scenario, outage).unwrap();
    assert_eq!((predicted.users, predicted.returns.len()), (15_000, 1));
    predicted.returns.into_iter().next().unwrap()
}

#[test]
fn clients_are_back_after_a_pause_where_others_accept_them() {
    let lost = returns(3, "node-loss", None);
    assert_eq!((lost.lost, lost.event.as_str()), (5_000, "lose-node"));
    assert!(lost.outage.abs() < 1e-9 && !lost.is_assumed, "{lost:?}");
    near(lost.connected_p99.median, 4.98, 0.005);
    near(lost.caught_up_last.median, 8.0, 0.005);
    let dropped = returns(1, "reconnect-storm", None);
    assert_eq!(dropped.lost, 15_000);
    assert!(dropped.connected_last.median > 5.5 && dropped.connected_last.high <= 6.0);
    // Nobody accepts them for a time.
    let away = returns(1, "reconnect-storm", Some(15));
    assert!(
        away.connected_last.low >= 15.0 && away.connected_last.high <= 20.0,
        "{away:?}"
    );
}

#[test]
fn clients_without_another_node_wait_for_the_event_or_what_was_asked() {
    // The scenario's two minutes are beyond the seventh failure: the next try is 192 s later.
    let lost = returns(1, "node-loss", None);
    assert!(
        (lost.outage - 120.0).abs() < 1e-9 && !lost.is_assumed,
        "{lost:?}"
    );
    near(lost.connected_p99.median, 221.0, 0.03);
    let short = returns(1, "node-loss", Some(10));
    assert!(short.connected_last.low >= 10.0 && short.connected_last.high <= 15.0);
    // Nobody says how long these take.
    for scenario in ["rolling-restart", "database-failover"] {
        assert!(returns(2, scenario, None).is_assumed, "{scenario}");
        assert!(!returns(2, scenario, Some(60)).is_assumed, "{scenario}");
    }
    let restart = returns(2, "rolling-restart", Some(20));
    // Those of the first node move to the second one, which is restarted 20 s later.
    assert_eq!(restart.lost, 7_500 + 15_000);
    near(restart.connected_last.median, 25.0, 0.005);
}

#[test]
fn an_outage_that_concerns_nothing_is_refused() {
    let outage = Some(SignedDuration::from_secs(30));
    let refused = predict(&spec(LICENSED_15K), &users(100, 15), outage).unwrap_err();
    assert!(
        refused.to_string().contains("breaks no websockets"),
        "{refused}"
    );
}

#[test]
fn a_forecast_can_be_drawn() {
    let storm = users(15_000, 15);
    let forecast = forecast_storm(&spec(LICENSED_15K), &storm).unwrap();
    let end = forecast.curve.users_in.len() as f64 * forecast.curve.every;
    assert!(end >= forecast.last_in.unwrap().high, "{end}");
    let last = forecast.curve.users_in.last().unwrap();
    near(last.low, 15_000.0, 1e-9);
    let prediction = predict(&spec(LICENSED_15K), &storm, None).unwrap();
    assert_eq!(prediction.cases[0].last_in, forecast.last_in);
    assert!(forecast.collapsed < 0.5);
}

#[test]
fn users_who_come_at_the_same_moment_are_forecast_as_a_crowd() {
    let text = "name: s\ntitle: S\ndescription: s\nengine: storm\nusers: 300\ndeadline: 1h\n\
                phases: [burst: {}, drain: {at_most: 15m}]\n";
    let scenario = Scenario::parse("s.yaml", text).unwrap();
    let scenario = storm_of(&scenario).unwrap();
    let forecast = forecast_storm(&spec(LICENSED_15K), scenario).unwrap();
    assert_eq!(forecast.users, 300);
    assert!(forecast.logged_in.low >= 300.0, "{forecast:?}");
    // The gate lets 9.3 of them through in a second.
    let last = forecast.last_in.unwrap();
    assert!((30.0..60.0).contains(&last.median), "{last:?}");
    // There is no phase of which `predict` would say how to get everybody in in time.
    assert!(predict(&spec(LICENSED_15K), scenario, None).is_err());
}
