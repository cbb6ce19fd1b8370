//! Bastions: an sshd that passes connections on to the hosts behind it, and does little else.

use crate::hosts::bundle::Bundle;
use crate::hosts::step::{BundleStep, File};

/// The service is reloaded, never restarted: connections that pass through it live on.
pub(super) fn configure(bundle: &mut Bundle) {
    let text = include_str!("../../../templates/bastion/sshd.conf");
    let file = File::new("/etc/ssh/sshd_config.d/60-loadrig.conf", text);
    let config = bundle.push(BundleStep::files(
        "config",
        "write sshd's configuration",
        vec![file],
    ));
    let test = BundleStep::command(
        "test",
        "check sshd's configuration",
        &["/usr/sbin/sshd", "-t"],
    );
    let _ = bundle.push(test.depends_on(&config));
    let _ = bundle.push(BundleStep::service("ssh", &[], &[config]));
}
