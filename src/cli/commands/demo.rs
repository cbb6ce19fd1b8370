//! `loadrig demo`: the whole job on this machine.

#[cfg(not(target_os = "linux"))]
/// Says that it cannot run here.
pub fn run(_app: &crate::cli::App, _args: &crate::cli::DemoArgs) -> crate::cli::failure::Outcome {
    Err(crate::cli::failure::Failure::new(
        "the demo needs Linux: its hosts are network namespaces",
        "use a Debian 12 virtual machine, or an environment with `cloud: aws`",
    ))
}

#[cfg(target_os = "linux")]
pub(crate) use linux::run;

#[cfg(target_os = "linux")]
mod linux {
    use crate::cli::args::Global;
    use crate::cli::failure::Outcome;
    use crate::cli::place::Place;
    use crate::cli::progress::Progress;
    use crate::cli::{App, DemoArgs, format, report_text, stop};
    use crate::diagnose::ExitCode;
    use crate::ops::demo::{DemoOptions, demo, official_environment};
    use crate::ops::error::DemoError;
    use crate::ops::report::write_page;
    use crate::ops::run_dir::RunDir;

    /// Runs the demo.
    pub(crate) fn run(app: &App, args: &DemoArgs) -> Outcome {
        let started = std::time::Instant::now();
        let (spec, text) = match &args.release {
            None => (app.library.load("demo")?, None),
            Some(release) => {
                let found = official_environment(&app.library, release, args.license.as_deref())?;
                (found.spec, Some(found.text))
            }
        };
        let spec = app.with_own_hash_time(spec)?;
        let local = Global {
            endpoint_url: Some("local".to_owned()),
            region: None,
            profile: None,
            ..app.global.clone()
        };
        let run = RunDir::create(&spec.name, "demo")?;
        // What later commands on a rig that stays need to know it by.
        let environment = match text {
            None => "demo".to_owned(),
            Some(text) => run.write("demo.yaml", &text)?.display().to_string(),
        };
        // The report at the end has the checks.
        let progress = Progress::new(app.printer).without_passed_checks();
        let (events, recorder) = app.events_with(Some(&run), progress)?;
        let stop = stop::listen(&events)?;
        let questions = app.questions();
        let session = App::session(&events, &stop, &questions);
        let options = DemoOptions { keep: args.keep };
        let report = demo(spec, &options, &run, &session, &recorder, |running| {
            Place::of_running(&local, running)
        })?;
        match &report.failure {
            None => report_text::print(app, &report.report),
            Some(_) => report_text::print_failed(app, &report.report),
        }
        report_text::stored(app, "report (kept on purpose)", report.stored);
        app.printer
            .say(&format!("took {}", format::duration(started.elapsed())));
        if let Some(file) = &args.html {
            write_page(&report.report, file)?;
            app.printer.say(&format!("wrote {}", file.display()));
        }
        if let Some(failure) = report.failure {
            return Err(failure.into());
        }
        if report.kept {
            app.printer.say(&format!(
                "the rig stays up: `loadrig status {environment}`, \
                 `loadrig ssh {environment} app-1`, `loadrig tunnel {environment} mattermost`, \
                 `loadrig test {environment} smoke`; `loadrig down {environment}` removes it and \
                 `loadrig local stop` stops the local cloud",
            ));
        }
        if report.left > 0 {
            return Err(DemoError::Left { kinds: report.left }.into());
        }
        let passed = report.report.scenarios.iter().all(|s| s.passed);
        Ok(if passed {
            ExitCode::Done
        } else {
            ExitCode::ThresholdsMissed
        })
    }
}
