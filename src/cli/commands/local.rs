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
pub(crate) use linux::run;

#[cfg(target_os = "linux")]
mod linux {
    use serde_json::json;
    use strict_cloud::{
        AccountProfile, AwsAccount, Emulator, FaultPlan, SharedAccount, StrictCloud, StrictOptions,
        Timing, UnknownProfile,
    };
    use tokio::net::TcpListener;

    use super::{App, LocalCommand, Outcome};
    use crate::aws::local_cloud::SdkCloudReader;
    use crate::cli::args::StrictArgs;
    use crate::cli::failure::Failure;
    use crate::cli::printer::Printer;
    use crate::diagnose::ExitCode;
    use crate::localcloud::{self, DaemonOptions, MachineCheck, Running, StartOptions};
    use crate::ops::error::Declined;

    /// Runs a command of the local cloud.
    pub(crate) fn run(app: &App, command: &LocalCommand) -> Outcome {
        let region = app
            .global
            .region
            .clone()
            .unwrap_or_else(|| StartOptions::default().region);
        let say = |line: &str| app.printer.say(line);
        match command {
            LocalCommand::Prepare => {
                localcloud::prepare(&say)?;
                localcloud::hash_cost()?;
            }
            LocalCommand::Start => {
                let running = localcloud::start(
                    &StartOptions {
                        region,
                        ..StartOptions::default()
                    },
                    &say,
                )?;
                check_region(app, &running)?;
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
                confirm_stop(app)?;
                let report = localcloud::stop(&say)?;
                show_machine(app, &report.checked);
                if report.checked.iter().any(|check| check.found > 0) {
                    return Ok(ExitCode::Failed);
                }
            }
            LocalCommand::Status => return status(app),
            LocalCommand::Strict(args) => strict(app, args, &region)?,
            LocalCommand::Daemon => {
                localcloud::run_daemon(&DaemonOptions { region }, |emulator, api, region| {
                    Box::new(SdkCloudReader::new(emulator, api, region))
                })?;
            }
        }
        Ok(ExitCode::Done)
    }

    /// A local cloud has one region: another one that was asked for is not there.
    fn check_region(app: &App, running: &Running) -> Result<(), Failure> {
        match &app.global.region {
            Some(asked) if *asked != running.region => Err(Failure::new(
                format!(
                    "the local cloud is already running, for region `{}`, not `{asked}`",
                    running.region
                ),
                "`loadrig local stop` stops it; then start it again",
            )),
            _ => Ok(()),
        }
    }

    /// Asks whoever would end the work of others.
    fn confirm_stop(app: &App) -> Result<(), Declined> {
        let users = localcloud::users();
        if users.is_empty() {
            return Ok(());
        }
        let mut text = "these use the local cloud and will fail:".to_owned();
        for user in users {
            text.push_str(&format!("\n  `{}` (process {})", user.command, user.pid));
        }
        app.questions().ask(&text, "Stop it all the same?")
    }

