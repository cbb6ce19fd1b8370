//! What is done to a rig's hosts during a storm: services that are lost, and notes of when.
//!
//! A loss needs no operator: a service of its own on the host waits for the moment, and its end
//! starts again what was lost. Nothing here knows SSH.

mod commands;

pub use commands::{
    EventNotes, LOSS_PROGRAM, arm_loss, claim_event, clear_events, collect_event, finish_event,
};
