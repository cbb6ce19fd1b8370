//! `loadrig ssh`: a shell, or a command, on a host.

use crate::cli::App;
use crate::cli::args::SshArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::diagnose::ExitCode;
use crate::ops::rig::Rig;
use crate::spec::{HostName, Spec};

/// Runs ssh with the environment's key and known host keys.
pub fn run(app: &App, args: &SshArgs) -> Outcome {
    let spec = app.library.load(&args.env)?;
    let host = host(&spec, &args.host)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let status = crate::cli::block_on(async {
        let rig = Rig::open(spec, &place, &app.global).await?;
        let connected = rig.connect().await?;
        let mut command = connected.keyring.ssh_command(host)?;
        command.args(&args.command);
        // The keyring lives until ssh ends: its agent holds the key.
        tokio::task::block_in_place(|| command.status()).map_err(|error| {
            Failure::new(format!("cannot run ssh: {error}"), "install openssh-client")
        })
    })??;
    if status.success() {
        return Ok(ExitCode::Done);
    }
    match status.code() {
        // Scripts want the remote command's own verdict; nothing of ours is left to clean up.
        Some(code) if code != 255 => std::process::exit(code),
        _ => Err(Failure::new(
            format!("ssh to `{host}` failed"),
            format!("`loadrig verify {}` tells what works", args.env),
        )),
    }
}

/// A host of the environment, by name.
pub fn host(spec: &Spec, name: &str) -> Result<HostName, Failure> {
    let hosts = spec.hosts();
    name.parse::<HostName>()
        .ok()
        .filter(|host| hosts.contains(host))
        .ok_or_else(|| {
            let known: Vec<String> = hosts.iter().map(HostName::to_string).collect();
            Failure::new(
                format!("`{}` has no host `{name}`", spec.name),
                format!("its hosts are {}", known.join(", ")),
            )
            .with_code(ExitCode::Usage)
        })
}
