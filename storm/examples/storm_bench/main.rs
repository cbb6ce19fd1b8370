//! What the driver takes of a machine, against a server of our own that answers at once.
//!
//! `storm_bench null PORT` is that server. `storm_bench MODE URL …` measures: `requests` as fast as
//! they are answered, `paced` at a given rate, `logins`, and `sockets` that stay open. Prints one
//! line of JSON.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the command line"
)]

mod null;
mod runs;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = arguments.first().map(String::as_str).unwrap_or_default();
    let rest = arguments.get(1..).unwrap_or_default();
    // Figures of one core come from one thread.
    let threads = match std::env::var("STORM_THREADS") {
        Ok(text) => text.parse()?,
        Err(_) => std::thread::available_parallelism()?.get(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()?;
    match mode {
        "null" => runtime.block_on(null::serve(rest)),
        "requests" | "paced" | "logins" | "sockets" => {
            println!("{}", runtime.block_on(runs::measure(mode, rest))?);
            Ok(())
        }
        other => Err(format!("`{other}` is none of null, requests, paced, logins, sockets").into()),
    }
}
