//! `loadrig local`: the local cloud by itself.

use crate::cli::App;
use crate::cli::args::LocalCommand;
#[cfg(not(target_os = "linux"))]
use crate::cli::failure::Failure;
use crate::cli::failure::Outcome;

#[cfg(not(target_os = "linux"))]
/// Says that it cannot run here.
pub fn run(_app: &App, _command: &LocalCommand) -> Outcome {
    Err(Failure::new(
        "the local cloud needs Linux",
        "use a Debian 12 virtual machine, or an environment with `cloud: aws`",
    ))
}

#[cfg(target_os = "linux")]
pub use linux::run;

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::Arc;

    use serde_json::json;
    use strict_cloud::{Emulator, FaultPlan, StrictCloud, StrictOptions, Timing};
    use tokio::net::TcpListener;

    use super::{App, LocalCommand, Outcome};
    use crate::aws::local_cloud::SdkCloudReader;
    use crate::cli::args::StrictArgs;
    use crate::cli::failure::Failure;
    use crate::diagnose::ExitCode;
    use crate::localcloud::{self, Checked, DaemonOptions, Options};

    /// Runs a command of the local cloud.
    pub fn run(app: &App, command: &LocalCommand) -> Outcome {
        let region = app
            .global
            .region
            .clone()
            .unwrap_or_else(|| Options::default().region);
        let say = |line: &str| app.printer.say(line);
        match command {
            LocalCommand::Prepare => localcloud::prepare(&say)?,
            LocalCommand::Start => {
                let running = localcloud::start(
                    &Options {
                        region,
                        ..Options::default()
                    },
                    &say,
                )?;
                let word = if running.already {
                    "is already running"
                } else {
                    "started"
                };
                if app.printer.is_json() {
                    app.printer.json(&json!({
                        "endpoint": running.endpoint, "region": running.region,
                        "netns": running.netns, "already": running.already,
                    }));
                } else {
                    app.printer.data(&format!(
                        "the local cloud {word}: {} in network namespace {}, region {}",
                        running.endpoint,
                        running.netns.display(),
                        running.region
                    ));
                }
            }
            LocalCommand::Stop => {
                let report = localcloud::stop(&say)?;
                show_machine(app, &report.checked);
                if report.checked.iter().any(|check| check.found > 0) {
                    return Ok(ExitCode::Failed);
                }
            }
            LocalCommand::Status => status(app),
            LocalCommand::Strict(args) => strict(app, args, &region)?,
            LocalCommand::Daemon => {
                localcloud::run_daemon(&DaemonOptions { region }, |endpoint, region| {
                    Box::new(SdkCloudReader::new(endpoint, region))
                })?
            }
        }
        Ok(ExitCode::Done)
    }

    /// What was looked for on this machine, and what is left.
    fn show_machine(app: &App, checked: &[Checked]) {
        if app.printer.is_json() {
            let all: Vec<_> = checked
                .iter()
                .map(|c| json!({ "kind": c.kind, "place": c.place, "found": c.found }))
                .collect();
            app.printer.json(&all);
            return;
        }
        let mut text = String::from("checked for leftovers of the local cloud on this machine:\n");
        for check in checked {
            let found = match check.found {
                0 => "none".to_owned(),
                found => found.to_string(),
            };
            text.push_str(&format!("  {:24} {found:6} {}\n", check.kind, check.place));
        }
        app.printer.data(&text);
    }

    /// Serves a strict cloud until it is ended.
    fn strict(app: &App, args: &StrictArgs, region: &str) -> Result<(), Failure> {
        let timing = match app.global.profile.as_deref() {
            None | Some("instant") => Timing::Instant,
            Some("aws") => Timing::Aws,
            Some(other) => {
                return Err(Failure::new(
                    format!("a strict cloud has no profile `{other}`"),
                    "`--profile instant` or `--profile aws`",
                ));
            }
        };
        let faults = args
            .faults
            .as_deref()
            .map(|words| FaultPlan::parse(args.seed, words, region))
            .transpose()
            .map_err(|reason| Failure::new(reason, "see `docs/strict-cloud.md`"))?;
        let emulator = Emulator::new(&args.upstream)
            .map_err(|error| Failure::new(error.to_string(), "see `docs/strict-cloud.md`"))?;
        let cloud = StrictCloud::new(StrictOptions {
            upstream: Arc::new(emulator),
            timing,
            scale: args.scale,
            faults,
            observer: None,
        });
        crate::cli::block_on(async {
            let failed = |error: std::io::Error| {
                Failure::new(
                    format!("cannot serve on `{}`: {error}", args.listen),
                    "choose another address with `--listen`",
                )
            };
            let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            app.printer.data(&format!("http://{address}"));
            cloud.serve(listener).await.map_err(failed)
        })?
    }

    fn status(app: &App) {
        let status = localcloud::status();
        if app.printer.is_json() {
            app.printer.json(&match &status {
                Some(status) => json!({
                    "running": true, "endpoint": status.running.endpoint,
                    "region": status.running.region, "netns": status.running.netns,
                    "daemon": status.daemon, "hosts": status.hosts, "log": status.log,
                }),
                None => json!({ "running": false }),
            });
            return;
        }
        app.printer.data(&match status {
            Some(status) => format!(
                "running: {} in {}, region {}, {} hosts; log {}",
                status.running.endpoint,
                status.running.netns.display(),
                status.running.region,
                status.hosts,
                status.log.display()
            ),
            None => "not running".to_owned(),
        });
    }
}
