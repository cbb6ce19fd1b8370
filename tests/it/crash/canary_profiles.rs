//! What the canary of `doctor --live` says of accounts with a past: the whole text is a snapshot, and
//! docs/strict-cloud.md has a line for each.

use std::collections::BTreeSet;
use std::time::Duration;

use loadrig::cli::{canary_remedies, canary_text};
use loadrig::diagnose::{Diagnose as _, ExitCode};
use loadrig::ops::doctor::{CanaryArea, CanaryVerdict};
use strict_cloud::{AccountProfile, AwsAccount};

use super::canary::{PLAIN, Run, Tried, WITH_HOST, doctor, environment, left};
use super::layouts::tags;
use super::outcome::later;
use super::process::REGION;
use super::profiles::expected;
use super::sweep::Expected;

/// The name of every canary here, so that what is said is the same in every run.
const NAME: &str = "canary-000001";

/// How long a canary may take, without a host and with one.
const LONGEST: Duration = Duration::from_mins(3);
const LONGEST_WITH_HOST: Duration = Duration::from_mins(7);

/// An account, and what the environment's YAML says because of it.
struct Case {
    name: String,
    account: AwsAccount,
    yaml: String,
}

/// Every profile, and what those come to that are not kept, or are waited for.
fn cases() -> Vec<Case> {
    let of = |profile: AccountProfile| Case {
        name: profile.name().to_owned(),
        account: AwsAccount::of_profile(profile, REGION, 1.0),
        yaml: tags(profile),
    };
    let mut cases: Vec<Case> = AccountProfile::ALL.iter().copied().map(of).collect();
    cases.push(Case {
        name: "enterprise, without the tag".to_owned(),
        yaml: String::new(),
        ..of(AccountProfile::Enterprise)
    });
    let failing = of(AccountProfile::Failing);
    cases.push(Case {
        name: "failing, an hour later".to_owned(),
        account: later(failing.account, Duration::from_hours(1)),
        yaml: String::new(),
    });
    cases
}

fn tried(case: &Case, how: Run) -> Tried {
    let spec = environment(&format!("architecture: 1k\n{}", case.yaml));
    let how = Run {
        name: Some(NAME),
        ..how
    };
    doctor(case.account.clone(), &spec, how)
}

fn code(tried: &Tried) -> ExitCode {
    match &tried.report {
        Ok(report) => report.exit_code(),
        Err(error) => error.exit_code(),
    }
}

/// What the user is shown, without how long it took.
fn shown(tried: &Tried) -> String {
    let (text, hints) = match &tried.report {
        Ok(report) => (canary_text(report), canary_remedies(report)),
        Err(error) => (format!("error: {error}\n"), error.hints()),
    };
    let lines = text.lines().map(|line| match line.split_once("; created") {
        Some((took, created)) if took.starts_with("took ") => {
            format!("took [time]; created{created}")
        }
        _ => line.to_owned(),
    });
    let hints = hints.iter().map(|hint| format!("hint: {hint}"));
    let lines: Vec<String> = lines.chain(hints).collect();
    format!("{}\nexit status {}\n", lines.join("\n"), code(tried) as u8)
}

/// The same without ids of instances and since when their checks fail: hosts come at the same time as
/// other things.
fn without_ids(text: &str) -> String {
    let (ids, times) = (["(i-", "`i-"], " fails since ");
    let mut kept = text.to_owned();
    for start in ids {
        let mut parts = kept.split(start);
        let first = parts.next().unwrap_or_default().to_owned();
        kept = parts.fold(first, |kept, part| {
            let rest = part.trim_start_matches(|sign: char| sign.is_ascii_hexdigit());
            format!("{kept}{start}…{rest}")
        });
    }
    let mut parts = kept.split(times);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| {
        let rest = part.split_once('Z').map_or("", |(_, rest)| rest);
        format!("{kept} fails{rest}")
    })
}

/// What was not as it should be.
fn stands_against(tried: &Tried) -> Vec<String> {
    let report = match &tried.report {
        Ok(report) => report,
        Err(error) => return vec![error.to_string()],
    };
    let checks = report.checks.iter().filter(|one| {
        !matches!(one.verdict, CanaryVerdict::Proved | CanaryVerdict::Unknown)
            // What the simulation denies is denied of the calls themselves, too.
            && one.area != CanaryArea::Permissions
    });
    checks.map(|one| one.detail.clone()).collect()
}

