//! Shows events: a redrawn block of running steps on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use crate::events::{Event, EventKind, Listener, Outcome, StormMoment};

use super::printer::Printer;
use super::storm_lines::storm_lines;

/// A log hears of the same wait this often.
const AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// Every so many seconds a storm gets lines that stay.
const STORM_LINES: u64 = 10;
/// The same where it is redrawn every second.
const STORM_LINES_LIVE: u64 = 60;

/// Shows what happens on standard error.
pub(crate) struct Progress {
    printer: Printer,
    started: Timestamp,
    live: Option<Live>,
    steps: BTreeMap<String, Timestamp>,
    /// What each step was last said to wait for, and when it was said.
    waits: BTreeMap<String, (String, Timestamp)>,
    total: u64,
    done: u64,
    /// Whether checks that pass get a line.
    shows_passed: bool,
}

/// The redrawn block.
struct Live {
    block: MultiProgress,
    /// Steps done of all: while a graph is walked, since other phases have none.
    overall: Option<ProgressBar>,
    bars: BTreeMap<String, ProgressBar>,
    /// What a storm is like now: while one is followed.
    storm: Option<ProgressBar>,
}

impl Progress {
    /// Ready to listen.
    #[must_use]
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            started: Timestamp::now(),
            live: printer.live.then(Live::new),
            steps: BTreeMap::new(),
            waits: BTreeMap::new(),
            total: 0,
            done: 0,
            shows_passed: true,
        }
    }

    /// The same for a command whose answer lists every check: those that pass get no line.
    #[must_use]
    pub(crate) fn without_passed_checks(mut self) -> Self {
        self.shows_passed = false;
        self
    }

    /// A line that stays.
    fn line(&self, at: Timestamp, text: &str) {
        let elapsed = at.duration_since(self.started).as_secs_f64();
        let text = format!("{elapsed:7.1}s  {text}");
        match &self.live {
            Some(live) => {
                if live.block.println(&text).is_err() {
                    self.printer.say(&text);
                }
            }
            None => self.printer.say(&text),
        }
    }

    /// Whether a log has not been told the same a moment ago.
    fn is_news(&mut self, at: Timestamp, step: &str, on: &str) -> bool {
        let told = self.waits.get(step);
        if told.is_some_and(|(text, said)| text == on && at.duration_since(*said) < AGAIN) {
            return false;
        }
        self.waits.insert(step.to_owned(), (on.to_owned(), at));
        true
    }

    /// The line of a check, if it gets one.
    fn check(&self, name: &str, pass: bool, detail: &str) -> Option<String> {
        match (pass, self.shows_passed) {
            (false, _) => Some(format!("FAIL  {name}: {detail}")),
            (true, true) => Some(format!("pass  {name}: {detail}")),
            (true, false) => None,
        }
    }

    /// What a storm is like: redrawn every second on a terminal, and lines that stay now and then.
    fn storm(&mut self, at: Timestamp, moment: &StormMoment) {
        let lines = storm_lines(moment);
        if let Some(live) = &mut self.live {
            live.show_storm(&lines);
        }
        let every = match self.live {
            Some(_) => STORM_LINES_LIVE,
            None => STORM_LINES,
        };
        if moment.second.is_multiple_of(every) {
            for line in &lines {
                self.line(at, line);
            }
        }
    }

    fn settle(&mut self, at: Timestamp, step: &str) -> String {
        self.done += 1;
        if let Some(live) = &mut self.live {
            live.advance(self.done);
            if let Some(bar) = live.bars.remove(step) {
                bar.finish_and_clear();
                live.block.remove(&bar);
            }
        }
        self.waits.remove(step);
        let seconds = self
            .steps
            .remove(step)
            .map_or(0.0, |since| at.duration_since(since).as_secs_f64());
        format!("({seconds:.1}s)")
    }
}

