//! What an environment needs against what exists, with a reason for every change, and
//! what it costs.
//!
//! Pure: no I/O, no clock, no async. What exists comes in as a snapshot.

mod adopted;
mod bill;
mod change;
mod cost;
mod diff;
mod endpoints;
mod groups;
mod inventory;
mod offline;
mod order;
mod removal;
mod rollout;
mod running;
mod saved;
mod settled;
mod snapshot;
mod time;

pub use bill::CostLine;
pub use change::{Action, Change, Difference, Plan};
pub use cost::{Cost, cost};
pub use diff::plan;
pub use endpoints::EntrancePlace;
pub use groups::{ChangeGroup, change_groups, ranges};
pub use inventory::Inventory;
pub use offline::plan_offline;
pub use order::deleted_after;
pub use removal::{Removal, plan_down, plan_down_as};
pub use rollout::RolloutOrder;
pub use running::{RunningCost, at_least, missing_prices, running_cost};
pub use saved::{Bound, NOTHING, SavedPlan};
pub use settled::{Unsettled, keep_restart, unsettled};
pub use snapshot::{Observed, Snapshot, State};
pub use time::expected;
