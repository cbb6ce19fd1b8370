//! `loadrig credentials`: where people log in, and as whom.

use secrecy::ExposeSecret;
use serde_json::json;

use crate::cli::App;
use crate::cli::args::CredentialsArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::diagnose::ExitCode;
use crate::ops::credentials::{Credential, CredentialsReport, credentials};

/// Shows where people log in; passwords only when they are asked for.
pub(crate) fn run(app: &App, args: &CredentialsArgs) -> Outcome {
    let spec = app.library.load(&args.env)?;
    // Nothing is logged, but a log that cannot be written is an error here too.
    app.event_log()?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let report = App::run_reader(&place, credentials(spec, &place))?;
    if app.printer.is_json() {
        json(app, &report, args.show);
    } else {
        show(app, &report, args.show);
    }
    if let Some(file) = &args.authority {
        let Some(authority) = &report.authority else {
            return Err(Failure::new(
                format!("`{}` has no authority of its own", report.environment),
                "leave `--authority` out: systems trust its certificate, or it has none",
            ));
        };
        std::fs::write(file, authority).map_err(|error| {
            Failure::new(
                format!("cannot write `{}`: {error}", file.display()),
                "name a file in a directory that you may write to",
            )
        })?;
        app.printer.say(&format!("wrote {}", file.display()));
    }
    Ok(ExitCode::Done)
}

fn json(app: &App, report: &CredentialsReport, with_passwords: bool) {
    let credentials: Vec<serde_json::Value> = report
        .credentials
        .iter()
        .map(|credential| {
            let login = credential.login.as_ref();
            json!({
                "service": credential.service,
                "at": credential.at,
                "user": login.map(|login| &login.user),
                "password": login
                    .filter(|_| with_passwords)
                    .map(|login| login.password.expose_secret()),
                "through": credential.through,
            })
        })
        .collect();
    app.printer.json(&json!({
        "environment": report.environment,
        "seed": report.seed,
        "credentials": credentials,
        "authority": report.authority,
    }));
}

fn show(app: &App, report: &CredentialsReport, with_passwords: bool) {
    let parts: Vec<String> = report
        .credentials
        .iter()
        .map(|credential| text(credential, with_passwords))
        .collect();
    app.printer.data(&parts.join("\n"));
    let name = &report.environment;
    if !with_passwords {
        app.printer.hint(&format!(
            "the passwords derive from the seed in SSM parameter {}; `loadrig credentials {name} --show` prints them",
            report.seed
        ));
    }
    if report.authority.is_some() {
        app.printer.hint(
            "the certificate is of an authority that browsers do not know; `--authority FILE` writes it to a file for them",
        );
    }
}

fn text(credential: &Credential, with_password: bool) -> String {
    let mut text = format!("{} at {}", credential.service, credential.at);
    match &credential.login {
        Some(login) => {
            text.push_str(&format!("\n  user      {}", login.user));
            if with_password {
                let password = login.password.expose_secret();
                text.push_str(&format!("\n  password  {password}"));
            }
        }
        None => text.push_str("\n  no login"),
    }
    if let Some(through) = &credential.through {
        text.push_str(&format!("\n  through   {through}"));
    }
    text
}
