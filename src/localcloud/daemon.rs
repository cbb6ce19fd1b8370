//! The local cloud's one process of our own: makes the cloud's namespace, starts
//! moto and the DNS server in it, serves the API, the metadata and the public
//! endpoints, and follows the API. Everything that it starts dies with it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use secrecy::SecretString;
use strict_cloud::{Emulator, StrictCloud, StrictOptions};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, broadcast};

use super::api::{CloudApi, Passwords, Readiness};
use super::authority::Authority;
use super::cgroup;
use super::cloud_view::CloudReader;
use super::domain_gate::DomainPolicies;
use super::error::{Error, Result};
use super::guest;
use super::guests::{Context, chain};
use super::image::Layers;
use super::imds::{MetadataService, random_text};
use super::keeper::{Keeper, dies_with_daemon};
use super::leftovers;
use super::lifecycle::own_process;
use super::limits;
use super::mirror::Mirror;
use super::names::{DnsNames, service_certificate_names, service_hosts};
use super::network;
use super::reconcile::Reconciler;
use super::role_sessions::RoleSessions;
use super::state::{
    CLOUD_NETNS, CloudFile, ENDPOINT_PORT, METADATA, MOTO_PORT, RUN_DIR, SERVICES, log_file,
    netns_path,
};
use super::tls;

/// The images that the API offers.
const IMAGES: &str = include_str!("image/images.json");
/// Restarts that hosts may not have heard of yet.
const REBOOTS: usize = 16;
/// How long moto may take to listen.
const MOTO_UP: Duration = Duration::from_secs(80);
/// How to run the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonOptions {
    /// The one region that the cloud answers for.
    pub region: String,
}

/// Runs the local cloud's daemon until it is killed or a part of it fails. To be
/// called before the process has a second thread. `reader` creates the reader of
/// what exists, from the URLs of the emulator and of the API and the region; it is called
/// inside the daemon's runtime.
///
/// # Errors
/// When the cloud cannot be set up, or moto ends: with it goes all state.
pub fn run_daemon(
    options: &DaemonOptions,
    reader: impl FnOnce(&str, &str, &str) -> Box<dyn CloudReader>,
) -> Result<()> {
    // Out of the caller's session: its terminal's signals are not for us.
    nix::unistd::setsid()
        .map_err(|error| Error::io("cannot leave the caller's session")(error.into()))?;
    limits::raise();
    cgroup::join(cgroup::CLOUD)?;
    network::create_cloud()?;
    network::enter_netns(&netns_path(CLOUD_NETNS))?;
    network::set_forwarding()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Error::io("cannot start a runtime"))?;
    let outcome = runtime.block_on(serve(options, reader));
    if let Err(error) = &outcome {
        tracing::error!(
            error = chain(error),
            "the local cloud ends; its hosts are removed"
        );
        runtime.shutdown_background();
        cgroup::leave();
        leftovers::remove_leftovers(true)?;
    }
    outcome
}

async fn serve(
    options: &DaemonOptions,
    reader: impl FnOnce(&str, &str, &str) -> Box<dyn CloudReader>,
) -> Result<()> {
    let region = options.region.clone();
    let keeper = Keeper::start().map_err(Error::io("cannot start a thread"))?;
    let layers = Layers::locate()?;
    let mut moto = start_moto(&keeper, &layers)?;
    let names = DnsNames::create()?;
    let mirror = Mirror::of(layers.package_lists());
    let public_hosts: Vec<String> = service_hosts(&region)
        .into_iter()
        .chain(mirror.hosts().iter().cloned())
        .collect();
    let mut resolver = keeper
        .spawn(names.server(&public_hosts))
        .map_err(Error::io("cannot start `dnsmasq`"))?;
    let authority = Authority::create()?;
    layers.trust(&authority)?;
    guest::install_scripts()?;

    let changed = Arc::new(Notify::new());
    let (reboots, _) = broadcast::channel(REBOOTS);
    let (readiness, passwords) = (Readiness::default(), Passwords::default());
    let (sessions, policies) = (RoleSessions::default(), DomainPolicies::default());
    let metadata = MetadataService::new(&region, sessions.clone());
    let certificate = authority
        .issue(&service_certificate_names(&region))?
        .server_config()?;
    let moto_address = SocketAddr::from((Ipv4Addr::LOCALHOST, MOTO_PORT));
    let moto_url = format!("http://{moto_address}");
    let moto_api = Emulator::new(&moto_url).map_err(|error| Error::Unsupported(chain(&error)))?;
    let api = CloudApi {
        // Things are ready when their hosts are: the clock of AWS plays no part here.
        strict: StrictCloud::new(StrictOptions::instant(moto_api)),
        region: region.clone(),
        changed: Arc::clone(&changed),
        reboots: reboots.clone(),
        readiness: readiness.clone(),
        passwords: passwords.clone(),
        authorities: authority.certificate().to_owned(),
        mirror,
    }
    .router();

    let endpoint = SocketAddr::from((Ipv4Addr::LOCALHOST, ENDPOINT_PORT));
    let plain = listen(endpoint).await?;
    let public_plain = listen((SERVICES, 80).into()).await?;
    let public = listen((SERVICES, 443).into()).await?;
    let metadata_socket = listen((METADATA, 80).into()).await?;
    moto_up(&mut moto, moto_address).await?;
    first_answer(&moto_url).await?;

    let context = Arc::new(Context {
        keeper,
        layers,
        authority,
        region: region.clone(),
        names,
        metadata: metadata.clone(),
        readiness,
        passwords,
        sessions,
        policies,
        replication: SecretString::from(random_text()),
        reader: reader(&moto_url, &format!("http://{endpoint}"), &region),
        changed,
        reboots,
    });
    let daemon =
        own_process().ok_or_else(|| Error::Unsupported("this process is not in `/proc`".into()))?;
    CloudFile {
        version: CloudFile::VERSION,
        daemon,
        endpoint: format!("http://{endpoint}"),
        region,
    }
    .write()?;
    tracing::info!(%endpoint, "the local cloud is up");

    let mut terminate =
        signal(SignalKind::terminate()).map_err(Error::io("cannot watch for signals"))?;
    let metadata_service = metadata
        .router()
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        reason = ended("moto", &mut moto) => Err(reason),
        reason = ended("dnsmasq", &mut resolver) => Err(reason),
        outcome = http(plain, api.clone()) => outcome,
        outcome = http(public_plain, api) => outcome,
        outcome = async { axum::serve(metadata_socket, metadata_service).await } => {
            outcome.map_err(Error::io("the metadata service failed"))
        }
        () = tls::serve(public, certificate, endpoint) => Ok(()),
        () = Reconciler::new(context).run() => Ok(()),
        _ = terminate.recv() => Err(Error::Unsupported("asked to end by a signal".into())),
    }
}

