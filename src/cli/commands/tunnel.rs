//! `loadrig tunnel`: a local port that leads to a service of the rig.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::json;

use crate::cli::App;
use crate::cli::args::{TunnelArgs, TunnelService};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::stop;
use crate::diagnose::ExitCode;
use crate::events::Events;
use crate::ops::access::{Service, tunnel};

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
    let service = args.service.into();
    let ready = |address: std::net::SocketAddr| {
        let address = address.to_string();
        if app.printer.is_json() {
            app.printer.json(
                &json!({ "address": address, "service": format!("{service:?}").to_lowercase() }),
            );
        } else {
            app.printer.data(&describe(service, &address));
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
