//! Asks the questions of operations on the terminal.

use std::io::{BufRead, IsTerminal};

use crate::diagnose::fold;
use crate::ops::error::Declined;
use crate::ops::{Confirm, Question};
use crate::plan::{Action, Change};

use super::App;
use super::format::count;
use super::plan_text;

/// Standard input and standard error; with `--yes`, nobody is asked.
pub(crate) struct Questions<'a> {
    /// The options.
    pub app: &'a App,
}

impl std::fmt::Debug for Questions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Questions").finish_non_exhaustive()
    }
}

impl Confirm for Questions<'_> {
    fn is_asked(&self) -> bool {
        !self.app.global.yes
    }

    fn confirm(&self, question: &Question<'_>) -> Result<(), Declined> {
        let printer = &self.app.printer;
        match question {
            Question::Apply(review) => {
                if !review.findings.is_empty() {
                    let text = plan_text::findings(&review.findings, false);
                    printer.say(text.trim_end());
                }
                self.ask(&plan_text::review(review), "Apply this plan?")
            }
            Question::Unchecked(findings) => {
                if self.app.global.yes {
                    let items = findings.iter().map(|one| one.check.clone()).collect();
                    return Err(Declined::Unchecked { items });
                }
                let said = findings
                    .iter()
                    .map(|one| (one.check.clone(), one.detail.clone()));
                let text: String = fold(said)
                    .into_iter()
                    .map(|one| {
                        let others = one.others();
                        let others =
                            others.map_or_else(String::new, |text| format!("      {text}\n"));
                        format!("  {}: {}\n{others}", one.first(), one.text)
                    })
                    .collect();
                self.ask(
                    &format!("These could not be checked:\n{text}"),
                    "Go on without knowing?",
                )
            }
            Question::Remove {
                environment,
                account,
                changes,
                keeps_data,
            } => {
                let count = changes
                    .iter()
                    .filter(|change| change.action == Action::Delete)
                    .count();
                let mut text = format!(
                    "{count} resources of `{environment}` in account {}, region {}, will be deleted:\n",
                    account.id, account.region
                );
                changes
                    .iter()
                    .for_each(|change| text.push_str(&removal(change)));
                // What is agreed to has to be said.
                self.ask(
                    &text,
                    if *keeps_data {
                        "Delete them? Final snapshots and files stay; all other data is deleted."
                    } else {
                        "Delete them, with all their data?"
                    },
                )
            }
            Question::BreakLock {
                lease,
                described,
                wait_seconds,
                is_named,
            } => {
                let owner = &lease.holder.owner;
                let text = format!(
                    "`{}` is locked by {described}.\n\
                     Breaking the lock does not stop that run at once. If it still works, it notices when it \
                     renews its lease, or stops when that would have expired; this run waits for it, \
                     {wait_seconds} s at the most. Calls that it has in flight take effect all the same. \
                     Do this when you know that it has ended, or when it must not continue.",
                    lease.environment,
                );
                if self.app.global.yes {
                    printer.say(&text);
                    if !is_named {
                        let owner = owner.clone();
                        return Err(Declined::HolderNotNamed { owner });
                    }
                    return Ok(());
                }
                self.ask(&text, &format!("Break the lock of `{owner}`?"))
            }
            Question::Canary {
                account,
                canary,
                resources,
                spend,
            } => {
                let cost = match spend {
                    None => "cost nothing by the hour".to_owned(),
                    Some(spend) => format!("cost at most ${spend}, for one small host,"),
                };
                self.ask(
                    &format!(
                        "{resources} resources that {cost} will be created as `{canary}` in account {}, \
                         region {}, looked at and removed; roles of AWS's services that are missing stay",
                        account.id, account.region
                    ),
                    "Try the account with it?",
                )
            }
            Question::RemoveEarlier {
                environment,
                resources,
            } => {
                let text = format!(
                    "`{environment}` exists already, with {resources} resources, from an earlier `demo --keep` or `up`: \
                     the demo goes on with it, and removes it at the end"
                );
                if self.app.global.yes {
                    printer.insist(&text);
                }
                self.ask(&text, "Go on, and remove it?")
            }
            Question::PruneRuns { environment, runs } => self.ask(
                &format!(
                    "the files of {} of `{environment}` on this machine will be deleted:\n  {}",
                    count(runs.len(), "run"),
                    runs.join("\n  ")
                ),
                "Delete them?",
            ),
            Question::RemoveRegistry { bucket } => self.ask(
                &format!("`{bucket}` will be deleted with everything in it"),
                "Delete it?",
            ),
        }
    }
}

impl Questions<'_> {
    /// Shows what would be done and asks, unless `--yes` was given.
    pub(crate) fn ask(&self, text: &str, question: &str) -> Result<(), Declined> {
        if self.app.global.yes {
            return Ok(());
        }
        let printer = &self.app.printer;
        // Nobody can agree to what `--quiet` hid.
        printer.insist(text.trim_end());
        if !std::io::stdin().is_terminal() {
            return Err(Declined::NoTerminal);
        }
        printer.insist(&format!("{question} [y/N]"));
        let mut answer = String::new();
        let _end_of_input = std::io::stdin().lock().read_line(&mut answer);
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Declined::No),
        }
    }
}

/// One resource: what happens to it, and what to know beyond that.
fn removal(change: &Change) -> String {
    let id = change.existing.as_ref().map_or("", |e| e.id.as_str());
    let (mark, note) = match (change.action, change.reason.split_once("; ")) {
        (Action::Keep, _) => (" ", change.reason.as_str()),
        (_, Some((_, note))) => ("-", note),
        (_, None) => ("-", ""),
    };
    let text = format!("  {mark} {:32} {id}  {note}", change.address);
    format!("{}\n", text.trim_end())
}
