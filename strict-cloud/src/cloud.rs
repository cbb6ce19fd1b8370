//! The strict cloud itself: one call through faults, tokens and rules to the upstream and
//! back. Knows no socket.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use http::{Method, Response, header};

use crate::account_profile::AccountProfile;
use crate::backend::{Backend, Forwarded};
use crate::call::Call;
use crate::clock::{Clock, Timing};
use crate::errors::{AwsError, Reply};
use crate::faults::{Fault, FaultPlan, Faults};
use crate::guardrails::{self, Guardrail};
use crate::ledger::Ledger;
use crate::model::{answer_violations, held_to_model};
use crate::tokens::{TokenUse, Tokens};
use crate::upstream::Upstream;
use crate::{ec2, elasticache, elb, iam, opensearch, rds, route53, s3, sts};

/// Path of moto's own call that forgets everything.
const RESET: &str = "/moto-api/reset";

/// On which side of a call's effect an observer is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was done yet.
    Before,
    /// It was done, and is not answered yet.
    After,
}

/// What an observer wants done with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intervention {
    /// Nothing.
    Proceed,
    /// Cut the connection. Before its effect, the call has none.
    Cut,
}

/// Told of every call on both sides of its effect.
pub type Observer = Arc<dyn Fn(Moment, &Call) -> Intervention + Send + Sync>;

/// How strict, and how slow.
#[derive(Clone)]
pub struct StrictOptions {
    /// What carries calls out.
    pub upstream: Arc<dyn Upstream>,
    /// Whether the services' rules apply. Without them requests are held to the services' models
    /// and forwarded, and nothing takes time.
    pub rules: bool,
    /// Whether things take time.
    pub timing: Timing,
    /// What AWS's times are multiplied with.
    pub scale: f64,
    /// The past of the account behind it.
    pub account: AccountProfile,
    /// What fails on purpose.
    pub faults: Option<FaultPlan>,
    /// Told of every call.
    pub observer: Option<Observer>,
}

impl StrictOptions {
    /// Rules alone: nothing takes time and nothing fails.
    #[must_use]
    pub fn instant(upstream: impl Upstream + 'static) -> Self {
        Self {
            upstream: Arc::new(upstream),
            rules: true,
            timing: Timing::Instant,
            scale: 1.0,
            account: AccountProfile::Used,
            faults: None,
            observer: None,
        }
    }

    /// The services' models alone.
    #[must_use]
    pub fn models(upstream: impl Upstream + 'static) -> Self {
        Self {
            rules: false,
            ..Self::instant(upstream)
        }
    }
}

impl fmt::Debug for StrictOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrictOptions")
            .field("timing", &self.timing)
            .field("scale", &self.scale)
            .field("account", &self.account)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// What became of a call.
#[derive(Debug)]
pub enum CallOutcome {
    /// By a rule, or by the emulator.
    Answered(Response<Body>),
    /// Its connection is to be cut.
    Cut,
}

/// The strict cloud. Copies share their state.
#[derive(Clone)]
pub struct StrictCloud {
    core: Arc<Core>,
}

impl fmt::Debug for StrictCloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrictCloud").finish_non_exhaustive()
    }
}

/// What the rules work with.
pub(crate) struct Core {
    pub(crate) upstream: Backend,
    rules: bool,
    guardrails: &'static [Guardrail],
    pub(crate) clock: Clock,
    ledger: Mutex<Ledger>,
    /// Held while what is gone is removed from the emulator.
    settling: tokio::sync::Mutex<()>,
    tokens: Tokens,
    pub(crate) faults: Option<Faults>,
    observer: Option<Observer>,
    calls: AtomicU64,
    violations: Mutex<Vec<String>>,
}

/// What the rules say of a call before it is forwarded.
pub(crate) enum Ruling {
    /// Nothing speaks against it: the emulator answers.
    Forward,
    /// The emulator does not see it.
    Answer(Reply),
}

impl StrictCloud {
    /// A strict cloud that has seen nothing yet.
    #[must_use]
    pub fn new(options: StrictOptions) -> Self {
        let traits = options.account.traits();
        let clock = Clock::new(options.timing, options.scale).propagating(traits.propagation);
        Self {
            core: Arc::new(Core {
                upstream: Backend::new(options.upstream),
                rules: options.rules,
                guardrails: traits.guardrails,
                ledger: Mutex::default(),
                settling: tokio::sync::Mutex::default(),
                tokens: Tokens::default(),
                faults: options.faults.map(|plan| Faults::new(plan, clock.clone())),
                clock,
                observer: options.observer,
                calls: AtomicU64::new(0),
                violations: Mutex::default(),
            }),
        }
    }

