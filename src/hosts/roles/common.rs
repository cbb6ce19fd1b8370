//! What every host gets: packages, kernel settings, limits, a node exporter.

use crate::hosts::bundle::Bundle;
use crate::hosts::step::{BundleStep, File};
use crate::spec::{Purpose, Role};

use super::{Scene, nginx};

/// Everything of the first stage that does not depend on others.
pub(super) fn prepare(scene: &Scene<'_>, bundle: &mut Bundle) {
    let role = scene.host.role;
    let mut packages = vec!["ca-certificates", "curl", "prometheus-node-exporter"];
    match role {
        Role::Proxy => {
            packages.push("nginx");
            if scene
                .spec
                .tls
                .as_ref()
                .is_some_and(|tls| tls.acme().is_some())
            {
                packages.push("certbot");
            }
        }
        Role::Metrics => packages.push("prometheus"),
        Role::App | Role::Job if nginx::is_on_server_host(scene) => packages.push("nginx"),
        Role::App | Role::Job | Role::SearchProxy | Role::Agent | Role::Bastion => {}
    }
    let gold_standard = scene.spec.purpose == Purpose::GoldStandard;
    // Storms need thousands of accounts, which are written into the database.
    let takes_population = scene.spec.count(Role::Agent) > 0 && !gold_standard;
    // So are files of an identity provider.
    let has_saml = scene.spec.mattermost.connections.saml.is_some();
    // Readers are asked whether they are used, and how far behind they are.
    let has_readers = scene.spec.readers() > 0;
    if role == Role::App && (takes_population || has_saml || has_readers) {
        packages.push("postgresql-client");
    }
    if gold_standard {
        packages.push("unattended-upgrades");
    }
    let _ = bundle.push(BundleStep::first_boot());
    let limits = include_str!("../../../templates/common/limits.conf");
    let limits = File::new("/etc/security/limits.d/60-loadrig.conf", limits);
    let _ = bundle.push(BundleStep::files(
        "limits",
        "raise the limits of logins",
        vec![limits],
    ));
    let _ = bundle.push(BundleStep::sysctl(&kernel(role, scene.memory_gib())));
    let installed = bundle.push(BundleStep::packages(&packages));
    if gold_standard {
        // Read after the package's own `50unattended-upgrades`, whose list it replaces.
        let text = include_str!("../../../templates/common/security-updates.conf");
        let updates = File::new("/etc/apt/apt.conf.d/60loadrig-security-updates", text);
        let _ = bundle.push(BundleStep::files(
            "security-updates",
            "install security updates every day",
            vec![updates],
        ));
    }
    let _ = bundle.push(BundleStep::service(
        "prometheus-node-exporter",
        &[installed],
        &[],
    ));
}

/// Kernel parameters by role, as published for high-availability clusters and used by
/// Mattermost's own load tests.
fn kernel(role: Role, memory_gib: u32) -> Vec<(String, String)> {
    let mut settings = vec![
        ("net.ipv4.ip_local_port_range", "1025 65000".to_owned()),
        // The range holds the ports that servers of the rig listen on; none of them may be
        // given to an outgoing connection that happens to be first.
        (
            "net.ipv4.ip_local_reserved_ports",
            "8065,8067,8074-8075,8099,9090,9100,9200-9201".to_owned(),
        ),
        ("net.ipv4.tcp_fin_timeout", "30".to_owned()),
        ("net.ipv4.tcp_tw_reuse", "1".to_owned()),
    ];
    let more: &[(&str, &str)] = match role {
        Role::App | Role::Proxy | Role::SearchProxy => &[
            ("net.core.somaxconn", "4096"),
            ("net.ipv4.tcp_max_syn_backlog", "8192"),
            ("net.ipv4.tcp_slow_start_after_idle", "0"),
            ("net.core.default_qdisc", "fq"),
            ("net.ipv4.tcp_congestion_control", "bbr"),
            ("net.ipv4.tcp_notsent_lowat", "16384"),
            ("net.ipv4.tcp_rmem", "4096 156250 2500000"),
            ("net.ipv4.tcp_wmem", "4096 156250 2500000"),
            ("net.core.rmem_max", "16777216"),
            ("net.core.wmem_max", "16777216"),
        ],
        Role::Agent => &[
            ("net.ipv4.tcp_rmem", "4096 156250 625000"),
            ("net.ipv4.tcp_wmem", "4096 156250 625000"),
            ("net.ipv4.tcp_mem", "1638400 1638400 1638400"),
            ("net.core.rmem_default", "312500"),
            ("net.core.wmem_default", "312500"),
            ("net.core.rmem_max", "312500"),
            ("net.core.wmem_max", "312500"),
        ],
        Role::Job | Role::Metrics | Role::Bastion => &[],
    };
    settings.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
    if matches!(role, Role::App | Role::Proxy) {
        settings.push((
            "vm.min_free_kbytes",
            min_free_kbytes(memory_gib).to_string(),
        ));
    }
    settings
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// 2 % of the memory: the published 167772 is that of a host with 8 GiB.
fn min_free_kbytes(memory_gib: u32) -> u32 {
    memory_gib.saturating_mul(1 << 20) / 50
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_kept_free_is_the_published_share() {
        assert_eq!(min_free_kbytes(4), 83_886);
        assert_eq!(min_free_kbytes(8), 167_772);
        assert_eq!(min_free_kbytes(32), 671_088);
    }
}
