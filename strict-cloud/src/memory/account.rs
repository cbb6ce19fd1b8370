//! The account: one value that holds everything, and the way from a call to the service that
//! answers it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::account_profile::AccountProfile;
use crate::call::Call;
use crate::clock::Delay;
use crate::errors::{AwsError, Reply};
use crate::faults::Shortage;
use crate::guardrails::{self, Guardrail};
use crate::model::held_to_model;

use super::ec2::Ec2;
use super::elasticache::ElastiCache;
use super::elb::Elb;
use super::form::{FormFields, QueryForm};
use super::iam::Iam;
use super::lag::Lags;
use super::opensearch::OpenSearch;
use super::rare::RareEvent;
use super::rds::Rds;
use super::refusing::Refusing;
use super::route53::Route53;
use super::s3::S3;
use super::schedule::{EventSchedule, ScheduledEvent};
use super::ssm::Ssm;
use super::{ec2, elasticache, elb, iam, opensearch, rds, route53, s3, servicequotas, ssm, sts};

/// The account's number.
pub(super) const NUMBER: &str = "123456789012";

/// When an account begins, if nobody says otherwise: 2025-01-01.
const START: Timestamp = Timestamp::constant(1_735_689_600, 0);

/// Tags by key.
pub(super) type TagMap = BTreeMap<String, String>;

/// What a query service answers within its result element.
pub(super) type QueryResult = Result<String, AwsError>;

/// Something that exists, costs money or holds a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountResource {
    /// For example `subnet`.
    pub kind: &'static str,
    /// Id, or name where a service goes by names.
    pub id: String,
    /// As pairs of key and value; how a service lists them is the service's.
    pub tags: BTreeMap<String, String>,
    /// Whether it is on its way out: it goes without anybody doing anything.
    pub leaving: bool,
}

/// An AWS account in one region.
#[derive(Debug, Clone)]
pub struct AwsAccount {
    pub(super) region: String,
    pub(super) now: Timestamp,
    scale: f64,
    pub(super) profile: AccountProfile,
    /// What policies deny by now.
    pub(super) guardrails: Vec<Guardrail>,
    ids: u64,
    pub(super) schedule: EventSchedule,
    pub(super) lags: Lags,
    /// How often calls were refused, by operation and code. No part of the state.
    refused: BTreeMap<(String, String), usize>,
    pub(super) ec2: Ec2,
    pub(super) rds: Rds,
    pub(super) elb: Elb,
    pub(super) elasticache: ElastiCache,
    pub(super) opensearch: OpenSearch,
    pub(super) iam: Iam,
    pub(super) route53: Route53,
    pub(super) s3: S3,
    pub(super) ssm: Ssm,
    /// What tests want to happen once.
    pub(super) rare: Vec<RareEvent>,
    /// Where there is no capacity for instances.
    pub(super) shortages: Vec<Shortage>,
    /// What it refuses because a test asks for it.
    pub(super) refusing: Vec<Refusing>,
}

impl AwsAccount {
    /// An empty account that was used before. Things take `scale` times as long as on AWS: with 0
    /// everything is done at once.
    #[must_use]
    pub fn new(region: &str, scale: f64) -> Self {
        Self::of_profile(AccountProfile::Used, region, scale)
    }

    /// An empty account with a past.
    #[must_use]
    pub fn of_profile(profile: AccountProfile, region: &str, scale: f64) -> Self {
        let mut account = Self {
            profile,
            guardrails: profile.traits().guardrails.to_vec(),
            region: region.to_owned(),
            now: START,
            scale: if scale.is_finite() {
                scale.max(0.0)
            } else {
                1.0
            },
            ids: 0,
            schedule: EventSchedule::default(),
            lags: Lags::default(),
            refused: BTreeMap::new(),
            ec2: Ec2::default(),
            rds: Rds::default(),
            elb: Elb::default(),
            elasticache: ElastiCache::default(),
            opensearch: OpenSearch::default(),
            iam: Iam::with_service_roles(profile.traits().used_services),
            route53: Route53::default(),
            s3: S3::default(),
            ssm: Ssm::default(),
            rare: (profile.traits().failures)(),
            shortages: Vec::new(),
            refusing: Vec::new(),
        };
        if profile.traits().names_reserved {
            account.lag(Delay::BucketName, s3::NAMES_RESERVED.to_owned());
        }
        account
    }

    /// Answers a call at a time. Time does not run backwards: an earlier one is taken for the
    /// latest so far.
    pub fn answer(&mut self, now: Timestamp, call: &Call) -> Response<Bytes> {
        self.pass_until(now);
        let mut reply = match self.carry_out(call) {
            Ok(reply) => reply,
            Err(refusal) => {
                let name = (call.action.clone(), refusal.code.clone());
                *self.refused.entry(name).or_default() += 1;
                Reply::refused(call, &refusal)
            }
        };
        // What was done at once is done.
        self.pass_until(now);
        let date = self.now.to_zoned(TimeZone::UTC);
        let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = HeaderValue::from_str(&date) {
            reply.headers.insert(header::DATE, date);
        }
        let mut response = Response::new(reply.body);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }

    /// What time it is: that of the latest call.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How often calls were refused with a code.
    #[must_use]
    pub fn refusals(&self, code: &str) -> usize {
        let all = self.refused.iter();
        all.filter(|((_, of), _)| of == code)
            .map(|(_, times)| times)
            .sum()
    }

    /// How often an operation was refused.
    #[must_use]
    pub fn refusals_of(&self, operation: &str) -> usize {
        let all = self.refused.iter();
        all.filter(|((of, _), _)| of == operation)
            .map(|(_, times)| times)
            .sum()
    }

    /// From now on it is an account of another profile: somebody else administers it. What it
    /// was used for before stays.
    pub fn become_profile(&mut self, profile: AccountProfile) {
        self.profile = profile;
        self.guardrails = profile.traits().guardrails.to_vec();
        self.rare.extend((profile.traits().failures)());
    }

    /// From now on a policy denies this.
    pub fn deny(&mut self, guardrail: Guardrail) {
        self.guardrails.push(guardrail);
    }

    /// From now on no policy denies anything.
    pub fn lift_guardrails(&mut self) {
        self.guardrails.clear();
    }

    /// From now on an internet gateway is attached some seconds after AWS says so: a NAT gateway
    /// that is created meanwhile fails.
    pub fn attach_gateways_late(&mut self) {
        self.ec2.gateways_are_late = true;
    }

    /// From now on instances find no capacity there, without an end.
    pub fn lack_capacity(&mut self, shortage: Shortage) {
        let shortage = Shortage {
            until: None,
            ..shortage
        };
        self.shortages.push(shortage);
    }

    /// Takes the profile of an instance away, as somebody else may.
    pub fn take_profile(&mut self, instance: &str) {
        self.ec2.take_profile(instance);
    }

