//! A strict cloud: stands between an AWS client and an emulator, and is what AWS is and
//! the emulator is not. It (a) refuses what AWS refuses, in AWS's words; (b) gives things
//! their time and lets them be seen late; (c) fails on purpose, by a seed.
//!
//! Calls that no rule knows pass through as they are, so that any client can work through
//! it. Knows no loadrig: neither its names nor its tags. `docs/strict-cloud.md` lists the
//! rules, each with AWS's page; `tests/strict.rs` holds the front to them.
//!
//! ```text
//!  client ──► wire ──► faults ──► tokens ──► rules ──► upstream ──► emulator
//!              │         (seed, buckets)      (ec2, rds, …)
//!              └ can be cut                     ledger, clock
//! ```

mod buckets;
mod call;
mod clock;
mod ec2;
mod elasticache;
mod elb;
mod errors;
mod faults;
mod iam;
mod ledger;
mod opensearch;
mod rds;
mod rds_groups;
mod route53;
mod s3;
mod tokens;
mod upstream;
mod wire;
mod xml;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, Uri};
use bytes::Bytes;

use super::error::Result;
pub use call::{Call, Protocol};
use clock::Clock;
pub use clock::Profile;
use errors::{Refusal, Reply};
use faults::{After, Before, Faults};
pub use faults::{Expiry, FaultPlan, Shortage};
use ledger::Ledger;
use tokens::{Claim, Tokens};
use upstream::{Passed, Upstream};

/// Path of the emulator's own call that forgets everything.
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
pub enum Verdict {
    /// Go on.
    Go,
    /// Cut the connection. Before its effect, the call has none.
    Cut,
}

/// Told of every call on both sides of its effect.
pub type Observer = Arc<dyn Fn(Moment, &Call) -> Verdict + Send + Sync>;

/// How strict, and how slow.
#[derive(Clone)]
pub struct Options {
    /// URL of the emulator.
    pub upstream: String,
    /// Whether things take time.
    pub profile: Profile,
    /// What AWS's times are multiplied with.
    pub scale: f64,
    /// What fails on purpose.
    pub faults: Option<FaultPlan>,
    /// Told of every call.
    pub observer: Option<Observer>,
}

impl Options {
    /// Rules alone: nothing takes time and nothing fails.
    #[must_use]
    pub fn instant(upstream: &str) -> Self {
        Self {
            upstream: upstream.to_owned(),
            profile: Profile::Instant,
            scale: 1.0,
            faults: None,
            observer: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("upstream", &self.upstream)
            .field("profile", &self.profile)
            .field("scale", &self.scale)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// What became of a call.
#[derive(Debug)]
pub enum Outcome {
    /// It is answered.
    Answered(Response<Body>),
    /// Its connection is to be cut.
    Cut,
}

/// The front. Copies share their state.
#[derive(Clone)]
pub struct Strict {
    inner: Arc<Inner>,
}

impl fmt::Debug for Strict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strict").finish_non_exhaustive()
    }
}

/// What the rules work with.
struct Inner {
    upstream: Upstream,
    clock: Clock,
    ledger: Mutex<Ledger>,
    tokens: Tokens,
    faults: Option<Faults>,
    observer: Option<Observer>,
    calls: AtomicU64,
}

/// What the rules say of a call before it is passed on.
enum Step {
    /// Pass it on.
    Pass,
    /// This is the answer.
    Answer(Reply),
}

impl Strict {
    /// A front.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(options: Options) -> Result<Self> {
        let clock = Clock::new(options.profile, options.scale);
        Ok(Self {
            inner: Arc::new(Inner {
                upstream: Upstream::new(&options.upstream)?,
                ledger: Mutex::default(),
                tokens: Tokens::default(),
                faults: options.faults.map(|plan| Faults::new(plan, clock.clone())),
                clock,
                observer: options.observer,
                calls: AtomicU64::new(0),
            }),
        })
    }

    /// How many calls it has seen.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.inner.calls.load(Ordering::Relaxed)
    }

    /// Lets a time of AWS's pass at once.
    pub fn pass(&self, time: Duration) {
        self.inner.clock.put_forward(time);
    }

    /// Answers one call.
    pub async fn answer(
        &self,
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Outcome {
        let number = self.inner.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let call = Call::of(number, method, uri, headers, body);
        let inner = Arc::clone(&self.inner);
        // A task of its own: a caller that hangs up must not leave a call half done, as it
        // does not on AWS.
        match tokio::spawn(async move { inner.answer(call).await }).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "a call failed in the strict front");
                Outcome::Cut
            }
        }
    }
}

