//! `loadrig down`: remove everything, then prove that nothing is left.

use serde_json::json;

use crate::cli::App;
use crate::cli::args::DownArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::printer::Printer;
use crate::cli::stop;
use crate::diagnose::ExitCode;
use crate::engine::{Cloud as _, LeftoverCheck};
use crate::ops::down::{DownOptions, DownReport, down};
use crate::ops::{Adapters as _, Target, describe_caller};
use crate::plan::Removal;

/// Takes an environment down.
pub(crate) fn run(app: &App, args: &DownArgs) -> Outcome {
    // The YAML may be gone or broken: its name is enough to remove what has it.
    let target = Target::find(&app.library, &args.env)?;
    if target.is_name_only {
        let name = &target.name;
        app.printer
            .say(&if app.library.resolve(&args.env).is_none() {
                let region = app.global.region.as_ref().unwrap_or(&target.region);
                let file = app.library.path("environments", name);
                format!("no `{}`; looking for `{name}` in {region}", file.display())
            } else {
                format!("the YAML of `{name}` cannot be read; its name is enough here")
            });
    } else {
        Printer::name_as_given(&target.name, &args.env);
    }
    let (events, _recorder) = app.events(None)?;
    let stop = stop::listen(&events)?;
    let place = match Place::find(&app.global, target.cloud, &target.region) {
        Ok(place) => place,
        Err(failure) => return without_place(app, &target, failure),
    };
    let options = DownOptions {
        removal: Removal {
            lift_protection: args.lift_protection,
            discard_data: args.discard_data,
        },
        lock: args.lock.options(&place),
    };
    let questions = app.questions();
    let session = App::session(&events, &stop, &questions);
    let report = App::run(&place, async {
        let cloud = place.cloud().await?;
        let account = cloud.account().await?;
        app.printer
            .insist(&format!("acting on {}", describe_caller(&cloud, &account)));
        Ok::<_, Failure>(down(&cloud, &target.name, &options, &session).await?)
    })?;
    show(app, &target.name, &report);
    report.check(&target.name)?;
    Ok(ExitCode::Done)
}

/// A local cloud that is not running holds nothing.
fn without_place(app: &App, target: &Target, failure: Failure) -> Outcome {
    // Only this one reason means that there is nothing; any other is passed on.
    #[cfg(target_os = "linux")]
    if (target.cloud == crate::spec::CloudTarget::Local
        || app.global.endpoint_url.as_deref() == Some("local"))
        && crate::localcloud::status().is_none()
    {
        let name = &target.name;
        if app.printer.is_json() {
            app.printer.json(&json!({
                "environment": name, "removed": 0, "checked": [], "missing_snapshots": [],
            }));
        } else {
            app.printer.data(&format!(
                "nothing to do: the local cloud is not running, so `{name}` does not exist"
            ));
        }
        return Ok(ExitCode::Done);
    }
    Err(failure)
}

fn show(app: &App, name: &str, report: &DownReport) {
    let removed = report.removed;
    if app.printer.is_json() {
        app.printer.json(&json!({
            "environment": name, "removed": removed, "checked": report.proof,
            "missing_snapshots": report.missing_snapshots,
        }));
        return;
    }
    app.printer.data(&if report.check(name).is_err() {
        format!("resources removed: {removed}")
    } else if removed == 0 {
        format!(
            "nothing to do: `{name}` does not exist in account {}, region {}",
            report.account.id, report.account.region
        )
    } else {
        format!("`{name}` is down, resources removed: {removed}")
    });
    app.printer.data(&proof_text(name, &report.proof));
    if let Some(bucket) = &report.registry {
        app.printer.data(&format!(
            "the registry `{bucket}` stays on purpose: it holds the locks of this account and \
             region; `loadrig registry remove` deletes it after the last environment"
        ));
    }
}

/// What was looked at, what is left and what is kept.
fn proof_text(name: &str, looked: &[LeftoverCheck]) -> String {
    let mut text = format!("checked for leftovers tagged or named for `{name}`:\n");
    for look in looked {
        if let Some(why) = &look.gap {
            text.push_str(&format!("  {:36} not looked at: {why}\n", look.at));
        } else if look.left.is_empty() {
            text.push_str(&format!("  {:36} none\n", look.at));
        } else {
            text.push_str(&format!("  {:36} {}\n", look.at, look.left.join(", ")));
        }
    }
    let kept: Vec<_> = looked
        .iter()
        .flat_map(|look| look.kept.iter().map(move |kept| (&look.at, kept)))
        .collect();
    if !kept.is_empty() {
        text.push_str("kept on purpose:\n");
    }
    for (at, kept) in kept {
        text.push_str(&format!("  {at:36} {} ({})\n", kept.id, kept.cost));
    }
    text
}
