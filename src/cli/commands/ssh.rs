//! `loadrig ssh`: a shell, or a command, on a host.

use crate::cli::App;
use crate::cli::args::SshArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::stop;
use crate::diagnose::ExitCode;
use crate::events::Events;
use crate::ops::access::{host_named, ssh};

/// Runs ssh with the environment's key and known host keys.
pub(crate) fn run(app: &App, args: &SshArgs) -> Outcome {
    let spec = app.library.load(&args.env)?;
    let host = host_named(&spec, &args.host)?;
    app.event_log()?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    // An interrupt is for ssh, which has the terminal; what it leaves here is cleaned up.
    let _stop = stop::listen(&Events::default())?;
    let status = crate::cli::block_on(async {
        let mut access = ssh(spec, host, &place).await?;
        access.command.args(&args.command);
        // The key's agent lives until ssh ends.
        tokio::task::block_in_place(|| access.command.status()).map_err(|error| {
            Failure::new(format!("cannot run ssh: {error}"), "install openssh-client")
        })
    })??;
    if status.success() {
        return Ok(ExitCode::Done);
    }
    match status.code() {
        // Scripts want the remote command's own status; nothing of ours is left to clean up.
        Some(code) if code != 255 => std::process::exit(code),
        _ => Err(Failure::new(
            format!("ssh to `{host}` failed"),
            format!("`loadrig verify {}` shows what works", args.env),
        )),
    }
}
