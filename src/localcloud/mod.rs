//! The local cloud: an AWS endpoint on this machine whose instances, databases,
//! caches and search domains are real, each on the private address that the API reports.
//!
//! Everything lives in network namespaces without a route out. Nothing outside
//! this module may know that it exists: loadrig sees an endpoint and addresses,
//! as it does on AWS. This module in turn knows no AWS client type; it reads the
//! cloud's state through [`CloudReader`] and knows neither spec nor blueprint.
//!
//! ```text
//!  loadrig ──► API ──► strict ──► moto   namespace `loadrig-cloud`
//!              │ wakes, holds passwords
//!              ▼
//!           reconciler ──► hosts, databases, caches, domains   one namespace each
//!              │
//!              └──► nftables (security groups), dnsmasq (names)
//! ```

mod api;
mod authority;
mod cache;
mod cgroup;
mod cloud_view;
mod cloudinit;
mod command;
mod daemon;
mod database;
mod domain_gate;
mod error;
mod firewall;
mod guest;
mod guests;
mod image;
mod imds;
mod instance;
mod keeper;
mod leftovers;
mod lifecycle;
mod limits;
mod mirror;
mod names;
mod network;
mod own_hash_cost;
mod preflight;
mod reconcile;
mod role_sessions;
mod search;
mod signature;
mod state;
mod tls;
mod users;

pub use cloud_view::{
    AttachedProfile, AttachedRole, CacheView, CloudReadError, CloudReader, CloudView, DbInstance,
    Domain, InstanceState, InstanceView, SecurityGroupView, SubnetView, TrafficPeer,
    TrafficProtocol, TrafficRule, VpcView,
};
pub use daemon::{DaemonOptions, run_daemon};
pub use error::{Error, Result};
pub use image::emulator;
pub use leftovers::{Leftover, MachineCheck, check_leftovers, find_leftovers};
pub use lifecycle::{
    Entered, Running, StartOptions, Status, StopReport, enter, prepare, start, status, stop,
};
pub use own_hash_cost::{hash_cost, keep_faster_hash_cost};
pub use preflight::preflight;
pub use users::{CloudUser, users};
