//! An environment in its account: what it should be, what exists of it, how to reach its hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ipnet::Ipv4Net;
use tokio::sync::OnceCell;

use crate::aws::Aws;
use crate::blueprint::{Blueprint, blueprint};
use crate::engine::{Account, Cloud as _, Engine, Hosts, Permit, Poller};
use crate::events::Events;
use crate::hosts::{Keyring, Payload};
use crate::identity::{Secrets, new_seed};
use crate::plan::{Inventory, Plan, Snapshot, plan};
use crate::spec::{CloudTarget, Library, Spec, SshKey};

use super::adapters::Adapters;
use super::hosts::{NoHosts, RigHosts, register};
use super::operator::own_address;
use super::payload::payload;
use crate::ops::error::{OpsError, PayloadError, RigError};

/// How long a host may take to answer and to apply a stage of its bundle, unless said otherwise.
const HOST_TIMEOUT: Duration = Duration::from_mins(15);

/// What removal and reports need of an environment: a name and a place.
#[derive(Clone, Debug)]
pub struct Target {
    /// Environment name.
    pub name: String,
    /// Where it lives.
    pub cloud: CloudTarget,
    /// Region code, for example `us-east-1`.
    pub region: String,
    /// Whether only the name is known: the YAML is missing or broken.
    pub is_name_only: bool,
}

impl Target {
    /// From the YAML where it can be read, else from the name alone.
    ///
    /// # Errors
    /// When the argument is neither.
    pub fn find(library: &Library, env: &str) -> Result<Self, OpsError> {
        match library.load(env) {
            Ok(spec) => Ok(Self {
                name: spec.name,
                cloud: spec.cloud,
                region: spec.region,
                is_name_only: false,
            }),
            // A mistyped path is not a name.
            Err(errors) if library.is_dead_path(env) => Err(errors.into()),
            Err(errors) => {
                let file = library.resolve(env);
                let stem = file
                    .as_deref()
                    .and_then(Path::file_stem)
                    .and_then(|stem| stem.to_str())
                    .unwrap_or(env);
                if crate::spec::name_fault(stem).is_some() {
                    return Err(errors.into());
                }
                Ok(Self {
                    name: stem.to_owned(),
                    cloud: CloudTarget::Aws,
                    region: "us-east-1".to_owned(),
                    is_name_only: true,
                })
            }
        }
    }
}

/// An environment in its account.
#[derive(Debug)]
pub struct Rig {
    /// What it should be.
    pub spec: Spec,
    /// A connection in the environment's region.
    pub cloud: Arc<Aws>,
    /// The account acted on.
    pub account: Account,
    /// Who may reach SSH and the web.
    pub operators: Vec<Ipv4Net>,
    /// How long a host may take to answer and to apply a stage of its bundle.
    pub host_timeout: Duration,
    /// Whether hosts are left alone.
    pub resources_only: bool,
    /// The program for agent hosts; none means this one.
    pub agent_program: Option<PathBuf>,
    /// What goes to hosts, once it was read.
    payload: OnceLock<Arc<Payload>>,
}

/// What one look at the account found, against what the rig should be.
#[derive(Clone, Debug)]
pub struct RigState {
    /// What it should be.
    pub blueprint: Blueprint,
    /// What exists, twins and what is being deleted included.
    pub snapshot: Snapshot,
    /// What exists and stays, by address.
    pub inventory: Inventory,
    /// What differs.
    pub plan: Plan,
}

/// The way to a rig's hosts.
#[derive(Debug)]
pub struct HostAccess {
    /// Derived from the seed that is stored in the account.
    pub secrets: Secrets,
    /// SSH.
    pub keyring: Keyring,
}

impl Rig {
    /// Connects and finds out who acts, and from where.
    ///
    /// # Errors
    /// When credentials are missing, or the operator's address cannot be found.
    pub async fn open(mut spec: Spec, adapters: &dyn Adapters) -> Result<Self, OpsError> {
        adapters.region().clone_into(&mut spec.region);
        let cloud = adapters.cloud().await?;
        let account = cloud.account().await?;
        let operators = operators(&spec, adapters).await?;
        Ok(Self {
            spec,
            cloud,
            account,
            operators,
            host_timeout: HOST_TIMEOUT,
            resources_only: false,
            agent_program: None,
            payload: OnceLock::new(),
        })
    }

    /// Who acts where, with which credentials.
    #[must_use]
    pub fn describe_caller(&self) -> String {
        describe_caller(&self.cloud, &self.account)
    }

    /// Reads the account once: what exists, and what differs from what should be.
    ///
    /// # Errors
    /// When the cloud cannot be read.
    pub async fn read(&self) -> Result<RigState, OpsError> {
        let mut blueprint = blueprint(&self.spec, &self.operators);
        if self.resources_only {
            blueprint = blueprint.without_hosts();
        }
        let wanted = blueprint.adopted();
        let (mut snapshot, adopted) = futures::try_join!(
            self.cloud.snapshot(&self.spec.name),
            self.cloud.adopted(&wanted)
        )?;
        // Somebody else's network that the rig uses exists too.
        snapshot.resources.extend(adopted);
        let plan = plan(&blueprint, &snapshot);
        Ok(RigState {
            inventory: Inventory::from(snapshot.clone()),
            blueprint,
            snapshot,
            plan,
        })
    }

