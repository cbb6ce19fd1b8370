//! The canary of `doctor --live` by the program, against the strict cloud and an emulator.

use super::inventory::IdsByKind;
use super::lane::Lane;

#[test]
fn a_canary_of_the_program_proves_and_leaves_nothing() {
    let lane = Lane::open();
    let doctor = ["--api-rate", "unlimited", "doctor", "2k", "--live"];
    let ran = lane.loadrig(&doctor, None);
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    assert!(
        ran.said.contains("the registry `loadrig-registry-"),
        "{}",
        ran.said
    );
    assert_eq!(lane.inventory(), IdsByKind::new());
    // Names of its own: the second one waits for nothing of the first.
    let again = lane.loadrig(&doctor, None);
    assert_eq!(again.code, Some(0), "{}", again.said);
    assert_eq!(lane.inventory(), IdsByKind::new());
}
