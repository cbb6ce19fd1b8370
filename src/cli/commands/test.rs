//! `loadrig test`: run a scenario, judge it, store its result.

use crate::cli::App;
use crate::cli::args::TestArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::{report_text, stop};
use crate::diagnose::ExitCode;
use crate::loadtest::Scenario;
use crate::ops::run_dir::RunDir;
use crate::ops::{Rig, test};

/// Runs a scenario on an environment.
pub(crate) fn run(app: &App, args: &TestArgs) -> Outcome {
    let scenario = Scenario::find(&args.scenario)?;
    let spec = app.library.load(&args.env)?;
    let run = RunDir::create(&spec.name, "test")?;
    let (events, recorder) = app.events(Some(&run))?;
    let stop = stop::listen(&events)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let lock = args.lock.options(&place);
    let questions = app.questions();
    let session = App::session(&events, &stop, &questions);
    let report = App::run(&place, async {
        let rig = Rig::open(spec, &place).await?;
        Ok::<_, Failure>(test::test(&rig, &scenario, &run, &lock, &session, &recorder).await?)
    })?;
    report_text::print(app, &report.report);
    report_text::stored(app, "report", report.stored);
    Ok(if report.passed {
        ExitCode::Done
    } else {
        ExitCode::ThresholdsMissed
    })
}
