//! Measures what a password hash costs: this machine, or hosts of a rig over SSH.
//!
//! Application nodes have no program of loadrig, so it is copied to a directory that is removed with
//! the measurement.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hash_cost::{MachineHashCost, TimedHash, measure};
use serde::Serialize;
use tokio::time::Instant;

use crate::blueprint::Address;
use crate::events::{EventKind, Events, Outcome};
use crate::hosts::Keyring;
use crate::spec::{
    CloudTarget, HashCost, HashTimeSource, HostName, LoginCost, LoginGate, MeasuredHashTime,
    PasswordHash, Spec,
};

use super::adapters::Adapters;
use super::agent_program::agent_program;
use super::lock::must_be_free;
use super::rig::Rig;
use crate::ops::error::{MeasureHashError, OpsError, PayloadError};

/// Of each hash on each processor: about three seconds in all.
const REPETITIONS: usize = 40;
/// How long a host may take to answer SSH.
const ANSWER: Duration = Duration::from_mins(1);
/// How long the program may take to arrive, over a slow line, and to measure.
const LONGEST: Duration = Duration::from_mins(10);
/// Reads the program, runs it and removes it, whatever becomes of it.
const SCRIPT: &str = r#"set -e
directory=$(mktemp -d /tmp/loadrig-measure.XXXXXX)
trap 'rm -rf "$directory"' EXIT
gzip -d > "$directory/loadrig"
chmod 700 "$directory/loadrig"
"$directory/loadrig" measure-hash --output json"#;

/// What hashes cost one machine, beside the table.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuredMachine {
    /// The host; none is the machine that this runs on.
    pub host: Option<String>,
    /// Its instance type, where it is known.
    pub instance_type: Option<String>,
    /// What was measured.
    pub cost: MachineHashCost,
    /// Each hash beside the table's.
    pub compared: Vec<ComparedHash>,
    /// What to write into `prices/hashing.yaml`, where the instance type is known.
    pub table_row: Option<String>,
}

/// A hash beside what the table says of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ComparedHash {
    /// Which.
    pub hash: TimedHash,
    /// Seconds of one vCPU, as measured: the fastest.
    pub seconds: f64,
    /// Seconds of one vCPU, as in the table: of the instance type, or of a processor of this class.
    pub table_seconds: f64,
    /// So much more, or less, it takes than the table says, percent.
    pub difference_percent: f64,
    /// What a vCPU does while all of them hash, of what it does alone.
    pub shared_core: f64,
}

/// What follows for an environment.
#[derive(Clone, Debug, Serialize)]
pub struct HashConsequence {
    /// Name of the environment.
    pub environment: String,
    /// The hash that its server computes.
    pub hash: TimedHash,
    /// `mattermost.hash_seconds` for its YAML: the slowest host's.
    pub hash_seconds: f64,
    /// The login gate as it is.
    pub login_gate: LoginGate,
    /// The login gate with that setting.
    pub login_gate_then: LoginGate,
}

/// Measures the machine that this runs on.
#[must_use]
pub fn measure_here() -> MeasuredMachine {
    beside_the_table(None, None, measure(REPETITIONS))
}

/// Measures hosts of a rig that is up, one after the other: those of the local cloud share this
/// machine's processors. They have nothing to spare for anything else meanwhile.
///
/// # Errors
/// When the rig does not exist, a host cannot be reached, or the program does not run there.
pub async fn measure_hosts(
    spec: Spec,
    hosts: &[HostName],
    program: Option<&Path>,
    adapters: &dyn Adapters,
    events: &Events,
) -> Result<Vec<MeasuredMachine>, OpsError> {
    let path = agent_program(program)?;
    let program = std::fs::read(&path);
    let program = program.map_err(|source| PayloadError::UnreadableAgent { path, source })?;
    let program = compress(&program)?;
    let rig = Rig::open(spec, adapters).await?;
    let inventory = rig.read().await?.inventory;
    // A storm and this measurement would falsify each other.
    must_be_free(&rig.cloud, &rig.spec.name).await?;
    let connected = rig.connect(&inventory).await?;
    let mut measured = Vec::new();
    for host in hosts {
        let step = format!("measure/{host}");
        events.emit(EventKind::StepStarted { step: step.clone() });
        let found = measure_host(&connected.keyring, *host, &step, &program, events).await;
        events.emit(match &found {
            Ok(_) => EventKind::StepFinished {
                step,
                outcome: Outcome::Applied,
                detail: None,
            },
            Err(error) => EventKind::StepFailed {
                step,
                error: error.to_string(),
            },
        });
        let instance = inventory.get(&Address::instance(*host));
        // A host of the local cloud is no instance of its type.
        let kind = instance
            .and_then(|instance| instance.text("instance_type"))
            .filter(|_| rig.spec.cloud != CloudTarget::Local);
        measured.push(beside_the_table(Some(*host), kind, found?));
    }
    Ok(measured)
}

