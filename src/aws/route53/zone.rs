//! The private DNS zone, and its records as a resource of their own.
//!
//! Route 53 takes no tags in the create call and lets many zones have one name. What makes
//! a zone ours is its caller reference: it begins with region and environment, is given in
//! the create call, and every list shows it. Tags follow in a second call, for people and
//! for policies; without them a zone shows as changed.

use std::collections::BTreeMap;

use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ChangeInfo, HostedZone, HostedZoneConfig, ResourceRecord,
    ResourceRecordSet, RrType, Tag, TagResourceType, Vpc, VpcRegion,
};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, built, incomplete};
use crate::aws::request::{dependency, require_listed};
use crate::aws::route53::changes::bare;
use crate::aws::tags::{self, observed};
use crate::blueprint::kinds::ZoneRecords;
use crate::blueprint::{Address, AttributeValue, Kind};
use crate::engine::{CloudError, FailureClass, Observed, Request, State};
use crate::identity::names::{Names, digest};

/// How often a caller reference is varied when it stands for a zone that is gone.
const REFERENCES: u32 = 8;
/// Seconds that a name may be remembered; addresses change when hosts are replaced.
const TTL: i64 = 60;

/// A zone with its records, as the API answers.
#[derive(Default)]
pub(in crate::aws) struct RawZone {
    id: Option<String>,
    tagged: bool,
    sets: Vec<ResourceRecordSet>,
}

impl Aws {
    pub(in crate::aws) async fn create_zone(
        &self,
        request: &Request<'_>,
    ) -> Result<Observed, CloudError> {
        let operation = "route53:CreateHostedZone";
        let name = Names::of(request.environment).zone();
        let vpc = &dependency(request, operation, &Address::vpc())?.id;
        let mut id = self.zone_id(request.environment).await?;
        let mut change = None;
        for attempt in 0..REFERENCES {
            if id.is_some() {
                break;
            }
            let place = Vpc::builder()
                .vpc_id(vpc)
                .vpc_region(VpcRegion::from(self.region.as_str()))
                .build();
            let config = HostedZoneConfig::builder()
                .comment(format!("{} by loadrig", request.environment))
                .private_zone(true)
                .build();
            // Part of an environment's life: a reference is remembered for longer than the
            // zone that it created.
            let life = request.inventory.get(&Address::seed());
            let life = life.and_then(|seed| seed.text("created")).unwrap_or("");
            let unique = digest(&[vpc, life, &attempt.to_string()]);
            let reference = self.reference(request.environment) + &unique[..32];
            let answer = self
                .route53
                .create_hosted_zone()
                .name(&name)
                .vpc(place)
                .hosted_zone_config(config)
                .caller_reference(reference)
                .send()
                .await
                .context(operation, request.address)
                .ok_if_code(&["HostedZoneAlreadyExists"])
                .retry_if_not_found()?;
            id = match answer {
                Some(answer) => {
                    change = answer.change_info;
                    answer.hosted_zone.map(|zone| bare(&zone.id))
                }
                None => self.zone_id(request.environment).await?,
            };
        }
        let id = id.ok_or_else(|| incomplete(operation, request.address, "zone"))?;
        let zone = self.complete_zone(request, &id).await?;
        Ok(self
            .zone_changes
            .note(request.environment, zone, change.as_ref()))
    }

    pub(in crate::aws) async fn complete_zone(
        &self,
        request: &Request<'_>,
        id: &str,
    ) -> Result<Observed, CloudError> {
        let operation = "route53:ChangeTagsForResource";
        let tags = tags::of(request)
            .into_iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect();
        self.route53
            .change_tags_for_resource()
            .resource_type(TagResourceType::Hostedzone)
            .resource_id(id)
            .set_add_tags(Some(tags))
            .send()
            .await
            .context(operation, id)
            .retry_if_not_found()?;
        let raw = self.raw_zone(request.environment).await?;
        let found = raw.observe(&[]).into_iter();
        require_listed(
            found.filter(|one| one.kind == Kind::Zone).collect(),
            "route53:ListHostedZonesByName",
            id,
        )
    }

