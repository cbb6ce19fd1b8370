//! `loadrig test`: run a scenario, judge it, store its result; come back to a storm that goes on.

use std::time::Duration;

use jiff::SignedDuration;

use crate::cli::App;
use crate::cli::args::TestArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::printer::as_given;
use crate::cli::{report_text, stop};
use crate::diagnose::ExitCode;
use crate::loadtest::{LoadRun, Scenario, StormOverrides};
use crate::ops::run_dir::RunDir;
use crate::ops::test::{self, PlannedTest, RunWatch, TestEnd, TestReport};
use crate::ops::{OpsError, Rig};
use crate::spec::Spec;

/// What is asked for.
enum TestJob {
    /// A run of its own, with its directory.
    Run(PlannedTest, RunDir),
    /// A storm that is there already: its result goes to the directory of the run that started it.
    Attach,
    Stop,
}

/// Runs a scenario on an environment, or comes back to one.
pub(crate) fn run(app: &App, args: &TestArgs) -> Outcome {
    if let Some(factor) = args.rate {
        return change_rate(app, args, factor);
    }
    let spec = app.load(&args.env)?;
    let job = job(args, &spec)?;
    let run = match &job {
        TestJob::Run(_, run) => Some(run),
        TestJob::Attach | TestJob::Stop => None,
    };
    let (events, recorder) = app.events(run)?;
    let stop = stop::listen(&events)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let lock = args.lock.options(&place);
    let questions = app.questions();
    let session = App::session(&events, &stop, &questions);
    let end = App::run(&place, async {
        let rig = Rig::open(spec, &place).await?;
        let rig = &rig;
        let report = |report| TestEnd::Report(Box::new(report));
        let end: Result<TestEnd, OpsError> = match &job {
            TestJob::Run(planned, run) => {
                test::run_test(rig, planned, run, &lock, &session, &recorder).await
            }
            TestJob::Attach => test::attach_test(rig, &session, &recorder)
                .await
                .map(report),
            TestJob::Stop => test::stop_test(rig, &session, &recorder).await.map(report),
        };
        Ok::<_, Failure>(end?)
    })?;
    Ok(match end {
        TestEnd::Report(report) => tell(app, *report),
        TestEnd::Detached(storm) => {
            goes_on(app, &storm, "is started");
            ExitCode::Done
        }
    })
}

/// Changes the rate of a storm that goes on. It has a run directory already, of the command that
/// started it.
fn change_rate(app: &App, args: &TestArgs, factor: f64) -> Outcome {
    let spec = app.load(&args.env)?;
    let (events, _) = app.events(None)?;
    let stop = stop::listen(&events)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let questions = app.questions();
    let session = App::session(&events, &stop, &questions);
    let storm = App::run(&place, async {
        let rig = Rig::open(spec, &place).await?;
        Ok::<_, Failure>(test::set_rate_factor(&rig, factor, &session).await?)
    })?;
    let how = match factor {
        0.0 => "is held: nobody arrives until another rate is given".to_owned(),
        factor => format!("goes on at {factor} times its rate"),
    };
    goes_on(app, &storm, &how);
    Ok(ExitCode::Done)
}

fn job(args: &TestArgs, spec: &Spec) -> Result<TestJob, Failure> {
    if args.attach {
        return Ok(TestJob::Attach);
    }
    if args.stop {
        return Ok(TestJob::Stop);
    }
    let changes = &args.changes;
    let signed = |time: Option<Duration>| time.and_then(|time| SignedDuration::try_from(time).ok());
    let overrides = StormOverrides {
        users: changes.users,
        within: signed(changes.within),
        patience: signed(changes.patience),
        retry_after: None,
        seed: changes.seed,
    };
    let scenario = Scenario::find(args.scenario.as_deref().unwrap_or_default())?;
    let watch = match args.detach {
        true => RunWatch::Detach,
        false => RunWatch::Follow,
    };
    let planned = PlannedTest::new(spec, scenario, &overrides, watch)?;
    let run = RunDir::create(&spec.name, "test")?;
    Ok(TestJob::Run(planned, run))
}

/// Prints a report; the exit code says whether the thresholds were met, or that nobody knows.
fn tell(app: &App, report: TestReport) -> ExitCode {
    report_text::print(app, &report.report);
    report_text::stored(app, "report", report.stored);
    if report.passed {
        return ExitCode::Done;
    }
    let mut code = ExitCode::ThresholdsMissed;
    for result in &report.report.scenarios {
        let storm = result.storm.as_ref();
        if let Some(invalid) = storm.and_then(|storm| storm.invalid.as_deref()) {
            app.printer
                .error(&format!("the run does not count: {invalid}"));
            // Of such a result the first note says what to do.
            if let Some(note) = result.notes.first() {
                app.printer.hint(note);
            }
            code = ExitCode::Failed;
        }
    }
    code
}

fn goes_on(app: &App, storm: &LoadRun, what: &str) {
    if app.printer.is_json() {
        return app.printer.json(storm);
    }
    let (run, environment) = (&storm.run, &storm.environment);
    let text = format!(
        "storm `{run}` {what}: `loadrig test {environment} --attach` comes back to it, `--stop` ends it"
    );
    app.printer.data(&as_given(&text));
}
