//! Starts the cloud's processes so that none outlives the daemon.
//!
//! The kernel's parent-death signal fires when the *thread* that forked ends, so
//! all children are forked by one thread that lives as long as the daemon.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc;

/// A command to start, and where to send what became of it.
type Order = (Command, mpsc::SyncSender<io::Result<Child>>);

/// The thread that starts processes.
#[derive(Debug, Clone)]
pub(crate) struct Keeper {
    orders: mpsc::Sender<Order>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start() -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::Builder::new()
            .name("keeper".into())
            .spawn(move || {
                while let Ok((mut command, reply)) = inbox.recv() {
                    // The asker may have given up; then the child dies with the pipe.
                    let _ = reply.send(command.spawn());
                }
            })?;
        Ok(Self { orders })
    }

    /// Starts a command. Blocks for the time of a fork.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(crate) fn spawn(&self, command: Command) -> io::Result<Child> {
        let (reply, answer) = mpsc::sync_channel(1);
        let gone = || io::Error::other("the keeper thread has ended");
        self.orders.send((command, reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

/// A command whose process is killed when the daemon ends, however it ends.
pub(crate) fn dies_with_daemon(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}
