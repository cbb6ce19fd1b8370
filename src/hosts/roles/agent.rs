//! Load-test agents: this very program, and room for many connections.

use crate::hosts::bundle::Bundle;
use crate::hosts::digest::Digest;
use crate::hosts::step::BundleStep;

use super::Scene;

/// Where agents and search proxies have this program.
pub(super) const PROGRAM: &str = "/opt/loadrig/bin/loadrig";

pub(super) fn prepare(scene: &Scene<'_>, bundle: &mut Bundle) {
    match &scene.facts.payload.agent {
        Some(program) => {
            let _ = bundle.push(BundleStep::program(PROGRAM, program.clone()));
        }
        None => bundle.note(format!(
            "there is no program for Linux to install as {PROGRAM}"
        )),
    }
}

/// Agents get their scenario when a test starts; until then they can only prove to run.
pub(super) fn configure(scene: &Scene<'_>, bundle: &mut Bundle) {
    if let Some(program) = &scene.facts.payload.agent {
        let title = "see that the agent's program runs here";
        let run = BundleStep::command("program", title, &[PROGRAM, "--version"]);
        let _ = bundle.push(run.depends_on(&Digest::of(&[program.sha256()])));
    }
}
