//! `mattermost-standin`: a stand-in for the Mattermost server that exercises
//! load-test rigs where Mattermost cannot be downloaded; see the crate's
//! README. This file reads the command line and may know no more.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a server's log, and what its command line is asked for"
)]

mod api;
mod app;
mod cache;
mod cluster;
mod config;
mod db;
mod directory;
mod error;
mod faults;
mod filestore;
mod hub;
mod id;
mod jobs;
mod jobserver;
mod license;
mod licensing;
mod logging;
mod mail;
mod metrics;
mod model;
mod notify;
mod package;
mod password;
mod presence;
mod redis;
mod resume;
mod search;
mod server;
mod settings;
mod timed_check;
mod tls;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::db::StoreOptions;
use crate::error::chain;
use crate::license::LicenseRequest;
use crate::password::PasswordChecks;
use crate::settings::ConfigStore;

const USAGE: &str = "mattermost-standin stands in for the Mattermost server in load-test rigs.

usage: mattermost [server] [--config PLACE]  run the server (PLACE: a file or the data source of
                                             a database, also MM_CONFIG)
       mattermost jobserver [--config PLACE] [--nojobs] [--noschedule]
                                             run jobs, and serve no API
       mattermost version                    print the version
       mattermost package --out FILE.tar.gz  make a release tarball of this program
       mattermost license --out FILE [--sku SKU] [--users N] [--days N]
                                             make a license that this server accepts and no other
                                             does: SKU professional, enterprise or advanced (the
                                             default), N users (1000), ended in N days (in 2100)
";

/// What is asked for on the command line.
#[derive(Debug, PartialEq, Eq)]
enum StandinCommand {
    Server { config: Option<PathBuf> },
    JobServer { config: Option<PathBuf>, jobs: bool },
    Version,
    Package { out: PathBuf },
    License(LicenseRequest),
    Help,
}

