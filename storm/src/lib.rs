//! Clients of Mattermost that behave as the web client does, by the thousand.
//!
//! A [`StormPlan`] says who arrives when, how patient they are and what they do; [`run`] carries it
//! out against the server and says what came of it, in a [`StormResult`] that merges with those of
//! other agents without loss. Users arrive in an open model: a server that is slow does not make
//! fewer of them come, and every time runs from the moment at which something was meant to begin.
//!
//! Knows the server's URL and its API alone: no cloud, no SSH, no file.

mod actions;
mod answers;
mod arrivals;
mod behavior;
mod browser;
mod calibrate;
mod call;
mod calls;
mod client;
mod engine;
mod entering;
mod errands;
mod health;
mod histogram;
mod http1;
mod http2;
mod keeper;
mod known;
mod line;
mod login;
mod pace;
mod page;
mod phase_calls;
mod plan;
mod position;
mod reconnecting;
mod recorder;
mod reply;
mod request;
mod result;
mod resumed;
mod route;
mod socket;
mod sources;
mod storm;
#[cfg(test)]
mod tests;
mod ticks;

pub use arrivals::arrival_times;
pub use behavior::{
    CallSequence, ClientBehavior, HttpVersion, LoginRetry, OnFailedLogin, OnTooMany, WebClient,
};
pub use calibrate::{Calibration, calibrate};
pub use call::ClientCall;
pub use engine::{StormError, run};
pub use histogram::{TimeHistogram, TimeHistogramError};
pub use line::{StormCheckpoint, StormControl, StormLine, StormSample};
pub use pace::RateChange;
pub use phase_calls::{PhaseCalls, PhaseTally};
pub use plan::{
    AccountPassword, Accounts, ActionMix, ArrivalShape, STORM_FORMAT, StormEntrance, StormPhase,
    StormPlan,
};
pub use position::StormPosition;
pub use result::{
    CallTally, DriverHealth, ErrorCounts, LastUser, LoginAttempts, MergeError, PhaseTime,
    StormErrorClass, StormGauges, StormResult, StormSecond, StormTimings, UserCounts,
    WebsocketCounts, is_driver_valid,
};
pub use sources::source_addresses;
