//! Holds the strict cloud to what AWS documents: for each rule the call that AWS refuses,
//! with the code and status it refuses it with, and that the same call passes once the
//! reason is gone. Over real HTTP, before a real emulator.

mod adapter;
mod cloud;
mod defaults;
mod denials;
mod ec2;
mod faults;
mod late;
mod network;
mod objects;
mod rds;
mod rig;
mod roles;
mod sdk;
mod services;
mod slow_cache;
mod time;
