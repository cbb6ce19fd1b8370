//! Wires a spec, a cloud and hosts together for the commands that need them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::aws::{Aws, Connection};
use crate::blueprint::{Address, Blueprint, DatabaseRole, blueprint};
use crate::engine::{Account, Cloud as _, Engine, Permit, Poller};
use crate::events::Events;
use crate::hosts::{DatabaseFacts, Dsns, Endpoint, Facts, HostError, HostFacts, Keyring, Payload};
use crate::identity::{Secrets, new_seed};
use crate::plan::{Observed, Plan, Snapshot, plan};
use crate::spec::{AddressKind, CloudTarget, HostName, Role, Spec, SshKey, catalog};

use super::hosts::{NoHosts, RigHosts};
use super::standin;
use crate::cli::App;
use crate::cli::args::{ApiRate, Global};
use crate::cli::failure::Failure;
use crate::cli::place::Place;
use crate::cli::printer::Printer;
use crate::cli::terminal::Terminal;

/// How long a host may take to answer and to apply a stage of its bundle, unless said otherwise.
const HOST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// What `down` needs: a name and a place.
pub struct Target {
    /// Environment name.
    pub name: String,
    /// Where it lives.
    pub cloud: CloudTarget,
    /// Region.
    pub region: String,
}

impl Target {
    /// From the YAML where it can be read, else from name and flags alone.
    ///
    /// # Errors
    /// When the argument can be neither.
    pub fn find(app: &App, env: &str) -> Result<Self, Failure> {
        match app.library.load(env) {
            Ok(spec) => Ok(Self {
                name: spec.name,
                cloud: spec.cloud,
                region: spec.region,
            }),
            Err(errors) => {
                let stem = Path::new(env)
                    .file_stem()
                    .and_then(|stem| stem.to_str())
                    .unwrap_or(env);
                if crate::spec::name_fault(stem).is_some() {
                    return Err(errors.into());
                }
                app.printer.say(&format!(
                    "the YAML of `{stem}` cannot be read; its name is enough here"
                ));
                Ok(Self {
                    name: stem.to_owned(),
                    cloud: CloudTarget::Aws,
                    region: "us-east-1".to_owned(),
                })
            }
        }
    }
}

/// An environment in its cloud.
pub struct Rig {
    /// What it should be.
    pub spec: Spec,
    /// Its cloud.
    pub cloud: Arc<Aws>,
    /// The account acted on.
    pub account: Account,
    /// Who may reach SSH and the web.
    pub operators: Vec<Ipv4Net>,
    /// How long a host may take to answer and to apply a stage of its bundle.
    pub host_timeout: Duration,
    /// Whether hosts are left alone.
    pub resources_only: bool,
}

/// What exists of a rig, with the means to reach its hosts.
pub struct Connected {
    /// What exists.
    pub world: BTreeMap<Address, Observed>,
    /// Its secrets.
    pub secrets: Secrets,
    /// SSH.
    pub keyring: Keyring,
}

impl Rig {
    /// Connects to the cloud of a place.
    ///
    /// # Errors
    /// When the connection is invalid.
    pub async fn cloud(place: &Place, global: &Global) -> Result<Arc<Aws>, Failure> {
        let connection = Connection {
            region: place.region.clone(),
            profile: global.profile.clone(),
            endpoint_url: place.endpoint_url.clone(),
            paced: global.api_rate == ApiRate::Aws,
            credentials: place
                .credentials
                .clone()
                .map(|(id, secret)| (id, SecretString::from(secret))),
        };
        let prompt = Arc::new(Terminal {
            printer: Printer::new(global),
        });
        Ok(Arc::new(Aws::connect_asking(connection, prompt).await?))
    }

    /// Connects and finds out who acts, and from where.
    ///
    /// # Errors
    /// When credentials are missing, or the operator's address cannot be found.
    pub async fn open(mut spec: Spec, place: &Place, global: &Global) -> Result<Self, Failure> {
        spec.region.clone_from(&place.region);
        let cloud = Self::cloud(place, global).await?;
        let account = cloud.account().await?;
        let operators = if spec.access.operators.is_empty() {
            let address = match place.operator {
                Some(address) => address,
                None => own_address(&spec).await?,
            };
            vec![Ipv4Net::from(address)]
        } else {
            spec.access.operators.clone()
        };
        Ok(Self {
            spec,
            cloud,
            account,
            operators,
            host_timeout: HOST_TIMEOUT,
            resources_only: false,
        })
    }

