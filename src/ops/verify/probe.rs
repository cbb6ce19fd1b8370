//! Asks hosts over SSH.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::events::Events;
use crate::hosts::{Bundle, HostError, SshSession};
use crate::ops::planned_hosts::{NotCompared, PlannedHosts};
use crate::spec::{HostName, Role, Spec};

use crate::ops::rig::HostAccess;

use super::causes::HostAnswers;
use super::check::RigCheck;
use super::inspected::{Inspected, checks};
use super::questions::{Probe, ProbeSubject, unit};

/// How long a host may take to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(20);

/// What precedes the detail of a check that passed, and that somebody should look at.
const WARNING: &str = "warning: ";

/// Characters of an answer that are shown.
const SHOWN: usize = 160;

/// What a host says of its main service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostState {
    /// The service and its state, such as `nginx active`.
    Answered(String),
    /// The host could not be asked, and why.
    Unreachable(String),
}

impl HostState {
    /// In a few words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            HostState::Answered(text) | HostState::Unreachable(text) => text,
        }
    }
}

/// Asks one host all of its questions at the same time, over one connection, and compares it with
/// its planned bundles.
pub(super) async fn ask_host(
    spec: &Spec,
    connected: &HostAccess,
    host: HostName,
    probes: Vec<Probe>,
    planned: Result<Vec<Bundle>, NotCompared>,
) -> HostAnswers {
    let deadline = Instant::now() + ANSWER;
    let session = match open(connected, host, deadline).await {
        Ok(session) => session,
        // Told once: what else is asked of it has no answer for the same reason.
        Err(detail) => return unreachable(spec, host, detail),
    };
    let session = &session;
    let bundles = planned.as_deref().unwrap_or_default();
    let inspection = in_time(deadline, session.inspect(bundles));
    let asked = probes.into_iter().map(|probe| async move {
        let answer = ask(session, &probe.command, deadline).await;
        (probe, answer)
    });
    let (inspection, answers) = futures::join!(inspection, join_all(asked));
    let inspection = match inspection {
        Ok(inspection) => inspection,
        Err(detail) => return unreachable(spec, host, detail),
    };
    let is_down = |unit: &str| {
        let units = inspection.units.iter();
        let mut units = units.filter(|one| one.name == unit);
        units.any(|one| !one.is_active())
    };
    let (mut mooted, mut asked) = (Vec::new(), Vec::new());
    let mut through_nodes = Vec::new();
    let (mut is_mooted, mut failed, mut obstacle) = (false, None, None);
    for (probe, answer) in answers {
        let subject_is = probe.subject_is;
        if probe.needs.is_some_and(is_down) {
            mooted.push(probe.subject);
            is_mooted |= matches!(subject_is, ProbeSubject::Service | ProbeSubject::Entrance);
            continue;
        }
        let (pass, text, remedy) = match answer {
            Ok((pass, text)) => (pass, text, probe.remedy),
            Err(text) => (false, text, unreachable_remedy(spec)),
        };
        let warned = text.strip_prefix(WARNING).map(str::to_owned);
        let check = RigCheck {
            name: format!("{host}: {}", probe.subject),
            pass,
            warning: warned.is_some(),
            detail: warned.unwrap_or(text),
            remedy,
        };
        if !pass
            && matches!(
                subject_is,
                ProbeSubject::Entrance | ProbeSubject::Dependency
            )
        {
            obstacle.get_or_insert_with(|| check.name.clone());
        }
        match subject_is {
            ProbeSubject::Nodes | ProbeSubject::Entrance => through_nodes.push(check),
            ProbeSubject::Host | ProbeSubject::Service | ProbeSubject::Dependency => {
                if subject_is == ProbeSubject::Service && !pass {
                    failed = Some(asked.len());
                }
                asked.push(check);
            }
        }
    }
    let mut all = checks(&Inspected {
        environment: &spec.name,
        host,
        inspection: &inspection,
        steps: planned.map(|bundles| bundles.iter().map(|one| one.steps().len()).sum()),
        mooted,
    });
    // A service that does not run is told by the last of these.
    let out_of_order = match is_mooted {
        true => all.len().checked_sub(1),
        false => failed.map(|index| all.len() + index),
    };
    all.extend(asked);
    let service = out_of_order.and_then(|index| all.get(index));
    HostAnswers {
        host,
        obstacle: service.map(|check| check.name.clone()).or(obstacle),
        checks: all,
        out_of_order,
        through_nodes,
    }
}

fn unreachable(spec: &Spec, host: HostName, detail: String) -> HostAnswers {
    let name = format!("{host}: answers SSH");
    let check = RigCheck {
        name: name.clone(),
        pass: false,
        warning: false,
        detail,
        remedy: unreachable_remedy(spec),
    };
    HostAnswers {
        host,
        checks: vec![check],
        out_of_order: Some(0),
        // What a proxy that does not answer SSH does for people is not known.
        obstacle: (host.role == Role::App).then_some(name),
        through_nodes: Vec::new(),
    }
}

