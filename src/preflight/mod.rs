//! What can be known before anything is changed: whether quotas, offers and permissions admit
//! a plan, and which permissions an environment needs at all.
//!
//! Pure: no I/O, no clock, no async. Facts come in, findings come out. Which actions are used on
//! what and why is in the row of each kind; policies for people, the check of permissions
//! and the documentation all come from there.

mod dry_runs;
mod entrance;
mod findings;
mod grants;
mod login_gate;
mod names;
mod offers;
mod permissions;
mod policy;
mod quotas;
mod region;
mod seed;
mod server;
mod snapshots;
mod zones;

pub use dry_runs::{DryRun, DryRunOutcome, DryRunWants, dry_run_wants};
pub use entrance::{evaluate_entrance, evaluate_issuer};
pub use findings::{Finding, FindingVerdict};
pub use grants::account_grants;
pub use login_gate::evaluate_login_gate;
pub use names::{NewName, TakenNames, evaluate_names, new_names};
pub use offers::{
    DatabaseOffer, DatabaseWant, Offers, SearchRole, Wants, Zones, evaluate_offers, wants,
};
pub use permissions::{Allowed, BLIND_SPOTS, BY_ORGANISATION, evaluate_permissions, needed};
pub use policy::{
    Conditions, POLICY_CHARACTERS, Scope, Statement, canary_statements, documents, size, statements,
};
pub use quotas::{QuotaFact, demands, evaluate_quotas};
pub use region::evaluate_region;
pub use seed::{evaluate_seed, seed_key_policy};
pub use server::evaluate_server;
pub use snapshots::{Restorable, Restorables, Restore, evaluate_restores, restores};
pub use zones::{ZoneNeeds, choose_zones};
