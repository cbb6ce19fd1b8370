//! What a look at a host comes to: is it as the YAML says, are its files untouched, do its services
//! run? Pure.

use crate::hosts::{HostInspection, UnitState};
use crate::ops::planned_hosts::NotCompared;
use crate::spec::HostName;

use super::check::RigCheck;

/// Steps that are named; of more, their number.
const NAMED_STEPS: usize = 3;

/// A look at a host.
pub(super) struct Inspected<'a> {
    pub(super) environment: &'a str,
    pub(super) host: HostName,
    pub(super) inspection: &'a HostInspection,
    /// How many steps it was compared with.
    pub(super) steps: Result<usize, NotCompared>,
    /// What was not asked because a service does not run.
    pub(super) mooted: Vec<String>,
}

/// Every check of it.
pub(super) fn checks(inspected: &Inspected<'_>) -> Vec<RigCheck> {
    let mut checks = vec![as_the_yaml_says(inspected)];
    checks.extend(files(inspected));
    checks.push(services(inspected));
    checks
}

impl Inspected<'_> {
    fn check(&self, what: &str, pass: bool, detail: String, remedy: String) -> RigCheck {
        RigCheck {
            name: format!("{}: {what}", self.host),
            pass,
            warning: false,
            detail,
            remedy,
        }
    }
}

/// What applying the planned bundles would do, in words; nothing where it would do nothing.
pub(in crate::ops) fn differences(inspection: &HostInspection) -> Option<String> {
    let steps = match inspection.differing_steps.as_slice() {
        [] => return None,
        steps if steps.len() <= NAMED_STEPS => steps.join("; "),
        steps => format!("{} steps", steps.len()),
    };
    let verb = |verb: &str, units: &[String]| match units {
        [] => None,
        units => Some(format!("{verb} {}", units.join(", "))),
    };
    let services = [
        verb("restarts", &inspection.restarts),
        verb("reloads", &inspection.reloads),
    ];
    let services: Vec<String> = services.into_iter().flatten().collect();
    Some(match services.is_empty() {
        true => steps,
        false => format!("{steps} ({})", services.join(", ")),
    })
}

/// What applying the planned bundles would put right of what somebody did to the host, in words; nothing
/// where there is nothing.
pub(in crate::ops) fn repairs(inspection: &HostInspection) -> Option<String> {
    let files = inspection.changed_files.iter();
    let files: Vec<&str> = files
        .chain(&inspection.missing_files)
        .map(String::as_str)
        .collect();
    let modes: Vec<&str> = inspection
        .modes
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    let units = |is: fn(&UnitState) -> bool| -> Vec<&str> {
        let units = inspection.units.iter().filter(|unit| is(unit));
        units.map(|unit| unit.name.as_str()).collect()
    };
    let behind = match files.is_empty() {
        true => inspection.behind.iter().map(String::as_str).collect(),
        false => Vec::new(),
    };
    let repairs = [
        ("restore", files),
        ("set the permissions of", modes),
        ("start", units(|unit| !unit.is_active())),
        ("have at boot", units(|unit| !unit.starts_at_boot)),
        ("reload", behind),
    ];
    let repairs = repairs.into_iter().filter(|(_, names)| !names.is_empty());
    let repairs: Vec<String> = repairs
        .map(|(verb, names)| format!("{verb} {}", names.join(", ")))
        .collect();
    if repairs.is_empty() {
        return None;
    }
    // With steps that differ, they are told there.
    let restarts = match (
        inspection.differing_steps.as_slice(),
        inspection.restarts.as_slice(),
    ) {
        ([], [_, ..]) => format!(" (restarts {})", inspection.restarts.join(", ")),
        _ => String::new(),
    };
    Some(format!("{}{restarts}", repairs.join("; ")))
}

