//! What the failure of a part means for the whole demo.

use crate::diagnose::{Diagnose as _, ExitCode, with_causes};
use crate::ops::error::{DemoError, LockRefusal, OpsError, WalkError};

/// What an error of a part means for the whole, which has removed the rig by then: nothing
/// is to be continued.
pub(super) fn failure_of(error: OpsError) -> DemoError {
    let (message, code) = (with_causes(&error), error.exit_code());
    let hints = match error {
        OpsError::Walk(WalkError::Interrupted { .. })
        | OpsError::LockRefusal(LockRefusal::Interrupted) => return DemoError::Interrupted,
        OpsError::Demo(error) => return error,
        OpsError::Walk(WalkError::Failed { failed, .. }) => {
            if failed
                .iter()
                .all(|(_, error)| error.exit_code() == ExitCode::Interrupted)
            {
                return DemoError::Interrupted;
            }
            failed.iter().flat_map(|(_, error)| error.hints()).collect()
        }
        other => other.hints(),
    };
    DemoError::Failed {
        message,
        hints,
        code,
    }
}