    /// The secrets of the environment, which derive from its seed.
    ///
    /// # Errors
    /// When the environment does not exist, or its seed cannot be read.
    pub async fn secrets(&self) -> Result<Secrets, OpsError> {
        let name = &self.spec.name;
        let seed = self.cloud.seed(name).await?;
        let seed = seed.ok_or_else(|| RigError::DoesNotExist {
            environment: name.clone(),
            account: self.account.clone(),
        })?;
        Ok(Secrets::from_seed(&seed)?)
    }

    /// The way to the hosts that exist.
    ///
    /// # Errors
    /// When the environment does not exist, or its key cannot be used.
    pub async fn connect(&self, inventory: &Inventory) -> Result<HostAccess, OpsError> {
        let name = &self.spec.name;
        let secrets = self.secrets().await?;
        let keyring = Keyring::open(name, &self.spec.access, &secrets, &[]).await?;
        for host in self.spec.hosts() {
            register(&keyring, &self.spec, host, inventory)?;
        }
        Ok(HostAccess { secrets, keyring })
    }

    /// The files that go to hosts, which are read through once.
    ///
    /// # Errors
    /// When one cannot be read, or cannot run there.
    pub(super) fn payload(&self) -> Result<Arc<Payload>, PayloadError> {
        if let Some(payload) = self.payload.get() {
            return Ok(Arc::clone(payload));
        }
        let read = payload(&self.spec, self.agent_program.as_deref())?;
        Ok(Arc::clone(self.payload.get_or_init(|| Arc::new(read))))
    }

    /// What sets the rig's hosts up.
    ///
    /// # Errors
    /// When a file that goes to hosts cannot be read, or cannot run there.
    pub(super) fn hosts(&self) -> Result<RigHosts, OpsError> {
        Ok(RigHosts {
            spec: self.spec.clone(),
            payload: self.payload()?,
            keyring: OnceCell::new(),
            timeout: self.host_timeout,
            shown: Mutex::new(BTreeSet::new()),
        })
    }

    /// The engine that brings the rig to its plan.
    pub(super) async fn engine<H: Hosts>(
        &self,
        hosts: H,
        events: Events,
        permit: Permit,
    ) -> Result<Arc<Engine<Aws, H>>, OpsError> {
        let operator_key = match &self.spec.access.key {
            SshKey::Generated => None,
            // Those keys come from the user; the secrets play no part in them.
            own => {
                let secrets = Secrets::from_seed(&new_seed())?;
                Some(crate::hosts::operator_public_key(own, &secrets).await?)
            }
        };
        Ok(Arc::new(Engine {
            cloud: Arc::clone(&self.cloud),
            poller: Poller::new(Arc::clone(&self.cloud), &self.spec.name),
            hosts: Arc::new(hosts),
            environment: self.spec.name.clone(),
            tags: self.spec.tags.clone(),
            operator_key,
            permit,
            events,
        }))
    }
}

/// Who may reach SSH and the web: the spec's ranges, or the address that the command runs from.
pub(super) async fn operators(
    spec: &Spec,
    adapters: &dyn Adapters,
) -> Result<Vec<Ipv4Net>, OpsError> {
    if !spec.access.operators.is_empty() {
        return Ok(spec.access.operators.clone());
    }
    let address = match adapters.operator_address() {
        Some(address) => address,
        None => own_address(spec).await?,
    };
    Ok(vec![Ipv4Net::from(address)])
}

/// An engine that can only remove: it needs neither spec nor secrets nor hosts.
pub(super) fn remover(
    cloud: &Arc<Aws>,
    environment: &str,
    events: Events,
    permit: Permit,
) -> Arc<Engine<Aws, NoHosts>> {
    Arc::new(Engine {
        cloud: Arc::clone(cloud),
        poller: Poller::new(Arc::clone(cloud), environment),
        hosts: Arc::new(NoHosts),
        environment: environment.to_owned(),
        tags: BTreeMap::new(),
        operator_key: None,
        permit,
        events,
    })
}

/// Who acts where, with which credentials.
#[must_use]
pub fn describe_caller(cloud: &Aws, account: &Account) -> String {
    format!(
        "account {} as {}, region {}, with {}",
        account.id,
        account.arn,
        account.region,
        cloud.source()
    )
}

/// How many API calls were made, and which most.
pub(super) fn note_calls(cloud: &Aws, events: &Events) {
    let calls = cloud.calls();
    let mut most: Vec<(&String, &u64)> = calls.iter().collect();
    most.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    let most: Vec<String> = most
        .iter()
        .take(3)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    events.note(format!(
        "{} API calls so far, most of them {}",
        calls.values().sum::<u64>(),
        most.join(", ")
    ));
}
