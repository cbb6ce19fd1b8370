//! The report: how many facts agree, each that does not, and the evidence behind every operation
//! that loadrig calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::citations::Citations;
use crate::compare::Verdict;
use crate::evidence::Evidence;
use crate::facts::RecordedFact;
use crate::program::ProgramCalls;
use crate::shapes::{AnswerShapes, RecordedShape};
use crate::{FactOutcome, OutcomesById};

pub(crate) struct Report<'a> {
    pub(crate) facts: &'a BTreeMap<String, RecordedFact>,
    pub(crate) program: &'a ProgramCalls,
    pub(crate) citations: &'a Citations,
    pub(crate) shapes: &'a BTreeMap<(String, String), RecordedShape>,
    pub(crate) answered: &'a AnswerShapes,
    pub(crate) emulated: &'a OutcomesById,
    pub(crate) memory: &'a OutcomesById,
}

/// Counts of outcomes.
#[derive(Debug, Default, Clone)]
struct OutcomeCounts {
    facts: usize,
    not_sent: usize,
    not_replayed: usize,
    agree: usize,
    words: usize,
    fields: usize,
    disagree: usize,
}

impl OutcomeCounts {
    fn add(&mut self, outcome: &FactOutcome) {
        self.facts += 1;
        let count = match outcome {
            FactOutcome::NotSent(_) => &mut self.not_sent,
            FactOutcome::NotReplayed(_) => &mut self.not_replayed,
            FactOutcome::Compared(Verdict::Agree) => &mut self.agree,
            FactOutcome::Compared(Verdict::Words(_)) => &mut self.words,
            FactOutcome::Compared(Verdict::Fields(_)) => &mut self.fields,
            FactOutcome::Compared(Verdict::Disagree(_)) => &mut self.disagree,
        };
        *count += 1;
    }

    fn compared(&self) -> usize {
        self.agree + self.words + self.fields + self.disagree
    }

    /// Share of the compared facts that agree, words and unread fields apart, in percent.
    fn score(&self) -> f64 {
        let agreeing = self.compared() - self.disagree;
        100.0 * agreeing as f64 / self.compared().max(1) as f64
    }

    fn row(&self, name: &str) -> String {
        format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {:.1} |\n",
            self.facts,
            self.not_sent,
            self.not_replayed,
            self.agree,
            self.words,
            self.fields,
            self.disagree,
            self.score()
        )
    }
}

/// Agreement of so many of the compared facts, in percent, is what is wanted.
const TARGET: f64 = 98.0;

const HEAD: &str = "| | facts | not sent | not replayed | agree | words | fields | disagree | % |\n|---|---|---|---|---|---|---|---|---|\n";