fn main() -> ExitCode {
    let command = match parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(message) => {
            eprintln!("{message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let result = match command {
        StandinCommand::Server { config } => serve(config, ServerKind::Server),
        StandinCommand::JobServer { config, jobs } => serve(config, ServerKind::JobServer { jobs }),
        StandinCommand::Version => {
            println!(
                "Version: {0}\nBuild Number: {0}\nBuild Date: ",
                model::VERSION
            );
            println!("Build Hash: \nBuild Enterprise Ready: false");
            Ok(())
        }
        StandinCommand::Package { out } => make_package(&out),
        StandinCommand::License(request) => license::write(&request).map_err(|error| chain(&error)),
        StandinCommand::Help => {
            print!("{USAGE}");
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<StandinCommand, String> {
    let mut words = Vec::new();
    let (mut config, mut out) = (None, None);
    let (mut sku, mut users, mut days) = (None, None, None);
    let mut switches = Vec::new();
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let (name, attached) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        let target = match name.as_str() {
            "-c" | "--config" => &mut config,
            "-o" | "--out" => &mut out,
            "--sku" => &mut sku,
            "--users" => &mut users,
            "--days" => &mut days,
            "-h" | "--help" => return Ok(StandinCommand::Help),
            "--nojobs" | "--noschedule" => {
                switches.push(name);
                continue;
            }
            option if option.starts_with('-') => return Err(format!("unknown option `{option}`")),
            _ => {
                words.push(name);
                continue;
            }
        };
        let value = attached.or_else(|| arguments.next());
        *target = Some(value.ok_or_else(|| format!("`{name}` needs a value"))?);
    }
    let number = |option: &str, text: Option<String>| {
        let parsed = text.as_deref().map(str::parse::<i64>).transpose();
        parsed.map_err(|_| format!("`--{option}` needs a number"))
    };
    let (config, out) = (config.map(PathBuf::from), out.map(PathBuf::from));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let (Some(switch), false) = (switches.first(), words == ["jobserver"]) {
        return Err(format!("unknown option `{switch}`"));
    }
    match words[..] {
        [] | ["server"] => Ok(StandinCommand::Server { config }),
        ["jobserver"] => Ok(StandinCommand::JobServer {
            config,
            jobs: !switches.iter().any(|switch| switch == "--nojobs"),
        }),
        ["version"] => Ok(StandinCommand::Version),
        ["package"] => out
            .map(|out| StandinCommand::Package { out })
            .ok_or_else(|| "`package` needs `--out FILE.tar.gz`".to_owned()),
        ["license"] => Ok(StandinCommand::License(LicenseRequest {
            out: out.ok_or_else(|| "`license` needs `--out FILE`".to_owned())?,
            sku: sku.unwrap_or_else(|| "advanced".to_owned()),
            users: number("users", users)?.unwrap_or(1000),
            days: number("days", days)?,
        })),
        ["help"] => Ok(StandinCommand::Help),
        _ => Err(format!("unknown command `{}`", words.join(" "))),
    }
}

/// As what the program serves.
#[derive(Debug, Clone, Copy)]
enum ServerKind {
    Server,
    JobServer { jobs: bool },
}

fn serve(config: Option<PathBuf>, kind: ServerKind) -> Result<(), String> {
    let place = config
        .or_else(|| std::env::var_os("MM_CONFIG").map(PathBuf::from))
        .unwrap_or_else(config::default_path);
    let passwords = PasswordChecks::from_variables(|name| std::env::var(name).ok())?;
    let database = StoreOptions::from_variables(|name| std::env::var(name).ok())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| format!("cannot start threads: {error}"))?;
    let result = runtime.block_on(async {
        let variables = std::env::vars().collect();
        let settings = ConfigStore::open(&place.to_string_lossy(), variables).await;
        let settings = settings.map_err(|error| chain(&error))?;
        logging::init(&settings.current().config.log_settings);
        let served = match kind {
            ServerKind::Server => server::run(settings, passwords, database).await,
            ServerKind::JobServer { jobs } => jobserver::run(settings, database, jobs).await,
        };
        served.map_err(|error| chain(&error))
    });
    // A hash under way has no stop and nobody waits for it any more.
    runtime.shutdown_background();
    result
}

fn make_package(out: &std::path::Path) -> Result<(), String> {
    let sum = package::write(out).map_err(|error| chain(&error))?;
    println!("{sum}  {}", out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<StandinCommand, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn no_command_runs_the_server() {
        assert_eq!(parse_words(""), Ok(StandinCommand::Server { config: None }));
        let config = Some(PathBuf::from("/c.json"));
        assert_eq!(
            parse_words("--config=/c.json"),
            Ok(StandinCommand::Server {
                config: config.clone()
            })
        );
        assert_eq!(
            parse_words("server -c /c.json"),
            Ok(StandinCommand::Server { config })
        );
    }

    #[test]
    fn a_job_server_may_leave_jobs_and_schedules_to_others() {
        let server = |jobs| StandinCommand::JobServer { config: None, jobs };
        assert_eq!(parse_words("jobserver --noschedule"), Ok(server(true)));
        assert_eq!(parse_words("jobserver --nojobs"), Ok(server(false)));
    }

    #[test]
    fn unknown_arguments_are_named() {
        assert_eq!(
            parse_words("export"),
            Err("unknown command `export`".to_owned())
        );
        assert_eq!(
            parse_words("--conf x"),
            Err("unknown option `--conf`".to_owned())
        );
        assert_eq!(
            parse_words("server --noschedule"),
            Err("unknown option `--noschedule`".to_owned())
        );
        assert_eq!(
            parse_words("--config"),
            Err("`--config` needs a value".to_owned())
        );
        assert!(parse_words("package").is_err());
        assert_eq!(
            parse_words("license --out l --users many"),
            Err("`--users` needs a number".to_owned())
        );
    }
}
