//! `loadrig measure-hash`: what a password hash or a login costs, and what follows for the login gate.

use hash_cost::TimedHash;
use serde_json::json;

use crate::cli::App;
use crate::cli::args::MeasureHashArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::ops::access::host_named;
use crate::ops::measure_hash::{
    HashConsequence, MeasuredMachine, consequence, measure_here, measure_hosts,
};
use crate::ops::measure_logins::{
    LoginConsequence, MeasuredLogins, login_consequence, measure_logins,
};
use crate::spec::{HostName, LoginGate, Role, Spec};

/// Measures this machine, or hosts of a rig.
pub(crate) fn run(app: &App, args: &MeasureHashArgs) -> Outcome {
    let (machines, follows) = match &args.env {
        None => {
            app.event_log()?;
            let here = measure_here();
            keep_for_local_cloud(app, &here)?;
            (vec![here], None)
        }
        Some(env) if args.logins => return logins_of_rig(app, args, env),
        Some(env) => of_rig(app, args, env)?,
    };
    if app.printer.is_json() {
        app.printer
            .json(&json!({ "machines": machines, "consequence": follows }));
    } else {
        app.printer
            .data(text(&machines, follows.as_ref()).trim_end());
    }
    for machine in machines.iter().filter(|machine| machine.cost.is_busy()) {
        app.printer.hint(&format!(
            "{} was busy: half of the repetitions took much longer than the fastest; measure it again when it \
             has nothing else to do",
            name(machine)
        ));
    }
    Ok(ExitCode::Done)
}

fn of_rig(
    app: &App,
    args: &MeasureHashArgs,
    env: &str,
) -> Result<(Vec<MeasuredMachine>, Option<HashConsequence>), Failure> {
    let spec = app.load(env)?;
    let hosts = hosts(&spec, args)?;
    let (events, _) = app.events(None)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let program = args.agent.program.as_deref();
    let measuring = measure_hosts(spec.clone(), &hosts, program, &place, &events);
    let machines = App::run_reader(&place, measuring)?;
    // The gate is for what application nodes take.
    let are_nodes = hosts.iter().all(|host| host.role == Role::App);
    let follows = are_nodes.then(|| consequence(&spec, &machines)).flatten();
    Ok((machines, follows))
}

/// Times logins at application nodes, which anything else has no use for.
fn logins_of_rig(app: &App, args: &MeasureHashArgs, env: &str) -> Outcome {
    let spec = app.load(env)?;
    let hosts = hosts(&spec, args)?;
    if let Some(host) = hosts.iter().find(|host| host.role != Role::App) {
        return Err(Failure::new(
            format!("`{host}` is no application node: nobody logs in there"),
            "leave it out: all application nodes are measured then",
        ));
    }
    let (events, _) = app.events(None)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let measuring = measure_logins(spec.clone(), &hosts, &place, &events);
    let nodes = App::run_reader(&place, measuring)?;
    let follows = login_consequence(&spec, &nodes);
    if app.printer.is_json() {
        app.printer
            .json(&json!({ "nodes": nodes, "consequence": follows }));
    } else {
        app.printer
            .data(logins_text(&nodes, follows.as_ref()).trim_end());
    }
    Ok(ExitCode::Done)
}

/// The local cloud goes by what this machine showed when it had the least other work. One that runs
/// goes on as it is: its rigs have their login gates.
#[cfg(target_os = "linux")]
fn keep_for_local_cloud(app: &App, here: &MeasuredMachine) -> Result<(), Failure> {
    let runs = crate::localcloud::status().is_some();
    if !runs && crate::localcloud::keep_faster_hash_cost(&here.cost)? {
        app.printer.hint(
            "this is faster than what the local cloud went by: its plans have other login gates from now on",
        );
    }
    Ok(())
}

/// There is no local cloud on this system.
#[cfg(not(target_os = "linux"))]
fn keep_for_local_cloud(_app: &App, _here: &MeasuredMachine) -> Result<(), Failure> {
    Ok(())
}

