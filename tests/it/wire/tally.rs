//! What a sweep found, and how its cases are shared out.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is wrong after a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Something is left that nothing will remove.
    Orphan,
    /// Something exists more than once.
    Duplicate,
    /// A command did not come to its end, or not to what it promises.
    Stuck,
}

/// What one case found.
pub type Findings = Vec<(Wrong, String)>;

/// Runs every case, on as many lanes as are made, and sums up. The line says
/// `N cases, 0 orphans, 0 duplicates, 0 stuck`.
pub fn sweep<C: Sync + std::fmt::Debug, L>(
    cases: &[C],
    lanes: usize,
    open: impl Fn(usize) -> L + Sync,
    run: impl Fn(&mut L, &C) -> Findings + Sync,
) -> (String, bool) {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let all: Mutex<Findings> = Mutex::default();
    std::thread::scope(|scope| {
        for number in 0..lanes.min(cases.len()) {
            let (next, done, all, open, run) = (&next, &done, &all, &open, &run);
            scope.spawn(move || {
                let mut lane = open(number);
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = run(&mut lane, case);
                    for (wrong, text) in &found {
                        println!("{wrong:?} in {case:?}: {text}");
                    }
                    all.lock().unwrap().extend(found);
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done.is_multiple_of(20) {
                        println!("{done} of {} cases", cases.len());
                    }
                }
            });
        }
    });
    let found = all.into_inner().unwrap();
    let count = |kind| found.iter().filter(|(wrong, _)| *wrong == kind).count();
    let line = format!(
        "{} cases, {} orphans, {} duplicates, {} stuck",
        done.into_inner(),
        count(Wrong::Orphan),
        count(Wrong::Duplicate),
        count(Wrong::Stuck)
    );
    (line, found.is_empty())
}
