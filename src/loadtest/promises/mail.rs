//! Whether the server's mail goes out, and arrives: the server's own test of its settings writes to the
//! administrator, and a mailbox of that address, where there is one, has the message.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::loadtest::api::{Api, ApiSession};
use crate::spec::ConnectionSecurity;

use super::mailbox::{MailboxError, OpenMailbox};
use super::{Promise, PromiseMail, PromiseMailbox, PromisePlan};

const TAKEN: &str = "mail: the mail server takes a message";
const ARRIVES: &str = "mail: the message arrives in its mailbox";

/// How long a message may be under way.
const UNDER_WAY: Duration = Duration::from_mins(1);
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
struct Addressee {
    #[serde(default)]
    email: String,
}

/// Has the server write to the administrator, and looks for the message.
pub(super) async fn mail(
    plan: &PromisePlan,
    mail: &PromiseMail,
    entrance: &Api,
    session: &ApiSession,
) -> Vec<Promise> {
    // What is there already is not what will have arrived.
    let inbox = match &mail.mailbox {
        Some(Ok(mailbox)) => Some(OpenMailbox::open(mailbox).await),
        Some(Err(_)) | None => None,
    };
    let addressee: Result<Addressee, _> = entrance.get("/users/me", session).await;
    // It is told from failing to send, which follows.
    let to = addressee.map_or_else(|_| String::new(), |addressee| addressee.email);
    // No settings of its own: the server's are tried.
    let sent = entrance
        .post::<Value>("/email/test", Some(session), &Value::Null)
        .await;
    if let Err(error) = sent {
        let remedy = "check `mattermost.mail`: its server has to admit the application nodes' addresses, and the \
                      account; the nodes have to trust who signed its certificate";
        return vec![Promise::broken(TAKEN, error.to_string()).remedy(remedy)];
    }
    let taken = taken(plan, mail, &to);
    let arrives = match (&mail.mailbox, inbox) {
        (Some(Ok(mailbox)), Some(inbox)) => Some(arrives(mail, mailbox, inbox, &to).await),
        (Some(Err(why)), _) => Some(
            Promise::doubtful(ARRIVES, format!("not looked for: {why}")).remedy(
                "give this machine what `mattermost.mail.mailbox` names, and verify from here again",
            ),
        ),
        _ => None,
    };
    [taken].into_iter().chain(arrives).collect()
}

/// What a message that was taken proves.
fn taken(plan: &PromisePlan, mail: &PromiseMail, to: &str) -> Promise {
    let (at, env) = (&mail.server, &plan.environment);
    let how = match (mail.security, &mail.account) {
        // The server gives no password away without TLS.
        (ConnectionSecurity::Starttls | ConnectionSecurity::Tls, Some(account)) => {
            format!("over TLS, logged in as `{account}`")
        }
        (ConnectionSecurity::Tls, None) => "over TLS, without an account".to_owned(),
        (ConnectionSecurity::Starttls, None) => {
            "without an account; whether over TLS is not known, since the server goes on without where `STARTTLS` \
             is refused"
                .to_owned()
        }
        (ConnectionSecurity::None, _) => "without TLS and account".to_owned(),
    };
    let beyond = match mail.mailbox {
        Some(_) => "",
        None => "; whether it arrives was not looked for",
    };
    let detail = format!("{at} has taken one to {to}, {how}{beyond}");
    match &mail.administrator {
        Some(planned) if !planned.eq_ignore_ascii_case(to) => Promise::doubtful(
            TAKEN,
            format!("{detail}; planned is {planned}"),
        )
        .remedy(format!(
            "`loadrig up {env}` gives the account the address; where it changes nothing, somebody has changed the \
             address since: set it in the System Console, Users"
        )),
        None if to == mail.unread => Promise::doubtful(
            TAKEN,
            format!("{detail}; nobody reads that address"),
        )
        .remedy("name one that somebody reads in `mattermost.mail.administrator`"),
        _ => Promise::kept(TAKEN, detail),
    }
}

/// Looks into the mailbox until the message is there.
async fn arrives(
    mail: &PromiseMail,
    mailbox: &PromiseMailbox,
    inbox: Result<OpenMailbox, MailboxError>,
    to: &str,
) -> Promise {
    let place = format!(
        "the mailbox of `{}` at {}:{}",
        mailbox.username, mailbox.server, mailbox.port
    );
    let since = Instant::now();
    let found = async {
        let mut inbox = inbox?;
        let is_there = loop {
            if inbox.has_new(&mail.from, to).await? {
                break true;
            }
            if since.elapsed() > UNDER_WAY {
                break false;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        };
        inbox.close().await;
        Ok::<bool, MailboxError>(is_there)
    };
    match found.await {
        Ok(true) => {
            let took = since.elapsed().as_secs_f64();
            Promise::kept(ARRIVES, format!("after {took:.1} s, in {place}"))
        }
        Ok(false) => Promise::broken(
            ARRIVES,
            format!(
                "none from {} to {to} within {} s, in {place}",
                mail.from,
                UNDER_WAY.as_secs()
            ),
        )
        .remedy(
            "look for it in the mail server's log, its queue and the mailbox's folder of spam; a first message may be \
             delayed on purpose, so verify again",
        ),
        Err(error) => Promise::broken(ARRIVES, format!("{place}: {error}")).remedy(
            "check `mattermost.mail.mailbox`: this machine has to reach it, by TLS from the start",
        ),
    }
}