    /// Who acts where, by which credentials.
    #[must_use]
    pub fn acting(cloud: &Aws, account: &Account) -> String {
        format!(
            "account {} as {}, region {}, by {}",
            account.id,
            account.arn,
            account.region,
            cloud.source()
        )
    }

    /// The graph, and what differs from it.
    ///
    /// # Errors
    /// When the cloud cannot be read.
    pub async fn plan(&self) -> Result<(Blueprint, Plan), Failure> {
        let (blueprint, plan, _snapshot) = self.plan_and_snapshot().await?;
        Ok((blueprint, plan))
    }

    /// The same with what exists.
    ///
    /// # Errors
    /// When the cloud cannot be read.
    pub async fn plan_and_snapshot(&self) -> Result<(Blueprint, Plan, Snapshot), Failure> {
        let mut blueprint = blueprint(&self.spec, &self.operators);
        if self.resources_only {
            blueprint = blueprint.without_hosts();
        }
        let snapshot = self.snapshot(&blueprint).await?;
        let plan = plan(&blueprint, &snapshot);
        Ok((blueprint, plan, snapshot))
    }

    /// The engine that brings the rig to its plan.
    ///
    /// # Errors
    /// When a file that goes to hosts cannot be read, or the operator's key not be found.
    pub async fn engine(
        &self,
        events: Events,
        permit: Permit,
    ) -> Result<Arc<Engine<Aws, RigHosts>>, Failure> {
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
            hosts: Arc::new(RigHosts {
                spec: self.spec.clone(),
                payload: Arc::new(payload(&self.spec)?),
                keyring: OnceCell::new(),
                timeout: self.host_timeout,
            }),
            environment: self.spec.name.clone(),
            tags: self.spec.tags.clone(),
            operator_key,
            permit,
            events,
        }))
    }

    /// An engine that can only remove: it needs neither spec nor secrets nor hosts.
    #[must_use]
    pub fn remover(
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

    /// What exists, by address.
    ///
    /// # Errors
    /// When the cloud cannot be read.
    pub async fn world(&self) -> Result<BTreeMap<Address, Observed>, Failure> {
        let blueprint = blueprint(&self.spec, &self.operators);
        let snapshot = self.snapshot(&blueprint).await?;
        Ok(snapshot
            .resources
            .into_iter()
            .filter(|resource| !resource.state.is_leaving())
            .map(|resource| (resource.address.clone(), resource))
            .collect())
    }

    /// What exists, and the way to its hosts.
    ///
    /// # Errors
    /// When the environment does not exist, or its key cannot be used.
    pub async fn connect(&self) -> Result<Connected, Failure> {
        let world = self.world().await?;
        let name = &self.spec.name;
        let seed = self.cloud.seed(name).await?.ok_or_else(|| {
            Failure::new(
                format!(
                    "`{name}` does not exist in account {}, region {}",
                    self.account.id, self.account.region
                ),
                format!("`loadrig up {name}` makes it"),
            )
        })?;
        let secrets = Secrets::from_seed(&seed)?;
        let keyring = Keyring::open(name, &self.spec.access, &secrets, &[]).await?;
        for host in self.spec.hosts() {
            introduce(&keyring, &self.spec, host, &world)?;
        }
        Ok(Connected {
            world,
            secrets,
            keyring,
        })
    }

    /// What exists, somebody else's network that is used included.
    async fn snapshot(&self, blueprint: &Blueprint) -> Result<Snapshot, Failure> {
        let name = &self.spec.name;
        let wanted = blueprint.adopted();
        let (mut snapshot, adopted) =
            futures::try_join!(self.cloud.snapshot(name), self.cloud.adopted(&wanted))?;
        snapshot.resources.extend(adopted);
        Ok(snapshot)
    }

    /// Where people find the server: the load balancer, or the first proxy.
    ///
    /// # Errors
    /// When the cloud cannot be read.
    pub async fn url(&self) -> Result<String, Failure> {
        let world = self.world().await?;
        if self.spec.load_balancer.alb().is_some() {
            let entrance = entrance(&self.spec, &world);
            return Ok(entrance.unwrap_or("an unknown address".to_owned()));
        }
        let proxy = HostName {
            role: Role::Proxy,
            index: 1,
        };
        Ok(instance_address(proxy, self.spec.access.address, &world)
            .map_or("an unknown address".to_owned(), |address| {
                format!("http://{address}")
            }))
    }
}