    fn carry_out(&mut self, call: &Call) -> Result<Reply, AwsError> {
        type Handler = fn(&mut AwsAccount, &str, &QueryForm<'_>) -> QueryResult;
        if let Some(refusal) = held_to_model(call) {
            return Ok(refusal.reply);
        }
        guardrails::check(&self.guardrails, call)?;
        self.refuse_if_asked(call)?;
        iam::check_service_role(self, &call.service, &call.action)?;
        let service: Handler = match call.service.as_str() {
            "ec2" => ec2::answer,
            "rds" => rds::answer,
            "elasticloadbalancing" => elb::answer,
            "elasticache" => elasticache::answer,
            "iam" => iam::answer,
            "sts" => sts::answer,
            "ssm" => return ssm::answer(self, call),
            "servicequotas" => return servicequotas::answer(call),
            "es" => return opensearch::answer(self, call),
            "route53" => return route53::answer(self, call),
            "s3" => return s3::answer(self, call),
            _ => return Err(unknown(call)),
        };
        let fields = FormFields::of(call);
        let body = service(self, &call.action, &fields.form())?;
        fields.all_read()?;
        Ok(Reply::with_result(call, &body))
    }

    /// Lets time pass: what is due by then happens.
    pub fn pass_until(&mut self, now: Timestamp) {
        while let Some((at, event)) = self.schedule.due(now) {
            self.now = self.now.max(at);
            self.happen(&event);
        }
        self.now = self.now.max(now);
    }

    /// When something happens next without a call; none when everything is settled.
    #[must_use]
    pub fn next_event(&self) -> Option<Timestamp> {
        self.schedule.next()
    }

    fn happen(&mut self, event: &ScheduledEvent) {
        match event {
            ScheduledEvent::Shown(_)
            | ScheduledEvent::TagsShown(_)
            | ScheduledEvent::SubnetShown(_)
            | ScheduledEvent::InstanceStarted(_)
            | ScheduledEvent::InstanceEnded(_)
            | ScheduledEvent::InstanceForgotten(_)
            | ScheduledEvent::NatStarted(_)
            | ScheduledEvent::NatEnded(_)
            | ScheduledEvent::NatForgotten(_)
            | ScheduledEvent::EndpointEnded(_)
            | ScheduledEvent::KnownToServices(_)
            | ScheduledEvent::InterfacesLeft(_) => ec2::happen(self, event),
            ScheduledEvent::ServiceRoleKnown(service) => self.iam.service_role_known(service),
            ScheduledEvent::ZoneKnown(_) | ScheduledEvent::DnsChanged(_) => {
                route53::happen(self, event);
            }
            ScheduledEvent::LagOver(name) => self.lags.over(name),
            ScheduledEvent::ProfileKnown(name) => iam::profile_known(self, name),
            ScheduledEvent::DatabaseReady(_)
            | ScheduledEvent::DatabaseUpgrades(_)
            | ScheduledEvent::DatabaseChanging(_)
            | ScheduledEvent::ParametersApplied(_)
            | ScheduledEvent::StorageOptimized(_)
            | ScheduledEvent::ProtectionLifted(_)
            | ScheduledEvent::DatabaseEnded(_)
            | ScheduledEvent::ClusterReady(_)
            | ScheduledEvent::ClusterFailingOver(_)
            | ScheduledEvent::ClusterFailedOver(_)
            | ScheduledEvent::ClusterEnded(_)
            | ScheduledEvent::DatabaseSnapshotReady(_) => rds::happen(self, event),
            ScheduledEvent::BalancerFailed(_)
            | ScheduledEvent::BalancerActive(_)
            | ScheduledEvent::TargetHealthy(..)
            | ScheduledEvent::TargetDrained(..) => elb::happen(self, event),
            ScheduledEvent::CacheReady(_) | ScheduledEvent::CacheEnded(_) => {
                elasticache::happen(self, event);
            }
            ScheduledEvent::DomainReady(_)
            | ScheduledEvent::DomainEnded(_)
            | ScheduledEvent::DomainSettled(_)
            | ScheduledEvent::DomainNameFree(_) => opensearch::happen(self, event),
        }
    }

    /// Everything that exists, apart from what every account has: default groups, main route
    /// tables, service-linked roles.
    #[must_use]
    pub fn resources(&self) -> Vec<AccountResource> {
        let mut list = self.ec2.resources();
        list.extend(self.rds.resources());
        list.extend(self.elb.resources());
        list.extend(self.elasticache.resources());
        list.extend(self.opensearch.resources());
        list.extend(self.iam.resources());
        list.extend(self.route53.resources());
        list.extend(self.s3.resources());
        list.extend(self.ssm.resources());
        list
    }

    /// A number for the state: two accounts with the same have the same future. When resources
    /// were created is not part of it, nor what time it is.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut state = DefaultHasher::new();
        self.profile.hash(&mut state);
        self.guardrails.hash(&mut state);
        self.lags.hash(&mut state);
        self.ec2.hash(&mut state);
        self.rds.hash(&mut state);
        self.elb.hash(&mut state);
        self.elasticache.hash(&mut state);
        self.opensearch.hash(&mut state);
        self.iam.hash(&mut state);
        self.route53.hash(&mut state);
        self.s3.hash(&mut state);
        self.ssm.hash(&mut state);
        self.rare.hash(&mut state);
        self.schedule.hash_from(self.now, &mut state);
        state.finish()
    }

    /// The next number for an id.
    pub(super) fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// The next id of a kind, for example `vpc-…`.
    pub(super) fn new_id(&mut self, kind: &str) -> String {
        format!("{kind}-{:017x}", self.next_id())
    }

    /// Arranges an event after the time that it takes on AWS.
    pub(super) fn after(&mut self, what: Delay, event: ScheduledEvent) {
        self.later(&[what], event);
    }

    /// Arranges an event after several times, one after the other.
    pub(super) fn later(&mut self, what: &[Delay], event: ScheduledEvent) {
        let factor = self.profile.traits().propagation;
        let seconds: u64 = what.iter().map(|one| one.seconds_in(factor)).sum();
        let time = Duration::from_secs(seconds).mul_f64(self.scale);
        let at = self.now.checked_add(time).unwrap_or(Timestamp::MAX);
        self.schedule.add(at, event);
    }

    /// Whether less than this time of AWS's has passed since then.
    pub(super) fn is_within(&self, since: CreationTime, time: Duration) -> bool {
        let until = since.0.checked_add(time.mul_f64(self.scale));
        self.now < until.unwrap_or(Timestamp::MAX)
    }

    /// The ARN of something in the account and region.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{NUMBER}:{resource}", self.region)
    }
}

/// A time of creation. It is told, and no part of the state's fingerprint.
#[derive(Debug, Clone, Copy)]
pub(super) struct CreationTime(pub(super) Timestamp);

impl Hash for CreationTime {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

impl std::fmt::Display for CreationTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

/// Refuses an operation that is not known.
pub(super) fn unknown(call: &Call) -> AwsError {
    unknown_action(&call.name())
}

/// The same, by the operation's name.
pub(super) fn unknown_action(action: &str) -> AwsError {
    AwsError::new(
        "InvalidAction",
        format!("The action {action} is not valid for this web service."),
    )
}

/// Refuses because of a name or id that is not there.
pub(super) fn missing(code: &str, message: impl Into<String>) -> AwsError {
    AwsError::with(StatusCode::NOT_FOUND, code, message)
}