/// What helps when a host does not answer SSH at all.
fn unreachable_remedy(spec: &Spec) -> String {
    let env = &spec.name;
    format!(
        "the host does not answer SSH: check its state with `loadrig status {env}`, and that \
         `access.operators` has your address; `loadrig up {env}` repairs what it can. One that is lost \
         is replaced: terminate its instance, and `loadrig up {env}` makes it anew"
    )
}

pub(in crate::ops) async fn open(
    connected: &HostAccess,
    host: HostName,
    deadline: Instant,
) -> Result<SshSession, String> {
    let events = Events::default();
    let step = format!("verify/{host}");
    let session = connected.keyring.connect(host, &step, &events, deadline);
    in_time(deadline, session).await
}

/// The outcome of work with a host, or that it took too long.
pub(in crate::ops) async fn in_time<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, HostError>>,
) -> Result<T, String> {
    tokio::time::timeout_at(deadline, work)
        .await
        .map_err(|_| "it does not answer in time".to_owned())?
        .map_err(|error| error.to_string())
}

/// Runs a command: whether it succeeded, and the line of what it said that matters: the last, or
/// curl's reason, which advice may follow.
async fn ask(
    session: &SshSession,
    command: &str,
    deadline: Instant,
) -> Result<(bool, String), String> {
    // That the host is there is known: it is the command that has no end.
    let Ok(output) = tokio::time::timeout_at(deadline, session.run(command)).await else {
        return Ok((false, format!("no answer within {} s", ANSWER.as_secs())));
    };
    let output = output.map_err(|error| error.to_string())?;
    let text = if output.success() {
        output.text()
    } else {
        output.complaint()
    };
    let reason = text.lines().find(|line| line.starts_with("curl: ("));
    let line = reason.or_else(|| text.lines().last()).unwrap_or_default();
    Ok((output.success(), line.trim().chars().take(SHOWN).collect()))
}

/// All that a command on a host prints, when it succeeds; otherwise why not.
pub(super) async fn ask_for_text(
    connected: &HostAccess,
    host: HostName,
    command: &str,
    deadline: Instant,
) -> Result<String, String> {
    let session = open(connected, host, deadline).await?;
    let output = in_time(deadline, session.run(command)).await?;
    session.close().await;
    match output.success() {
        true => Ok(output.text()),
        false => Err(output.complaint()),
    }
}

/// What each host says of its main service, and whether it differs from the YAML.
pub(in crate::ops) async fn host_states(
    spec: &Spec,
    connected: &HostAccess,
    planned: &PlannedHosts<'_>,
) -> BTreeMap<HostName, HostState> {
    let asked = spec.hosts().into_iter().map(|host| async move {
        let deadline = Instant::now() + ANSWER;
        let state = match state(host, connected, planned, deadline).await {
            Ok(text) => HostState::Answered(text),
            Err(why) => HostState::Unreachable(why),
        };
        (host, state)
    });
    join_all(asked).await.into_iter().collect()
}

async fn state(
    host: HostName,
    connected: &HostAccess,
    planned: &PlannedHosts<'_>,
    deadline: Instant,
) -> Result<String, String> {
    let session = open(connected, host, deadline).await?;
    let command = match unit(host.role) {
        Some(unit) => format!("systemctl is-active {unit}"),
        None => "systemctl is-system-running".to_owned(),
    };
    let bundles = planned.bundles(host).unwrap_or_default();
    let inspection = in_time(deadline, session.inspect(&bundles));
    let (state, inspection) = futures::join!(ask(&session, &command, deadline), inspection);
    let (_, state) = state?;
    let mut text = match unit(host.role) {
        Some(unit) => format!("{unit} {state}"),
        None => format!("system {state}"),
    };
    match inspection {
        Ok(inspection) if inspection.is_unfinished => text.push_str(", `up` did not finish"),
        Ok(inspection) if inspection.differs() => text.push_str(", differs from the YAML"),
        _ => {}
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_ssh_is_not_asked_for_its_log() {
        let library = crate::spec::Library::new(Some("no-such-directory".into()));
        let spec = library.architecture("1k").unwrap().example();
        let host = spec.hosts()[0];
        let answers = unreachable(&spec, host, "no answer within 20 s".to_owned());
        assert_eq!(answers.out_of_order, Some(0));
        let check = &answers.checks[0];
        assert_eq!(check.name, format!("{host}: answers SSH"));
        assert!(!check.remedy.contains("journalctl"), "{}", check.remedy);
        assert!(!check.remedy.contains("loadrig ssh"), "{}", check.remedy);
        assert!(check.remedy.contains("loadrig status"), "{}", check.remedy);
        assert!(
            check.remedy.contains("terminate its instance"),
            "{}",
            check.remedy
        );
    }
}
