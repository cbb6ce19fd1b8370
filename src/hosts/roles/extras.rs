//! The operator's own files and commands, and the authorities that hosts trust.

use crate::hosts::bundle::Bundle;
use crate::hosts::digest::Digest;
use crate::hosts::step::{BundleStep, File};

use super::Scene;

/// Authorities, files and commands that come before the role.
pub(super) fn before(scene: &Scene<'_>, bundle: &mut Bundle) {
    // Always: those that an environment names no longer have to go.
    let _ = bundle.push(authorities(scene));
    let files = files(scene);
    let step = (!files.is_empty()).then(|| {
        bundle.push(BundleStep::files(
            "own-files",
            "write your own files",
            files,
        ))
    });
    let Some(extras) = scene.spec.extras.get(&scene.host.role) else {
        return;
    };
    if !extras.before.is_empty() {
        let title = format!("run the commands of `hosts.{}.before`", scene.host.role);
        let commands = BundleStep::commands("before", &title, &extras.before);
        let _ = bundle.push(match step {
            Some(files) => commands.depends_on(&files),
            None => commands,
        });
    }
}

/// What a server is restarted for that trusts these authorities; none without.
pub(super) fn trusted(scene: &Scene<'_>) -> Option<Digest> {
    let is_some = !scene.facts.payload.authorities.is_empty();
    is_some.then(|| authorities(scene).digest())
}

fn authorities(scene: &Scene<'_>) -> BundleStep {
    let files = scene.facts.payload.authorities.iter();
    let files = files
        .map(|file| File::new(&file.path, file.content.clone()).with_mode(file.mode))
        .collect();
    BundleStep::authorities(files)
}

/// Whether there are commands that come once the role works.
pub(super) fn has_after(scene: &Scene<'_>) -> bool {
    let extras = scene.spec.extras.get(&scene.host.role);
    extras.is_some_and(|extras| !extras.after.is_empty())
}

/// Commands that come once the role works.
pub(super) fn after(scene: &Scene<'_>, bundle: &mut Bundle) {
    let Some(extras) = scene.spec.extras.get(&scene.host.role) else {
        return;
    };
    if extras.after.is_empty() {
        return;
    }
    let title = format!("run the commands of `hosts.{}.after`", scene.host.role);
    let commands = BundleStep::commands("after", &title, &extras.after);
    let files = BundleStep::files("own-files", "", files(scene)).digest();
    let _ = bundle.push(commands.depends_on(&files));
}

fn files(scene: &Scene<'_>) -> Vec<File> {
    let files = scene.facts.payload.files.get(&scene.host.role);
    let files = files.into_iter().flatten();
    files
        .map(|file| File::new(&file.path, file.content.clone()).with_mode(file.mode))
        .collect()
}
