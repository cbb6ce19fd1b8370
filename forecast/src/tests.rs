//! Held to what a real server did, to queueing theory, and to laws that every storm keeps.

use crate::*;

/// One node of Mattermost 11.2.0 that checks 5.3 passwords per second (2026-11-28).
fn real_server(gate: Option<Gate>) -> Rig {
    Rig {
        nodes: Nodes {
            count: 1,
            hash: 1.0 / 5.3,
            lock: Lock::OneAtATime,
        },
        gate,
    }
}

fn storm(users: u32, rate: f64, patience: f64, retry_after: Option<f64>, grace: f64) -> Storm {
    Storm {
        users,
        window: f64::from(users) / rate,
        arrivals: Arrivals::Even,
        clients: Clients {
            patience: Some(patience),
            retry_after,
            jitter: 0.0,
        },
        grace,
    }
}

fn gate(burst: u32) -> Option<Gate> {
    Some(Gate {
        proxies: 1,
        rate: 5.0,
        burst,
        in_node: u32::MAX,
        own_node: false,
        retry_after: None,
    })
}

fn close(measured: f64, simulated: f64, share: f64) {
    assert!(
        (measured - simulated).abs() <= measured * share,
        "measured {measured}, simulated {simulated}"
    );
}

#[test]
fn a_storm_that_the_node_can_take_waits_for_its_hash_alone() {
    for (users, rate, p95) in [(60, 2.0, 0.21), (105, 3.5, 0.24)] {
        let outcome = simulate(&real_server(None), &storm(users, rate, 30.0, None, 0.0), 1);
        assert_eq!(outcome.logged_in, users);
        close(30.0, outcome.last_in, 0.02);
        close(p95, outcome.wait(0.95).unwrap(), 0.25);
    }
}

#[test]
fn a_storm_slightly_beyond_the_node_queues() {
    let outcome = simulate(&real_server(None), &storm(180, 6.0, 10.0, None, 0.0), 1);
    assert_eq!(outcome.logged_in, 180);
    close(34.8, outcome.last_in, 0.05);
    close(4.9, outcome.wait(0.95).unwrap(), 0.25);
}

#[test]
fn a_storm_that_outlasts_its_clients_collapses() {
    // 107 of 480 got in; the last had given up after 49.9 s, and 32 s later the node was free.
    let outcome = simulate(&real_server(None), &storm(480, 12.0, 10.0, None, 0.0), 1);
    close(107.0, f64::from(outcome.logged_in), 0.15);
    close(49.9 + 32.0, outcome.recovered, 0.12);
    // Those who come back make it worse: 123 got in, and the node was dead for minutes.
    let again = storm(480, 12.0, 10.0, Some(1.0), 90.9);
    let outcome = simulate(&real_server(None), &again, 1);
    close(123.0, f64::from(outcome.logged_in), 0.25);
    close(3_281.0, outcome.unanswered as f64, 0.25);
    assert!(outcome.recovered > 130.9 + 400.0, "{}", outcome.recovered);
}

#[test]
fn a_gate_lets_everybody_in_within_the_least_time() {
    // 480 of 480 in 96.0 s, with 9,874 quick refusals.
    let impatient = storm(480, 12.0, 10.0, Some(1.0), 400.0);
    let outcome = simulate(&real_server(gate(40)), &impatient, 1);
    assert_eq!(outcome.logged_in, 480);
    close(96.0, outcome.last_in, 0.01);
    close(9_874.0, outcome.refused as f64, 0.05);
    assert!(outcome.recovered < outcome.last_in + 1.0);
    // 480 of 480 in 96.0 s, half of them within 28 s, all within 56 s.
    let patient = storm(480, 12.0, 120.0, None, 0.0);
    let outcome = simulate(&real_server(gate(4000)), &patient, 1);
    assert_eq!((outcome.logged_in, outcome.unanswered), (480, 0));
    close(96.0, outcome.last_in, 0.01);
    close(28.0, outcome.wait(0.5).unwrap(), 0.05);
    close(56.0, outcome.wait(1.0).unwrap(), 0.02);
}

