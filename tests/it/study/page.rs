//! `docs/login-storm-study.md`, from what was measured.

use std::fmt::Write as _;

use forecast::{Arrivals, Lock};

use super::draw::GateKind;
use super::judge::{Claim, JudgedStorm, Share};
use super::play::StormEnd;
use super::real::RealRow;

/// How the study was carried out.
pub struct Circumstances {
    pub date: String,
    pub seed: u64,
    pub lanes: usize,
    pub took: f64,
    pub processors: usize,
    /// Storms that were played again because machine or clients were late.
    pub again: u32,
    /// Storms for which they were late each time.
    pub left_out: usize,
}

/// The whole page.
pub fn page(
    storms: &[JudgedStorm],
    claims: &[Claim],
    real: &[(&RealRow, JudgedStorm)],
    how: &Circumstances,
) -> String {
    let mut text = String::from(
        "# Forecast and login gate, held to measurements\n\n\
         <!-- Written by `make study`. -->\n\n",
    );
    let _ = write!(
        text,
        "{} random rigs and mixes of clients, each foretold and then played for real: application nodes of the \
         stand-in server with a PostgreSQL, nginx with the configuration that loadrig renders for a proxy, and \
         the clients of `loadrig test`. {}, seed {}, {} storms at a time on {} processors, {:.0} min.\n\n\
         | claim | wanted | measured | |\n|---|---|---|---|\n",
        storms.len(),
        how.date,
        how.seed,
        how.lanes,
        how.processors,
        how.took / 60.0,
    );
    for claim in claims {
        let wanted = match claim.wanted {
            (all, _) if all >= 100.0 => "all".to_owned(),
            (low, high) if high >= 100.0 => format!("≥ {low:.0} %"),
            (low, high) => format!("{low:.0} to {high:.0} %"),
        };
        let holds = if claim.holds() { "holds" } else { "**missed**" };
        let _ = writeln!(
            text,
            "| {} | {wanted} | {} | {holds} |",
            claim.text, claim.share
        );
    }
    text.push_str(&method(how));
    text.push_str(&classes(storms));
    text.push_str(&gates(storms));
    text.push_str(&misses(storms));
    text.push_str(&real_table(real));
    text.push_str("\n## All rigs\n\n");
    text.push_str(&table(storms.iter()));
    text
}

fn method(how: &Circumstances) -> String {
    format!(
        "\n## How\n\n\
         * **Rigs** are drawn from the seed: 1 to 4 nodes, 40 to 500 ms for a password, one at a time on a node (as \
         before Mattermost 11.8) or side by side on 1 to 3 processors (from 11.8 on), 1 or 2 proxies, 1 to 10 \
         connections to the database for each node; no gate, the gate that loadrig configures by default (its rate \
         from the cost of a login as the forecast is told it), or one with a rate of 0.5 to 1.6 times what the \
         nodes can do and a queue of 0.1 to 1.5 times the clients' patience.\n\
         * **Clients**: 80 to 300 within 4 to 35 s, which is 0.5 to 4 times what the nodes can do, in four shapes; they wait \
         for 0.15 to 2.5 times as long as the nodes have to work (12 to 30 s), or without end, behind loadrig's gate for 2 to \
         10 s; try again after 0.1 to 3.6 s, with as much jitter or without, or never; and heed `Retry-After` or not.\n\
         * **Time in place of work**: a login holds the lock, or a processor, for its time and computes nothing in \
         it (`MM_STANDIN_HASH_TIME`), so several nodes on one machine do not slow each other down. All else of a \
         login is done, within that time.\n\
         * **The forecast** is that of `loadrig predict`, with 200 simulated storms. It knows neither at which moments the \
         users come nor what a login really costs: that lies anywhere within ±5 % of what it is told, and behind \
         loadrig's gate within ±1 %, since its rate follows from measured logins (`mattermost.login_seconds`). It is \
         told that, too. What a login takes besides its password it takes for up to 50 ms, as always.\n\
         * **The time** is that until everybody is in or has given up, and the nodes have nothing to do any more. \
         It is compared where there was such a moment. A storm in which nobody gets in any more while clients try \
         on is stopped after five rounds of tries; it counts for the third claim alone.\n\
         * **A collapse**: users were lost, or more than half of the work or of the gate's turns was for clients \
         that had gone.\n\
         * **The least time** is that of users who come at the same moments and wait without end, with no node ever \
         idle while somebody waits.\n\
         * **Lateness**: of each storm the 99th percentile of how late the clients' program and its timers were has \
         to be below 10 ms. {} for being late; {} were late five times and are left out.\n",
        match how.again {
            0 => "No storm was played again".to_owned(),
            1 => "1 storm was played again".to_owned(),
            many => format!("Storms were played again {many} times"),
        },
        how.left_out,
    )
}

