//! Asks everything, in an order in which causes come before consequences.

use std::collections::BTreeMap;
use std::time::Instant;

use futures::future::join_all;
use jiff::Timestamp;

use crate::loadtest::api::{Api, ApiError};

use super::answers::ask;
use super::jobs;
use super::judge::judge;
use super::ldap::ldap;
use super::mail::mail;
use super::plugins::plugins;
use super::readers::{ReaderAccess, readers};
use super::saml::saml;
use super::settings::settings;
use super::through::Visit;
use super::{Promise, PromisePlan};

const LOGIN: &str = "entrance: the administrator logs in";
const CHANNEL: &str = "entrance: a channel to check in";

/// Checks what a deployment promises. Leaves a team with one channel on the server, which only
/// the administrator sees; posts are removed again. `reader_access` is every reader from every node.
pub async fn check_promises(plan: &PromisePlan, reader_access: &[ReaderAccess]) -> Vec<Promise> {
    let remedy = format!(
        "`loadrig ssh {} app-1 -- sudo journalctl -u mattermost` shows the server's log",
        plan.environment
    );
    let begun = Instant::now();
    let entrance = match Api::new(&plan.entrance, plan.route.as_ref()) {
        Ok(api) => api,
        Err(error) => return vec![Promise::broken(LOGIN, error.to_string())],
    };
    // Nothing else can be asked without a session.
    let session = match entrance.administrator(&plan.admin).await {
        Ok(session) => session,
        Err(error) => {
            let remedy = match error.status() {
                Some(400 | 401 | 404) => without_account(plan),
                _ if matches!(error, ApiError::Certificate(_)) => other_certificate(plan),
                _ => remedy,
            };
            let detail = format!("{error}, so nothing else was asked");
            return vec![Promise::broken(LOGIN, detail).remedy(remedy)];
        }
    };
    let took = begun.elapsed().as_millis();
    let login = Promise::kept(LOGIN, format!("in {took} ms at {}", plan.entrance));

    let answers = join_all(plan.nodes.iter().map(|node| ask(plan, node, &session))).await;
    let judged = judge(plan, &answers, Timestamp::now());
    let mut promises = vec![login];
    let (clustered, searchable) = (judged.clustered, judged.searchable);
    let uses_readers = judged.uses_readers;
    promises.extend(judged.promises);
    let nodes: BTreeMap<String, Api> = plan
        .nodes
        .iter()
        .filter_map(|node| Some((node.name.clone(), Api::new(&node.url, None).ok()?)))
        .collect();
    promises.extend(settings(plan, &session, &nodes).await);

    let work = async {
        let mut promises = Vec::new();
        if let Some(planned) = &plan.mail {
            promises.extend(mail(plan, planned, &entrance, &session).await);
        }
        if !plan.plugins.is_empty() {
            promises.push(plugins(plan, &session, &nodes).await);
        }
        if plan.saml.is_some() {
            promises.push(saml(plan, &entrance, &session).await);
        }
        if let Some(place) = &plan.ldap {
            promises.push(ldap(plan, place, &entrance, &session).await);
        }
        if let Some(server) = &plan.job_server {
            promises.push(jobs::version(plan, server, &answers));
            promises.push(jobs::taken(plan, server, &entrance, &session, &nodes).await);
        }
        promises
    };
    let visit = async {
        let mut promises = Vec::new();
        match Visit::begin(plan, &entrance, &session, &nodes).await {
            Ok(visit) => {
                let mut crosses = clustered;
                if clustered && nodes.len() > 1 {
                    let events = visit.events().await;
                    crosses = !events.is_broken();
                    promises.push(events);
                }
                // Where posts do not cross nodes, they need not reach the node that holds the websocket.
                if crosses {
                    promises.push(visit.events_through_entrance().await);
                }
                promises.push(visit.files().await);
                promises.extend(visit.found_and_read(searchable, uses_readers).await);
            }
            Err(error) => {
                let detail = format!("{error}, so nothing was posted, stored or searched");
                promises.push(Promise::broken(CHANNEL, detail).remedy(remedy));
            }
        }
        if uses_readers && !reader_access.is_empty() {
            promises.push(readers(&plan.environment, reader_access).await);
        }
        promises
    };
    // A job waits for its server to look, up to half a minute, and a message may be under way for a minute.
    let (work, visit) = futures::join!(work, visit);
    promises.extend(work);
    promises.extend(visit);
    promises
}

/// What helps where the account, or its password, is not as planned: a database that came with
/// accounts of its own, or somebody who changed it.
fn without_account(plan: &PromisePlan) -> String {
    let (name, user) = (&plan.environment, &plan.admin.username);
    format!(
        "a database that came with accounts keeps them: `loadrig ssh {name} app-1 -- sudo -u mattermost \
         /opt/mattermost/bin/mmctl --local user change-password {user}` resets the account's password, `mmctl --local \
         user create` makes the account; `loadrig credentials {name} --show` has the password to set"
    )
}

/// What helps where the entrance shows a certificate of another authority than the one that the
/// environment names: files that were exchanged since the last `up`, or another server at that address.
fn other_certificate(plan: &PromisePlan) -> String {
    let name = &plan.environment;
    match &plan.route {
        Some(route) if route.authority.is_some() => format!(
            "`loadrig up {name}` takes the certificate and the authority that the YAML names to the proxies; that of a \
             load balancer has to be from `alb.authority_file`; otherwise something else answers at {}",
            route.connect_to
        ),
        _ => "this machine has to trust whoever signed the certificate".to_owned(),
    }
}