/// The mean time to an answer at a load below 1, of clients who wait without trying again.
fn mean_at_load(rig: &Rig, load: f64) -> f64 {
    let steady = Storm {
        arrivals: Arrivals::Random,
        ..storm(20_000, load * rig.possible(), 1000.0, None, 0.0)
    };
    let waits = simulate(rig, &steady, 5).waits;
    waits.iter().sum::<f64>() / waits.len() as f64
}

/// M/D/1: the mean wait in the queue is ρS / (2(1 − ρ)).
#[test]
fn waits_below_saturation_are_those_of_queueing_theory() {
    let rig = real_server(None);
    let (load, service) = (0.7, rig.nodes.hash);
    let wait = load * service / (2.0 * (1.0 - load));
    close(service + wait, mean_at_load(&rig, load), 0.06);
}

/// M/M/1-PS and M/D/1-PS have the same mean time in the system: S / (1 − ρ).
#[test]
fn waits_without_a_lock_are_those_of_processor_sharing() {
    let mut rig = real_server(None);
    rig.nodes.lock = Lock::Shared { processors: 1.0 };
    let load = 0.7;
    close(
        rig.nodes.hash / (1.0 - load),
        mean_at_load(&rig, load),
        0.06,
    );
}

/// Every rig and client: work is conserved, nobody gets in twice, faster than the nodes, or is lost
/// without having been counted.
#[test]
fn laws_that_every_storm_keeps() {
    use rand::rngs::SmallRng;
    use rand::{RngExt as _, SeedableRng as _};
    let mut rng = SmallRng::seed_from_u64(11);
    for seed in 0..300 {
        let nodes = Nodes {
            count: rng.random_range(1..6),
            hash: rng.random_range(0.05..0.6),
            lock: match rng.random_bool(0.5) {
                true => Lock::OneAtATime,
                false => Lock::Shared {
                    processors: rng.random_range(1.0..8.0),
                },
            },
        };
        let gate = rng.random_bool(0.5).then(|| Gate {
            proxies: rng.random_range(1..4),
            rate: rng.random_range(0.5..20.0),
            burst: rng.random_range(1..200),
            in_node: rng.random_range(1..20),
            own_node: rng.random_bool(0.3),
            retry_after: rng.random_bool(0.5).then_some(2.0),
        });
        let users = rng.random_range(1..400);
        let storm = Storm {
            users,
            window: rng.random_range(1.0..60.0),
            arrivals: Arrivals::Random,
            clients: Clients {
                patience: rng.random_bool(0.8).then(|| rng.random_range(1.0..40.0)),
                retry_after: rng.random_bool(0.5).then(|| rng.random_range(0.5..5.0)),
                jitter: 0.0,
            },
            grace: match rng.random_bool(0.3) {
                true => f64::INFINITY,
                false => rng.random_range(0.0..60.0),
            },
        };
        let rig = Rig { nodes, gate };
        let outcome = simulate(&rig, &storm, seed);
        assert_eq!(outcome, simulate(&rig, &storm, seed), "the same seed");
        assert!(outcome.logged_in <= users);
        assert_eq!(outcome.waits.len(), outcome.logged_in as usize);
        let useful = f64::from(outcome.logged_in) * nodes.hash;
        assert!(
            (outcome.work - outcome.dead_work - useful).abs() < 1e-6,
            "{rig:?}"
        );
        let shortest = outcome.waits.first().copied().unwrap_or(nodes.hash);
        assert!(shortest > nodes.hash * 0.999, "{rig:?}");
        assert!(
            outcome.recovered + 1e-9 >= outcome.work / nodes.possible() / f64::from(nodes.count)
        );
        if storm.clients.patience.is_none() && gate.is_none() {
            assert_eq!(outcome.logged_in, users, "{rig:?} {storm:?}");
        }
    }
}

