//! `loadrig registry`: the bucket that holds the locks of an account and region.

use serde_json::json;

use crate::aws::Registry;
use crate::cli::App;
use crate::cli::args::RegistryCommand;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::diagnose::ExitCode;
use crate::engine::clear;
use crate::ops::list::{Found, Standing, leases, survey};
use crate::ops::rig::Rig;
use crate::spec::CloudTarget;

/// Shows or removes it.
pub fn run(app: &App, command: RegistryCommand) -> Outcome {
    let place = Place::find(&app.global, CloudTarget::Aws, "us-east-1")?;
    crate::cli::block_on(async {
        let cloud = Rig::cloud(&place, &app.global).await?;
        let registry = Registry::of(&cloud).await?;
        let exists = registry.exists().await?;
        let leases = leases(&registry).await?;
        match command {
            RegistryCommand::Show => {
                show(app, &registry, exists, &leases);
                Ok(ExitCode::Done)
            }
            RegistryCommand::Remove => {
                if !exists {
                    app.printer.data(&format!(
                        "nothing to do: there is no `{}`",
                        registry.bucket()
                    ));
                    return Ok(ExitCode::Done);
                }
                refuse_while_used(&survey(&cloud, &leases).await?, &leases)?;
                let text = format!(
                    "`{}` will be removed with all that is in it",
                    registry.bucket()
                );
                app.confirm(&text, "Remove it?")?;
                // Somebody may have begun to work while the question stood.
                for found in &leases {
                    clear(&registry, &found.lease.environment).await?;
                }
                registry.remove().await?;
                app.printer
                    .data(&format!("`{}` is gone", registry.bucket()));
                Ok(ExitCode::Done)
            }
        }
    })?
}

fn show(app: &App, registry: &Registry, exists: bool, leases: &[Found]) {
    if app.printer.is_json() {
        let locks: Vec<_> = leases
            .iter()
            .map(|found| json!({ "lease": found.lease, "live": found.live }))
            .collect();
        app.printer
            .json(&json!({ "bucket": registry.bucket(), "exists": exists, "locks": locks }));
        return;
    }
    if !exists {
        app.printer.data(&format!(
            "`{}` does not exist: the first `up` makes it",
            registry.bucket()
        ));
        return;
    }
    app.printer.data(&format!("bucket `{}`", registry.bucket()));
    if leases.is_empty() {
        app.printer.data("no locks");
    }
    for found in leases {
        let name = &found.lease.environment;
        app.printer.data(&match found.live {
            true => format!("`{name}` is locked by {}", found.text),
            false => format!(
                "`{name}` was locked by {}; that lease has ended",
                found.text
            ),
        });
    }
}

fn refuse_while_used(environments: &[Standing], leases: &[Found]) -> Result<(), Failure> {
    let left: Vec<&str> = environments
        .iter()
        .filter(|one| one.resources > 0)
        .map(|one| one.environment.as_str())
        .collect();
    if let Some(first) = left.first() {
        return Err(Failure::new(
            format!(
                "the registry is in use: there still is `{}`",
                left.join("`, `")
            ),
            format!("`loadrig down {first}` first"),
        ));
    }
    if let Some(found) = leases.iter().find(|found| found.live) {
        return Err(Failure::new(
            format!(
                "the registry is in use: `{}` is locked by {}",
                found.lease.environment, found.text
            ),
            "wait until that run has ended",
        )
        .with_code(ExitCode::Locked));
    }
    Ok(())
}
