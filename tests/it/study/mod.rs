//! The study: forecasts of login storms held to storms that are played for real, on random rigs.
//!
//! Takes a quarter of an hour of a machine that does nothing else, so it is no everyday test: `make study`. Needs
//! nginx and PostgreSQL's server programs.
#![cfg(target_os = "linux")]

mod draw;
mod judge;
mod page;
mod play;
mod proxy;
mod real;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use draw::StudyStorm;
use judge::{JudgedStorm, claims};
use page::{Circumstances, page, table};
use play::{PlayedStorm, StudyStage};
use real::ROWS;

/// Rigs, unless `STUDY_RIGS` says otherwise.
const RIGS: u32 = 220;
/// Storms at a time, unless `STUDY_LANES` says otherwise.
const LANES: usize = 10;
/// Everything random follows from it, unless `STUDY_SEED` says otherwise.
const SEED: u64 = 20_261_130;
/// How often a storm is played that was late, before the machine is said to be too busy.
const MOST_PLAYS: u32 = 5;

/// A number from the environment.
fn variable<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: `{text}`")),
        Err(_) => otherwise,
    }
}

/// Plays storms, so many at a time, in the order in which they are given.
struct Lanes<'a> {
    stage: &'a StudyStage,
    runtime: &'a tokio::runtime::Handle,
    count: usize,
    again: AtomicU32,
}

impl Lanes<'_> {
    fn play(&self, storms: Vec<StudyStorm>) -> Vec<(StudyStorm, Option<PlayedStorm>)> {
        let all = storms.len();
        let queue: Mutex<VecDeque<(usize, StudyStorm)>> =
            Mutex::new(storms.into_iter().enumerate().collect());
        let done = Mutex::new(Vec::with_capacity(all));
        let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
        // Nodes end with the thread that started them, so each lane has one of its own.
        std::thread::scope(|scope| {
            for _ in 0..self.count {
                scope.spawn(|| {
                    loop {
                        let Some((index, storm)) = lock().pop_front() else {
                            return;
                        };
                        let played = self.on_time(&storm);
                        let mut done = done.lock().expect("no panic");
                        done.push((index, storm, played));
                        eprintln!("{} of {all} storms", done.len());
                    }
                });
            }
        });
        let mut done = done.into_inner().expect("no panic");
        done.sort_by_key(|(index, _, _)| *index);
        done.into_iter()
            .map(|(_, storm, played)| (storm, played))
            .collect()
    }

    /// Plays a storm until machine and clients are on time for it; none if they never are.
    fn on_time(&self, storm: &StudyStorm) -> Option<PlayedStorm> {
        for _ in 0..MOST_PLAYS {
            let played = self.stage.play(storm, self.runtime);
            if played.is_on_time() {
                return Some(played);
            }
            self.again.fetch_add(1, Ordering::Relaxed);
            eprintln!("storm {} was {:?} late: again", storm.name, played.late);
        }
        None
    }
}

#[test]
#[ignore = "a quarter of an hour: make study"]
fn forecasts_hold_on_random_rigs() {
    let began = Instant::now();
    let (rigs, lanes) = (variable("STUDY_RIGS", RIGS), variable("STUDY_LANES", LANES));
    let seed = variable("STUDY_SEED", SEED);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stage = StudyStage::new(runtime.handle());
    let lanes = Lanes {
        stage: &stage,
        runtime: runtime.handle(),
        count: lanes,
        again: AtomicU32::new(0),
    };
    // The longest ones first: at the end all lanes have something to do.
    let real = ROWS.iter().enumerate().rev();
    let mut storms: Vec<StudyStorm> = real.map(|(index, row)| row.storm(index + 1)).collect();
    storms.extend(draw::storms(rigs, seed));
    let mut played = lanes.play(storms);
    let random = played.split_off(ROWS.len());
    let judged =
        |(storm, played): (StudyStorm, Option<PlayedStorm>)| Some(JudgedStorm::new(storm, played?));
    let real: Vec<_> = ROWS
        .iter()
        .zip(played.into_iter().rev())
        .filter_map(|(row, one)| Some((row, judged(one)?)))
        .collect();
    let storms: Vec<JudgedStorm> = random.into_iter().filter_map(judged).collect();
    let claims = claims(&storms);
    let how = Circumstances {
        date: Timestamp::now().to_string().chars().take(10).collect(),
        seed,
        lanes: lanes.count,
        took: began.elapsed().as_secs_f64(),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        again: lanes.again.load(Ordering::Relaxed),
        left_out: rigs as usize + ROWS.len() - storms.len() - real.len(),
    };
    println!("{}", table(storms.iter()));
    let text = page(&storms, &claims, &real, &how);
    let path = std::env::var("STUDY_PAGE").unwrap_or_else(|_| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        root.join("docs/login-storm-study.md").display().to_string()
    });
    std::fs::write(&path, text).expect("a page");
    let mut missed = Vec::new();
    for claim in &claims {
        println!("{}: {}", claim.text, claim.share);
        if !claim.holds() {
            missed.push(claim.text);
        }
    }
    println!(
        "{} storms, {} claims missed, written to {path}",
        storms.len(),
        missed.len()
    );
    assert!(missed.is_empty(), "{missed:#?}");
}
