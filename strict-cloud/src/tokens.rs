//! Client tokens: the same call with the same token is carried out once.
//!
//! "Ensuring idempotency in Amazon EC2 API requests" (EC2 Developer Guide,
//! ec2-api-idempotency): a repeated token with the same parameters returns the original
//! answer; with other parameters, `IdempotentParameterMismatch`; for instances that are
//! terminated by then, `IdempotentInstanceTerminated`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::call::Call;
use crate::errors::{AwsError, Reply};

/// EC2's calls that take a token which the emulator does not heed.
const WITH_TOKEN: &[&str] = &[
    "RunInstances",
    "CreateNatGateway",
    "CreateRouteTable",
    "CreateVpcEndpoint",
    "CreateVolume",
    "CreateNetworkInterface",
    "CreateLaunchTemplate",
    "CreateEgressOnlyInternetGateway",
];

/// Fields that two calls may differ in and still be the same call.
const NO_PARAMETERS: &[&str] = &["ClientToken", "Version", "Action", "DryRun"];

type Parameters = BTreeMap<String, String>;

/// What a token stands for.
#[derive(Debug, Clone)]
enum TokenRecord {
    /// A call that is under way; closed when it has ended.
    Busy(watch::Receiver<()>),
    /// A call that was carried out.
    Done {
        parameters: Parameters,
        reply: Reply,
    },
}

/// What a call's token means.
pub(crate) enum TokenUse {
    /// It has none.
    None,
    /// No call had it before; the reservation is kept or given up with the answer.
    New(TokenReservation),
    /// It was used for the same call, which was answered so.
    Repeated(Reply),
}

/// Every token that was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    held: Arc<Mutex<BTreeMap<String, TokenRecord>>>,
}

impl Tokens {
    /// What the token of a call means. Waits while the same token is under way.
    pub(crate) async fn claim(&self, call: &Call) -> Result<TokenUse, AwsError> {
        let Some(key) = key_of(call) else {
            return Ok(TokenUse::None);
        };
        let parameters = parameters_of(call);
        loop {
            let mut busy = {
                let mut held = self.lock();
                match held.get(&key) {
                    Some(TokenRecord::Busy(busy)) => busy.clone(),
                    Some(TokenRecord::Done {
                        parameters: first,
                        reply,
                    }) => return repeated(first, &parameters, reply),
                    None => {
                        let (sender, receiver) = watch::channel(());
                        held.insert(key.clone(), TokenRecord::Busy(receiver));
                        return Ok(TokenUse::New(TokenReservation {
                            tokens: self.clone(),
                            key,
                            parameters,
                            _sender: sender,
                        }));
                    }
                }
            };
            // Ends with an error when the sender is dropped, which is what is waited for.
            while busy.changed().await.is_ok() {}
        }
    }

    /// Forgets every token.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, TokenRecord>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to carry a call out under its token. Dropped, the token is free again.
pub(crate) struct TokenReservation {
    tokens: Tokens,
    key: String,
    parameters: Parameters,
    _sender: watch::Sender<()>,
}

impl TokenReservation {
    /// The call was carried out and answered so.
    pub(crate) fn done(self, reply: &Reply) {
        self.tokens.lock().insert(
            self.key.clone(),
            TokenRecord::Done {
                parameters: self.parameters.clone(),
                reply: reply.clone(),
            },
        );
    }
}

impl Drop for TokenReservation {
    fn drop(&mut self) {
        let mut held = self.tokens.lock();
        if matches!(held.get(&self.key), Some(TokenRecord::Busy(_))) {
            held.remove(&self.key);
        }
    }
}

fn repeated(
    first: &Parameters,
    parameters: &Parameters,
    reply: &Reply,
) -> Result<TokenUse, AwsError> {
    if first == parameters {
        return Ok(TokenUse::Repeated(reply.clone()));
    }
    Err(AwsError::new(
        "IdempotentParameterMismatch",
        "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
    ))
}

fn key_of(call: &Call) -> Option<String> {
    if call.service != "ec2" || !WITH_TOKEN.contains(&call.action.as_str()) || call.is_dry_run() {
        return None;
    }
    let token = call.get("ClientToken").filter(|token| !token.is_empty())?;
    Some(format!("{}/{}/{token}", call.region, call.action))
}

fn parameters_of(call: &Call) -> Parameters {
    call.fields()
        .filter(|(name, _)| !NO_PARAMETERS.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