fn as_the_yaml_says(inspected: &Inspected<'_>) -> RigCheck {
    let (env, host) = (inspected.environment, inspected.host);
    let inspection = inspected.inspection;
    let what = "is as the YAML says";
    let left = differences(inspection);
    if inspection.is_unfinished {
        let mut detail = format!("the last `up` did not finish on {host}");
        if let Some(left) = left {
            detail = format!("{detail}; left to do: {left}");
        }
        let remedy = format!("`loadrig up {env}` continues");
        return inspected.check(what, false, detail, remedy);
    }
    match (&inspected.steps, left) {
        (Err(not), _) => RigCheck {
            warning: true,
            ..inspected.check(
                what,
                true,
                format!("not compared: {}", not.why),
                not.remedy.clone(),
            )
        },
        (Ok(_), Some(left)) => inspected.check(
            what,
            false,
            format!("differs from the YAML, `up` would: {left}"),
            format!("`loadrig up {env}` applies it; application nodes change one by one"),
        ),
        (Ok(steps), None) => inspected.check(what, true, format!("{steps} steps"), String::new()),
    }
}

/// Nothing while an `up` is not finished: what it wrote has no checksums yet.
fn files(inspected: &Inspected<'_>) -> Option<RigCheck> {
    let inspection = inspected.inspection;
    if inspection.is_unfinished {
        return None;
    }
    let mut faults = Vec::new();
    let named = |what: &str, paths: &[String]| match paths {
        [] => None,
        paths => Some(format!("{what}: {}", paths.join(" "))),
    };
    faults.extend(named("changed on the host", &inspection.changed_files));
    faults.extend(named("missing on the host", &inspection.missing_files));
    faults.extend(inspection.modes.iter().map(|one| {
        let (seen, written) = (&one.seen, &one.written);
        format!("{} has mode {seen}, not {written}", one.path)
    }));
    if inspection.same_files == 0 && faults.is_empty() {
        faults.push("the checksums of what loadrig wrote cannot be read".to_owned());
    }
    let detail = match faults.is_empty() {
        true => format!("{} files", inspection.same_files),
        false => faults.join("; "),
    };
    let env = inspected.environment;
    Some(inspected.check(
        "files are as loadrig wrote them",
        faults.is_empty(),
        detail,
        format!("`loadrig up {env}` restores them and restarts what reads them"),
    ))
}