fn hosts(spec: &Spec, args: &MeasureHashArgs) -> Result<Vec<HostName>, Failure> {
    Ok(match &args.host {
        Some(name) => vec![host_named(spec, name)?],
        None => spec.hosts_of(Role::App).collect(),
    })
}

fn logins_text(nodes: &[MeasuredLogins], follows: Option<&LoginConsequence>) -> String {
    let mut rows = table();
    rows.set_header(["node", "logins at once", "each", "a second"]);
    for node in nodes {
        rows.add_row([
            node.host.clone(),
            node.logins.to_string(),
            seconds(node.seconds),
            format!("{:.2}", 1.0 / node.seconds),
        ]);
    }
    let mut text = format!("{rows}\n");
    if let Some(follows) = follows {
        text.push_str(&format!(
            "in the YAML of `{}`: `mattermost: {{login_seconds: {}}}`\n",
            follows.environment, follows.login_seconds
        ));
        text.push_str(&gates_text(&follows.login_gate, &follows.login_gate_then));
    }
    text
}

fn gates_text(now: &LoginGate, then: &LoginGate) -> String {
    format!("login gate now: {now}\nlogin gate then: {then}\n")
}

fn name(machine: &MeasuredMachine) -> String {
    let host = machine.host.clone();
    host.unwrap_or_else(|| "this machine".to_owned())
}

fn text(machines: &[MeasuredMachine], follows: Option<&HashConsequence>) -> String {
    let mut text = String::new();
    for machine in machines {
        text.push_str(&machine_text(machine));
    }
    if let Some(follows) = follows {
        text.push_str(&consequence_text(follows));
    }
    text
}

fn machine_text(machine: &MeasuredMachine) -> String {
    let cost = &machine.cost;
    let kind = machine.instance_type.as_deref().unwrap_or_default();
    let sha = match cost.has_sha {
        true => "with SHA extensions",
        false => "without SHA extensions",
    };
    let known = [name(machine), kind.to_owned(), cost.processor.clone()];
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let known: Vec<&str> = known.into_iter().filter(|word| !word.is_empty()).collect();
    let plural = if cost.vcpus == 1 { "vCPU" } else { "vCPUs" };
    let mut rows = table();
    rows.set_header([
        "hash",
        "alone",
        "half within",
        "slowest",
        "all vCPUs at once",
        "of alone",
        "table",
        "differs by",
    ]);
    for compared in &machine.compared {
        let timings = cost.of(compared.hash);
        rows.add_row([
            hash_name(compared.hash).to_owned(),
            seconds(timings.alone.fastest),
            seconds(timings.alone.median),
            seconds(timings.alone.slowest),
            seconds(timings.together.median),
            format!("{:.0} %", compared.shared_core * 100.0),
            seconds(compared.table_seconds),
            format!("{:+.0} %", compared.difference_percent),
        ]);
    }
    let mut text = format!(
        "{}: {} {plural} {sha}; {} repetitions\n{rows}\n",
        known.join(", "),
        cost.vcpus,
        cost.pbkdf2.alone.repetitions
    );
    if let Some(row) = &machine.table_row {
        text.push_str(&format!("row for prices/hashing.yaml: {row}\n"));
    }
    text
}

fn consequence_text(follows: &HashConsequence) -> String {
    let HashConsequence {
        environment,
        hash,
        hash_seconds,
        login_gate,
        login_gate_then,
    } = follows;
    format!(
        "`{environment}` checks passwords with {}; in its YAML: `mattermost: {{hash_seconds: {hash_seconds}}}`\n{}",
        hash_name(*hash),
        gates_text(login_gate, login_gate_then)
    )
}

fn hash_name(hash: TimedHash) -> &'static str {
    match hash {
        TimedHash::Pbkdf2 => "PBKDF2 (Mattermost 11.0 and later)",
        TimedHash::Bcrypt => "bcrypt (Mattermost before 11.0)",
        TimedHash::Standin => "PBKDF2 (the stand-in)",
    }
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3} s")
}