#[test]
fn a_forecast_holds_what_is_uncertain() {
    let impatient = storm(480, 12.0, 10.0, Some(1.0), 400.0);
    let collapse = forecast(&real_server(None), &impatient, 1.1, 40, 3);
    assert!(collapse.collapsed > 0.99 && collapse.everybody_in < 0.01);
    assert!(
        collapse.logged_in.low < 107.0 && collapse.logged_in.high > 100.0,
        "{collapse:?}"
    );
    // Without a second try the last of 480 waits 480 / 5.3 − 40 s = 50.6 s, and has to.
    let once = storm(480, 12.0, 10.0, None, 0.0);
    let held = patience_that_holds(&real_server(None), &once, 3).unwrap();
    close(51.0, held, 0.03);
    assert!(patience_that_holds(&real_server(gate(40)), &impatient, 3).unwrap() < 12.0);
}

#[test]
fn an_interval_holds_nine_of_ten_costs_however_many_storms_are_played() {
    // Nothing is left to chance but the cost: the last is in when all passwords are checked.
    let patient = storm(480, 12.0, 1_000.0, None, 0.0);
    for runs in [5, 20, 40, 200] {
        let range = forecast(&real_server(None), &patient, 1.25, runs, 3).recovered;
        let at = |quantile: f64| 480.0 / 5.3 * 1.25_f64.powf(2.0 * quantile - 1.0);
        close(at(0.05), range.low, 0.01);
        close(at(0.5), range.median, 0.02);
        close(at(0.95), range.high, 0.01);
        let dearest = dearest(&real_server(None), &patient, 1.25, runs, 3);
        // But for what a login takes besides.
        close(range.high, dearest.last_in, 1e-3);
    }
}

/// A gate whose rate is a tenth more than the node takes, because the node is slower than it was.
#[test]
fn a_slow_node_is_not_filled_up_behind_its_gate() {
    let impatient = storm(1_500, 12.0, 10.0, Some(3.0), f64::INFINITY);
    let fast = Gate {
        rate: 5.3 * 1.1,
        burst: 26,
        ..gate(26).unwrap()
    };
    let filled = simulate(&real_server(Some(fast)), &impatient, 1);
    assert!(filled.logged_in < 1_000, "{}", filled.logged_in);
    let few = Gate {
        in_node: 13,
        ..fast
    };
    let outcome = simulate(&real_server(Some(few)), &impatient, 1);
    assert_eq!(outcome.logged_in, 1_500);
    close(1_500.0 / 5.3, outcome.last_in, 0.02);
    assert!(outcome.dead_work < 0.01 * outcome.work);
}

#[test]
fn jitter_is_added_to_what_the_gate_tells_clients() {
    let told = Gate {
        retry_after: Some(1.0),
        ..gate(5).unwrap()
    };
    let refused = |jitter| {
        let mut storm = storm(480, 12.0, 10.0, Some(1.0), 400.0);
        storm.clients.jitter = jitter;
        simulate(&real_server(Some(told)), &storm, 1).refused as f64
    };
    close(refused(0.0) / 2.0, refused(2.0), 0.1);
}

/// Everybody who comes within 15 minutes and tries until he is in, every 10 s and 3 s.
fn outage(users: u32) -> Storm {
    Storm {
        users,
        window: 900.0,
        arrivals: Arrivals::Random,
        clients: Clients {
            patience: Some(10.0),
            retry_after: Some(3.0),
            jitter: 0.0,
        },
        grace: f64::INFINITY,
    }
}

fn nodes(count: u32, hash: f64) -> Nodes {
    Nodes {
        count,
        hash,
        lock: Lock::OneAtATime,
    }
}

