//! What a bundle is rendered from besides the spec: addresses, endpoints, files.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use crate::identity::Secrets;
use crate::spec::{Alb, HostName, Mattermost, ProxyTls, Release, Role, TlsCertificate};

use super::authorities;
use super::blob::Blob;
use super::bundle_error::BundleError;
use super::dsn::Dsns;
use super::extras::HostFile;
use super::license::ServerLicense;
use super::passwords::ServerPasswords;
use super::plugins::PluginPackage;
use super::saml::SamlFiles;
use super::texts::read_pem;

/// Where hosts get the server from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerPackage {
    /// A tarball that is shipped.
    Shipped(Blob),
    /// A tarball that each host fetches.
    Fetched {
        /// From where.
        url: String,
        /// Its SHA-256, lower-case hex; without it the publisher's certificate has to do.
        sha256: Option<String>,
    },
}

/// The files of the operator's machine that go to hosts, read through once.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The Mattermost release, or the stand-in server.
    pub server: ServerPackage,
    /// The license; none for a server without one.
    pub license: Option<ServerLicense>,
    /// Passwords of the services that the server uses.
    pub passwords: ServerPasswords,
    /// Files of the identity provider.
    pub saml: Option<SamlFiles>,
    /// Plugins of the server.
    pub plugins: Vec<PluginPackage>,
    /// The operator's own files, by role.
    pub files: BTreeMap<Role, Vec<HostFile>>,
    /// Authorities that every host trusts besides those of its system.
    pub authorities: Vec<HostFile>,
    /// This program, as agents run it.
    pub agent: Option<Blob>,
    /// The database that is used in place of one of the environment's own.
    pub database: Option<Dsns>,
    /// The certificate of the proxies, where it is a file.
    pub tls: Option<TlsFacts>,
    /// The authorities of an ACME server and of its certificates, PEM, where systems do not trust them.
    pub acme_authority: Option<String>,
}

/// What the proxies speak TLS with.
#[derive(Clone, Debug)]
pub struct TlsFacts {
    /// The certificate and those between it and its authority, PEM.
    pub chain: String,
    /// Its private key, PEM.
    pub key: SecretString,
    /// The authority, PEM, where systems do not trust it by themselves.
    pub authority: Option<String>,
}

impl TlsFacts {
    /// Reads the certificate that the environment names; nothing where it names none.
    ///
    /// # Errors
    /// When a file cannot be read, or is not PEM.
    pub fn load(tls: &ProxyTls) -> Result<Option<Self>, BundleError> {
        let TlsCertificate::Files {
            certificate,
            key,
            authority,
        } = &tls.certificate
        else {
            return Ok(None);
        };
        let authority = authority.as_deref();
        Ok(Some(Self {
            chain: read_pem("certificate", "CERTIFICATE", certificate)?,
            key: SecretString::from(read_pem("certificate's key", "PRIVATE KEY", key)?),
            authority: authority
                .map(|path| read_pem("certificate's authority", "CERTIFICATE", path))
                .transpose()?,
        }))
    }
}

/// Reads the authorities of the ACME server that the environment names; nothing where it names none, or
/// needs none.
///
/// # Errors
/// When the file cannot be read, or is not PEM.
pub fn acme_authority(tls: &ProxyTls) -> Result<Option<String>, BundleError> {
    let path = tls.acme().and_then(|acme| acme.authority.as_deref());
    path.map(|path| read_pem("ACME server's authority", "CERTIFICATE", path))
        .transpose()
}

/// Reads the authority of the load balancer's certificate; nothing where the environment names none.
///
/// # Errors
/// When the file cannot be read, or is not PEM.
pub fn balancer_authority(alb: &Alb) -> Result<Option<String>, BundleError> {
    let certificate = alb.certificate.as_ref();
    let path = certificate.and_then(|certificate| certificate.authority.as_deref());
    path.map(|path| read_pem("load balancer's authority", "CERTIFICATE", path))
        .transpose()
}

