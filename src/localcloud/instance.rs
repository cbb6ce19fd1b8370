//! An EC2 instance as a host: its disk before the first boot, and its boots.

use std::process::Child;

use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use super::cloud_view::InstanceView;
use super::cloudinit::{self, FirstBoot};
use super::error::{Error, Result};
use super::guest::{self, ADMIN, Boot, Disk, ROOT, aws_hostname};
use super::image::Layers;
use super::keeper::Keeper;
use super::network;
use super::state::RESOLVER;

/// Marks a disk whose first boot is behind it.
const SEEDED: &str = "/var/lib/cloud/instance/boot-finished";

/// Makes the disk (on the first boot) and the namespace, and boots.
///
/// # Errors
/// When the kernel or the file system refuses.
pub(crate) fn start(
    keeper: &Keeper,
    layers: &Layers,
    region: &str,
    instance: &InstanceView,
    user_data: Option<&[u8]>,
) -> Result<Child> {
    let disk = Disk::open(&instance.id)?;
    let mut hostname = aws_hostname(instance.address);
    if !disk.has(SEEDED) {
        let first_boot = user_data.map(cloudinit::parse).unwrap_or_default();
        if let Some(name) = &first_boot.hostname {
            hostname.clone_from(name);
        }
        seed(&disk, region, instance, &hostname, first_boot)?;
    } else if let Ok(name) = std::fs::read_to_string(disk.inner("/etc/hostname")) {
        name.trim().clone_into(&mut hostname);
    }
    network::create_guest(&instance.id, instance.address, instance.public_address)?;
    guest::boot(
        keeper,
        &Boot {
            guest: instance.id.clone(),
            hostname,
            layers: layers.of_instances(),
            init: "/sbin/init".into(),
            input: None,
        },
    )
}

/// Writes what the first boot finds.
fn seed(
    disk: &Disk,
    region: &str,
    instance: &InstanceView,
    hostname: &str,
    first_boot: FirstBoot,
) -> Result<()> {
    let domain = if region == "us-east-1" {
        "ec2.internal".into()
    } else {
        format!("{region}.compute.internal")
    };
    disk.write("/etc/hostname", &format!("{hostname}\n"), 0o644, ROOT)?;
    disk.write(
        "/etc/hosts",
        &format!("127.0.0.1 localhost\n127.0.1.1 {hostname}.{domain} {hostname}\n::1 localhost\n"),
        0o644,
        ROOT,
    )?;
    disk.write(
        "/etc/resolv.conf",
        &format!("search {domain}\nnameserver {RESOLVER}\n"),
        0o644,
        ROOT,
    )?;

    let (private, public) = match first_boot.host_key {
        Some(pair) => pair,
        None => generate_host_key(hostname)?,
    };
    disk.write(
        "/etc/ssh/ssh_host_ed25519_key",
        &with_newline(&private),
        0o600,
        ROOT,
    )?;
    disk.write(
        "/etc/ssh/ssh_host_ed25519_key.pub",
        &with_newline(&public),
        0o644,
        ROOT,
    )?;

    let keys: Vec<&str> = instance
        .public_key
        .iter()
        .chain(&first_boot.authorized_keys)
        .map(|key| key.trim())
        .collect();
    disk.directory("/home/admin", 0o755, ADMIN)?;
    disk.directory("/home/admin/.ssh", 0o700, ADMIN)?;
    disk.write(
        "/home/admin/.ssh/authorized_keys",
        &with_newline(&keys.join("\n")),
        0o600,
        ADMIN,
    )?;

    let mut log = String::new();
    for item in &first_boot.unsupported {
        tracing::warn!(instance = instance.id, item, "not supported in user data");
        log.push_str(&format!("not supported here, and left out: {item}\n"));
    }
    disk.write("/var/log/cloud-init.log", &log, 0o640, ROOT)?;
    if let Some(early) = &first_boot.early {
        disk.write("/var/lib/cloud/instance/boot-init", early, 0o700, ROOT)?;
    }
    if let Some(late) = &first_boot.late {
        disk.write("/var/lib/cloud/instance/runcmd", late, 0o700, ROOT)?;
    }
    disk.write(SEEDED, "", 0o644, ROOT)
}

/// A host key for a host whose user data brings none.
fn generate_host_key(hostname: &str) -> Result<(String, String)> {
    let failed = |error: ssh_key::Error| Error::Certificate {
        name: hostname.into(),
        source: error.into(),
    };
    let key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(failed)?;
    let private = key.to_openssh(LineEnding::LF).map_err(failed)?;
    Ok((
        private.to_string(),
        key.public_key().to_openssh().map_err(failed)?,
    ))
}

fn with_newline(text: &str) -> String {
    format!("{}\n", text.trim_end())
}
