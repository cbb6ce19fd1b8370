//! What a storm's schema cannot say: parts of a file that do not fit each other.
//!
//! Each check asks for the parts that it compares and is left out where one of them could not be
//! read, which has been reported then.

use jiff::SignedDuration;
use loadrig_storm::{ActionMix, CallSequence, ClientCall, WebClient};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::spec::PathCheck;

use super::client::StormClient;
use super::event_check::{check_events, readable_events};
use super::events::ScenarioEvent;
use super::phase_check::{check_phases, readable_phases};
use super::phases::ScenarioPhase;
use super::population::Population;
use super::storm_thresholds::StormThresholds;

/// More rows than this take longer to write than a storm is worth.
const MOST_POSTS: u64 = 20_000_000;

/// A part of the file; its default where it was left out.
fn part<T: DeserializeOwned + Default>(scenario: &Value, key: &str) -> Option<T> {
    match &scenario[key] {
        Value::Null => Some(T::default()),
        part => T::deserialize(part).ok(),
    }
}

/// Reports everything about a storm that does not fit.
pub(super) fn check_storm(scenario: &Value, check: &mut PathCheck<'_>) {
    let phases = readable_phases(scenario, check);
    let users = scenario["users"]
        .as_u64()
        .and_then(|users| u32::try_from(users).ok());
    let deadline = scenario["deadline"]
        .as_str()
        .and_then(|text| text.parse::<SignedDuration>().ok());
    let client: Option<StormClient> = part(scenario, "client");
    let events = readable_events(scenario, check);
    if let Some(population) = part(scenario, "population") {
        check_population(population, check);
    }
    if let Some(phases) = &phases {
        check_phases(phases, users, deadline, check);
        if let Some(events) = &events {
            check_events(events, phases, check);
        }
    }
    let (Some(client), Some(phases), Some(events), Some(mix)) =
        (client, phases, events, part(scenario, "mix"))
    else {
        return;
    };
    if !client.websocket {
        let drop = phases
            .iter()
            .position(|p| matches!(p, ScenarioPhase::Drop(_)));
        if let Some(index) = drop {
            check.report(
                &["phases", &index.to_string(), "drop"],
                "a client without websockets has none that can break",
                "remove `drop`, or `websocket: false` of `client`",
            );
        }
    }
    if let Some(thresholds) = part(scenario, "thresholds") {
        let given = MeasurableParts {
            client: &client,
            phases: &phases,
            events: &events,
            mix: &mix,
        };
        given.check(&thresholds, check);
    }
}

fn check_population(population: Population, check: &mut PathCheck<'_>) {
    let most = population.channels_per_team();
    if population.channels_per_user > most {
        check.report(
            &["population", "channels_per_user"],
            &format!(
                "a user cannot be in {} channels of a team that has {most}",
                population.channels_per_user
            ),
            "expected at most `channels` divided by `teams`",
        );
    }
    if population.unread_channels > population.channels_per_user {
        check.report(
            &["population", "unread_channels"],
            &format!(
                "a user in {} channels cannot have unread posts in {}",
                population.channels_per_user, population.unread_channels
            ),
            "expected at most `channels_per_user`",
        );
    }
    let posts = u64::from(population.channels) * u64::from(population.posts_per_channel);
    if posts > MOST_POSTS {
        check.report(
            &["population", "posts_per_channel"],
            &format!("{posts} posts are too many to be written before a storm"),
            &format!("expected at most {MOST_POSTS} in all channels together"),
        );
    }
}

/// What a scenario does, from which follows what it measures.
struct MeasurableParts<'a> {
    client: &'a StormClient,
    phases: &'a [ScenarioPhase],
    events: &'a [ScenarioEvent],
    mix: &'a ActionMix,
}

