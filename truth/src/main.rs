//! Replays what AWS was recorded to answer to the strict cloud, and says how far it agrees.
//!
//! The facts are not part of the project: `ORACLE` names a folder with them. Each is replayed in a
//! fresh account, by the sequences in `replays/`; whether loadrig sends what a fact is about is
//! read from its sources. See docs/truth.md, which `--write` writes.

mod account;
mod citations;
mod compare;
mod evidence;
mod facts;
mod program;
mod replay;
mod report;
mod shapes;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use account::{Answer, REGION, TestAccount};
use citations::Citations;
use compare::{Verdict, compare};
use facts::RecordedFact;
use program::ProgramCalls;
use replay::{ReplaySequence, ReplayStep};
use shapes::AnswerShapes;

const USAGE: &str = "usage: truth MOTO_SERVER [--write]
MOTO_SERVER is the emulator's program; ORACLE names the folder with the recorded facts.";

/// What became of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FactOutcome {
    /// loadrig does not send this call, or this parameter.
    NotSent(String),
    /// Nothing was compared, and why.
    NotReplayed(String),
    /// It was compared.
    Compared(Verdict),
}

impl FactOutcome {
    /// Of the outcomes of one fact's steps the highest is the fact's.
    const fn rank(&self) -> u8 {
        match self {
            Self::Compared(Verdict::Agree) => 0,
            Self::Compared(Verdict::Words(_)) => 1,
            Self::Compared(Verdict::Fields(_)) => 2,
            Self::Compared(Verdict::Disagree(_)) => 3,
            Self::NotReplayed(_) => 4,
            Self::NotSent(_) => 5,
        }
    }
}

/// The outcomes in one kind of account, by the fact's id.
pub(crate) type OutcomesById = BTreeMap<String, FactOutcome>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            say(&reason);
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let Some(oracle) = std::env::var_os("ORACLE").map(PathBuf::from) else {
        say("not run: set ORACLE");
        return Ok(());
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let moto = arguments.first().ok_or(USAGE)?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().unwrap_or(here);
    let facts = facts::read(&oracle)?;
    let program = ProgramCalls::read(root)?;
    let replays = replay::read(&here.join("replays"))?;
    let set_aside = facts::read_set_aside(&here.join("set-aside.json"))?;
    check_set_aside(&set_aside, &replays)?;
    let server = MotoServer::start(Path::new(moto))?;
    let mut outcomes = [OutcomesById::new(), OutcomesById::new()];
    // Of the account in memory no fields are compared: it tells what loadrig reads and no more.
    let [mut answered, mut unused] = [AnswerShapes::default(), AnswerShapes::default()];
    for replay in &replays {
        let emulated = TestAccount::emulated(&server.endpoint, replay.slow, &replay.faults).await?;
        let told = (&mut outcomes[0], &mut answered);
        replay_in(emulated, replay, &facts, &program, told).await;
        let memory = TestAccount::memory(replay.slow);
        let told = (&mut outcomes[1], &mut unused);
        replay_in(memory, replay, &facts, &program, told).await;
    }
    for fact in facts.values() {
        for outcomes in &mut outcomes {
            let outcome = outcomes.entry(fact.id.clone());
            outcome.or_insert_with(|| unreplayed(fact, &program, &set_aside));
        }
    }
    let [emulated, memory] = &outcomes;
    let citations = Citations::read(root, &program)?;
    let report = report::Report {
        facts: &facts,
        program: &program,
        citations: &citations,
        shapes: &shapes::read(&oracle)?,
        answered: &answered,
        emulated,
        memory,
    };
    print(&report.text());
    if arguments.iter().any(|argument| argument == "--write") {
        std::fs::write(root.join("docs/truth.md"), report.page())
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Why a fact that no replay names is not replayed.
fn unreplayed(
    fact: &RecordedFact,
    program: &ProgramCalls,
    set_aside: &BTreeMap<String, String>,
) -> FactOutcome {
    if !program.sends(fact.service(), fact.action()) {
        return FactOutcome::NotSent("the call".to_owned());
    }
    let reason = set_aside.get(&fact.id).map(String::as_str);
    FactOutcome::NotReplayed(reason.unwrap_or("no replay is written").to_owned())
}

/// A fact is replayed or set aside, never both.
fn check_set_aside(
    set_aside: &BTreeMap<String, String>,
    replays: &[ReplaySequence],
) -> Result<(), String> {
    let steps = replays.iter().flat_map(|replay| &replay.steps);
    let both = steps
        .flat_map(|step| &step.facts)
        .find(|fact| set_aside.contains_key(&fact.id));
    match both {
        Some(fact) => Err(format!(
            "{} is replayed and set aside: take it out of truth/set-aside.json",
            fact.id
        )),
        None => Ok(()),
    }
}

async fn replay_in(
    mut account: TestAccount,
    replay: &ReplaySequence,
    facts: &BTreeMap<String, RecordedFact>,
    program: &ProgramCalls,
    (outcomes, shapes): (&mut OutcomesById, &mut AnswerShapes),
) {
    let in_memory = matches!(account, TestAccount::Memory(_));
    let mut answers: Vec<Value> = Vec::new();
    // The account in memory knows fewer calls; what follows one that it lacks is not compared.
    let mut lacks: Option<String> = None;
    if in_memory && !replay.faults.is_empty() {
        lacks = Some("what fails on purpose".to_owned());
    }
    for step in &replay.steps {
        let (service, action) = step.operation();
        account.pass(step.after);
        let called = match step.parameters(&answers) {
            Some(parameters) if lacks.is_none() => {
                let region = step.region.as_deref().unwrap_or(REGION);
                Some(account.call(service, action, &parameters, region).await)
            }
            _ => None,
        };
        if in_memory && lacks.is_none() && is_lacking(called.as_ref()) {
            lacks = Some(step.call.clone());
        }
        if let Some(Ok(Answer::Response(value))) = &called {
            shapes.note(service, action, value);
        }
        for told in &step.facts {
            let Some(fact) = facts.get(&told.id) else {
                continue;
            };
            let outcome = if let Some(what) = unsent(step, program) {
                FactOutcome::NotSent(what)
            } else if told.derived {
                FactOutcome::NotReplayed("the record is of something computed".to_owned())
            } else if let Some(call) = &lacks {
                FactOutcome::NotReplayed(format!(
                    "the account in memory lacks {call} or a parameter of it"
                ))
            } else {
                match &called {
                    None => FactOutcome::Compared(Verdict::Disagree(
                        "an earlier call was answered otherwise".to_owned(),
                    )),
                    Some(Err(reason)) => FactOutcome::NotReplayed(reason.clone()),
                    Some(Ok(answer)) => {
                        let record = match &told.expect {
                            Some(expect) => serde_json::json!({ "response": expect }),
                            None => fact.record.clone(),
                        };
                        let value = answer.value();
                        let found = replay::at(&value, &told.at);
                        FactOutcome::Compared(compare(
                            &record,
                            answer,
                            found,
                            &told.varies,
                            program,
                        ))
                    }
                }
            };
            let so_far = outcomes.entry(told.id.clone());
            so_far
                .and_modify(|known| {
                    if outcome.rank() > known.rank() {
                        *known = outcome.clone();
                    }
                })
                .or_insert(outcome);
        }
        answers.push(match &called {
            Some(Ok(answer)) => answer.value(),
            _ => Value::Null,
        });
    }
}

/// The call or the parameter that loadrig does not send.
fn unsent(step: &ReplayStep, program: &ProgramCalls) -> Option<String> {
    let (service, action) = step.operation();
    if !program.sends(service, action) {
        return Some("the call".to_owned());
    }
    unsent_parameter(&step.with, program)
}

fn unsent_parameter(value: &Value, program: &ProgramCalls) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            if name.starts_with('$') || name == "Metadata" {
                None
            } else if program.sets(name) {
                unsent_parameter(value, program)
            } else {
                Some(format!("the parameter {name}"))
            }
        }),
        Value::Array(items) => items
            .iter()
            .find_map(|item| unsent_parameter(item, program)),
        _ => None,
    }
}