    /// Every name at what it should lead to; names that are not wanted any more go.
    pub(in crate::aws) async fn set_records(
        &self,
        request: &Request<'_>,
        records: &ZoneRecords,
    ) -> Result<Observed, CloudError> {
        let operation = "route53:ChangeResourceRecordSets";
        let ZoneRecords { zone, names } = records;
        let id = &dependency(request, operation, zone)?.id;
        let domain = Names::of(request.environment).zone();
        let mut wanted = Vec::new();
        for (name, target) in names {
            let target = dependency(request, operation, target)?;
            wanted.push(record(operation, &format!("{name}.{domain}."), target)?);
        }
        let there = self.record_sets(id).await?;
        let is_wanted = |set: &ResourceRecordSet| {
            let same = |one: &ResourceRecordSet| one.name == set.name && one.r#type == set.r#type;
            wanted.iter().any(same)
        };
        // A name that changes its type: the old record goes in the same batch, and first.
        let surplus = there.into_iter().filter(|set| !is_wanted(set));
        let mut changes = Vec::new();
        for set in surplus {
            changes.push((ChangeAction::Delete, set));
        }
        changes.extend(wanted.into_iter().map(|set| (ChangeAction::Upsert, set)));
        let change = self.change(id, changes).await.map_err(unknown_zone)?;
        let raw = self.raw_zone(request.environment).await?;
        let known: Vec<Observed> = request.inventory.iter().cloned().collect();
        let found = raw.observe(&known).into_iter();
        let records = require_listed(
            found.filter(|one| one.kind == Kind::Records).collect(),
            operation,
            id,
        )?;
        Ok(self
            .zone_changes
            .note(request.environment, records, change.as_ref()))
    }

    pub(in crate::aws) async fn delete_records(&self, id: &str) -> Result<(), CloudError> {
        self.zone_changes.forget(id);
        let sets = self.record_sets(id).await?;
        let changes = sets.into_iter().map(|set| (ChangeAction::Delete, set));
        self.change(id, changes.collect()).await.ok_if_not_found()?;
        Ok(())
    }

    /// A zone has to be empty; a record that somebody added by hand goes with it.
    pub(in crate::aws) async fn delete_zone(&self, id: &str) -> Result<(), CloudError> {
        self.delete_records(id).await?;
        let answer = self.route53.delete_hosted_zone().id(id).send().await;
        answer
            .context("route53:DeleteHostedZone", id)
            .ok_if_not_found()?;
        Ok(())
    }

    /// Makes the changes; the last batch, if there is one, as Route 53 calls it.
    async fn change(
        &self,
        id: &str,
        changes: Vec<(ChangeAction, ResourceRecordSet)>,
    ) -> Result<Option<ChangeInfo>, CloudError> {
        let operation = "route53:ChangeResourceRecordSets";
        let mut last = None;
        // A batch holds a thousand changes, and an upsert counts twice.
        for some in changes.chunks(400) {
            let mut batch = ChangeBatch::builder();
            for (action, set) in some {
                let change = Change::builder()
                    .action(action.clone())
                    .resource_record_set(set.clone())
                    .build();
                batch = batch.changes(built(change, operation, id)?);
            }
            let answer = self
                .route53
                .change_resource_record_sets()
                .hosted_zone_id(id)
                .change_batch(built(batch.build(), operation, id)?)
                .send()
                .await
                .context(operation, id)
                .map_err(|error| reread_records(error, some))?;
            last = answer.change_info;
        }
        Ok(last)
    }

    /// What a caller reference of ours begins with.
    fn reference(&self, environment: &str) -> String {
        format!("loadrig/{}/{environment}/", self.region)
    }

    /// Id of the environment's private DNS zone, if there is one.
    ///
    /// # Errors
    /// When zones cannot be listed.
    pub async fn private_zone(&self, environment: &str) -> Result<Option<String>, CloudError> {
        self.zone_id(environment).await
    }

    /// The environment's zone, by its caller reference.
    async fn zone_id(&self, environment: &str) -> Result<Option<String>, CloudError> {
        Ok(self.zone_ids(environment).await?.into_iter().next())
    }

    /// The ids of all zones that are the environment's: one, or none.
    pub(in crate::aws) async fn zone_ids(
        &self,
        environment: &str,
    ) -> Result<Vec<String>, CloudError> {
        let operation = "route53:ListHostedZonesByName";
        let name = format!("{}.", Names::of(environment).zone());
        let ours = self.reference(environment);
        let mut found = Vec::new();
        // Sorted by name: ours are together. The pages have no paginator in the SDK.
        let (mut from_name, mut from_id) = (Some(name.clone()), None);
        while let Some(at) = from_name {
            let answer = self
                .route53
                .list_hosted_zones_by_name()
                .dns_name(at)
                .set_hosted_zone_id(from_id)
                .max_items(100)
                .send()
                .await
                .context(operation, &name)?;
            let is_ours =
                |zone: &&HostedZone| zone.name == name && zone.caller_reference.starts_with(&ours);
            let zones = answer.hosted_zones.iter().filter(is_ours);
            found.extend(zones.map(|zone| bare(&zone.id)));
            from_name = answer
                .next_dns_name
                .filter(|next| answer.is_truncated && *next == name);
            from_id = answer.next_hosted_zone_id;
        }
        Ok(found)
    }

