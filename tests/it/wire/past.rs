//! The program itself in accounts with a past: what a policy denies is told before anything is
//! created, or ends the run with AWS's own words, and `down` leaves nothing.

use strict_cloud::AccountProfile;

use super::desk::{DOWN, Desk, NAME, UP, says};

#[track_caller]
fn down_leaves_nothing(desk: &Desk) {
    let down = desk.loadrig(DOWN);
    assert_eq!(down.code, Some(0), "{}", down.said);
    assert_eq!(desk.left(), Vec::<String>::new());
}

#[test]
fn a_rig_comes_up_in_an_enterprise_account_that_it_complies_with() {
    let tags = format!("tags: {{ {}: tests }}\n", AccountProfile::MANDATORY_TAG);
    let desk = Desk::open(AccountProfile::Enterprise, &tags);
    let up = desk.loadrig(UP);
    assert_eq!(up.code, Some(0), "{}", up.said);
    let plan = desk.loadrig(&["plan", NAME, "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(0), "{}", plan.said);
    down_leaves_nothing(&desk);
}

#[test]
fn a_denial_that_can_be_simulated_is_told_before_anything_is_created() {
    let desk = Desk::open(AccountProfile::EnterpriseNetwork, "");
    let up = desk.loadrig(UP);
    assert_ne!(up.code, Some(0), "{}", up.said);
    says(&up, &["ec2:CreateInternetGateway", "by the organisation"]);
    assert_eq!(desk.left(), Vec::<String>::new());
}

#[test]
fn a_denial_during_up_is_told_in_the_words_of_aws_and_down_leaves_nothing() {
    for (profile, parts) in [
        (
            AccountProfile::EnterpriseBoundary,
            [
                "iam:CreateRole",
                "with an explicit deny in an identity-based policy",
            ],
        ),
        (
            AccountProfile::Enterprise,
            [
                "ec2:RunInstances",
                "with an explicit deny in a service control policy",
            ],
        ),
    ] {
        let desk = Desk::open(profile, "");
        let up = desk.loadrig(UP);
        assert_ne!(up.code, Some(0), "{}", up.said);
        says(&up, &parts);
        says(&up, &["`loadrig down past` removes everything"]);
        down_leaves_nothing(&desk);
    }
}

#[test]
fn commands_end_at_once_where_every_call_is_denied() {
    for (profile, policy) in [
        (AccountProfile::EnterpriseRegion, "a service control policy"),
        (AccountProfile::EnterpriseMfa, "an identity-based policy"),
        (
            AccountProfile::EnterpriseAddress,
            "an identity-based policy",
        ),
    ] {
        let mut desk = Desk::open(profile, "");
        // The first call of both asks for the bucket of locks by HeadBucket, whose refusals say nothing.
        for words in [UP, DOWN] {
            let ended = desk.loadrig(words);
            assert_ne!(ended.code, Some(0), "{}", ended.said);
            says(
                &ended,
                &[
                    "s3:ListBucket failed",
                    &format!("with an explicit deny in {policy}"),
                    "no permission outweighs an explicit denial",
                ],
            );
        }
        let status = desk.loadrig(&["status", NAME]);
        assert_ne!(status.code, Some(0), "{}", status.said);
        says(
            &status,
            &[
                &format!("with an explicit deny in {policy}"),
                "no permission outweighs an explicit denial",
            ],
        );
        assert_eq!(desk.left(), Vec::<String>::new());
        if profile == AccountProfile::EnterpriseMfa {
            desk.session_token = true;
            let plan = desk.loadrig(&["plan", NAME]);
            assert_eq!(plan.code, Some(0), "{}", plan.said);
        }
    }
}