/// Whether a storm is of a kind.
type Is<'a> = &'a dyn Fn(&JudgedStorm) -> bool;

fn classes(storms: &[JudgedStorm]) -> String {
    let mut text = String::from(
        "\n## By kind of rig\n\n\
         | rigs | within ±10 % | in the interval | collapse right | collapsed |\n|---|---|---|---|---|\n",
    );
    let serial = |storm: &JudgedStorm| storm.study.rig.nodes.lock == Lock::OneAtATime;
    let comes_back = |storm: &JudgedStorm| storm.study.storm.clients.retry_after.is_some();
    let waits = |storm: &JudgedStorm| storm.study.storm.clients.patience.is_none();
    let kinds: [(&str, Is<'_>); 10] = [
        ("one password at a time", &serial),
        ("side by side", &|storm| !serial(storm)),
        ("no gate", &|storm| storm.study.kind == GateKind::None),
        ("loadrig's gate", &|storm| {
            storm.study.kind == GateKind::Derived
        }),
        ("another gate", &|storm| storm.study.kind == GateKind::Set),
        ("clients come back", &|storm| {
            comes_back(storm) && !waits(storm)
        }),
        ("clients never come back", &|storm| {
            !comes_back(storm) && !waits(storm)
        }),
        ("clients wait without end", &waits),
        ("1 connection to the database", &|storm| {
            storm.study.pool == 1
        }),
        ("2 to 10 connections", &|storm| storm.study.pool > 1),
    ];
    for (name, is) in kinds {
        let of = || storms.iter().filter(|storm| is(storm));
        let drained = || of().filter(|storm| storm.has_drained());
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} |",
            Share::of(drained(), JudgedStorm::is_close),
            Share::of(drained(), JudgedStorm::is_covered),
            Share::of(of(), JudgedStorm::is_collapse_right),
            Share::of(of(), JudgedStorm::has_collapsed),
        );
    }
    text
}

fn gates(storms: &[JudgedStorm]) -> String {
    let gated = |shared: bool| {
        storms.iter().filter(move |storm| {
            let is_shared = storm.study.rig.nodes.lock != Lock::OneAtATime;
            storm.study.kind == GateKind::Derived && is_shared == shared
        })
    };
    let mut text = String::from(
        "\n## Behind loadrig's gate\n\n\
         Where servers check passwords side by side the gate gives logins 30 % of the processors and at least one, \
         for everybody else's sake: there it may take longer than the least time on purpose.\n\n\
         | nodes | rigs | users lost | times the least: median | 95 % | most | passwords for clients that had gone |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (name, shared) in [("one password at a time", false), ("side by side", true)] {
        let mut times: Vec<f64> = gated(shared).map(JudgedStorm::times_least).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = times.len().saturating_sub(1) as f64;
            let at = times.get((last * share).round() as usize);
            at.copied().unwrap_or(f64::NAN)
        };
        let lost: u64 = gated(shared)
            .map(|storm| u64::from(storm.study.storm.users) - storm.played.logged_in)
            .sum();
        let dead = gated(shared)
            .map(|storm| storm.played.dead)
            .fold(0.0, f64::max);
        let _ = writeln!(
            text,
            "| {name} | {} | {lost} | {:.3} | {:.3} | {:.3} | {:.1} % at the most |",
            times.len(),
            at(0.5),
            at(0.95),
            at(1.0),
            dead * 100.0
        );
    }
    text
}

fn misses(storms: &[JudgedStorm]) -> String {
    let is_missed = |storm: &&JudgedStorm| {
        (storm.has_drained() && !storm.is_close())
            || !storm.is_collapse_right()
            || (storm.is_gated() && !storm.is_cured())
    };
    let missed: Vec<&JudgedStorm> = storms.iter().filter(is_missed).collect();
    let mut text = String::from("\n## Misses\n\n");
    if missed.is_empty() {
        text.push_str("None.\n");
        return text;
    }
    text.push_str("More than 10 % off, a collapse foretold wrongly, or longer than 1.05 times the least behind loadrig's gate:\n\n");
    text.push_str(&table(missed.into_iter()));
    text
}

