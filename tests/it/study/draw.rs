//! The rigs and clients of the study, drawn at random from a seed.

use forecast::{Arrivals, Clients, Gate, Lock, Nodes, Rig, Storm};
use loadrig::spec::{GateLimits, HashCost, Library, LoginCost, LoginGate, PasswordHash, Spec};
use loadrig_storm::ArrivalShape;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// The forecast is told a cost of a login; the real one lies anywhere between it divided and multiplied
/// by this.
const ESTIMATED: f64 = 1.05;
/// The same behind loadrig's gate, for whose rate logins were measured.
const MEASURED: f64 = 1.01;
/// Processors of a node that one vCPU of it is worth to logins (as `predict` has it).
const SHARED_CORE: f64 = 0.6;
/// Seconds after which people try again, and what is added at random.
const PAUSE: (f64, f64) = (0.1, 3.6);
/// Connections to the database that a node may open.
const POOLS: [u32; 4] = [1, 2, 5, 10];

/// What limits logins in front of the nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GateKind {
    /// Nothing.
    None,
    /// The gate that loadrig configures by default, with its rate from cost and nodes.
    Derived,
    /// A gate with a rate and a queue of its own.
    Set,
}

/// A storm to be played and foretold.
#[derive(Clone, Debug)]
pub struct StudyStorm {
    pub name: String,
    pub kind: GateKind,
    /// What the forecast is told.
    pub rig: Rig,
    pub storm: Storm,
    /// What a login really costs, seconds.
    pub hash: f64,
    /// The real cost lies anywhere between what the forecast is told divided and multiplied by this.
    pub uncertainty: f64,
    pub heeds: bool,
    /// Seconds after which a refused client comes back that does not heed `Retry-After`.
    pub otherwise: Option<f64>,
    pub pool: u32,
    /// The environment whose proxies are rendered.
    pub spec: Spec,
    pub seed: u64,
}

/// Draws so many.
pub fn storms(count: u32, seed: u64) -> Vec<StudyStorm> {
    let mut rng = SmallRng::seed_from_u64(seed);
    (1..=count)
        .map(|number| storm(number, &mut rng, seed + u64::from(number)))
        .collect()
}