async fn http(listener: TcpListener, router: Router) -> Result<()> {
    axum::serve(listener, router)
        .await
        .map_err(Error::io("the endpoint failed"))
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(Error::io(format!("cannot listen on `{address}`")))
}

/// Starts moto with every check that it has switched on.
fn start_moto(keeper: &Keeper, layers: &Layers) -> Result<Child> {
    let images = Path::new(RUN_DIR).join("images.json");
    fs::write(&images, IMAGES)
        .map_err(Error::io(format!("cannot write `{}`", images.display())))?;
    let log = Path::new(RUN_DIR).join("moto.log");
    let failed = |_: &PathBuf| format!("cannot create `{}`", log.display());
    let output = File::create(&log).map_err(Error::io(failed(&log)))?;
    let output_too = output.try_clone().map_err(Error::io(failed(&log)))?;
    let mut command: Command = dies_with_daemon(layers.python.join("bin/moto_server"));
    command
        .args(["-H", "127.0.0.1", "-p", &MOTO_PORT.to_string()])
        .env("MOTO_AMIS_PATH", images)
        .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
        .env("MOTO_ENABLE_KEYPAIR_VALIDATION", "true")
        .env("MOTO_ENABLE_AMI_VALIDATION", "true")
        .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        .stdin(std::process::Stdio::null())
        .stdout(output)
        .stderr(output_too);
    keeper
        .spawn(command)
        .map_err(Error::io("cannot start moto"))
}

/// Waits until moto listens.
async fn moto_up(moto: &mut Child, address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + MOTO_UP;
    while TcpStream::connect(address).await.is_err() {
        if let Some(status) = moto.try_wait().map_err(Error::io("cannot watch moto"))? {
            return Err(Error::Unsupported(format!(
                "moto ended with {status}; see `{RUN_DIR}/moto.log`"
            )));
        }
        if Instant::now() > deadline {
            return Err(Error::Unsupported(format!(
                "moto does not listen after {} s",
                MOTO_UP.as_secs()
            )));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Asks moto who asks: with its first call it loads what every command needs next, which on a busy
/// machine takes longer than a command waits.
async fn first_answer(moto_url: &str) -> Result<()> {
    let failed = |error: reqwest::Error| {
        Error::Unsupported(format!("moto does not answer: {}", chain(&error)))
    };
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(MOTO_UP)
        .build();
    let request = client
        .map_err(failed)?
        .post(moto_url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        // moto tells services apart by the signature's scope, and checks nothing else of it.
        .header(
            AUTHORIZATION,
            "AWS4-HMAC-SHA256 Credential=loadrig/20110615/us-east-1/sts/aws4_request, \
             SignedHeaders=host, Signature=0",
        )
        .body("Action=GetCallerIdentity&Version=2011-06-15");
    let answer = request.send().await.map_err(failed)?;
    answer.error_for_status().map_err(failed)?;
    Ok(())
}

/// Returns when a part that all depends on is no more.
async fn ended(name: &str, child: &mut Child) -> Error {
    loop {
        match child.try_wait() {
            Ok(None) => tokio::time::sleep(Duration::from_millis(200)).await,
            Ok(Some(status)) => {
                return Error::Unsupported(format!(
                    "`{name}` ended with {status}, and with it the cloud's state; start it again with `loadrig local \
                     start` (log: `{}`)",
                    log_file().display()
                ));
            }
            Err(error) => {
                return Error::Io {
                    what: format!("cannot watch `{name}`"),
                    source: error,
                };
            }
        }
    }
}
