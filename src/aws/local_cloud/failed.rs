//! What a failed call is to the local cloud.

use std::error::Error as StdError;

use crate::localcloud::CloudReadError;

pub(super) fn failed<E: StdError + Send + Sync + 'static>(
    call: &'static str,
) -> impl FnOnce(E) -> CloudReadError {
    move |source| CloudReadError {
        call,
        source: source.into(),
    }
}