async fn measure_host(
    keyring: &Keyring,
    host: HostName,
    step: &str,
    program: &[u8],
    events: &Events,
) -> Result<MachineHashCost, OpsError> {
    let deadline = Instant::now() + ANSWER;
    let session = keyring.connect(host, step, events, deadline).await?;
    let failed = |reason: String| MeasureHashError::Failed { host, reason };
    let measuring = session.run_with_input(SCRIPT, program);
    let output = tokio::time::timeout(LONGEST, measuring).await;
    let output =
        output.map_err(|_| failed(format!("no answer within {} s", LONGEST.as_secs())))??;
    if !output.success() {
        return Err(failed(output.complaint()).into());
    }
    let answer: MachineAnswer = serde_json::from_str(&output.text())
        .map_err(|error| failed(format!("its answer cannot be read: {error}")))?;
    let [machine] = answer.machines;
    Ok(machine.cost)
}

/// What the program answers on a host: the same as it prints for people's scripts.
#[derive(serde::Deserialize)]
struct MachineAnswer {
    machines: [MachineOfAnswer; 1],
}

#[derive(serde::Deserialize)]
struct MachineOfAnswer {
    cost: MachineHashCost,
}

/// An unoptimised program is as large as it is compressible, and goes to each host.
fn compress(program: &[u8]) -> Result<Vec<u8>, MeasureHashError> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let written = gzip.write_all(program).and_then(|()| gzip.finish());
    written.map_err(MeasureHashError::Compress)
}

fn beside_the_table(
    host: Option<HostName>,
    instance_type: Option<&str>,
    cost: MachineHashCost,
) -> MeasuredMachine {
    let compared = TimedHash::ALL.map(|hash| {
        let timings = cost.of(hash);
        let seconds = timings.alone.fastest;
        let known = password_hash(hash);
        let table_seconds = match instance_type {
            Some(kind) => HashCost::of(kind, known).hash,
            None => HashCost::of_processor(cost.has_sha, known),
        };
        ComparedHash {
            hash,
            seconds,
            table_seconds,
            difference_percent: (seconds / table_seconds - 1.0) * 100.0,
            shared_core: timings.shared_core(),
        }
    });
    MeasuredMachine {
        host: host.map(|host| host.to_string()),
        instance_type: instance_type.map(str::to_owned),
        table_row: instance_type.map(|kind| table_row(kind, &cost)),
        cost,
        compared: compared.to_vec(),
    }
}

/// The row of the table, with the name of the processor quoted as YAML.
fn table_row(instance_type: &str, cost: &MachineHashCost) -> String {
    let family = instance_type.split('.').next().unwrap_or(instance_type);
    let class = if cost.has_sha { "sha" } else { "plain" };
    let seconds = |hash: TimedHash| cost.of(hash).alone.fastest;
    format!(
        "{family}: {{ class: {class}, processor: {:?}, measured: {{ pbkdf2: {:.3}, bcrypt: {:.3}, standin: {:.3} }} }}",
        cost.processor,
        seconds(TimedHash::Pbkdf2),
        seconds(TimedHash::Bcrypt),
        seconds(TimedHash::Standin),
    )
}

