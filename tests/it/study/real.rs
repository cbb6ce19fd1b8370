//! The storms that a real server was met with, for the stand-in: one node that checks 5.3 passwords per
//! second, as a server 11.2.0 did on 2026-11-28.

use forecast::{Arrivals, Clients, Lock, Nodes, Rig, Storm};

use super::draw::{GateKind, StudyStorm, gate, real_environment};

/// Seconds for each password.
const HASH: f64 = 1.0 / 5.3;

/// A storm, and what came of it on the real server.
pub struct RealRow {
    pub offered: f64,
    pub users: u32,
    pub patience: f64,
    pub again: Option<f64>,
    pub gate: Option<u32>,
    /// Seconds after which whoever was not in was given up.
    pub given_up: Option<f64>,
    pub logged_in: u32,
    pub seconds: f64,
}

const fn row(offered: f64, users: u32, patience: f64, logged_in: u32, seconds: f64) -> RealRow {
    RealRow {
        offered,
        users,
        patience,
        again: None,
        gate: None,
        given_up: None,
        logged_in,
        seconds,
    }
}

/// The table.
pub const ROWS: [RealRow; 7] = [
    row(2.0, 60, 30.0, 60, 30.0),
    row(3.5, 105, 30.0, 105, 30.0),
    row(6.0, 180, 10.0, 180, 34.8),
    row(12.0, 480, 10.0, 107, 49.9),
    RealRow {
        again: Some(1.0),
        given_up: Some(130.9),
        ..row(12.0, 480, 10.0, 123, 130.9)
    },
    RealRow {
        again: Some(1.0),
        gate: Some(40),
        ..row(12.0, 480, 10.0, 480, 96.0)
    },
    RealRow {
        gate: Some(4000),
        ..row(12.0, 480, 120.0, 480, 96.0)
    },
];

impl RealRow {
    /// The same storm for the stand-in.
    pub fn storm(&self, number: usize) -> StudyStorm {
        let window = f64::from(self.users) / self.offered;
        let clients = Clients {
            patience: Some(self.patience),
            retry_after: self.again,
            jitter: 0.0,
        };
        let setting = match self.gate {
            None => "off".to_owned(),
            Some(burst) => format!("{{rate: 5, burst: {burst}, patience_seconds: 600}}"),
        };
        let spec = real_environment(1, 1, HASH, &setting);
        StudyStorm {
            name: format!("real {number}"),
            kind: match self.gate {
                None => GateKind::None,
                Some(_) => GateKind::Set,
            },
            rig: Rig {
                nodes: Nodes {
                    count: 1,
                    hash: HASH,
                    lock: Lock::OneAtATime,
                },
                // The real server's gate sent no `Retry-After`.
                gate: gate(&spec, 1, &clients, false, None),
            },
            storm: Storm {
                users: self.users,
                window,
                arrivals: Arrivals::Even,
                clients,
                grace: self.given_up.map_or(f64::INFINITY, |end| end - window),
            },
            hash: HASH,
            uncertainty: 1.0,
            heeds: false,
            otherwise: None,
            pool: 10,
            spec,
            seed: 1,
        }
    }

    /// The least seconds that the nodes, or the gate's rate, allow.
    pub fn least(&self) -> f64 {
        let rate = if self.gate.is_some() { 5.0 } else { 1.0 / HASH };
        (f64::from(self.users) / self.offered).max(f64::from(self.users) / rate)
    }
}