impl Live {
    fn new() -> Self {
        let block = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self {
            block,
            overall: None,
            bars: BTreeMap::new(),
            storm: None,
        }
    }

    /// Begins to count the steps of a graph.
    fn begin(&mut self, total: u64) {
        self.end();
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template("  {bar:30} {pos}/{len} steps, {elapsed}") {
            bar.set_style(style);
        }
        self.overall = Some(self.block.insert(0, bar));
    }

    fn advance(&self, done: u64) {
        if let Some(overall) = &self.overall {
            overall.set_position(done);
        }
    }

    /// Ends the count, and the storm.
    fn end(&mut self) {
        for bar in [self.overall.take(), self.storm.take()]
            .into_iter()
            .flatten()
        {
            bar.finish_and_clear();
            self.block.remove(&bar);
        }
    }

    /// Redraws what a storm is like.
    fn show_storm(&mut self, lines: &[String]) {
        let bar = self.storm.get_or_insert_with(|| {
            let bar = self.block.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(lines.join("\n"));
        bar.tick();
    }

    fn start(&mut self, step: &str) {
        let bar = self.block.add(ProgressBar::new_spinner());
        if let Ok(style) =
            ProgressStyle::with_template("  {spinner} {prefix:32} {elapsed:>4} {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(step.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.bars.insert(step.to_owned(), bar);
    }
}

impl Listener for Progress {
    fn event(&mut self, event: &Event) {
        let at = event.at;
        match &event.kind {
            EventKind::RunStarted {
                environment,
                operation,
                ..
            } => self.line(at, &format!("{operation} of `{environment}`")),
            EventKind::PhaseStarted { phase } => self.line(at, &format!("── {phase}")),
            EventKind::PhaseFinished { .. } => {
                if let Some(live) = &mut self.live {
                    live.end();
                }
                self.total = 0;
                self.done = 0;
            }
            EventKind::Graph { steps } => {
                self.total = steps.len() as u64;
                self.done = 0;
                if let Some(live) = &mut self.live {
                    live.begin(self.total);
                }
            }
            EventKind::StepStarted { step } => {
                self.steps.insert(step.clone(), at);
                if let Some(live) = &mut self.live {
                    live.start(step);
                }
            }
            EventKind::StepWorking { step, on } => match &self.live {
                Some(live) => {
                    if let Some(bar) = live.bars.get(step) {
                        bar.set_message(on.replace('\n', " "));
                    }
                }
                None => self.line(at, &format!("{step:32} {on}")),
            },
            EventKind::StepWaiting { step, on } => match &self.live {
                Some(live) => {
                    if let Some(bar) = live.bars.get(step) {
                        bar.set_message(on.replace('\n', " "));
                    }
                }
                None => {
                    if self.is_news(at, step, on) {
                        self.line(at, &format!("{step:32} waits: {on}"));
                    }
                }
            },
            EventKind::StepFinished {
                step,
                outcome,
                detail,
            } => {
                let took = self.settle(at, step);
                if *outcome == Outcome::Unchanged {
                    return;
                }
                let word = match outcome {
                    Outcome::Created => "created",
                    Outcome::Updated => "updated",
                    Outcome::Deleted => "deleted",
                    Outcome::Unchanged => "unchanged",
                    Outcome::Applied => "done",
                };
                let (name, id) = named(step);
                let detail = id.or(detail.as_deref()).unwrap_or_default();
                self.line(at, format!("{name:32} {word} {took} {detail}").trim_end());
            }
            EventKind::StepFailed { step, error } => {
                let took = self.settle(at, step);
                self.line(at, &format!("{step:32} FAILED {took} {error}"));
            }
            EventKind::StepSkipped { step, reason } => {
                self.done += 1;
                self.line(at, &format!("{step:32} not done: {reason}"));
            }
            EventKind::StormSample(moment) => self.storm(at, moment),
            EventKind::Check { name, pass, detail } => {
                if let Some(text) = self.check(name, *pass, detail) {
                    self.line(at, &text);
                }
            }
            EventKind::Note { message } => self.line(at, message),
            EventKind::RunFinished { ok } => {
                if let Some(live) = &mut self.live {
                    live.end();
                }
                // What went wrong is the command's answer, which follows.
                if *ok {
                    self.line(at, "done");
                }
            }
        }
    }
}

/// A step's address and, where it is about one resource of several, that resource's id.
fn named(step: &str) -> (&str, Option<&str>) {
    match step
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once(" ("))
    {
        Some((name, id)) => (name, Some(id)),
        None => (step, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::OutputFormat;

    #[test]
    fn the_id_of_a_deleted_resource_is_shown_once() {
        assert_eq!(
            named("instance/app-1 (i-0abc)"),
            ("instance/app-1", Some("i-0abc"))
        );
        assert_eq!(
            named("host/app-1/configure"),
            ("host/app-1/configure", None)
        );
    }

    #[test]
    fn a_log_repeats_the_same_wait_once_a_minute() {
        let mut progress = Progress::new(printer(false));
        let start = Timestamp::UNIX_EPOCH;
        let after = |seconds| start + SignedDuration::from_secs(seconds);
        assert!(progress.is_news(start, "vpc", "a lock"));
        assert!(!progress.is_news(after(5), "vpc", "a lock"));
        assert!(progress.is_news(after(5), "subnet/a", "a lock"));
        assert!(progress.is_news(after(6), "vpc", "another"));
        assert!(!progress.is_news(after(60), "vpc", "another"));
        assert!(progress.is_news(after(66), "vpc", "another"));
    }

    fn printer(live: bool) -> Printer {
        Printer {
            format: OutputFormat::Text,
            quiet: true,
            colour: false,
            data_colour: false,
            live,
        }
    }

    #[test]
    fn only_a_graph_has_a_bar() {
        let mut progress = Progress::new(printer(true));
        let mut hear = |kind| {
            let at = Timestamp::UNIX_EPOCH;
            progress.event(&Event { at, kind });
            progress
                .live
                .as_ref()
                .is_some_and(|live| live.overall.is_some())
        };
        let phase = || "scenario".to_owned();
        assert!(!hear(EventKind::PhaseStarted { phase: phase() }));
        assert!(hear(EventKind::Graph { steps: vec![] }));
        assert!(!hear(EventKind::PhaseFinished { phase: phase() }));
        assert!(!hear(EventKind::PhaseStarted { phase: phase() }));
    }

    #[test]
    fn a_storm_is_redrawn_until_its_phase_ends() {
        let mut progress = Progress::new(printer(true));
        let mut hear = |kind| {
            let at = Timestamp::UNIX_EPOCH;
            progress.event(&Event { at, kind });
            let live = progress.live.as_ref().unwrap();
            live.storm.as_ref().map(ProgressBar::message)
        };
        let phase = || "storm r1".to_owned();
        assert_eq!(hear(EventKind::PhaseStarted { phase: phase() }), None);
        let second = |second| {
            EventKind::StormSample(Box::new(StormMoment {
                second,
                ..StormMoment::default()
            }))
        };
        assert!(hear(second(1)).unwrap().starts_with("    1 s"));
        assert!(hear(second(2)).unwrap().starts_with("    2 s"));
        assert_eq!(hear(EventKind::PhaseFinished { phase: phase() }), None);
    }

    #[test]
    fn a_check_that_the_report_lists_gets_no_line_unless_it_fails() {
        let all = Progress::new(printer(false));
        let few = Progress::new(printer(false)).without_passed_checks();
        assert_eq!(all.check("a", true, "b").as_deref(), Some("pass  a: b"));
        assert_eq!(few.check("a", true, "b"), None);
        assert_eq!(few.check("a", false, "b").as_deref(), Some("FAIL  a: b"));
    }
}
