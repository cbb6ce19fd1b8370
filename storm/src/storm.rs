//! What all users of a storm share.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::watch;

use crate::behavior::ClientBehavior;
use crate::known::{IdTable, SiteSettings};
use crate::plan::{Accounts, ActionMix};
use crate::recorder::StormRecorder;
use crate::route::SocketRoute;

/// What all users of a storm share.
pub(crate) struct SharedStorm {
    pub(crate) accounts: Accounts,
    pub(crate) behavior: ClientBehavior,
    pub(crate) mix: ActionMix,
    pub(crate) seed: u64,
    pub(crate) routes: Vec<SocketRoute>,
    pub(crate) source_addresses: Vec<IpAddr>,
    pub(crate) keep_alive: Duration,
    pub(crate) recorder: StormRecorder,
    /// Ids that many users know, each once.
    pub(crate) ids: IdTable,
    /// What the server says of itself; the first user who is told keeps it for all.
    pub(crate) site: OnceLock<SiteSettings>,
    pub(crate) breaks: watch::Receiver<SocketBreak>,
}

/// That websockets are to break.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SocketBreak {
    /// How often there was one.
    pub(crate) number: u32,
    /// Share of the websockets, 0 to 1.
    pub(crate) share: f64,
    /// Within how long.
    pub(crate) over: Duration,
}

impl SharedStorm {
    /// The way to the entrance of a user: they are spread evenly.
    pub(crate) fn route(&self, index: u32) -> &SocketRoute {
        &self.routes[index as usize % self.routes.len()]
    }

    /// A number that follows from the seed and what it is for.
    pub(crate) fn seed_for(&self, purpose: u64, index: u32) -> u64 {
        mix(self.seed ^ mix(purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(index)))
    }
}

/// Spreads the bits of a number (the last step of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
