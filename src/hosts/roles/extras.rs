//! The operator's own files and commands.

use crate::hosts::bundle::Bundle;
use crate::hosts::step::{BundleStep, File};

use super::Scene;

/// Files and commands that come before the role.
pub(super) fn before(scene: &Scene<'_>, bundle: &mut Bundle) {
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
