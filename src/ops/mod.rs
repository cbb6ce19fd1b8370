//! What the program does, one file or folder per operation.

pub(crate) mod hosts;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod preflight;
pub(crate) mod report;
pub(crate) mod rig;
pub(crate) mod run_dir;
pub(crate) mod scenario;
pub(crate) mod standin;