    /// How many calls it has seen.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.core.calls.load(Ordering::Relaxed)
    }

    /// What broke its service's model so far, in words, requests and answers of rules; afterwards
    /// there is nothing.
    #[must_use]
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut *self.core.violations())
    }

    /// Lets a time of AWS's pass at once.
    pub fn pass(&self, time: Duration) {
        self.core.clock.put_forward(time);
    }

    /// Answers one call.
    pub async fn answer(&self, mut call: Call) -> CallOutcome {
        call.number = self.core.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let core = Arc::clone(&self.core);
        // A task of its own: a caller that hangs up must not leave a call half done, as it
        // does not on AWS.
        match tokio::spawn(async move { core.answer(call).await }).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "a call failed in the strict cloud");
                CallOutcome::Cut
            }
        }
    }
}

impl Core {
    async fn answer(&self, mut call: Call) -> CallOutcome {
        // The emulator's own call, not AWS's: nothing fails it.
        if call.path == RESET {
            *self.ledger() = Ledger::default();
            self.tokens.clear();
            return match self.carry_out(&mut call).await {
                Ok(Forwarded::Whole(reply)) => answered(reply),
                Ok(Forwarded::Stream(response)) => CallOutcome::Answered(response),
                Err(error) => answered(Reply::refused(&call, &error)),
            };
        }
        if self.observed(Moment::Before, &call) == Intervention::Cut {
            return CallOutcome::Cut;
        }
        if let Some(faults) = &self.faults {
            match faults.before(&call) {
                Fault::None => {}
                Fault::Refuse(error) => return answered(Reply::refused(&call, &error)),
                Fault::Cut => return CallOutcome::Cut,
            }
        }
        self.settle().await;
        let passed = match self.carry_out(&mut call).await {
            Ok(passed) => passed,
            Err(error) => {
                tracing::debug!(call = call.name(), code = error.code, "refused");
                Forwarded::Whole(Reply::refused(&call, &error))
            }
        };
        if self.observed(Moment::After, &call) == Intervention::Cut {
            return CallOutcome::Cut;
        }
        if let Some(faults) = &self.faults {
            match faults.after(&call) {
                Fault::None => {}
                Fault::Refuse(error) => return answered(Reply::refused(&call, &error)),
                Fault::Cut => return CallOutcome::Cut,
            }
        }
        match passed {
            Forwarded::Whole(reply) => answered(reply),
            Forwarded::Stream(response) => CallOutcome::Answered(response),
        }
    }

    fn observed(&self, moment: Moment, call: &Call) -> Intervention {
        self.observer
            .as_ref()
            .map_or(Intervention::Proceed, |observer| observer(moment, call))
    }

    async fn carry_out(&self, call: &mut Call) -> Result<Forwarded, AwsError> {
        if let Some(refusal) = held_to_model(call) {
            self.violations().push(refusal.words);
            // S3 looks for the bucket before it reads the body.
            s3::check_bucket(self, call).await?;
            return Ok(Forwarded::Whole(refusal.reply));
        }
        guardrails::check(self.guardrails, call)?;
        if !self.rules {
            return self.upstream.stream(call).await;
        }
        let permit = match self.tokens.claim(call).await? {
            TokenUse::None => None,
            TokenUse::New(permit) => Some(permit),
            TokenUse::Repeated(reply) => {
                return ec2::repeated(self, call, reply).await.map(Forwarded::Whole);
            }
        };
        let mut reply = match self.before(call).await? {
            Ruling::Answer(reply) => {
                self.check_answer(call, &reply);
                reply
            }
            Ruling::Forward if call.is_large_read() => {
                let answer = self.upstream.stream(call).await?;
                return s3::after_read(self, call, answer).await;
            }
            Ruling::Forward => {
                let mut reply = self.upstream.send(call).await?;
                self.after(call, &mut reply).await?;
                reply
            }
        };
        if let Some(permit) = permit
            && reply.is_success()
        {
            permit.done(&reply);
        }
        // Its length may have changed, and is written anew; that of what is not sent stays.
        if call.method != Method::HEAD {
            reply.headers.remove(header::CONTENT_LENGTH);
        }
        Ok(Forwarded::Whole(reply))
    }

    async fn before(&self, call: &mut Call) -> Result<Ruling, AwsError> {
        match call.service.as_str() {
            "ec2" => ec2::before(self, call).await,
            "rds" => rds::before(self, call).await,
            "elasticache" => elasticache::before(self, call).await,
            "elasticloadbalancing" => elb::before(self, call).await,
            "es" => opensearch::before(self, call).await,
            "iam" => iam::before(self, call).await,
            "route53" => route53::before(self, call).await,
            "s3" => s3::before(self, call).await,
            "sts" => sts::check(call).map(|()| Ruling::Forward),
            _ => Ok(Ruling::Forward),
        }
    }

