//! The evidence behind the strict cloud's idea of each operation that loadrig calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use strict_cloud::model::ServiceModel;

use crate::compare::Verdict;
use crate::facts::RecordedFact;
use crate::program::plain;
use crate::report::Report;
use crate::shapes::ShapeVerdict;
use crate::{FactOutcome, OutcomesById};

/// What each operation rests on, by its name.
pub(crate) struct Evidence<'a> {
    facts: &'a BTreeMap<String, RecordedFact>,
    outcomes: &'a OutcomesById,
    operations: BTreeMap<String, [usize; KINDS]>,
    /// How many errors the model of each operation names: no evidence, as it does not say what
    /// they mean.
    modelled: BTreeMap<String, usize>,
    /// Operations whose answers lack fields that AWS always told and loadrig reads.
    lacking: BTreeMap<String, Vec<String>>,
}

/// How many kinds of evidence there are.
const KINDS: usize = 6;

/// Those that tell what AWS was seen to answer.
const SEEN: &[usize] = &[0, 1, 2, 3];

/// Those that are more than AWS's words for what a call is there for.
const BEYOND_CITATIONS: &[usize] = &[0, 1, 2, 3, 5];

const ALL: &[usize] = &[0, 1, 2, 3, 4, 5];

/// Evidence for so many operations, in percent, is what is wanted.
const TARGET: f64 = 90.0;

const HEAD: &str = "| operation | recorded | verified by moto | quoted | fields | cited | refusals | errors in the model |\n|---|---|---|---|---|---|---|---|\n";

impl<'a> Evidence<'a> {
    pub(crate) fn of(report: &Report<'a>) -> Self {
        let mut evidence = Self {
            facts: report.facts,
            outcomes: report.emulated,
            operations: BTreeMap::new(),
            modelled: BTreeMap::new(),
            lacking: BTreeMap::new(),
        };
        for (service, action) in report.program.sent() {
            let operation = ServiceModel::of(service).and_then(|model| {
                let mut operations = model.operations.iter();
                operations.find(|(name, _)| plain(name) == action)
            });
            let name = operation.map_or(action, |(name, _)| name.as_str());
            let errors = operation.map_or(0, |(_, operation)| operation.errors.len());
            let (cited, sourced) = report.citations.of(service, action);
            let name = format!("{service}:{name}");
            let key = (service.to_owned(), action.to_owned());
            let shape = report.shapes.get(&key);
            let compared =
                shape.and_then(|recorded| report.answered.compare(&key, recorded, report.program));
            let fields = match compared {
                Some(ShapeVerdict::Agree(fields)) => fields,
                Some(ShapeVerdict::Missing(fields)) => {
                    evidence.lacking.insert(name.clone(), fields);
                    0
                }
                None => 0,
            };
            let counts = [
                evidence.agreeing(service, action, &["ls", "c7n", "st"]),
                evidence.agreeing(service, action, &["m"]),
                evidence.agreeing(service, action, &["q"]),
                fields,
                cited,
                sourced,
            ];
            evidence.modelled.insert(name.clone(), errors);
            evidence.operations.insert(name, counts);
        }
        evidence
    }

    /// How many facts about an operation do not disagree.
    fn agreeing(&self, service: &str, action: &str, kinds: &[&str]) -> usize {
        let about = self.facts.values().filter(|fact| {
            fact.service() == service
                && plain(fact.action()) == action
                && kinds.contains(&fact.kind())
        });
        let agrees = |fact: &&RecordedFact| match self.outcomes.get(&fact.id) {
            Some(FactOutcome::Compared(Verdict::Disagree(_))) => false,
            Some(FactOutcome::Compared(_)) => true,
            _ => false,
        };
        about.filter(agrees).count()
    }

    /// How many operations have evidence of some of these kinds, and their share in percent.
    fn share(&self, kinds: &[usize]) -> (usize, f64) {
        let all = self.operations.len().max(1);
        let has = |counts: &&[usize; KINDS]| kinds.iter().any(|kind| counts[*kind] > 0);
        let with = self.operations.values().filter(has).count();
        (with, 100.0 * with as f64 / all as f64)
    }

    /// Each operation, how many there is evidence for, and those without.
    pub(crate) fn table(&self) -> String {
        let mut rows = HEAD.to_owned();
        let mut without = Vec::new();
        for (name, counts) in &self.operations {
            if counts.iter().all(|count| *count == 0) {
                without.push(name.as_str());
            }
            let errors = self.modelled.get(name).copied().unwrap_or_default();
            let cells: Vec<String> = counts
                .iter()
                .chain([&errors])
                .map(|count| match count {
                    0 => String::new(),
                    count => count.to_string(),
                })
                .collect();
            let _ = writeln!(rows, "| {name} | {} |", cells.join(" | "));
        }
        for (name, fields) in &self.lacking {
            let _ = writeln!(
                rows,
                "\nFields that AWS always told and we do not, of {name}: {}.",
                fields.join(", ")
            );
        }
        let all = self.operations.len();
        let ((with, share), (seen, seen_share)) = (self.share(ALL), self.share(SEEN));
        let (beyond, beyond_share) = self.share(BEYOND_CITATIONS);
        let reached = if share < TARGET { "missed" } else { "reached" };
        let none = match without.as_slice() {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        let _ = writeln!(
            rows,
            "\nThere is evidence for {with} of {all} operations ({share:.1} %): the target of {TARGET:.0} % is \
             {reached}. Without those that rest on a citation alone, for {beyond} of {all} operations \
             ({beyond_share:.1} %); by what AWS was seen to answer, for {seen} of {all} operations \
             ({seen_share:.1} %).\n\nNo evidence: {none}."
        );
        rows
    }
}