/// Tells a keyring where a host is, and what it stands behind. A host that does not exist
/// yet is left out.
pub fn introduce(
    keyring: &Keyring,
    spec: &Spec,
    host: HostName,
    world: &BTreeMap<Address, Observed>,
) -> Result<(), HostError> {
    let Some(address) = operator_address(spec, host, world) else {
        return Ok(());
    };
    if !spec.network.is_behind_bastion(host.role) {
        return keyring.add(host, address);
    }
    let bastion = HostName {
        role: Role::Bastion,
        index: 1,
    };
    let Some(at) = operator_address(spec, bastion, world) else {
        return Ok(());
    };
    keyring.add(bastion, at)?;
    keyring.add_behind(host, address, bastion)
}

/// The address at which SSH finds a host: directly, or from the bastion.
#[must_use]
pub fn operator_address(
    spec: &Spec,
    host: HostName,
    world: &BTreeMap<Address, Observed>,
) -> Option<IpAddr> {
    let kind = spec.network.ssh_address(host.role, spec.access.address);
    instance_address(host, kind, world)
}

fn instance_address(
    host: HostName,
    kind: AddressKind,
    world: &BTreeMap<Address, Observed>,
) -> Option<IpAddr> {
    let instance = world.get(&Address::instance(host))?;
    let address = match kind {
        AddressKind::Public => instance.get("public_ip"),
        AddressKind::Private => instance.get("private_ip"),
    };
    address?.parse().ok()
}

/// The load balancer's URL: by the name that its certificate is for, or by AWS's own.
#[must_use]
pub fn entrance(spec: &Spec, world: &BTreeMap<Address, Observed>) -> Option<String> {
    let alb = spec.load_balancer.alb()?;
    match &alb.certificate {
        Some(certificate) => Some(format!("https://{}", certificate.host_name)),
        None => {
            let balancer = world.get(&Address::load_balancer())?;
            Some(format!("http://{}", balancer.get("endpoint")?))
        }
    }
}

/// Where hosts of the rig find the server.
#[must_use]
pub fn inner_url(spec: &Spec, world: &BTreeMap<Address, Observed>) -> Option<String> {
    if spec.load_balancer.alb().is_some() {
        return entrance(spec, world);
    }
    let mut proxies = spec.hosts().into_iter();
    let proxy = proxies.find(|host| host.role == Role::Proxy)?;
    Some(format!("http://{}", private_address(proxy, world)?))
}

/// The private address of a host.
#[must_use]
pub fn private_address(host: HostName, world: &BTreeMap<Address, Observed>) -> Option<Ipv4Addr> {
    let instance = world.get(&Address::instance(host))?;
    instance.get("private_ip")?.parse().ok()
}

/// Whose endpoint leads to the writer: the Aurora cluster, or the instance that is the writer.
#[must_use]
pub fn writer(world: &BTreeMap<Address, Observed>) -> Option<&Observed> {
    world
        .get(&Address::database_cluster())
        .or_else(|| world.get(&Address::database(DatabaseRole::Writer)))
}

/// The instances that only read: after a failover of an Aurora cluster these are others than
/// those that were made as readers.
#[must_use]
pub fn readers(spec: &Spec, world: &BTreeMap<Address, Observed>) -> Vec<Address> {
    let writes = world
        .get(&Address::database_cluster())
        .and_then(|cluster| cluster.get("writer"));
    let all = std::iter::once(DatabaseRole::Writer)
        .chain((1..=spec.database.readers).map(DatabaseRole::Reader));
    all.filter(|role| match writes {
        None => *role != DatabaseRole::Writer,
        Some(id) => world
            .get(&Address::database(*role))
            .is_some_and(|instance| instance.id != id),
    })
    .map(Address::database)
    .collect()
}

