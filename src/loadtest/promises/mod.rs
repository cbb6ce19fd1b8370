//! What a deployment promises, asked of the server itself: one version, the license, one cluster,
//! metrics, readers, and through the entrance logins, events between nodes, files and search.
//!
//! Knows URLs alone: how they lead to the nodes is the caller's business. Causes come before
//! consequences: what cannot work for a reason that was found is not asked for.

mod answers;
mod jobs;
mod joined;
mod judge;
mod ldap;
mod mail;
mod mailbox;
mod plugins;
mod readers;
mod run;
mod saml;
mod settings;
mod through;

pub use joined::{JoinError, JoinPeer, JoinPlan, NodeJoin, check_joined, known_addresses};
pub use readers::ReaderAccess;
pub use run::check_promises;

use crate::spec::{ConnectionSecurity, LicenseSummary, LicensedPart, PlannedSetting};

use super::wire::{Admin, EntranceRoute, Password};

/// What to ask, and what was promised.
#[derive(Clone, Debug)]
pub struct PromisePlan {
    /// The environment's name.
    pub environment: String,
    /// Where people find the server.
    pub entrance: String,
    /// How the entrance is reached, where DNS need not know its name, or leads nowhere from here.
    pub route: Option<EntranceRoute>,
    /// Every application node.
    pub nodes: Vec<PromiseNode>,
    /// The administrator.
    pub admin: Admin,
    /// The license that every node is to have.
    pub license: PlannedLicense,
    /// What was left out because there is none.
    pub without: Vec<LicensedPart>,
    /// How many users the size is for.
    pub users: u32,
    /// How many readers each node is to use.
    pub readers: u32,
    /// Whether a search domain is to answer searches.
    pub search: bool,
    /// How the server is to send mail.
    pub mail: Option<PromiseMail>,
    /// The directory that people log in from, as it is told to people.
    pub ldap: Option<String>,
    /// The job server, which serves no API.
    pub job_server: Option<PromiseJobServer>,
    /// Plugins beyond those that come with the server.
    pub plugins: Vec<PromisePlugin>,
    /// Whether the server has a certificate of its own for the identity provider, where there is one.
    pub saml: Option<bool>,
    /// The settings that every application node is to run with, or why they are not known here.
    pub settings: Result<Vec<PlannedSetting>, String>,
}

/// How the server sends mail.
#[derive(Clone, Debug)]
pub struct PromiseMail {
    /// Host and port of the mail server.
    pub server: String,
    /// How the connection there is protected.
    pub security: ConnectionSecurity,
    /// The account there.
    pub account: Option<String>,
    /// Address that messages come from.
    pub from: String,
    /// The administrator's address, where it is planned.
    pub administrator: Option<String>,
    /// The address that the administrator has where none is planned, which nobody reads.
    pub unread: String,
    /// The mailbox of that address, or why it cannot be looked into from here.
    pub mailbox: Option<Result<PromiseMailbox, String>>,
}

/// A mailbox, by IMAP over TLS.
#[derive(Clone, Debug)]
pub struct PromiseMailbox {
    /// Host name or address.
    pub server: String,
    /// TCP port.
    pub port: u16,
    /// The account there.
    pub username: String,
    /// Its password.
    pub password: Password,
    /// The authority of its certificate, PEM; none for those that this machine trusts.
    pub authority: Option<String>,
}

/// The license that every application node is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlannedLicense {
    /// None.
    Unlicensed,
    /// This one.
    Known {
        /// As the license names itself.
        id: String,
        /// What matters of it to people.
        summary: LicenseSummary,
    },
    /// One that cannot be read here, and why.
    Unknown(String),
}

impl PlannedLicense {
    /// Whether there is to be one.
    #[must_use]
    pub fn is_licensed(&self) -> bool {
        *self != PlannedLicense::Unlicensed
    }
}

/// A plugin that every application node is to have.
#[derive(Clone, Debug)]
pub struct PromisePlugin {
    /// As its manifest names it.
    pub id: String,
    /// Whether it is to run.
    pub enabled: bool,
}

/// The job server, as far as others had to find out.
#[derive(Clone, Debug)]
pub struct PromiseJobServer {
    /// For example `job-1`.
    pub name: String,
    /// Version and build of the program that runs, or why they were not told.
    pub version: Result<String, String>,
}

/// An application node, by URLs that lead to it alone.
#[derive(Clone, Debug)]
pub struct PromiseNode {
    /// For example `app-1`.
    pub name: String,
    /// Its address inside the VPC, by which the others know it.
    pub address: String,
    /// Its API.
    pub url: String,
    /// Its metrics.
    pub metrics_url: String,
}

/// What came of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromiseVerdict {
    /// It is kept.
    Kept,
    /// It is kept, and somebody should look at it.
    Doubtful,
    /// It is broken.
    Broken,
}

/// One promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// What was promised.
    pub name: String,
    /// What came of it.
    pub verdict: PromiseVerdict,
    /// What was seen.
    pub detail: String,
    /// What to do when it is not kept.
    pub remedy: String,
}

impl Promise {
    fn new(name: &str, verdict: PromiseVerdict, detail: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            verdict,
            detail: detail.into(),
            remedy: String::new(),
        }
    }

    fn kept(name: &str, detail: impl Into<String>) -> Self {
        Self::new(name, PromiseVerdict::Kept, detail)
    }

    fn broken(name: &str, detail: impl Into<String>) -> Self {
        Self::new(name, PromiseVerdict::Broken, detail)
    }

    fn doubtful(name: &str, detail: impl Into<String>) -> Self {
        Self::new(name, PromiseVerdict::Doubtful, detail)
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    fn is_broken(&self) -> bool {
        self.verdict == PromiseVerdict::Broken
    }
}
