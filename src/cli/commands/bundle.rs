//! `loadrig bundle`: what a host would get, to look at.

use std::sync::Arc;

use serde_json::json;

use crate::blueprint::Stage;
use crate::cli::App;
use crate::cli::args::BundleArgs;
use crate::cli::commands::ssh::host;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::diagnose::ExitCode;
use crate::hosts::render;
use crate::ops::rig::{Rig, facts, payload};

/// Writes both stages of a host's bundle, secrets blanked out.
pub fn run(app: &App, args: &BundleArgs) -> Outcome {
    let spec = app.library.load(&args.env)?;
    let host = host(&spec, &args.host)?;
    if args
        .out
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        return Err(Failure::new(
            format!("`{}` is not empty", args.out.display()),
            "name a directory that does not exist yet",
        )
        .with_code(ExitCode::Usage));
    }
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    crate::cli::block_on(async {
        let rig = Rig::open(spec, &place, &app.global).await?;
        let connected = rig.connect().await?;
        let payload = Arc::new(payload(&rig.spec)?);
        let facts = facts(&rig.spec, &connected.world, &connected.secrets, &payload);
        for stage in [Stage::Prepare, Stage::Configure] {
            let bundle = render(&rig.spec, host, stage, &facts)?;
            bundle
                .write_to(&args.out.join(stage.as_str()))
                .map_err(|error| {
                    Failure::new(
                        format!("cannot write `{}`: {error}", args.out.display()),
                        "name a directory that you may write to",
                    )
                })?;
        }
        if app.printer.is_json() {
            app.printer.json(&json!({ "path": args.out }));
        } else {
            app.printer.data(&format!(
                "wrote {} (secrets blanked out)",
                args.out.display()
            ));
        }
        Ok(ExitCode::Done)
    })?
}