/// What bundles are rendered from.
#[must_use]
pub fn facts(
    spec: &Spec,
    world: &BTreeMap<Address, Observed>,
    secrets: &Secrets,
    payload: &Arc<Payload>,
) -> Facts {
    let endpoint = |address: &Address, port: u16| {
        let resource = world.get(address)?;
        Some(Endpoint {
            host: resource.get("endpoint")?.to_owned(),
            port: resource
                .get("port")
                .and_then(|port| port.parse().ok())
                .unwrap_or(port),
        })
    };
    let writer = writer(world);
    let readers = readers(spec, world)
        .iter()
        .filter_map(|address| endpoint(address, 5432))
        .collect();
    let known = |key: &str| {
        let found = writer.and_then(|writer| writer.get(key));
        found.unwrap_or("mattermost").to_owned()
    };
    let database = writer
        .and_then(|writer| endpoint(&writer.address, 5432))
        .map(|writer| DatabaseFacts {
            writer,
            readers,
            // A restored database has those of its snapshot.
            name: known("database"),
            user: known("user"),
        });
    let hosts = spec
        .hosts()
        .into_iter()
        .filter_map(|name| {
            let instance_type = &spec.nodes.get(&name.role)?.instance_type;
            Some(HostFacts {
                name,
                private_ip: private_address(name, world)?,
                memory_gib: catalog()
                    .ec2
                    .get(instance_type)
                    .map_or(1, |shape| whole_gib(shape.gib)),
            })
        })
        .collect();
    Facts {
        hosts,
        database,
        search_endpoint: world
            .get(&Address::search())
            .and_then(|search| search.get("endpoint"))
            .map(str::to_owned),
        cache: endpoint(&Address::cache(), 6379),
        entrance: entrance(spec, world),
        bucket: world
            .get(&Address::bucket())
            .map(|bucket| bucket.id.clone()),
        payload: Arc::clone(payload),
        secrets: secrets.clone(),
    }
}

/// Memory in whole GiB, at least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the price table holds sizes from half a GiB to a few hundred"
)]
fn whole_gib(gib: f64) -> u32 {
    gib.max(1.0) as u32
}

/// The files that go to hosts.
///
/// # Errors
/// When one cannot be read or made.
pub fn payload(spec: &Spec) -> Result<Payload, Failure> {
    let standin = match spec.mattermost.release {
        crate::spec::Release::Standin => Some(standin::tarball()?),
        _ => None,
    };
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(
            format!("cannot find this program's own file: {error}"),
            "run it by its full path",
        )
    })?;
    let mut payload = Payload::load(
        &spec.mattermost,
        standin.as_deref(),
        (spec.count(Role::Agent) > 0).then_some(program.as_path()),
    )?;
    let existing = spec.services.database.existing.as_ref();
    payload.database = existing.map(Dsns::load).transpose()?;
    Ok(payload)
}

/// The operator's own address as the rig's hosts will see it.
async fn own_address(spec: &Spec) -> Result<Ipv4Addr, Failure> {
    let hint = "name the ranges that may reach SSH and the web in `access.operators`";
    match spec.access.address {
        AddressKind::Public => {
            let url = "https://checkip.amazonaws.com";
            let failed = |error: reqwest::Error| {
                Failure::new(format!("cannot ask {url} for your address: {error}"), hint)
            };
            let client = reqwest::Client::builder()
                .timeout(Duration::from_secs(10))
                .build()
                .map_err(failed)?;
            let answer = client.get(url).send().await.map_err(failed)?;
            let text = answer.text().await.map_err(failed)?;
            text.trim().parse().map_err(|_| {
                Failure::new(
                    format!("{url} answered `{}`, not an IPv4 address", text.trim()),
                    hint,
                )
            })
        }
        AddressKind::Private => {
            // Connecting a UDP socket sends nothing; it makes the kernel choose a route.
            let failed = |error: std::io::Error| {
                Failure::new(
                    format!("there is no route to {}: {error}", spec.network.cidr),
                    hint,
                )
            };
            let socket = tokio::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
                .await
                .map_err(failed)?;
            socket
                .connect((spec.network.cidr.network(), 22))
                .await
                .map_err(failed)?;
            match socket.local_addr().map_err(failed)?.ip() {
                IpAddr::V4(address) => Ok(address),
                IpAddr::V6(address) => Err(Failure::new(
                    format!("the route to {} is by IPv6 ({address})", spec.network.cidr),
                    hint,
                )),
            }
        }
    }
}