    /// What was looked for on this machine, and what is left.
    fn show_machine(app: &App, checked: &[MachineCheck]) {
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

    /// A value of `local strict` that it cannot do anything with.
    fn usage(reason: String) -> Failure {
        Failure::new(reason, "see `docs/strict-cloud.md`").with_code(ExitCode::Usage)
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
                )
                .with_code(ExitCode::Usage));
            }
        };
        let faults = args
            .faults
            .as_deref()
            .map(|words| FaultPlan::parse(args.seed, words, region))
            .transpose()
            .map_err(usage)?;
        let lacks = faults.as_ref().is_some_and(|plan| !plan.lacking.is_empty());
        if lacks && args.upstream.is_none() {
            let reason = "`lacks=` needs `--upstream`: the account in memory offers every type in every zone";
            return Err(usage(reason.to_owned()));
        }
        let account: AccountProfile = args
            .account
            .parse()
            .map_err(|error: UnknownProfile| usage(error.to_string()))?;
        let emulator = args
            .upstream
            .as_deref()
            .map(Emulator::new)
            .transpose()
            .map_err(|error| Failure::new(error.to_string(), "see `docs/strict-cloud.md`"))?;
        crate::cli::block_on(async {
            let options = match emulator {
                Some(emulator) => StrictOptions {
                    account,
                    ..StrictOptions::instant(emulator)
                },
                // It has the rules itself, and its own times.
                None => {
                    let scale = match timing {
                        Timing::Instant => 0.0,
                        Timing::Aws => args.scale,
                    };
                    let mut account = AwsAccount::of_profile(account, region, scale);
                    let shortages = faults.iter().flat_map(|plan: &FaultPlan| &plan.shortages);
                    for shortage in shortages {
                        account.lack_capacity(shortage.clone());
                    }
                    StrictOptions::models(SharedAccount::new(account))
                }
            };
            let cloud = StrictCloud::new(StrictOptions {
                timing,
                scale: args.scale,
                faults,
                ..options
            });
            let failed = |error: std::io::Error| {
                Failure::new(
                    format!("cannot serve on `{}`: {error}", args.listen),
                    "choose another address with `--listen`",
                )
            };
            let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            app.printer.data(&format!("http://{address}"));
            if Printer::lost().is_some() {
                // Nobody would ever know where it listens.
                return Ok(());
            }
            cloud.serve(listener).await.map_err(failed)
        })?
    }

    /// Says what runs; what a crashed cloud left makes it fail.
    fn status(app: &App) -> Outcome {
        let status = localcloud::status();
        let leftovers = match &status {
            Some(_) => Vec::new(),
            None => localcloud::find_leftovers()?,
        };
        let code = if leftovers.is_empty() {
            ExitCode::Done
        } else {
            ExitCode::Failed
        };
        if app.printer.is_json() {
            app.printer.json(&match &status {
                Some(status) => json!({
                    "running": true, "endpoint": status.running.endpoint,
                    "region": status.running.region, "netns": status.running.netns,
                    "daemon": status.daemon, "hosts": status.hosts, "log": status.log,
                }),
                None => json!({
                    "running": false,
                    "leftovers": leftovers
                        .iter()
                        .map(|left| json!({ "kind": left.kind, "what": left.what }))
                        .collect::<Vec<_>>(),
                }),
            });
            return Ok(code);
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
            None if leftovers.is_empty() => "not running".to_owned(),
            None => format!(
                "not running; an earlier local cloud left {}",
                counted(&leftovers)
            ),
        });
        if code != ExitCode::Done {
            app.printer
                .say("hint: `loadrig local stop` removes what is left");
        }
        Ok(code)
    }

    /// How many leftovers there are of each kind.
    fn counted(leftovers: &[localcloud::Leftover]) -> String {
        let mut kinds: Vec<(&str, usize)> = Vec::new();
        for left in leftovers {
            match kinds.iter_mut().find(|(kind, _)| *kind == left.kind) {
                Some((_, count)) => *count += 1,
                None => kinds.push((left.kind, 1)),
            }
        }
        let kinds: Vec<String> = kinds
            .into_iter()
            .map(
                |(kind, count)| match (count, kind.strip_suffix("es"), kind.strip_suffix('s')) {
                    (1, Some(one), _) if one.ends_with("ss") => format!("1 {one}"),
                    (1, _, Some(one)) => format!("1 {one}"),
                    _ => format!("{count} {kind}"),
                },
            )
            .collect();
        kinds.join(", ")
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn leftovers_are_counted_by_kind() {
            let left = |kind| localcloud::Leftover {
                kind,
                what: "x".to_owned(),
            };
            let leftovers = [
                left("processes"),
                left("mounts"),
                left("mounts"),
                left("files"),
            ];
            assert_eq!(counted(&leftovers), "1 process, 2 mounts, 1 file");
        }
    }
}