#[test]
fn a_queue_that_drains_slowly_is_late_and_does_not_collapse() {
    let rig = Rig {
        nodes: nodes(2, 0.16),
        gate: gate(25),
    };
    let outcome = simulate(&rig, &outage(15_000), 1);
    assert_eq!(
        (outcome.ending, outcome.logged_in),
        (Ending::Drained, 15_000)
    );
    close(15_000.0 / 5.0, outcome.last_in, 0.01);
    assert!(outcome.recovered < outcome.last_in + 1.0);
    let late = forecast(&rig, &outage(15_000), 1.25, 5, 1);
    assert!(late.collapsed < 0.01 && late.dead_work.high < 0.01 && late.cut_off.is_none());
}

/// Whatever is proved to have collapsed lets nobody in any more, if it is played on all the same.
#[test]
fn a_collapse_is_proved_before_it_is_played() {
    let mut proved = 0;
    for seed in 0..40 {
        let rig = Rig {
            nodes: Nodes {
                count: 1 + seed % 4,
                hash: 0.1 + 0.02 * f64::from(seed),
                lock: match seed % 3 {
                    0 => Lock::Shared { processors: 2.4 },
                    _ => Lock::OneAtATime,
                },
            },
            gate: (seed % 5 == 4).then_some(Gate {
                proxies: 1,
                rate: 40.0,
                burst: 100,
                in_node: u32::MAX,
                own_node: false,
                retry_after: Some(2.0),
            }),
        };
        let storm = Storm {
            window: 60.0,
            ..outage(1_500)
        };
        let outcome = simulate(&rig, &storm, u64::from(seed));
        let patient = Storm {
            grace: 1_500.0,
            ..storm
        };
        let played = simulate(&rig, &patient, u64::from(seed));
        match outcome.ending {
            Ending::Collapsed => {
                proved += 1;
                // Who is served at the proof is not slowed down by those who are not played any more.
                let more = outcome.logged_in.abs_diff(played.logged_in);
                assert!(more <= 2, "{more} {rig:?}");
                assert!(outcome.recovered.is_infinite() && outcome.played < 400.0);
            }
            Ending::Drained => assert_eq!(outcome.logged_in, 1_500),
            Ending::CutOff => panic!("{rig:?}"),
        }
    }
    assert!((10..40).contains(&proved), "{proved}");
}

#[test]
fn a_gate_whose_queue_outlasts_its_clients_lets_nobody_in() {
    let rig = Rig {
        nodes: nodes(2, 0.16),
        gate: gate(400),
    };
    let outcome = simulate(&rig, &outage(15_000), 1);
    assert_eq!(outcome.ending, Ending::Collapsed);
    assert!(outcome.logged_in < 200 && outcome.lost_turns > outcome.turns / 2);
}

