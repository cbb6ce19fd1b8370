//! `loadrig tunnel`: a local port that leads to a service of the rig.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use serde_json::json;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;

use crate::cli::App;
use crate::cli::args::{Service, TunnelArgs};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::stop;
use crate::diagnose::ExitCode;
use crate::engine::Urgency;
use crate::events::Events;
use crate::hosts::Listen;
use crate::ops::rig::{Connected, Rig, private_address};
use crate::spec::{HostName, Role, Spec};

/// Opens the port and forwards until interrupted.
pub fn run(app: &App, args: &TunnelArgs) -> Outcome {
    let spec = app.library.load(&args.env)?;
    // Before the place is entered: the port is opened in the network that the user is in,
    // and led on through a socket file, which both networks see.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        })
        .map_err(|error| {
            Failure::new(
                format!("cannot open port {}: {error}", args.port),
                "choose another by `--port`, or leave it out for a free one",
            )
        })?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    crate::cli::block_on(async {
        let rig = Rig::open(spec, &place, &app.global).await?;
        let connected = rig.connect().await?;
        let (host, to, port) = way(&rig.spec, &connected, args.service)?;
        let events = Events::default();
        let deadline = Instant::now() + Duration::from_secs(30);
        let session = connected
            .keyring
            .connect(host, "tunnel", &events, deadline)
            .await?;
        let directory = tempfile::tempdir().map_err(|error| {
            Failure::new(format!("cannot make a directory: {error}"), "set TMPDIR")
        })?;
        let socket = directory.path().join("tunnel");
        session.forward(Listen::Unix(&socket), &to, port).await?;
        let listener = tokio::net::TcpListener::from_std(listener)
            .map_err(|error| Failure::new(format!("cannot listen: {error}"), "try again"))?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::new(format!("cannot listen: {error}"), "try again"))?;
        if app.printer.is_json() {
            app.printer
                .json(&json!({ "address": address.to_string(), "service": format!("{:?}", args.service).to_lowercase() }));
        } else {
            app.printer
                .data(&describe(args.service, &address.to_string()));
        }
        app.printer.say("Ctrl-C ends it");
        let mut interrupted = stop::listen(&events);
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((client, _)) = accepted {
                        let socket = socket.clone();
                        tokio::spawn(async move { pass(client, &socket).await });
                    }
                }
                changed = interrupted.wait_for(|urgency| *urgency > Urgency::None) => {
                    let _ended = changed.is_err();
                    return Ok(ExitCode::Done);
                }
            }
        }
    })?
}

async fn pass(mut client: TcpStream, socket: &std::path::Path) {
    let Ok(mut rig) = UnixStream::connect(socket).await else {
        tracing::warn!("the connection to the host has ended");
        return;
    };
    if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut rig).await {
        tracing::debug!(%error, "a forwarded connection ended");
    }
}

fn describe(service: Service, address: &str) -> String {
    match service {
        Service::Mattermost => format!("Mattermost at http://{address}"),
        Service::Prometheus => format!("Prometheus at http://{address}"),
        Service::Search => format!("the search domain, through its proxy, at http://{address}"),
        Service::Database => {
            format!("the database writer at {address}, database and user `mattermost`")
        }
    }
}

/// The host to go through, and what it should connect to.
fn way(
    spec: &Spec,
    connected: &Connected,
    service: Service,
) -> Result<(HostName, String, u16), Failure> {
    let first = |role| HostName { role, index: 1 };
    let local = "127.0.0.1".to_owned();
    let missing =
        |what: &str| Failure::new(format!("there is no {what} yet"), "run `loadrig up` first");
    match service {
        // Behind a load balancer of AWS, a node itself: its own name may lead to nowhere here.
        Service::Mattermost if spec.count(Role::Proxy) == 0 => Ok((first(Role::App), local, 8065)),
        Service::Mattermost => Ok((first(Role::Proxy), local, 80)),
        Service::Prometheus => Ok((first(Role::Metrics), local, 9090)),
        Service::Search => {
            let proxy = first(Role::SearchProxy);
            let address =
                private_address(proxy, &connected.world).ok_or_else(|| missing("search proxy"))?;
            Ok((proxy, address.to_string(), 9200))
        }
        Service::Database => {
            let endpoint = crate::ops::rig::writer(&connected.world)
                .and_then(|writer| writer.get("endpoint"))
                .ok_or_else(|| missing("database of the environment's own"))?;
            Ok((first(Role::App), endpoint.to_owned(), 5432))
        }
    }
}
