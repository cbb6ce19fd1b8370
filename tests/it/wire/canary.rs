//! The canary of `doctor --live` by the program, against the strict cloud and an emulator.

use super::inventory::IdsByKind;
use super::lane::Lane;

const DOCTOR: [&str; 5] = ["--api-rate", "unlimited", "doctor", "2k", "--live"];

#[test]
fn a_canary_of_the_program_proves_and_leaves_nothing() {
    let lane = Lane::open();
    let ran = lane.loadrig(&DOCTOR, None);
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    assert!(
        ran.said.contains("the registry `loadrig-registry-"),
        "{}",
        ran.said
    );
    assert_eq!(lane.inventory(), IdsByKind::new());
    // Names of its own: the second one waits for nothing of the first.
    let again = lane.loadrig(&DOCTOR, None);
    assert_eq!(again.code, Some(0), "{}", again.said);
    assert_eq!(lane.inventory(), IdsByKind::new());
}

#[test]
fn a_canary_that_is_interrupted_is_removed() {
    let mut lane = Lane::open();
    let calls = lane.loadrig(&DOCTOR, None).calls;
    // While it creates, and while it removes.
    for part in [2, 3] {
        lane.reset();
        let ran = lane.interrupted(&DOCTOR, calls * part / 4);
        assert_eq!(ran.code, Some(130), "{}", ran.said);
        assert_eq!(lane.inventory(), IdsByKind::new(), "{}", ran.said);
    }
}
