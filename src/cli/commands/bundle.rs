//! `loadrig bundle`: what a host would get, for inspection.

use serde_json::json;

use crate::cli::App;
use crate::cli::args::BundleArgs;
use crate::cli::failure::Outcome;
use crate::cli::place::Place;
use crate::diagnose::ExitCode;
use crate::ops::access::host_named;
use crate::ops::bundle::{check_directory, write_bundle};

/// Writes both stages of a host's bundle, secrets blanked out.
pub(crate) fn run(app: &App, args: &BundleArgs) -> Outcome {
    let spec = app.load(&args.env)?;
    let host = host_named(&spec, &args.host)?;
    app.event_log()?;
    check_directory(&args.out)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let agent_program = args.agent.program.as_deref();
    let written = write_bundle(spec, host, &args.out, agent_program, &place);
    App::run_reader(&place, written)?;
    if app.printer.is_json() {
        app.printer.json(&json!({ "path": args.out }));
    } else {
        app.printer.data(&format!(
            "wrote {} (secrets blanked out)",
            args.out.display()
        ));
    }
    Ok(ExitCode::Done)
}