/// A number whose logarithm is equally likely over a range.
fn log(rng: &mut SmallRng, low: f64, high: f64) -> f64 {
    low * (high / low).powf(rng.random())
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn storm(number: u32, rng: &mut SmallRng, seed: u64) -> StudyStorm {
    let kind = match rng.random::<f64>() {
        low if low < 0.45 => GateKind::None,
        low if low < 0.80 => GateKind::Derived,
        _ => GateKind::Set,
    };
    let users = match kind {
        GateKind::Derived => rng.random_range(150..=300),
        GateKind::None | GateKind::Set => rng.random_range(80..=300),
    };
    // Where logins are side by side, nodes are few: all of them are on one machine.
    let (count, lock) = match rng.random_bool(0.7) {
        true => (rng.random_range(1..=4), Lock::OneAtATime),
        false => {
            let processors = f64::from(rng.random_range(1..=3_u32));
            (rng.random_range(1..=2), Lock::Shared { processors })
        }
    };
    let each = match lock {
        Lock::OneAtATime => 1.0,
        Lock::Shared { processors } => processors,
    };
    // How long the nodes have to work in all, and how much faster than that the users come.
    let work = log(rng, 12.0, 30.0);
    let hash = milliseconds((work * f64::from(count) * each / f64::from(users)).clamp(0.04, 0.5));
    let nodes = Nodes { count, hash, lock };
    let work = f64::from(users) / nodes.possible();
    let window = milliseconds((work / log(rng, 0.5, 4.0)).clamp(4.0, 35.0));
    let clients = clients(kind, work, hash, rng);
    let heeds = rng.random_bool(0.5);
    let otherwise = (!heeds && rng.random_bool(0.5)).then(|| milliseconds(log(rng, 0.3, 2.0)));
    let proxies = rng.random_range(1..=2);
    let set = match kind {
        GateKind::Set => {
            let rate = nodes.possible() * rng.random_range(0.5..1.6);
            let patience = clients.patience.unwrap_or(work);
            Some((rate, (rate * patience * rng.random_range(0.1..1.5)).ceil()))
        }
        GateKind::None | GateKind::Derived => None,
    };
    let spec = environment(kind, &nodes, proxies, &clients, set);
    let uncertainty = match kind {
        GateKind::Derived => MEASURED,
        GateKind::None | GateKind::Set => ESTIMATED,
    };
    StudyStorm {
        name: number.to_string(),
        kind,
        rig: Rig {
            nodes,
            gate: gate(&spec, proxies, &clients, heeds, otherwise),
        },
        storm: Storm {
            users,
            window,
            arrivals: match rng.random_range(0..6) {
                0 => Arrivals::Even,
                1 => Arrivals::HalfSine,
                2 => Arrivals::Decay {
                    tau: milliseconds(window / 2.0),
                },
                _ => Arrivals::Random,
            },
            clients,
            grace: f64::INFINITY,
        },
        hash: hash * uncertainty.powf(rng.random_range(-1.0..1.0)),
        uncertainty,
        heeds,
        otherwise,
        pool: POOLS[rng.random_range(0..POOLS.len())],
        spec,
        seed,
    }
}

fn clients(kind: GateKind, work: f64, hash: f64, rng: &mut SmallRng) -> Clients {
    let patience = rng
        .random_bool(0.85)
        .then(|| milliseconds((work * log(rng, 0.15, 2.5)).max(4.0 * hash)));
    let retry_after = rng
        .random_bool(0.75)
        .then(|| milliseconds(log(rng, PAUSE.0, PAUSE.1)));
    let jitter = match rng.random_bool(0.5) {
        true => milliseconds(log(rng, PAUSE.0, PAUSE.1)),
        false => 0.0,
    };
    match kind {
        // What the gate promises holds of clients that come back, and it is told their patience in
        // seconds.
        GateKind::Derived => Clients {
            patience: Some(patience.unwrap_or(work).round().clamp(2.0, 10.0)),
            retry_after: Some(retry_after.unwrap_or(0.5)),
            jitter,
        },
        GateKind::None | GateKind::Set => Clients {
            patience,
            retry_after,
            jitter,
        },
    }
}

/// The environment that has such nodes and such a gate.
fn environment(
    kind: GateKind,
    nodes: &Nodes,
    proxies: u32,
    clients: &Clients,
    set: Option<(f64, f64)>,
) -> Spec {
    let gate = match (kind, set) {
        (GateKind::None, _) => "off".to_owned(),
        (_, Some((rate, burst))) => {
            format!("{{rate: {rate}, burst: {burst}, patience_seconds: 60}}")
        }
        (_, None) => {
            let (is_serial, vcpus) = match nodes.lock {
                Lock::OneAtATime => (true, 2),
                Lock::Shared { processors } => (false, (processors / SHARED_CORE).ceil() as u32),
            };
            // Everything of the gate but what a login costs, which for the stand-in is what the study
            // says, is loadrig's own.
            let measured = HashCost::of_measured_login(nodes.hash, "");
            let cost = LoginCost {
                nodes: nodes.count,
                hash: PasswordHash::Standin,
                seconds: measured.seconds,
                vcpus,
                is_serial,
                uncertainty: measured.uncertainty,
                headroom: measured.headroom,
                server: String::new(),
                basis: measured.basis,
            };
            let patience = clients.patience.unwrap_or(10.0);
            format!(
                "{{rate: {}, patience_seconds: {patience}}}",
                cost.gate_rate()
            )
        }
    };
    real_environment(nodes.count, proxies, nodes.hash, &gate)
}

/// An environment with so many nodes and proxies, this cost of a login, and this login gate.
pub fn real_environment(nodes: u32, proxies: u32, login: f64, gate: &str) -> Spec {
    let text = format!(
        "architecture: 1k\nmattermost: {{release: standin, login_seconds: {login}}}\n\
         proxy: {{login_gate: {gate}}}\n\
         sizes: {{nodes: {{app: {{count: {nodes}}}, proxy: {{count: {proxies}}}}}}}\n"
    );
    let library = Library::new(Some("no-such-directory".into()));
    let spec = library.load_text("study", &text);
    spec.unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// The gate of an environment, as these clients find it; the same as `loadrig predict` takes it for.
pub fn gate(
    spec: &Spec,
    proxies: u32,
    clients: &Clients,
    heeds: bool,
    otherwise: Option<f64>,
) -> Option<Gate> {
    let limits: GateLimits = LoginGate::of(spec).limits()?.clone();
    let told = match (clients.retry_after, heeds) {
        (None, _) => None,
        (Some(_), true) => Some(f64::from(limits.retry_after)),
        (Some(_), false) => otherwise,
    };
    Some(Gate {
        proxies,
        rate: f64::from(limits.per_minute) / 60.0,
        burst: limits.burst,
        in_node: limits.in_node,
        own_node: false,
        retry_after: told,
    })
}

/// The same shape in the words of the clients.
pub fn shape(arrivals: Arrivals) -> ArrivalShape {
    match arrivals {
        Arrivals::Random => ArrivalShape::Uniform,
        Arrivals::Even => ArrivalShape::Even,
        Arrivals::HalfSine => ArrivalShape::HalfSine,
        Arrivals::Decay { tau } => ArrivalShape::Decay {
            tau_ms: (tau * 1000.0) as u64,
        },
    }
}
