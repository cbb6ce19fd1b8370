//! What commands share: events with their listeners, and questions.

use std::io::{BufRead, IsTerminal};

use crate::diagnose::ExitCode;
use crate::events::{Events, Listener, Recorder};

use super::App;
use super::failure::Failure;
use super::progress::{EventLog, Progress};
use crate::ops::run_dir::{RunDir, spare_yaml};

impl App {
    /// The event stream of a command, with progress, logs and a recorder listening.
    ///
    /// # Errors
    /// When a log file cannot be made.
    pub(crate) fn events(&self, run: Option<&RunDir>) -> Result<(Events, Recorder), Failure> {
        let recorder = Recorder::default();
        let mut listeners: Vec<Box<dyn Listener>> = vec![
            Box::new(recorder.clone()),
            Box::new(Progress::new(self.printer)),
        ];
        let files = self
            .global
            .events
            .iter()
            .cloned()
            .chain(run.map(|run| run.path.join("events.jsonl")));
        for file in files {
            spare_yaml(&file)?;
            let log = EventLog::create(&file).map_err(|error| {
                Failure::new(
                    format!("cannot write `{}`: {error}", file.display()),
                    "name a file in a directory that exists",
                )
            })?;
            listeners.push(Box::new(log));
        }
        Ok((Events::new(listeners), recorder))
    }

    /// Shows what would be done and asks, unless `--yes` was given.
    ///
    /// # Errors
    /// When the answer is no, or nobody is there to ask.
    pub(crate) fn confirm(&self, text: &str, question: &str) -> Result<(), Failure> {
        if self.global.yes {
            return Ok(());
        }
        self.printer.say(text);
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new(
                "nothing was changed: there is no terminal to ask on",
                "give `--yes` to go ahead without a question",
            )
            .with_code(ExitCode::Usage));
        }
        self.printer.say(&format!("{question} [y/N]"));
        let mut answer = String::new();
        let _end_of_input = std::io::stdin().lock().read_line(&mut answer);
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            Ok(())
        } else {
            Err(Failure::new(
                "nothing was changed: the answer was no",
                "run it again when you are sure",
            ))
        }
    }
}
