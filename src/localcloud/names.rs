//! The VPC's DNS server: dnsmasq on Amazon's address, fed from a directory that
//! it watches. Every name that is not in it does not exist: there is no other DNS
//! to ask.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{Error, Result};
use super::keeper::dies_with_daemon;
use super::state::{RESOLVER, RUN_DIR, SERVICES};

/// Host of the bundle of RDS certificate authorities, as clients on AWS fetch it.
pub(crate) const RDS_TRUST_HOST: &str = "truststore.pki.rds.amazonaws.com";

/// The names that hosts resolve.
#[derive(Debug, Clone)]
pub(crate) struct DnsNames {
    directory: PathBuf,
}

impl DnsNames {
    /// Makes the directory.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn create() -> Result<Self> {
        let directory = Path::new(RUN_DIR).join("names");
        fs::create_dir_all(&directory).map_err(Error::io(format!(
            "cannot create the directory `{}`",
            directory.display()
        )))?;
        Ok(Self { directory })
    }

    /// The server's command line, for the keeper to start in the cloud's namespace.
    /// `hosts` and all below them are the public endpoints.
    pub(crate) fn server(&self, hosts: &[String]) -> Command {
        let mut command = dies_with_daemon("dnsmasq");
        command
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--pid-file=",
                "--no-resolv",
                "--no-hosts",
            ])
            .args([
                "--bind-interfaces",
                "--user=root",
                "--log-facility=-",
                "--cache-size=0",
            ])
            .arg(format!("--listen-address={RESOLVER}"))
            .arg(format!("--hostsdir={}", self.directory.display()))
            .args(
                hosts
                    .iter()
                    .map(|host| format!("--address=/{host}/{SERVICES}")),
            )
            .arg("--address=/#/");
        command
    }

    /// Makes `names` of a host resolve to `address`.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn set(&self, guest: &str, address: Ipv4Addr, names: &[&str]) -> Result<()> {
        let path = self.directory.join(guest);
        fs::write(&path, format!("{address} {}\n", names.join(" ")))
            .map_err(Error::io(format!("cannot write `{}`", path.display())))
    }

    /// Forgets a host's names. Absent is fine.
    pub(crate) fn remove(&self, guest: &str) {
        let _ = fs::remove_file(self.directory.join(guest));
    }
}

/// The public hosts that answer inside the cloud; each stands for its subdomains
/// too (S3's buckets).
pub(crate) fn service_hosts(region: &str) -> Vec<String> {
    let mut hosts: Vec<String> = ["sts", "ssm", "ec2", "rds", "iam", "logs", "monitoring"]
        .iter()
        .map(|service| format!("{service}.{region}.amazonaws.com"))
        .collect();
    hosts.extend(s3_hosts(region));
    hosts.extend([
        "sts.amazonaws.com".into(),
        "iam.amazonaws.com".into(),
        RDS_TRUST_HOST.into(),
    ]);
    hosts
}

/// The names of S3 in a region, as in "Amazon S3 endpoints" (AWS General Reference). Clients
/// choose among them by themselves: Mattermost's (minio-go) takes the dual-stack name for
/// whatever name of Amazon's it is given.
fn s3_hosts(region: &str) -> [String; 4] {
    [
        format!("s3.{region}.amazonaws.com"),
        format!("s3.dualstack.{region}.amazonaws.com"),
        // Before 2019 regions had a dash.
        format!("s3-{region}.amazonaws.com"),
        // Before there were regions in names.
        "s3.amazonaws.com".to_owned(),
    ]
}

/// The names that the certificate of those hosts bears. A wildcard stands for one label, so
/// that buckets with a dot in their names are reached by path alone, as on AWS.
pub(crate) fn service_certificate_names(region: &str) -> Vec<String> {
    let mut names = service_hosts(region);
    names.extend(s3_hosts(region).map(|host| format!("*.{host}")));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_s3_resolves_and_has_a_certificate_with_its_buckets() {
        let (hosts, certified) = (
            service_hosts("eu-west-1"),
            service_certificate_names("eu-west-1"),
        );
        for name in [
            "s3.dualstack.eu-west-1.amazonaws.com",
            "s3.eu-west-1.amazonaws.com",
            "s3-eu-west-1.amazonaws.com",
            "s3.amazonaws.com",
        ] {
            assert!(hosts.iter().any(|host| host == name), "{name}");
            assert!(certified.contains(&format!("*.{name}")), "{name}");
        }
        assert!(hosts.iter().all(|host| certified.contains(host)));
    }
}