impl MeasurableParts<'_> {
    /// Reports thresholds of figures that this scenario cannot give.
    fn check(&self, thresholds: &StormThresholds, check: &mut PathCheck<'_>) {
        let mut refuse = |path: &[&str], reason: &str| {
            let mut whole = vec!["thresholds"];
            whole.extend(path);
            let name = path.join(".");
            check.report(
                &whole,
                &format!("this scenario cannot measure `{name}`"),
                reason,
            );
        };
        let login_only = self.client.calls == CallSequence::LoginOnly;
        for (name, limit) in [
            ("last_user_in", thresholds.last_user_in),
            ("last_user_usable", thresholds.last_user_usable),
        ] {
            if limit.is_some() && self.starts_at_an_open_time() {
                refuse(
                    &[name],
                    "it counts from the start of the storm, which a `drain` before it leaves open",
                );
            }
        }
        if login_only && thresholds.last_user_usable.is_some() {
            refuse(&["last_user_usable"], LOGIN_ONLY);
        }
        if login_only && thresholds.error_rate_percent.is_some() {
            refuse(&["error_rate_percent"], LOGIN_ONLY);
        }
        if login_only && thresholds.calls.others.is_some() {
            refuse(&["calls", "others"], LOGIN_ONLY);
        }
        let drops = self
            .phases
            .iter()
            .any(|p| matches!(p, ScenarioPhase::Drop(_)));
        for (name, limits) in [
            ("reconnected", thresholds.reconnected),
            ("caught_up", thresholds.caught_up),
        ] {
            if limits.is_given() && !drops && self.events.is_empty() {
                refuse(
                    &[name],
                    "it has neither a phase `drop` nor `events`, by which websockets break",
                );
            }
        }
        let recovery = &thresholds.recovery;
        for (name, given, is_of_websockets) in [
            ("connected", recovery.connected.is_given(), true),
            ("caught_up", recovery.caught_up.is_given(), true),
            ("errors", recovery.errors.is_some(), false),
        ] {
            if given && self.events.is_empty() && !drops {
                refuse(
                    &["recovery", name],
                    "it has neither a phase `drop` nor `events` to recover from",
                );
            } else if given && is_of_websockets && !self.client.websocket {
                refuse(&["recovery", name], "`client.websocket` is `false`");
            }
        }
        for call in thresholds.calls.by_call.keys() {
            if let Some(reason) = self.never_makes(*call) {
                refuse(&["calls", call.as_str()], &reason);
            }
        }
    }

    /// Whether the storm starts after a phase that ends when everybody is in.
    fn starts_at_an_open_time(&self) -> bool {
        let before = super::storm::measured_phase(self.phases).unwrap_or(0);
        let mut before = self.phases[..before].iter();
        before.any(|phase| matches!(phase, ScenarioPhase::Drain(_)))
    }

    /// Why no client makes a call; none if clients may make it.
    fn never_makes(&self, call: ClientCall) -> Option<String> {
        let (client, mix) = (self.client, self.mix);
        let only_if = |made: bool, reason: &str| (!made).then(|| reason.to_owned());
        let with_action =
            |per_hour: f64, action: &str| only_if(per_hour > 0.0, &format!("`mix.{action}` is 0"));
        match call {
            ClientCall::Login => None,
            ClientCall::SystemPing => Some("no client makes this call".to_owned()),
            ClientCall::Document => only_if(client.document, "`client.document` is `false`"),
            _ if client.calls == CallSequence::LoginOnly => Some(LOGIN_ONLY.to_owned()),
            ClientCall::Websocket | ClientCall::Ping => {
                only_if(client.websocket, "`client.websocket` is `false`")
            }
            ClientCall::Avatar => only_if(client.avatars > 0, "`client.avatars` is 0"),
            ClientCall::LimitsServer => only_if(
                client.web_client != WebClient::V10_11,
                "web client 10.11 asks for it as an administrator only",
            ),
            ClientCall::CreatePost => with_action(mix.post, "post"),
            ClientCall::PostsBefore => with_action(mix.scroll, "scroll"),
            ClientCall::PostThread | ClientCall::Thread | ClientCall::ThreadRead => {
                with_action(mix.thread, "thread")
            }
            ClientCall::SearchPosts | ClientCall::SearchFiles => with_action(mix.search, "search"),
            _ => None,
        }
    }
}

const LOGIN_ONLY: &str = "`client.calls` is `login-only`";

#[cfg(test)]
mod tests;