impl Payload {
    /// Reads what the environment names; `standin` is the stand-in's tarball and `agent`
    /// a program for the agent hosts.
    ///
    /// # Errors
    /// When a file cannot be read or is not the one that the environment says.
    pub fn load(
        mattermost: &Mattermost,
        standin: Option<&Path>,
        agent: Option<&Path>,
    ) -> Result<Self, BundleError> {
        Ok(Self {
            server: ServerPackage::load(mattermost, standin)?,
            license: ServerLicense::load(mattermost)?,
            files: BTreeMap::new(),
            authorities: Vec::new(),
            passwords: ServerPasswords::load(&mattermost.connections)?,
            saml: mattermost
                .connections
                .saml
                .as_ref()
                .map(SamlFiles::load)
                .transpose()?,
            plugins: PluginPackage::load(&mattermost.plugins)?,
            agent: agent.map(|path| read("agent program", path)).transpose()?,
            database: None,
            tls: None,
            acme_authority: None,
        })
    }
}

impl Payload {
    /// Takes the files of authorities that hosts are to trust.
    ///
    /// # Errors
    /// When one cannot be read, or has no certificate.
    pub fn trust(&mut self, files: &[PathBuf]) -> Result<(), BundleError> {
        self.authorities = authorities::load(files)?;
        Ok(())
    }
}

impl ServerPackage {
    /// The release that the environment names; `standin` is the stand-in's tarball.
    ///
    /// # Errors
    /// When a file cannot be read or is not the one that the environment says.
    pub fn load(mattermost: &Mattermost, standin: Option<&Path>) -> Result<Self, BundleError> {
        let sha256 = mattermost.sha256.clone();
        Ok(match &mattermost.release {
            Release::Standin => {
                let path = standin.ok_or(BundleError::NoStandin)?;
                ServerPackage::Shipped(read("stand-in's tarball", path)?)
            }
            Release::File(path) => {
                let blob = read("server's tarball", path)?;
                match sha256 {
                    Some(expected) if expected != blob.sha256() => {
                        return Err(BundleError::Digest {
                            path: path.clone(),
                            expected,
                            actual: blob.sha256().to_owned(),
                        });
                    }
                    _ => ServerPackage::Shipped(blob),
                }
            }
            Release::Version(version) => ServerPackage::Fetched {
                url: official(version),
                sha256,
            },
            Release::Url(url) => ServerPackage::Fetched {
                url: url.clone(),
                sha256,
            },
        })
    }
}

/// Where Mattermost publishes a version.
fn official(version: &str) -> String {
    format!("https://releases.mattermost.com/{version}/mattermost-{version}-linux-amd64.tar.gz")
}

fn read(what: &'static str, path: &Path) -> Result<Blob, BundleError> {
    Blob::of(path).map_err(|source| BundleError::File {
        what,
        path: path.to_owned(),
        source,
    })
}

/// A host that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// Which.
    pub name: HostName,
    /// Its address inside the VPC.
    pub private_ip: Ipv4Addr,
    /// Memory of its instance type, GiB.
    pub memory_gib: u32,
}

/// Where something listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// DNS name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// How application nodes connect to the environment's own database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Endpoint of the writer; of an Aurora cluster, its cluster endpoint.
    pub writer: Endpoint,
    /// The readers, each by its own endpoint.
    pub readers: Vec<Endpoint>,
    /// Name of the database.
    pub name: String,
    /// Master user.
    pub user: String,
}

/// What is known of an environment when a bundle is rendered. Preparing needs the hosts
/// alone; configuring needs what the role talks to.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The hosts that exist so far.
    pub hosts: Vec<HostFacts>,
    /// Application nodes that proxies send nothing to: they are about to change, or are not up yet.
    pub away: BTreeSet<HostName>,
    /// `None` before the writer has an endpoint.
    pub database: Option<DatabaseFacts>,
    /// The search domain's name, without scheme and port.
    pub search_endpoint: Option<String>,
    /// Primary endpoint of the cache; `None` without one.
    pub cache: Option<Endpoint>,
    /// Where people find the server, when that is not a proxy.
    pub entrance: Option<String>,
    /// Name of the bucket of uploaded files.
    pub bucket: Option<String>,
    /// What the proxies speak TLS with.
    pub tls: Option<TlsFacts>,
    /// What is shipped.
    pub payload: Arc<Payload>,
    /// The environment's secrets.
    pub secrets: Secrets,
}
