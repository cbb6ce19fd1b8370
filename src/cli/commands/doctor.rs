//! `loadrig doctor --live`: try the account before the first environment.

use crate::cli::App;
use crate::cli::args::DoctorArgs;
use crate::cli::canary_text::{canary_remedies, canary_text};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::stop;
use crate::diagnose::ExitCode;
use crate::engine::Cloud as _;
use crate::ops::doctor::{CanaryReport, DoctorOptions, live};
use crate::ops::lock::LockOptions;
use crate::ops::plan::spec_or_size;
use crate::ops::run_dir::RunDir;
use crate::ops::{Adapters as _, describe_caller};

/// Tries the account.
pub(crate) fn run(app: &App, args: &DoctorArgs) -> Outcome {
    if !args.live {
        return Err(Failure::new(
            "`doctor` creates resources in the account, and removes them: confirm that with `--live`",
            format!(
                "`loadrig plan {}` checks permissions, quotas and offers without creating anything",
                args.env
            ),
        )
        .with_code(ExitCode::Usage));
    }
    let (spec, _is_size) = spec_or_size(&app.library, &args.env)?;
    let run = RunDir::create(&spec.name, "doctor")?;
    let (events, _recorder) = app.events(Some(&run))?;
    let stop = stop::listen(&events)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let options = DoctorOptions {
        spend: args.spend,
        lock: LockOptions {
            calls_end_with_process: place.is_on_this_machine(),
            ..LockOptions::default()
        },
    };
    let questions = app.questions();
    let session = App::session(&events, &stop, &questions);
    let report = App::run(&place, async {
        let cloud = place.cloud().await?;
        let account = cloud.account().await?;
        app.printer
            .insist(&format!("acting on {}", describe_caller(&cloud, &account)));
        Ok::<_, Failure>(live(&spec, &place, &run, &options, &session).await?)
    })?;
    show(app, &report, &run);
    Ok(report.exit_code())
}

fn show(app: &App, report: &CanaryReport, run: &RunDir) {
    if app.printer.is_json() {
        app.printer.json(report);
        return;
    }
    app.printer.data(canary_text(report).trim_end());
    if !report.records.is_empty() {
        app.printer.data(&format!(
            "what differed is recorded in {}",
            run.path.display()
        ));
    }
    for remedy in canary_remedies(report) {
        app.printer.hint(&remedy);
    }
}
