//! Divides a storm among agents: what each of them is ordered to do.

use loadrig_storm::{
    AccountPassword, Accounts, HttpVersion, STORM_FORMAT, StormEntrance, StormPlan,
};

use super::wire::{STORM_ORDER_FORMAT, StormOrder};
use crate::loadtest::load_run::LoadRun;
use crate::loadtest::scenario::StormScenario;
use crate::loadtest::wire::RigEntrance;

/// Distance of the samples that agents say.
const SAMPLE_MS: u64 = 1_000;
/// Distance of the checkpoints: what an agent that is interrupted loses of its figures.
const CHECKPOINT_MS: u64 = 5_000;

/// Accounts that exist on the server, named `PREFIX` and a number from zero.
#[derive(Clone, Debug)]
pub struct StormAccounts {
    /// What all names begin with.
    pub prefix: String,
    /// Password of all of them.
    pub password: AccountPassword,
}

/// The scenario as its clients can carry it out at these entrances: browsers speak HTTP/2 over TLS
/// alone, and proxies without TLS understand nothing else than HTTP/1.1.
#[must_use]
pub fn at_entrances(scenario: &StormScenario, entrances: &[RigEntrance]) -> StormScenario {
    let mut scenario = scenario.clone();
    let is_plain = |entrance: &RigEntrance| !entrance.url.starts_with("https://");
    if entrances.iter().any(is_plain) {
        scenario.client.http = HttpVersion::Http1;
    }
    scenario
}

/// What each agent is ordered, in the order of the storm's agents. Each user arrives at one agent.
#[must_use]
pub fn divide(
    scenario: &StormScenario,
    storm: &LoadRun,
    entrances: &[RigEntrance],
    accounts: &StormAccounts,
) -> Vec<StormOrder> {
    let count = u32::try_from(storm.agents.len()).unwrap_or(u32::MAX);
    let entrances: Vec<StormEntrance> = entrances.iter().map(storm_entrance).collect();
    (0..count)
        .zip(&storm.agents)
        .map(|(index, agent)| {
            let share = scenario.accounts_for(index, count);
            StormOrder {
                format: STORM_ORDER_FORMAT,
                storm: storm.clone(),
                plan: StormPlan {
                    format: STORM_FORMAT,
                    agent: agent.clone(),
                    entrances: entrances.clone(),
                    // Each agent knows its own.
                    source_addresses: Vec::new(),
                    accounts: Accounts {
                        prefix: accounts.prefix.clone(),
                        first: share.first,
                        users: share.users,
                        password: accounts.password.clone(),
                    },
                    phases: scenario.phases_for(index, count),
                    client: scenario.behavior(),
                    mix: scenario.mix,
                    // Two agents with one seed would send at the same moments.
                    seed: scenario.seed.wrapping_add(u64::from(index) << 32),
                    deadline_ms: storm.deadline_ms,
                    sample_every_ms: SAMPLE_MS,
                    checkpoint_every_ms: Some(CHECKPOINT_MS),
                    resume: None,
                },
            }
        })
        .collect()
}

fn storm_entrance(entrance: &RigEntrance) -> StormEntrance {
    let route = entrance.route.as_ref();
    StormEntrance {
        url: entrance.url.clone(),
        connect_to: route.map(|route| route.connect_to.clone()),
        port: route.and_then(|route| route.port),
        authority: route.and_then(|route| route.authority.clone()),
        system: route.is_some_and(|route| route.system),
    }
}

#[cfg(test)]
mod tests {
    use loadrig_storm::StormPhase;

    use super::*;
    use crate::loadtest::Scenario;
    use crate::loadtest::wire::EntranceRoute;

    fn arriving(phases: &[StormPhase]) -> u64 {
        phases
            .iter()
            .map(|phase| match phase {
                StormPhase::Arrive { users, .. } => u64::from(*users),
                _ => 0,
            })
            .sum()
    }

    #[test]
    fn clients_speak_http2_over_tls_alone() {
        let Ok(Scenario::Storm(mut scenario)) = Scenario::find("login-storm") else {
            panic!("no storm");
        };
        scenario.client.http = HttpVersion::Http2;
        let entrance = |url: &str| RigEntrance {
            url: url.into(),
            route: None,
        };
        let secure = entrance("https://chat.example.com");
        let http = |entrances: &[RigEntrance]| at_entrances(&scenario, entrances).client.http;
        assert_eq!(http(std::slice::from_ref(&secure)), HttpVersion::Http2);
        assert_eq!(
            http(&[secure, entrance("http://10.0.0.10")]),
            HttpVersion::Http1
        );
    }

    #[test]
    fn each_user_arrives_once_and_all_agents_find_every_entrance() {
        let Ok(Scenario::Storm(scenario)) = Scenario::find("login-storm") else {
            panic!("no storm");
        };
        let storm = LoadRun {
            run: "r1".into(),
            environment: "demo".into(),
            agents: ["agent-1", "agent-2", "agent-3"]
                .map(str::to_owned)
                .to_vec(),
            start_ms: 5,
            deadline_ms: 7,
            scenario: serde_json::Value::Null,
        };
        let route = EntranceRoute {
            connect_to: "10.0.0.10".into(),
            port: None,
            authority: Some("PEM".into()),
            system: true,
        };
        let entrances = [
            RigEntrance {
                url: "http://10.0.0.9".into(),
                route: None,
            },
            RigEntrance {
                url: "https://chat.example.com".into(),
                route: Some(route),
            },
        ];
        let accounts = StormAccounts {
            prefix: "storm-".into(),
            password: AccountPassword::new("p"),
        };
        let orders = divide(&scenario, &storm, &entrances, &accounts);
        assert_eq!(orders.len(), 3);
        let mut next = 0;
        let mut seeds = Vec::new();
        for (order, agent) in orders.iter().zip(&storm.agents) {
            assert_eq!(&order.plan.agent, agent);
            order.plan.check().unwrap();
            assert_eq!(order.plan.accounts.first, next);
            next += order.plan.accounts.users;
            assert_eq!(
                arriving(&order.plan.phases),
                u64::from(order.plan.accounts.users)
            );
            assert_eq!(order.plan.deadline_ms, 7);
            seeds.push(order.plan.seed);
            let [plain, tls] = order.plan.entrances.as_slice() else {
                panic!("{:?}", order.plan.entrances);
            };
            assert!(plain.connect_to.is_none() && plain.authority.is_none());
            assert_eq!(tls.connect_to.as_deref(), Some("10.0.0.10"));
            assert!(tls.system && tls.authority.as_deref() == Some("PEM"));
        }
        assert_eq!(next, scenario.arriving_users());
        seeds.dedup();
        assert_eq!(seeds.len(), 3, "no two agents send at the same moments");
    }
}