    /// All there is of the zone: one call where there is none.
    pub(in crate::aws) async fn raw_zone(&self, environment: &str) -> Result<RawZone, CloudError> {
        let Some(id) = self.zone_id(environment).await? else {
            return Ok(RawZone::default());
        };
        let tagged = async {
            let answer = self
                .route53
                .list_tags_for_resource()
                .resource_type(TagResourceType::Hostedzone)
                .resource_id(&id)
                .send()
                .await
                .context("route53:ListTagsForResource", &id)
                .ok_if_not_found()?;
            let set = answer.and_then(|answer| answer.resource_tag_set);
            Ok(set.is_some_and(|set| {
                let pairs = set.tags().iter().map(|tag| (tag.key(), tag.value()));
                tags::address(pairs, environment).is_some()
            }))
        };
        let (tagged, sets) = futures::try_join!(tagged, self.record_sets(&id))?;
        Ok(RawZone {
            id: Some(id),
            tagged,
            sets,
        })
    }

    /// The records of a zone, without those that every zone has.
    async fn record_sets(&self, id: &str) -> Result<Vec<ResourceRecordSet>, CloudError> {
        let operation = "route53:ListResourceRecordSets";
        let mut sets = Vec::new();
        let (mut name, mut kind, mut identifier) = (None, None, None);
        loop {
            let answer = self
                .route53
                .list_resource_record_sets()
                .hosted_zone_id(id)
                .set_start_record_name(name)
                .set_start_record_type(kind)
                .set_start_record_identifier(identifier)
                .send()
                .await
                .context(operation, id)
                .ok_if_not_found()?;
            let Some(answer) = answer else { break };
            sets.extend(answer.resource_record_sets);
            if !answer.is_truncated {
                break;
            }
            name = answer.next_record_name;
            kind = answer.next_record_type;
            identifier = answer.next_record_identifier;
        }
        sets.retain(|set| !matches!(set.r#type, RrType::Soa | RrType::Ns));
        Ok(sets)
    }
}

impl RawZone {
    /// As resources; `known` shows by address or endpoint what a record leads to.
    pub(in crate::aws) fn observe(&self, known: &[Observed]) -> Vec<Observed> {
        let Some(id) = &self.id else {
            return vec![];
        };
        let zone = observed(
            Address::zone(),
            Kind::Zone,
            id,
            (State::Ready, "available"),
            [("tagged", Some(self.tagged.into()))],
        );
        let leads: BTreeMap<&str, &Address> = known
            .iter()
            .filter(|one| !one.state.is_leaving())
            .filter_map(|one| Some((target_of(one)?, &one.address)))
            .collect();
        let lines = self.sets.iter().map(|set| {
            let value = set.resource_records().first();
            let value = value.map_or("", |one| one.value.trim_end_matches('.'));
            let to = leads.get(value).map_or(value, |to| to.as_str());
            let name = set.name.split('.').next().unwrap_or_default();
            format!("{name} {to}")
        });
        let records = observed(
            Address::records(),
            Kind::Records,
            id,
            (State::Ready, "available"),
            [("names", Some(AttributeValue::lines(lines)))],
        );
        // A zone without records is no records.
        match self.sets.is_empty() {
            true => vec![zone],
            false => vec![zone, records],
        }
    }
}

/// What a record leads to: a host's address, a service's name.
fn target_of(resource: &Observed) -> Option<&str> {
    match resource.kind {
        Kind::Instance => resource.text("private_ip"),
        _ => resource.text("endpoint"),
    }
}

fn record(operation: &str, name: &str, target: &Observed) -> Result<ResourceRecordSet, CloudError> {
    let value =
        target_of(target).ok_or_else(|| incomplete(operation, &target.address, "address"))?;
    let kind = match target.kind {
        Kind::Instance => RrType::A,
        _ => RrType::Cname,
    };
    let value = ResourceRecord::builder().value(value).build();
    let set = ResourceRecordSet::builder()
        .name(name)
        .r#type(kind)
        .ttl(TTL)
        .resource_records(built(value, operation, name)?)
        .build();
    built(set, operation, name)
}

/// A zone that was created a moment ago is not known everywhere yet. Terraform's AWS provider
/// gives it a minute.
fn unknown_zone(mut error: CloudError) -> CloudError {
    if error.class == FailureClass::NotFound {
        error.class = FailureClass::Settling;
    }
    error
}

/// Route 53 refuses a batch that deletes a record which is not there (any more): somebody
/// else deleted it, or this very batch did and its answer was lost. The records have to be
/// read again, which the next attempt does.
fn reread_records(
    mut error: CloudError,
    batch: &[(ChangeAction, ResourceRecordSet)],
) -> CloudError {
    let deletes = batch
        .iter()
        .any(|(action, _)| *action == ChangeAction::Delete);
    if deletes && error.code == "InvalidChangeBatch" {
        error.class = FailureClass::Converging;
    }
    error
}