/// The call and the kind of policy that denies it, or the end of what was said.
fn cause(detail: &str) -> String {
    if let Some((_, said)) = detail.split_once("EC2 says: ") {
        return without_ids(said);
    }
    let denied = detail.split_once("not authorized to perform: ");
    let denied = denied.and_then(|(_, rest)| {
        let (action, rest) = rest.split_once(" on resource: ")?;
        let (_, policy) = rest.split_once("with an explicit deny in ")?;
        let policy = policy.split([',', '.', ';', '(']).next()?.trim_end();
        Some(format!("{policy} denies `{action}`"))
    });
    denied.unwrap_or_else(|| {
        // A call, what it acted on, what was answered, and in brackets code and request.
        let said = detail.rsplit_once(" (").map_or(detail, |(said, _)| said);
        let answered = said
            .split_once(" failed for `")
            .map_or(said, |(_, rest)| rest);
        let answered = answered
            .split_once("`: ")
            .map_or(answered, |(_, rest)| rest);
        format!("\"{answered}\"")
    })
}

fn cell(tried: &Tried) -> String {
    let causes: BTreeSet<String> = stands_against(tried)
        .iter()
        .map(|detail| cause(detail))
        .collect();
    let causes: Vec<String> = causes.into_iter().collect();
    let status = code(tried) as u8;
    match causes.is_empty() {
        true => format!("{status}: nothing stands against `up`"),
        false => format!("{status}: {}", causes.join("; ")),
    }
}

/// The table of docs/strict-cloud.md, between two comments.
fn documented() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/strict-cloud.md");
    let text = std::fs::read_to_string(page).expect("the page");
    let (_, rest) = text.split_once("<!-- canary -->\n").expect("a table");
    let (table, _) = rest.split_once("<!-- end -->").expect("an end");
    table.to_owned()
}

#[test]
fn a_canary_tells_what_an_account_is_like_and_leaves_nothing() {
    let mut table =
        "| account | `doctor --live` | with `--spend 0.05` |\n|---|---|---|\n".to_owned();
    for case in cases() {
        let (plain, with_host) = (tried(&case, PLAIN), tried(&case, WITH_HOST));
        for (one, longest) in [(&plain, LONGEST), (&with_host, LONGEST_WITH_HOST)] {
            assert_eq!(left(&one.account), Vec::<String>::new(), "{}", case.name);
            if let Ok(report) = &one.report {
                assert_eq!(report.created, report.removed, "{}", case.name);
                assert!(report.took < longest, "{}: {:?}", case.name, report.took);
            }
        }
        // What would end `up`, the canary names in the same words.
        if let Ok(profile) = case.name.parse::<AccountProfile>() {
            let told = shown(&with_host);
            match expected(profile) {
                // It creates no database.
                Expected::UpEnds(_) if profile == AccountProfile::FailingStorage => {
                    assert_eq!(code(&with_host), ExitCode::Done, "{}: {told}", case.name);
                }
                Expected::UpEnds(saying) | Expected::BothEnd(saying) => {
                    assert!(told.contains(saying), "{}: {told}", case.name);
                    // It is nobody's fault, where a policy or a key is the account's.
                    let wanted = match profile {
                        AccountProfile::FailingHost => ExitCode::Failed,
                        _ => ExitCode::Preflight,
                    };
                    assert_eq!(code(&with_host), wanted, "{}", case.name);
                }
                Expected::Converges { runs: 1 } => {
                    assert_eq!(code(&with_host), ExitCode::Done, "{}: {told}", case.name);
                }
                Expected::Converges { .. } => {}
            }
        }
        let name = case.name.replace([',', ' '], "-").replace("--", "-");
        let more = without_ids(&stands_against(&with_host).join("\n"));
        let text = format!(
            "{}\nwith a host: exit status {}\n{more}\n",
            shown(&plain),
            code(&with_host) as u8
        );
        insta::assert_snapshot!(name, text);
        let name = case.name.split_once(", ");
        let name = name.map_or_else(
            || format!("`{}`", case.name),
            |(profile, rest)| format!("`{profile}`, {rest}"),
        );
        table.push_str(&format!(
            "| {name} | {} | {} |\n",
            cell(&plain),
            cell(&with_host)
        ));
    }
    assert!(
        documented() == table,
        "docs/strict-cloud.md is to say\n{table}"
    );
}