/// One for twelve, on rigs of all kinds.
#[test]
fn a_coarse_simulation_is_near_the_exact_one() {
    let shared = Nodes {
        lock: Lock::Shared { processors: 2.4 },
        ..nodes(3, 0.16)
    };
    let slow = Gate {
        proxies: 2,
        rate: 6.0,
        burst: 30,
        in_node: u32::MAX,
        own_node: false,
        retry_after: Some(2.0),
    };
    let rigs = [
        (nodes(2, 0.16), None),
        (nodes(2, 0.16), Some(slow)),
        (nodes(40, 0.16), None),
        (nodes(30, 0.16), None),
        (
            nodes(30, 0.16),
            Some(Gate {
                rate: 60.0,
                burst: 200,
                ..slow
            }),
        ),
        (shared, None),
        (
            shared,
            Some(Gate {
                rate: 18.0,
                burst: 90,
                ..slow
            }),
        ),
        (nodes(2, 0.16), Some(Gate { burst: 300, ..slow })),
        (nodes(2, 0.16), Some(Gate { rate: 20.0, ..slow })),
        (
            nodes(30, 0.16),
            Some(Gate {
                rate: 120.0,
                burst: 400,
                in_node: 15,
                ..slow
            }),
        ),
        (
            nodes(24, 0.16),
            Some(Gate {
                proxies: 24,
                rate: 5.9,
                burst: 30,
                in_node: 15,
                own_node: true,
                ..slow
            }),
        ),
    ];
    for (users, window) in [(12_000, 60.0), (12_000, 600.0), (30_000, 900.0)] {
        for (nodes, gate) in rigs {
            let rig = Rig { nodes, gate };
            let storm = Storm {
                window,
                ..outage(users)
            };
            let exact = simulate(&rig, &storm, 7);
            let coarse = simulate_coarsely(&rig, &storm, users / 12, 7);
            let text = format!(
                "{storm:?} {rig:?}\n{} {} {} {:?}\n{} {} {} {:?}",
                exact.logged_in,
                exact.last_in,
                exact.recovered,
                exact.wait(0.5),
                coarse.logged_in,
                coarse.last_in,
                coarse.recovered,
                coarse.wait(0.5)
            );
            assert_eq!(exact.ending, coarse.ending, "{text}");
            if exact.ending == Ending::Drained {
                assert_eq!(
                    (exact.logged_in, coarse.logged_in),
                    (users, users),
                    "{text}"
                );
                assert!(
                    (exact.last_in - coarse.last_in).abs() < exact.last_in * 0.05 + 2.0,
                    "{text}"
                );
                let waits = (exact.wait(0.5).unwrap(), coarse.wait(0.5).unwrap());
                assert!((waits.0 - waits.1).abs() < waits.0 * 0.1 + 1.0, "{text}");
            } else {
                let few = f64::from(users) * 0.02;
                assert!(
                    (f64::from(exact.logged_in) - f64::from(coarse.logged_in)).abs() < few,
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn users_get_in_along_a_curve_that_ends_with_all_of_them() {
    let rig = Rig {
        nodes: Nodes {
            count: 1,
            hash: 0.1,
            lock: Lock::OneAtATime,
        },
        gate: None,
    };
    let storm = Storm {
        users: 300,
        window: 60.0,
        arrivals: Arrivals::Even,
        clients: Clients {
            patience: None,
            retry_after: None,
            jitter: 0.0,
        },
        grace: f64::INFINITY,
    };
    let curve = crate::forecast(&rig, &storm, 1.0, 3, 1).curve;
    assert!((curve.every - 1.0).abs() < 1e-9);
    let middle = curve.users_in[29];
    assert!((middle.median - 150.0).abs() < 3.0, "{middle:?}");
    assert!((curve.users_in.last().unwrap().low - 300.0).abs() < 1e-9);
    let grows = curve
        .users_in
        .windows(2)
        .all(|two| two[0].median <= two[1].median);
    assert!(grows);
}

#[test]
fn shapes_say_when_users_come() {
    let half_by = |arrivals: Arrivals| arrivals.moment(0.5, 100.0);
    assert!((half_by(Arrivals::Random) - 0.5).abs() < 1e-9);
    assert!((half_by(Arrivals::HalfSine) - 0.5).abs() < 1e-9);
    // Half of an exponential has come after tau times the logarithm of 2.
    let decay = half_by(Arrivals::Decay { tau: 10.0 });
    assert!((decay - 0.0693).abs() < 0.001, "{decay}");
    assert!(Arrivals::HalfSine.moment(0.1, 100.0) > 0.15);
    let all = Arrivals::Decay { tau: 10.0 }.moment(1.0, 100.0);
    assert!((all - 1.0).abs() < 1e-9, "{all}");
}

#[test]
fn jitter_makes_clients_come_again_later() {
    let rig = Rig {
        nodes: Nodes {
            count: 1,
            hash: 0.1,
            lock: Lock::OneAtATime,
        },
        gate: None,
    };
    let storm = |jitter| Storm {
        users: 200,
        window: 1.0,
        arrivals: Arrivals::Random,
        clients: Clients {
            patience: Some(5.0),
            retry_after: Some(1.0),
            jitter,
        },
        grace: 600.0,
    };
    let [soon, later] = [0.0, 30.0].map(|jitter| simulate(&rig, &storm(jitter), 1));
    assert!(soon.unanswered > later.unanswered, "{soon:?} {later:?}");
}
