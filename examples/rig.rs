//! Brings a rig up and takes it down with the library's operations alone: no command line, no
//! terminal.
//!
//! ```text
//! cargo run --example rig -- demo --endpoint http://127.0.0.1:5000 --resources-only
//! ```
//!
//! Without `--endpoint` it acts on AWS, with the credentials of the environment; the resources
//! cost money until it has removed them. Without `--resources-only` it sets the hosts up too,
//! and runs every check.

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;

use futures::future::BoxFuture;
use loadrig::aws::{Aws, Connection};
use loadrig::engine::{CloudError, Urgency};
use loadrig::events::{Event, EventKind, Events, Listener};
use loadrig::ops::down::{self, DownOptions};
use loadrig::ops::error::Declined;
use loadrig::ops::run_dir::RunDir;
use loadrig::ops::up::{self, UpOptions};
use loadrig::ops::{Adapters, Confirm, Question, Session};
use loadrig::plan::Action;
use loadrig::spec::{Library, Spec};
use tokio::sync::watch;

/// What to do.
pub struct Options {
    /// The environment.
    pub spec: Spec,
    /// Where the APIs answer; `None` is AWS.
    pub endpoint: Option<String>,
    /// Whether hosts are left alone.
    pub resources_only: bool,
    /// Where the plan and the events are kept.
    pub run: RunDir,
}

/// Reaches the account.
struct ExampleAdapters {
    connection: Connection,
}

impl Adapters for ExampleAdapters {
    fn region(&self) -> &str {
        &self.connection.region
    }

    fn cloud(&self) -> BoxFuture<'_, Result<Arc<Aws>, CloudError>> {
        Box::pin(async { Ok(Arc::new(Aws::connect(self.connection.clone()).await?)) })
    }

    fn operator_address(&self) -> Option<Ipv4Addr> {
        // An emulator's hosts see nobody; AWS is asked for the real address.
        self.connection
            .endpoint_url
            .as_ref()
            .map(|_| Ipv4Addr::new(198, 51, 100, 7))
    }
}

/// Says what it agrees to.
struct Agreeing;

impl Confirm for Agreeing {
    fn confirm(&self, question: &Question<'_>) -> Result<(), Declined> {
        match question {
            Question::Apply(review) => say(&format!(
                "creating {} resources for {} users",
                review.plan.count(Action::Create),
                review.spec.concurrent_users
            )),
            Question::Remove { changes, .. } => {
                say(&format!("removing {} resources", changes.len()));
            }
            // Nothing else is asked for here.
            _ => return Err(Declined::No),
        }
        Ok(())
    }
}

/// Shows each step that ends.
struct PrintedSteps;

impl Listener for PrintedSteps {
    fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::PhaseStarted { phase } => say(&format!("{phase}:")),
            EventKind::StepFinished { step, outcome, .. } => say(&format!("  {step} {outcome:?}")),
            EventKind::StepFailed { step, error } => say(&format!("  {step} failed: {error}")),
            _ => {}
        }
    }
}

/// Brings the rig up, then takes it down; answers with how many resources were removed.
///
/// # Errors
/// What kept it from coming up or going down.
pub async fn up_and_down(options: Options) -> Result<usize, Box<dyn Error>> {
    let account = ExampleAdapters {
        connection: Connection {
            region: options.spec.region.clone(),
            profile: None,
            endpoint_url: options.endpoint.clone(),
            paced: options.endpoint.is_none(),
            credentials: options
                .endpoint
                .map(|_| ("example".to_owned(), "example".to_owned().into())),
        },
    };
    let events = Events::new(vec![Box::new(PrintedSteps)]);
    // A program with a user would tell of interrupts here.
    let (_urgency, stop) = watch::channel(Urgency::None);
    let session = Session {
        events: &events,
        stop,
        confirm: &Agreeing,
    };
    let up_options = UpOptions {
        resources_only: options.resources_only,
        skip_preflight: options.resources_only,
        ..UpOptions::default()
    };
    let rig = up::open(options.spec, &up_options, &account).await?;
    let report = up::up(&rig, &options.run, &up_options, &session).await?;
    let is_ok = report.is_ok();
    for check in &report.checks {
        let result = if check.pass { "pass" } else { "FAIL" };
        say(&format!("{result} {}: {}", check.name, check.detail));
    }
    say(&format!(
        "`{}` is up at {}",
        rig.spec.name,
        report.url.as_deref().unwrap_or("an unknown address")
    ));
    let name = rig.spec.name.clone();
    let report = down::down(&rig.cloud, &name, &DownOptions::default(), &session).await?;
    report.check(&name)?;
    say(&format!(
        "`{name}` is down: {} resources removed, nothing left",
        report.removed
    ));
    if !is_ok {
        return Err("the rig came up and did not pass its checks".into());
    }
    Ok(report.removed)
}

#[expect(clippy::print_stdout, reason = "it is what an example is for")]
fn say(text: &str) {
    println!("{text}");
}

#[allow(dead_code, reason = "tests call `up_and_down`")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments
        .next()
        .ok_or("usage: rig ENV [--endpoint URL] [--resources-only]")?;
    let mut endpoint = None;
    let mut resources_only = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--endpoint" => endpoint = arguments.next(),
            "--resources-only" => resources_only = true,
            other => return Err(format!("unknown argument `{other}`").into()),
        }
    }
    let spec = Library::new(None).load(&name)?;
    let run = RunDir::create(&spec.name, "example")?;
    up_and_down(Options {
        spec,
        endpoint,
        resources_only,
        run,
    })
    .await?;
    Ok(())
}