    async fn after(&self, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
        match call.service.as_str() {
            "ec2" => ec2::after(self, call, reply).await,
            "rds" => rds::after(self, call, reply).await,
            "elasticache" => elasticache::after(self, call, reply).await,
            "elasticloadbalancing" => elb::after(self, call, reply).await,
            "es" => opensearch::after(self, call, reply).await,
            "iam" => {
                iam::after(self, call, reply);
                Ok(())
            }
            "route53" => {
                route53::after(self, call, reply);
                Ok(())
            }
            "s3" => s3::after(self, call, reply).await,
            _ => Ok(()),
        }
    }

    /// Removes from the emulator what has gone by now. One call at a time does so: a removal that is
    /// sent twice could meet what was created since under the same name.
    async fn settle(&self) {
        if self.clock.is_instant() {
            return;
        }
        let _alone = self.settling.lock().await;
        let due = self.ledger().due_deletions(self.clock.now());
        for (key, call) in due {
            match self.upstream.send(&call).await {
                // Whatever it answers, once told is enough; another call may have been first.
                Ok(_) => {
                    if call.service == "elasticache" {
                        elasticache::gone(self, &key);
                    }
                    self.ledger().removed(&key);
                }
                Err(error) => {
                    tracing::warn!(key, reason = error.message, "not removed yet");
                }
            }
        }
    }

    /// An answer that a rule made is held to the model as requests are.
    fn check_answer(&self, call: &Call, reply: &Reply) {
        if reply.is_success() {
            let wrong = answer_violations(call, &reply.headers, &reply.body);
            let words = wrong
                .iter()
                .map(|one| format!("the answer to {}: {one}", call.name()));
            self.violations().extend(words);
        }
    }

    fn violations(&self) -> MutexGuard<'_, Vec<String>> {
        self.violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answered(reply: Reply) -> CallOutcome {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    CallOutcome::Answered(response)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::future::{BoxFuture, join_all};
    use http::{Request, Response};
    use serde_json::json;

    use super::*;
    use crate::upstream::UpstreamError;

    /// An emulator with one search domain, which takes its time to remove it.
    #[derive(Clone, Default)]
    struct SlowDomain {
        removals: Arc<AtomicU64>,
    }

    impl Upstream for SlowDomain {
        fn send<'a>(
            &'a self,
            call: &'a Call,
        ) -> BoxFuture<'a, Result<Response<Body>, UpstreamError>> {
            Box::pin(async {
                if call.action == "DeleteDomain" {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    self.removals.fetch_add(1, Ordering::Relaxed);
                } else {
                    tokio::time::sleep(Duration::from_secs(3)).await;
                }
                let domain = json!({"DomainStatus": {
                    "ARN": "arn:aws:es:us-east-1:123456789012:domain/logs",
                    "ClusterConfig": {},
                    "DomainId": "123456789012/logs",
                    "DomainName": "logs",
                    "Processing": false,
                }});
                Ok(Response::new(Body::from(domain.to_string())))
            })
        }
    }

    fn domain_call(method: Method) -> Call {
        let scope = "AWS4-HMAC-SHA256 Credential=AKID/20250101/us-east-1/es/aws4_request";
        let request = Request::builder()
            .method(method)
            .uri("/2021-01-01/opensearch/domain/logs")
            .header(header::AUTHORIZATION, scope)
            .body(Bytes::new());
        Call::parse(request.unwrap())
    }

    /// What the emulator told before it removed a domain comes afterwards.
    #[tokio::test(start_paused = true)]
    async fn a_late_answer_does_not_bring_back_what_is_gone() {
        let cloud = StrictCloud::new(StrictOptions {
            timing: Timing::Aws,
            ..StrictOptions::instant(SlowDomain::default())
        });
        cloud.answer(domain_call(Method::DELETE)).await;
        let removal = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cloud.pass(Duration::from_hours(24));
            cloud.answer(domain_call(Method::GET)).await
        };
        let (told, _) = tokio::join!(cloud.answer(domain_call(Method::GET)), removal);
        let CallOutcome::Answered(response) = told else {
            panic!("no answer");
        };
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        let told: serde_json::Value = serde_json::from_slice(&body.unwrap()).unwrap();
        assert_eq!(told["DomainStatus"]["Deleted"], true, "{told}");
    }

    /// A second removal could meet a new domain of the same name.
    #[tokio::test(start_paused = true)]
    async fn what_is_gone_is_removed_once_however_many_calls_see_it() {
        let upstream = SlowDomain::default();
        let cloud = StrictCloud::new(StrictOptions {
            timing: Timing::Aws,
            ..StrictOptions::instant(upstream.clone())
        });
        cloud.answer(domain_call(Method::DELETE)).await;
        assert_eq!(upstream.removals.load(Ordering::Relaxed), 0);
        cloud.pass(Duration::from_hours(24));
        join_all((0..4).map(|_| cloud.answer(domain_call(Method::GET)))).await;
        assert_eq!(upstream.removals.load(Ordering::Relaxed), 1);
    }
}
