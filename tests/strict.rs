//! Holds the strict cloud to what AWS documents: for each rule the call that AWS refuses,
//! with the code and status it refuses it with, and that the same call passes once the
//! reason is gone. Over real HTTP, before a real emulator.
#![cfg(target_os = "linux")]

#[path = "strict/adapter.rs"]
mod adapter;
#[path = "strict/cloud.rs"]
mod cloud;
mod common;
#[path = "strict/ec2.rs"]
mod ec2;
#[path = "strict/faults.rs"]
mod faults;
#[path = "strict/rig.rs"]
mod rig;
#[path = "strict/sdk.rs"]
mod sdk;
#[path = "strict/services.rs"]
mod services;
#[path = "strict/slow_cache.rs"]
mod slow_cache;
#[path = "strict/time.rs"]
mod time;