impl Report<'_> {
    fn table(&self, outcomes: &OutcomesById) -> String {
        let mut services: BTreeMap<&str, OutcomeCounts> = BTreeMap::new();
        let mut all = OutcomeCounts::default();
        for (id, outcome) in outcomes {
            if let Some(fact) = self.facts.get(id) {
                services.entry(fact.service()).or_default().add(outcome);
                all.add(outcome);
            }
        }
        let rows: String = services
            .iter()
            .map(|(name, counts)| counts.row(name))
            .collect();
        format!("{HEAD}{rows}{}", all.row("all"))
    }

    /// Whether so many of the compared facts agree as is wanted.
    fn target(&self) -> String {
        let mut all = OutcomeCounts::default();
        self.emulated.values().for_each(|outcome| all.add(outcome));
        let (score, compared) = (all.score(), all.compared());
        let reached = if score < TARGET { "missed" } else { "reached" };
        format!(
            "{score:.1} % of {compared} facts agree: the target of {TARGET:.0} % is {reached}.\n"
        )
    }

    /// Reasons for which facts are not compared, with how many there are of each, and the
    /// operations of those that loadrig sends.
    fn reasons(&self, outcomes: &OutcomesById) -> BTreeMap<String, (usize, BTreeSet<&str>)> {
        let mut reasons = BTreeMap::<String, (usize, BTreeSet<&str>)>::new();
        for (id, outcome) in outcomes {
            let (reason, sent) = match outcome {
                FactOutcome::NotSent(what) if what == "the call" => {
                    ("loadrig does not make the call", false)
                }
                FactOutcome::NotSent(_) => ("loadrig does not send a parameter", false),
                FactOutcome::NotReplayed(reason) => (reason.as_str(), true),
                FactOutcome::Compared(_) => continue,
            };
            let (count, operations) = reasons.entry(reason.to_owned()).or_default();
            *count += 1;
            let operation = self.facts.get(id).map(|fact| fact.operation.as_str());
            operations.extend(operation.filter(|_| sent));
        }
        reasons
    }

    /// What is printed.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for (name, outcomes) in [
            ("The strict cloud before moto", self.emulated),
            ("The account in memory", self.memory),
        ] {
            let _ = writeln!(out, "{name}\n\n{}", self.table(outcomes));
            for (id, outcome) in outcomes {
                let operation = self
                    .facts
                    .get(id)
                    .map_or("", |fact| fact.operation.as_str());
                match outcome {
                    FactOutcome::Compared(Verdict::Disagree(what)) => {
                        let _ = writeln!(out, "DISAGREE {operation} {id}: {what}");
                    }
                    FactOutcome::Compared(Verdict::Words(what)) => {
                        let _ = writeln!(out, "words    {operation} {id}: {what}");
                    }
                    FactOutcome::Compared(Verdict::Fields(what)) => {
                        let _ = writeln!(out, "fields   {operation} {id}: {what}");
                    }
                    FactOutcome::NotReplayed(reason) => {
                        let _ = writeln!(out, "-        {operation} {id}: {reason}");
                    }
                    _ => {}
                }
            }
            for (reason, (count, _)) in self.reasons(outcomes) {
                let _ = writeln!(out, "{count:5} not compared: {reason}");
            }
            out.push('\n');
        }
        let _ = writeln!(
            out,
            "Evidence for each operation\n\n{}",
            self.evidence().table()
        );
        out
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence::of(self)
    }

    /// The operations whose facts disagree, with what is answered here.
    fn disagreements(&self) -> String {
        let mut rows = String::from("| operation | what is answered here |\n|---|---|\n");
        for (id, outcome) in self.emulated {
            if let FactOutcome::Compared(Verdict::Disagree(what)) = outcome {
                let operation = self.facts.get(id).map_or("", |fact| &fact.operation);
                let _ = writeln!(rows, "| {operation} | {} |", what.replace('|', "\\|"));
            }
        }
        rows
    }

    /// What the disagreements of the account in memory are, and how many there are of each.
    fn kinds_in_memory(&self) -> String {
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for outcome in self.memory.values() {
            if let FactOutcome::Compared(Verdict::Disagree(what)) = outcome {
                *kinds.entry(kind_of(what)).or_default() += 1;
            }
        }
        let mut kinds: Vec<(String, usize)> = kinds.into_iter().collect();
        kinds.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        let rows = kinds
            .into_iter()
            .map(|(kind, count)| format!("| {kind} | {count} |\n"));
        format!(
            "| what disagrees | facts |\n|---|---|\n{}",
            rows.collect::<String>()
        )
    }

    /// The page in docs/.
    pub(crate) fn page(&self) -> String {
        let mut reasons = String::new();
        for (reason, (count, operations)) in self.reasons(self.emulated) {
            let operations: Vec<&str> = operations.into_iter().collect();
            let _ = writeln!(
                reasons,
                "| {reason} | {count} | {} |",
                operations.join(", ")
            );
        }
        format!(
            "{}\n{}\n{}\n## What disagrees before moto\n\n{}\n## The account in memory\n\n{}\n{}\n{}\n## What is not compared\n\nBefore moto:\n\n| reason | facts | operations |\n|---|---|---|\n{reasons}\n\
             Facts are set aside in `truth/set-aside.json` alone, each with a reason that was written before it was \
             replayed.\n\n## Evidence for each operation\n\n{}\n{}",
            include_str!("page.md"),
            self.table(self.emulated),
            self.target(),
            self.disagreements(),
            include_str!("memory.md"),
            self.table(self.memory),
            self.kinds_in_memory(),
            include_str!("evidence.md"),
            self.evidence().table()
        )
    }
}

/// In which way an answer disagrees.
fn kind_of(what: &str) -> String {
    if let Some(rest) = what.strip_prefix("it is refused with ") {
        let code = rest.split(' ').next().unwrap_or_default();
        return format!("AWS carried it out; here it is refused with `{code}`");
    }
    if what.starts_with("it is carried out") {
        return "AWS refused it; here it is carried out".to_owned();
    }
    if what == "an earlier call was answered otherwise" {
        return "a call that prepares the fact is answered otherwise".to_owned();
    }
    // `Contents.0.ETag: is missing`; codes are followed by their words in parentheses.
    if what.starts_with("answer: ") {
        return "the part of the answer that the fact is about is missing".to_owned();
    }
    match what
        .split_once(": is ")
        .or_else(|| what.split_once(": has "))
    {
        Some((path, how)) if !path.contains('(') => {
            let member = path.rsplit('.').find(|part| part.parse::<usize>().is_err());
            let member = member.unwrap_or(path);
            match how {
                "missing" => format!("`{member}` is missing"),
                _ => format!("`{member}` is another"),
            }
        }
        _ => "it is refused with another code or status".to_owned(),
    }
}
