//! What a login storm will do, before there is one.
//!
//! People log in again after an outage, all within minutes. Each password costs a server a fixed
//! time of one vCPU, servers before Mattermost 11.8 check one at a time on each node, and go on for
//! clients that have hung up. So a storm queues, or collapses: the nodes check passwords for
//! clients that are gone, and nobody gets in. A login gate at the proxies prevents it.
//!
//! Clients that lose their websocket come back by themselves: [`forecast_reconnects`] says when.
//!
//! [`simulate`] plays one storm, event by event, in virtual time; [`forecast`] plays many, over what
//! is uncertain, and says what to expect. Knows no server, no file and no clock; all times are seconds.

mod balancer;
mod collapse;
mod forecast;
mod gate;
mod model;
mod node;
mod reconnect;
mod scale;
mod simulate;
#[cfg(test)]
mod tests;

pub use forecast::{Forecast, LoginCurve, Range, dearest, forecast, patience_that_holds};
pub use model::{Arrivals, Clients, Ending, Gate, Lock, Nodes, Outcome, Rig, Storm};
pub use reconnect::{
    BrokenSockets, ReconnectForecast, Reconnects, forecast_reconnects, rolling_restart,
    simulate_reconnects,
};
pub use scale::simulate_coarsely;
pub use simulate::simulate;
