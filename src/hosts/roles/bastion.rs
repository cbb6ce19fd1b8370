//! Bastions: an sshd that passes connections on to the hosts behind it, and does little else.

use crate::hosts::bundle::Bundle;
use crate::hosts::step::{BundleStep, File};

/// The service is reloaded, never restarted: connections that pass through it live on.
pub(super) fn configure(bundle: &mut Bundle) {
    let text = include_str!("../../../templates/bastion/sshd.conf");
    let file = File::new("/etc/ssh/sshd_config.d/60-loadrig.conf", text);
    let config = bundle.push(BundleStep::checked_files(
        "config",
        "write and check sshd's configuration",
        vec![file],
        &["/usr/sbin/sshd", "-t"],
    ));
    let _ = bundle.push(BundleStep::service("ssh", &[], &[config]));
}