fn is_lacking(called: Option<&Result<Answer, String>>) -> bool {
    match called {
        Some(Ok(Answer::Refusal { code, .. })) => {
            ["InvalidAction", "UnknownParameter", "NotImplemented"].contains(&code.as_str())
        }
        Some(Err(_)) => true,
        _ => false,
    }
}

/// The emulator, gone when dropped.
struct MotoServer {
    server: Child,
    endpoint: String,
    images: PathBuf,
}

/// The one image that the replays launch.
const IMAGES: &str = r#"[{"ami_id": "ami-0aaaaaaaaaaaaaaa1", "name": "debian-12-amd64-20250101-1978",
 "owner_id": "136693071363", "state": "available", "public": true,
 "image_location": "amazon/debian-12-amd64-20250101-1978", "image_type": "machine",
 "description": "Debian 12", "architecture": "x86_64", "virtualization_type": "hvm",
 "hypervisor": "xen", "root_device_type": "ebs", "root_device_name": "/dev/xvda",
 "sriov": "simple", "platform": null}]"#;

impl MotoServer {
    fn start(program: &Path) -> Result<Self, String> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(|error| error.to_string())?
            .port();
        let images = std::env::temp_dir().join(format!("truth-images-{}.json", std::process::id()));
        std::fs::write(&images, IMAGES).map_err(|error| error.to_string())?;
        let mut server = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .env("MOTO_AMIS_PATH", &images)
            .env("MOTO_ENABLE_AMI_VALIDATION", "true")
            .env("MOTO_ENABLE_KEYPAIR_VALIDATION", "true")
            .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let deadline = Instant::now() + Duration::from_mins(1);
        while Instant::now() < deadline {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(Self {
                    server,
                    endpoint: format!("http://127.0.0.1:{port}"),
                    images,
                });
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        // Nothing listens, so nothing is lost if it is gone already.
        let _ = server.kill();
        Err("the emulator does not listen".to_owned())
    }
}

impl Drop for MotoServer {
    fn drop(&mut self) {
        // Nothing is to be done about what is gone already.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_file(&self.images);
    }
}

fn print(text: &str) {
    // Nobody is left to tell when standard output is closed.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