/// What follows for an environment from the measurement of its hosts; nothing without any.
#[must_use]
pub fn consequence(spec: &Spec, measured: &[MeasuredMachine]) -> Option<HashConsequence> {
    let hash = timed_hash(LoginCost::of(spec).hash);
    let seconds = measured
        .iter()
        .map(|machine| machine.cost.of(hash).alone.fastest);
    let slowest = seconds.max_by(f64::total_cmp)?;
    // Three digits are more than repetitions agree on.
    let hash_seconds = (slowest * 1000.0).ceil() / 1000.0;
    let mut then = spec.clone();
    let source = spec.mattermost.hash_time.map(|known| known.source);
    then.mattermost.hash_time = Some(MeasuredHashTime {
        time: Duration::from_secs_f64(hash_seconds.max(0.0)),
        // Nodes that share a machine share it with any figure.
        source: source.unwrap_or(HashTimeSource::Environment),
    });
    Some(HashConsequence {
        environment: spec.argument().to_owned(),
        hash,
        hash_seconds,
        login_gate: LoginGate::of(spec),
        login_gate_then: LoginGate::of(&then),
    })
}

/// The hash that a server checks passwords with, as it is timed.
#[must_use]
pub fn timed_hash(hash: PasswordHash) -> TimedHash {
    match hash {
        PasswordHash::Pbkdf2 => TimedHash::Pbkdf2,
        PasswordHash::Bcrypt => TimedHash::Bcrypt,
        PasswordHash::Standin => TimedHash::Standin,
    }
}

fn password_hash(hash: TimedHash) -> PasswordHash {
    match hash {
        TimedHash::Pbkdf2 => PasswordHash::Pbkdf2,
        TimedHash::Bcrypt => PasswordHash::Bcrypt,
        TimedHash::Standin => PasswordHash::Standin,
    }
}

#[cfg(test)]
mod tests {
    use hash_cost::{HashTimings, RepeatTiming};

    use super::*;
    use crate::spec::Library;

    fn machine(seconds: f64) -> MachineHashCost {
        let timing = |seconds: f64| RepeatTiming {
            fastest: seconds,
            median: seconds,
            slowest: seconds,
            repetitions: 1,
        };
        let timings = HashTimings {
            alone: timing(seconds),
            together: timing(seconds * 2.0),
        };
        MachineHashCost {
            processor: "Intel \"Xeon\": 1".to_owned(),
            vcpus: 2,
            has_sha: true,
            pbkdf2: timings,
            bcrypt: timings,
            standin: timings,
        }
    }

    #[test]
    fn a_measurement_is_compared_with_the_instance_types_figure() {
        let measured = beside_the_table(None, Some("t3.large"), machine(0.826));
        let pbkdf2 = measured.compared[0];
        assert!(
            (pbkdf2.difference_percent - 100.0).abs() < 0.1,
            "{pbkdf2:?}"
        );
        assert!((pbkdf2.shared_core - 0.5).abs() < 1e-9);
        let row: serde_yaml::Value = serde_yaml::from_str(&measured.table_row.unwrap()).unwrap();
        assert_eq!(
            row["t3"]["measured"]["bcrypt"],
            serde_yaml::Value::from(0.826)
        );
        assert_eq!(row["t3"]["processor"].as_str(), Some("Intel \"Xeon\": 1"));
        let here = beside_the_table(None, None, machine(0.163));
        assert!(here.compared[0].difference_percent.abs() < 0.1);
        assert_eq!(here.table_row, None);
    }

    #[test]
    fn the_slowest_host_sets_the_gate() {
        let library = Library::new(Some("no-such-directory".into()));
        let text = "architecture: 1k\nmattermost: {release: 11.2.0, license_env: L}";
        let spec = library.load_text("test", text).unwrap();
        assert!(consequence(&spec, &[]).is_none());
        let hosts = [0.2, 0.4004].map(|seconds| beside_the_table(None, None, machine(seconds)));
        let found = consequence(&spec, &hosts).unwrap();
        assert_eq!(found.hash, TimedHash::Pbkdf2);
        assert!((found.hash_seconds - 0.401).abs() < 1e-9);
        let rate = |gate: &LoginGate| gate.limits().unwrap().rate;
        let expected = 2.0 * 0.95 / (0.401 * 1.25);
        assert!((rate(&found.login_gate_then) - expected).abs() < 1e-9);
        assert!(rate(&found.login_gate) > 1.5 * rate(&found.login_gate_then));
    }
}
