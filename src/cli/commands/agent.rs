//! `loadrig agent`: drives load, on an agent host.

use std::io::Write as _;

use loadrig_storm::StormControl;

use crate::cli::args::{AgentArgs, AgentDuty, StormControlArgs, StormPlace, StormSupervisor};
use crate::cli::failure::{Failure, Outcome};
use crate::diagnose::{ExitCode, with_causes};
use crate::loadtest;
use crate::loadtest::storm::agent::{
    self, BareWorker, StormAgentError, StormDirectory, WorkerStarter, WorkerUnit,
};

/// Reads a plan from standard input, carries it out, writes lines to standard output; or does what
/// a detached agent is asked for.
pub(crate) fn run(args: &AgentArgs) -> Outcome {
    match &args.duty {
        None => {
            let plan = loadtest::agent::run(std::io::stdin(), std::io::stdout());
            crate::cli::block_on(plan)?.map_err(|error| failure(&error))?;
        }
        Some(AgentDuty::Work(place)) => {
            let directory = directory(place);
            crate::cli::block_on(agent::work(&directory))?.map_err(|error| failure(&error))?;
        }
        Some(duty) => do_duty(duty).map_err(|error| failure(&error))?,
    }
    Ok(ExitCode::Done)
}

fn do_duty(duty: &AgentDuty) -> Result<(), StormAgentError> {
    match duty {
        AgentDuty::Start { place, supervisor } => {
            let directory = directory(place);
            let starter: &dyn WorkerStarter = match supervisor {
                StormSupervisor::Systemd => &WorkerUnit,
                StormSupervisor::None => &BareWorker,
            };
            agent::start(&directory, std::io::stdin(), starter)?;
            answer(&directory)
        }
        AgentDuty::Work(_) => Ok(()),
        AgentDuty::Follow { place, from } => {
            agent::follow(&directory(place), *from, std::io::stdout())
        }
        AgentDuty::Control { place, message } => {
            let message = match *message {
                StormControlArgs::Stop => StormControl::Stop,
                StormControlArgs::Rate { times } => StormControl::Rate(times),
            };
            agent::control(&directory(place), message)
        }
        AgentDuty::State(place) => answer(&directory(place)),
    }
}

/// Says which storm is there.
fn answer(directory: &StormDirectory) -> Result<(), StormAgentError> {
    let answer = directory.answer()?;
    let text = serde_json::to_string(&answer).map_err(StormAgentError::Answer)?;
    writeln!(std::io::stdout(), "{text}").map_err(|_| StormAgentError::Output)
}

fn directory(place: &StormPlace) -> StormDirectory {
    match &place.directory {
        Some(path) => StormDirectory::new(path),
        None => StormDirectory::default(),
    }
}

fn failure(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::new(
        with_causes(error),
        "this command is run by `loadrig test`, not by hand",
    )
}
