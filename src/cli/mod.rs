//! The command line: parse, call, print. One file per command under `commands/`.

mod app;
mod args;
mod canary_text;
mod commands;
mod event_log;
mod failure;
mod format;
mod manual;
mod place;
mod plan_text;
mod printer;
mod progress;
mod questions;
mod regions;
mod report_text;
mod sample_lines;
mod stop;
mod storm_lines;
mod terminal;

use std::future::Future;

use clap::{CommandFactory as _, Parser as _};

use crate::diagnose::ExitCode;
use crate::spec::Library;

pub(crate) use args::DemoArgs;
use args::{Cli, Command, Global, SchemaOf};
pub use canary_text::{canary_remedies, canary_text};
use failure::{Failure, Outcome};
use printer::Printer;

/// What every command has at hand.
pub(crate) struct App {
    pub(crate) global: Global,
    pub(crate) printer: Printer,
    pub(crate) library: Library,
}

/// Runs the program; the value is the process's exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return show(&answer),
    };
    let printer = Printer::new(&cli.global);
    log(&cli.global);
    let directory = cli.global.dir.clone();
    let app = App {
        library: Library::new(directory.filter(|path| !path.as_os_str().is_empty())),
        global: cli.global,
        printer,
    };
    let result = check_directory(&app, &cli.command).and_then(|()| dispatch(&app, &cli.command));
    let code = match result {
        Ok(code) => code,
        Err(failure) => {
            printer.error(&failure.message);
            for hint in &failure.hints {
                printer.hint(hint);
            }
            failure.code
        }
    };
    if let Some(reason) = Printer::lost() {
        printer.error(reason);
        if matches!(code, ExitCode::Done | ExitCode::Changes) {
            return std::process::ExitCode::from(ExitCode::Failed as u8);
        }
    }
    std::process::ExitCode::from(code as u8)
}

/// Prints help, the version, or what is wrong with the arguments.
fn show(answer: &clap::Error) -> std::process::ExitCode {
    let lost = answer.print().err();
    let lost = lost.filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe);
    let code = match lost {
        Some(_) => ExitCode::Failed as u8,
        None => u8::try_from(answer.exit_code()).unwrap_or(ExitCode::Usage as u8),
    };
    std::process::ExitCode::from(code)
}

/// Refuses a directory that is not there: the built-in files would take the place of its own.
fn check_directory(app: &App, command: &Command) -> Result<(), Failure> {
    let Some(directory) = &app.global.dir else {
        return Ok(());
    };
    // `init` creates it.
    let is_fine = directory.as_os_str().is_empty() || directory.is_dir();
    if is_fine || matches!(command, Command::Init(_)) {
        return Ok(());
    }
    Err(Failure::new(
        format!("`{}` is not a directory", directory.display()),
        "correct `--dir` or LOADRIG_HOME; `loadrig init` creates a directory",
    )
    .with_code(ExitCode::Usage))
}

/// The command line as it is parsed, for whoever generates documents from it.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

fn dispatch(app: &App, command: &Command) -> Outcome {
    match command {
        Command::Demo(args) => commands::demo::run(app, args),
        Command::Init(args) => commands::files::init(app, args),
        Command::Validate(args) => commands::files::validate(app, args),
        Command::Architectures(args) => commands::architectures::run(app, args),
        Command::Plan(args) => commands::plan::run(app, args),
        Command::Predict(args) => commands::predict::run(app, args),
        Command::MeasureHash(args) => commands::measure_hash::run(app, args),
        Command::IamPolicy(args) => commands::iam_policy::run(app, args),
        Command::Up(args) => commands::up::run(app, args),
        Command::Status(args) => commands::status::run(app, args),
        Command::List => commands::list::run(app),
        Command::Credentials(args) => commands::credentials::run(app, args),
        Command::Ssh(args) => commands::ssh::run(app, args),
        Command::Tunnel(args) => commands::tunnel::run(app, args),
        Command::Test(args) => commands::test::run(app, args),
        Command::Report(args) => commands::report::run(app, args),
        Command::Runs(args) => commands::runs::run(app, args),
        Command::Compare(args) => commands::compare::run(app, args),
        Command::History(args) => commands::history::run(app, args),
        Command::Verify(args) => commands::verify::run(app, args),
        Command::Bundle(args) => commands::bundle::run(app, args),
        Command::Doctor(args) => commands::doctor::run(app, args),
        Command::Down(args) => commands::down::run(app, args),
        Command::Registry(args) => commands::registry::run(app, args.command),
        Command::Local(args) => commands::local::run(app, &args.command),
        Command::Schema(args) => {
            app.event_log()?;
            app.printer.json(match args.of {
                SchemaOf::Environment => crate::spec::environment_schema(),
                SchemaOf::Architecture => crate::spec::architecture_schema(),
                SchemaOf::Scenario => crate::loadtest::scenario_schema(),
            });
            Ok(ExitCode::Done)
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut self::command(), "loadrig", &mut text);
            app.printer.data(&String::from_utf8_lossy(&text));
            Ok(ExitCode::Done)
        }
        Command::Man => {
            let page = manual::page(self::command())
                .map_err(|error| Failure::new(error.to_string(), "report this"))?;
            app.printer.data(&page);
            Ok(ExitCode::Done)
        }
        Command::Agent(args) => commands::agent::run(args),
        Command::SearchProxy(args) => commands::search_proxy::run(args),
    }
}

/// Runs the asynchronous part of a command. The place has been entered by then: every
/// thread of the runtime is in its network.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(
                format!("cannot start the runtime: {error}"),
                "check the limits of processes and open files (`ulimit -a`)",
            )
        })?;
    Ok(runtime.block_on(future))
}

fn log(global: &Global) {
    use tracing_subscriber::EnvFilter;

    let level = match global.verbose {
        0 => "error",
        1 => "warn,loadrig=info",
        _ => "info,loadrig=debug",
    };
    let filter = EnvFilter::try_from_env("LOADRIG_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
