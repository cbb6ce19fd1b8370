//! What clients of different releases ask for, of servers with different licenses.

use loadrig_storm::{ClientCall, WebClient};
use mattermost_license::Sku;

use crate::stage::{Stage, storm};

#[tokio::test(flavor = "multi_thread")]
async fn each_release_asks_for_what_it_asks_for() {
    // The older releases ask for profile fields without a look at the license. That there are none, and no
    // agents either, is no failure.
    for (sku, newest) in [(Sku::Enterprise, 1), (Sku::Professional, 0)] {
        let stage = Stage::with_license(1, &sku).await;
        for (release, fields, limits, agents) in [
            (WebClient::V10_11, 1, 0, 0),
            (WebClient::V11_6, 1, 2, 1),
            (WebClient::V11_9, newest, 1, 1),
        ] {
            let mut plan = stage.plan(1, 0);
            plan.client.web_client = release;
            let result = storm(plan).await;
            let case = format!("{release:?} at {sku:?}");
            assert_eq!(result.users.usable, 1, "{case}");
            let tally = |call| result.calls.get(&call).cloned().unwrap_or_default();
            let asked = [
                ClientCall::ProfileFields,
                ClientCall::LimitsServer,
                ClientCall::Agents,
            ];
            let counts = asked.map(|call| tally(call).count);
            assert_eq!(counts, [fields, limits, agents], "{case}");
            let failed: u64 = result.errors().values().sum();
            assert_eq!(failed, 0, "{case}: {:?}", result.errors());
        }
    }
}
