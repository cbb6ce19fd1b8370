//! Bastions: an sshd that passes connections on to the hosts behind it, and does little else.

use crate::hosts::bundle::Bundle;
use crate::hosts::step::{File, Step};

/// The service is reloaded, never restarted: connections that pass through it live on.
pub(super) fn configure(bundle: &mut Bundle) {
    let text = include_str!("../../../templates/bastion/sshd.conf");
    let file = File::new("/etc/ssh/sshd_config.d/60-loadrig.conf", text);
    let config = bundle.push(Step::files(
        "config",
        "write sshd's configuration",
        vec![file],
    ));
    let test = Step::command(
        "test",
        "check sshd's configuration",
        &["/usr/sbin/sshd", "-t"],
    );
    let _ = bundle.push(test.depends_on(&config));
    let _ = bundle.push(Step::service("ssh", &[], &[config]));
}