/// Storms, one in a line.
pub fn table<'a>(storms: impl Iterator<Item = &'a JudgedStorm>) -> String {
    let mut text = String::from(
        "| | nodes | password | users | within | patience | again | gate | in | time | foretold | off | least | collapse | foretold |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for storm in storms {
        let _ = writeln!(text, "{}", line(storm));
    }
    text
}

fn line(storm: &JudgedStorm) -> String {
    let study = &storm.study;
    let nodes = study.rig.nodes;
    let clients = study.storm.clients;
    let seconds = |seconds: f64| match seconds.is_finite() {
        true => format!("{seconds:.1} s"),
        false => "never".to_owned(),
    };
    let side = match nodes.lock {
        Lock::OneAtATime => String::new(),
        Lock::Shared { processors } => format!(" of {processors:.0}"),
    };
    let shape = match study.storm.arrivals {
        Arrivals::Random => "",
        Arrivals::Even => ", even",
        Arrivals::HalfSine => ", half-sine",
        Arrivals::Decay { .. } => ", decay",
    };
    let again = clients
        .retry_after
        .map_or("no".to_owned(), |after| match clients.jitter > 0.0 {
            true => format!("{after:.1} + {:.1} s", clients.jitter),
            false => format!("{after:.1} s"),
        });
    let gate = study.rig.gate.map_or("none".to_owned(), |gate| {
        let own = if study.kind == GateKind::Derived {
            ""
        } else {
            "set: "
        };
        let told = match (gate.retry_after, study.heeds) {
            (Some(told), true) => format!(", told {told:.0} s"),
            (Some(own), false) => format!(", back after {own:.1} s"),
            (None, _) => String::new(),
        };
        format!(
            "{own}{} × {:.1}/s, {}{told}",
            gate.proxies, gate.rate, gate.burst
        )
    });
    let range = storm.foretold.recovered;
    let time = match storm.played.end {
        StormEnd::Drained => seconds(storm.played.drained),
        StormEnd::StoodStill => "stands still".to_owned(),
        StormEnd::CutOff => "cut off".to_owned(),
    };
    let off = match storm.has_drained() && range.median.is_finite() {
        true => format!("{:+.1} %", storm.off() * 100.0),
        false => String::new(),
    };
    let yes = |is: bool| if is { "yes" } else { "no" };
    format!(
        "| {} | {}{side} | {:.0} ms | {} | {:.1} s{shape} | {} | {again} | {gate} | {} | {time} | {} ({} to {}) | {off} | {:.1} s | {} | {} |",
        study.name,
        nodes.count,
        nodes.hash * 1000.0,
        study.storm.users,
        study.storm.window,
        clients.patience.map_or("∞".to_owned(), seconds),
        storm.played.logged_in,
        seconds(range.median),
        seconds(range.low),
        seconds(range.high),
        storm.played.least,
        yes(storm.has_collapsed()),
        yes(storm.is_collapse_foretold()),
    )
}

fn real_table(real: &[(&RealRow, JudgedStorm)]) -> String {
    let mut text = String::from(
        "\n## The real server's storms\n\n\
         A real server 11.2.0 (2026-11-28, one node, 5.3 passwords per second; gate of 5 per second, the number is its \
         queue), the same storms on the stand-in, and the forecast from cost and patience alone. Times are those until \
         the last client was in; where users were lost, until the last of them gave up, which nobody has to foretell.\n\n\
         | offered | clients wait | try again | gate | in: real | stand-in | foretold | time: real | stand-in | foretold | least |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (row, storm) in real {
        let played = &storm.played;
        let of_all = |logged_in: f64, seconds: Option<f64>| match seconds {
            Some(seconds) if logged_in >= f64::from(row.users) => format!("{seconds:.1} s"),
            _ => "–".to_owned(),
        };
        let clients_done = of_all(played.logged_in as f64, Some(played.last_in));
        let foretold_in = storm.foretold.logged_in.median;
        let last_in = storm.foretold.last_in.map(|range| range.median);
        let foretold = of_all(foretold_in, last_in);
        let given_up = if row.given_up.is_some() {
            ", given up"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "| {}/s, {} users | {:.0} s | {} | {} | {} | {} | {foretold_in:.0} | {:.1} s{given_up} | {clients_done} | {foretold} | {:.0} s |",
            row.offered,
            row.users,
            row.patience,
            row.again
                .map_or("no".to_owned(), |again| format!("after {again:.0} s")),
            row.gate
                .map_or("none".to_owned(), |burst| format!("5/s, {burst}")),
            row.logged_in,
            played.logged_in,
            row.seconds,
            row.least(),
        );
    }
    text
}