impl Inner {
    async fn answer(&self, mut call: Call) -> Outcome {
        // The emulator's own call, not AWS's: nothing fails it.
        if call.path == RESET {
            *self.ledger() = Ledger::default();
            self.tokens.clear();
            return match self.carry_out(&mut call).await {
                Ok(Passed::Whole(reply)) => answered(reply),
                Ok(Passed::Stream(response)) => Outcome::Answered(response),
                Err(refusal) => answered(Reply::refused(&call, &refusal)),
            };
        }
        if self.observed(Moment::Before, &call) == Verdict::Cut {
            return Outcome::Cut;
        }
        if let Some(faults) = &self.faults {
            match faults.before(&call) {
                Before::Nothing => {}
                Before::Refuse(refusal) => return answered(Reply::refused(&call, &refusal)),
                Before::Cut => return Outcome::Cut,
            }
        }
        self.settle().await;
        let passed = match self.carry_out(&mut call).await {
            Ok(passed) => passed,
            Err(refusal) => {
                tracing::debug!(call = call.name(), code = refusal.code, "refused");
                Passed::Whole(Reply::refused(&call, &refusal))
            }
        };
        if self.observed(Moment::After, &call) == Verdict::Cut {
            return Outcome::Cut;
        }
        if let Some(faults) = &self.faults {
            match faults.after(&call) {
                After::Nothing => {}
                After::Refuse(refusal) => return answered(Reply::refused(&call, &refusal)),
                After::Cut => return Outcome::Cut,
            }
        }
        match passed {
            Passed::Whole(reply) => answered(reply),
            Passed::Stream(response) => Outcome::Answered(response),
        }
    }

    fn observed(&self, moment: Moment, call: &Call) -> Verdict {
        self.observer
            .as_ref()
            .map_or(Verdict::Go, |observer| observer(moment, call))
    }

    async fn carry_out(&self, call: &mut Call) -> Result<Passed, Refusal> {
        let permit = match self.tokens.claim(call).await? {
            Claim::None => None,
            Claim::New(permit) => Some(permit),
            Claim::Repeated(reply) => {
                return ec2::repeated(self, call, reply).await.map(Passed::Whole);
            }
        };
        let mut reply = match self.before(call).await? {
            Step::Answer(reply) => reply,
            // Objects may be large, and no rule reads them.
            Step::Pass if call.action == "GetObject" => {
                return self.upstream.pass(call, true).await;
            }
            Step::Pass => {
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
            reply.headers.remove(axum::http::header::CONTENT_LENGTH);
        }
        Ok(Passed::Whole(reply))
    }

    async fn before(&self, call: &mut Call) -> Result<Step, Refusal> {
        match call.service.as_str() {
            "ec2" => ec2::before(self, call).await,
            "rds" => rds::before(self, call).await,
            "elasticache" => elasticache::before(self, call).await,
            "elasticloadbalancing" => elb::before(self, call).await,
            "es" => opensearch::before(self, call).await,
            "iam" => iam::before(self, call),
            "route53" => route53::before(self, call),
            "s3" => s3::before(self, call).await,
            _ => Ok(Step::Pass),
        }
    }

    async fn after(&self, call: &Call, reply: &mut Reply) -> Result<(), Refusal> {
        match call.service.as_str() {
            "ec2" => {
                ec2::after(self, call, reply);
                Ok(())
            }
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
            _ => Ok(()),
        }
    }

    /// Removes behind the front what has gone by now.
    async fn settle(&self) {
        if self.clock.is_instant() {
            return;
        }
        let due = self.ledger().due(self.clock.now());
        for (key, call) in due {
            match self.upstream.send(&call).await {
                // Whatever it answers, once told is enough; another call may have been first.
                Ok(_) => {
                    if call.service == "elasticache" {
                        elasticache::gone(self, &key);
                    }
                    self.ledger().removed(&key);
                }
                Err(refusal) => {
                    tracing::warn!(key, reason = refusal.message, "not removed yet");
                }
            }
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answered(reply: Reply) -> Outcome {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Outcome::Answered(response)
}