fn services(inspected: &Inspected<'_>) -> RigCheck {
    let (env, host) = (inspected.environment, inspected.host);
    let inspection = inspected.inspection;
    let down: Vec<&UnitState> = inspection
        .units
        .iter()
        .filter(|unit| !unit.is_active())
        .collect();
    let mut faults = Vec::new();
    let mut remedies = Vec::new();
    for unit in &down {
        let reason = unit.reason.as_ref().map(|text| format!(": {text}"));
        let reason = reason.unwrap_or_default();
        faults.push(format!("{} is {}{reason}", unit.name, unit.state));
        remedies.push(format!(
            "`loadrig ssh {env} {host} -- sudo journalctl -u {}` shows its log",
            unit.name
        ));
    }
    if let (false, [first, rest @ ..]) = (down.is_empty(), inspected.mooted.as_slice()) {
        let more: String = rest.iter().map(|one| format!("; {one}")).collect();
        faults.push(format!("not checked therefore: {first}{more}"));
    }
    for unit in inspection.units.iter().filter(|one| !one.starts_at_boot) {
        faults.push(format!("{} does not start at boot", unit.name));
    }
    // Files that somebody changed are told by themselves.
    let is_touched = !inspection.changed_files.is_empty() || !inspection.missing_files.is_empty();
    for unit in inspection.behind.iter().filter(|_| !is_touched) {
        faults.push(format!(
            "{unit} runs with another configuration than its files have"
        ));
    }
    remedies.push(format!("`loadrig up {env}` repairs it"));
    let detail = match faults.is_empty() {
        true => {
            let names = inspection.units.iter().map(|unit| unit.name.as_str());
            names.collect::<Vec<_>>().join(", ")
        }
        false => faults.join("; "),
    };
    inspected.check(
        "services run, now and after a boot",
        faults.is_empty(),
        detail,
        remedies.join("; "),
    )
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::hosts::FileMode;

    use super::*;

    fn unit(name: &str, state: &str, starts_at_boot: bool) -> UnitState {
        UnitState {
            name: name.to_owned(),
            state: state.to_owned(),
            starts_at_boot,
            reason: None,
        }
    }

    /// A proxy on which nothing is wrong.
    fn sound() -> HostInspection {
        HostInspection {
            same_files: 8,
            units: vec![
                unit("prometheus-node-exporter", "active", true),
                unit("nginx", "active", true),
            ],
            ..HostInspection::default()
        }
    }

    fn shown(inspection: &HostInspection, steps: Result<usize, NotCompared>) -> String {
        let down = inspection.units.iter().any(|unit| !unit.is_active());
        let mooted = match down {
            true => vec![
                "forwards to the application nodes".to_owned(),
                "the login gate is as planned".to_owned(),
            ],
            false => Vec::new(),
        };
        let inspected = Inspected {
            environment: "demo",
            host: "proxy-1".parse().unwrap(),
            inspection,
            steps,
            mooted,
        };
        let mut text = String::new();
        for check in checks(&inspected) {
            let _ = writeln!(text, "{} {}: {}", check.result(), check.name, check.detail);
            if check.result() != "pass" {
                let _ = writeln!(text, "     {}", check.remedy);
            }
        }
        text
    }

    #[test]
    fn a_host_is_shown_with_what_is_wrong_and_the_remedy() {
        let words = |words: &[&str]| words.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
        let mut text = format!("as planned\n{}", shown(&sound(), Ok(14)));

        let changed_yaml = HostInspection {
            differing_steps: words(&[
                "write the server's environment variables",
                "start mattermost",
            ]),
            restarts: words(&["mattermost"]),
            ..sound()
        };
        text += &format!("\nthe YAML changed\n{}", shown(&changed_yaml, Ok(14)));

        let unfinished = HostInspection {
            is_unfinished: true,
            differing_steps: words(&["see mattermost answer at http://localhost:8065"]),
            units: vec![unit("mattermost", "activating", true)],
            ..HostInspection::default()
        };
        text += &format!(
            "\nan `up` that did not finish\n{}",
            shown(&unfinished, Ok(14))
        );

        let touched = HostInspection {
            changed_files: words(&["/etc/nginx/nginx.conf"]),
            missing_files: words(&["/etc/nginx/conf.d/mattermost.conf"]),
            modes: vec![FileMode {
                path: "/etc/mattermost/environment".to_owned(),
                seen: "644".to_owned(),
                written: "600".to_owned(),
            }],
            behind: words(&["nginx"]),
            units: vec![unit("nginx", "active", false)],
            ..sound()
        };
        let put_back = HostInspection {
            behind: words(&["nginx"]),
            ..sound()
        };
        text += &format!("\nfiles that were put back\n{}", shown(&put_back, Ok(14)));
        text += &format!("\nsomebody was there\n{}", shown(&touched, Ok(14)));

        let down = HostInspection {
            units: vec![unit("nginx", "inactive", true)],
            ..sound()
        };
        text += &format!("\nnginx is stopped\n{}", shown(&down, Ok(14)));

        let looping = HostInspection {
            units: vec![UnitState {
                reason: Some("Control process exited, code=exited, status=1/FAILURE".to_owned()),
                ..unit("nginx", "activating", true)
            }],
            ..sound()
        };
        text += &format!("\nnginx does not start\n{}", shown(&looping, Ok(14)));

        let not = NotCompared {
            why: "the environment variable `LICENSE`, which should hold the license, is not set"
                .to_owned(),
            remedy: "set it to the text of the license".to_owned(),
        };
        text += &format!(
            "\nthis machine lacks something\n{}",
            shown(&sound(), Err(not))
        );
        text += &format!(
            "\nno checksums\n{}",
            shown(&HostInspection::default(), Ok(14))
        );
        insta::assert_snapshot!(text);
    }
}
