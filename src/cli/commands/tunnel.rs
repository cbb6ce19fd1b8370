//! `loadrig tunnel`: a local port that leads to a service of the rig.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde_json::json;

use crate::cli::App;
use crate::cli::args::{TunnelArgs, TunnelService};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::stop;
use crate::diagnose::ExitCode;
use crate::events::Events;
use crate::ops::access::{Service, tunnel};
use crate::spec::{Acme, ProxyTls, TlsCertificate};

/// Opens the port and forwards until interrupted.
pub(crate) fn run(app: &App, args: &TunnelArgs) -> Outcome {
    let spec = app.library.load(&args.env)?;
    app.event_log()?;
    // Before the place is entered: the port is opened in the network that the user is in.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        })
        .map_err(|error| {
            Failure::new(
                format!("cannot open port {}: {error}", args.port),
                "choose another with `--port`, or omit it for a free one",
            )
        })?;
    let stop = stop::listen(&Events::default())?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let service: Service = args.service.into();
    let tls = spec.tls.clone().filter(|_| service == Service::Mattermost);
    let environment = spec.argument().to_owned();
    let ready = |address: SocketAddr| {
        if app.printer.is_json() {
            let url = tls.as_ref().map(|tls| url(tls, address));
            app.printer.json(&json!({
                "address": address.to_string(), "service": format!("{service:?}").to_lowercase(), "url": url,
            }));
        } else {
            app.printer.data(&match &tls {
                Some(tls) => describe_tls(tls, address, &environment),
                None => describe(service, &address.to_string()),
            });
        }
        app.printer.say("Ctrl-C closes it");
    };
    App::run(&place, tunnel(spec, service, &place, listener, stop, ready))?;
    Ok(ExitCode::Done)
}

impl From<TunnelService> for Service {
    fn from(service: TunnelService) -> Self {
        match service {
            TunnelService::Mattermost => Service::Mattermost,
            TunnelService::Prometheus => Service::Prometheus,
            TunnelService::Search => Service::Search,
            TunnelService::Database => Service::Database,
        }
    }
}

/// The entrance by the name that its certificate is for.
fn url(tls: &ProxyTls, address: SocketAddr) -> String {
    format!("https://{}:{}", tls.host_name, address.port())
}

/// A certificate is for a name, so the name has to lead to the tunnel.
fn describe_tls(tls: &ProxyTls, address: SocketAddr, environment: &str) -> String {
    let (name, url) = (&tls.host_name, url(tls, address));
    let (ip, port) = (address.ip(), address.port());
    let mut text = format!(
        "Mattermost at {url}, where `{name}` is {ip}\n  \
         for browsers: the line `{ip} {name}` in /etc/hosts\n  \
         for curl: --resolve {name}:{port}:{ip}"
    );
    match &tls.certificate {
        TlsCertificate::Private => text.push_str(&format!(
            "\n  to trust its authority: `loadrig credentials {environment} --authority FILE`, for curl with --cacert FILE"
        )),
        TlsCertificate::Files {
            authority: Some(file),
            ..
        }
        | TlsCertificate::Acme(Acme {
            authority: Some(file),
            ..
        }) => text.push_str(&format!("\n  to trust: the authority in {}", file.display())),
        TlsCertificate::Files {
            authority: None, ..
        }
        | TlsCertificate::Acme(_) => {}
    }
    text
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
