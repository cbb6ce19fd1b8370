//! Whether the server reaches the directory of people.

use serde_json::Value;

use crate::loadtest::api::{Api, ApiSession};

use super::{Promise, PromisePlan};

const LDAP: &str = "ldap: the server reaches the directory";

/// The server's own test of its connection to the directory at `place`, through the entrance.
pub(super) async fn ldap(
    plan: &PromisePlan,
    place: &str,
    entrance: &Api,
    session: &ApiSession,
) -> Promise {
    let tested = entrance
        .post::<Value>("/ldap/test", Some(session), &Value::Null)
        .await;
    match tested {
        Ok(_) => Promise::kept(LDAP, format!("{place}, by the server's own test")),
        Err(error) => Promise::broken(LDAP, format!("{place}: {error}")).remedy(format!(
            "check `mattermost.ldap`: the directory has to admit the application nodes' addresses and the account, and \
             the nodes to trust who signed its certificate; `loadrig ssh {} app-1 -- sudo journalctl -u mattermost` \
             shows the server's log",
            plan.environment
        )),
    }
}
