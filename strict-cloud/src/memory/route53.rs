//! Route 53: private hosted zones and their records.
//!
//! `CreateHostedZone`: a caller reference is used once, also after its zone is gone. A batch of
//! changes is carried out whole or not at all (`ChangeResourceRecordSets`), and is `PENDING` until
//! every name server has it (`GetChange`). A zone that was just created is not found yet by calls
//! that change it: Terraform's AWS provider repeats them for a minute.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderValue, Method, StatusCode, header};
use roxmltree::{Document, Node};

use crate::call::Call;
use crate::clock::Delay;
use crate::errors::{AwsError, Reply};
use crate::xml::{child_of, named, text_of};

use super::account::{AccountResource, AwsAccount, TagMap, missing, unknown};
use super::schedule::ScheduledEvent;
use super::writer::{XmlWriter, xml};

/// All zones, by id.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Route53 {
    zones: BTreeMap<String, ZoneRecord>,
    references: BTreeSet<String>,
    /// Zones that cannot be changed yet.
    unknown: BTreeSet<String>,
    /// Changes that not every name server has yet.
    pending: BTreeSet<String>,
}

#[derive(Debug, Clone, Hash)]
struct ZoneRecord {
    name: String,
    reference: String,
    comment: String,
    vpc: Option<(String, String)>,
    /// By name and type; those that every zone has are not among them.
    records: BTreeMap<(String, String), RecordSet>,
    tags: TagMap,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq)]
struct RecordSet {
    ttl: String,
    values: Vec<String>,
}

/// Answers a call.
pub(super) fn answer(account: &mut AwsAccount, call: &Call) -> Result<Reply, AwsError> {
    let segments = call.segments();
    match (&call.method, segments.get(1..).unwrap_or_default()) {
        (&Method::POST, ["hostedzone"]) => create(account, call),
        (&Method::GET, ["hostedzone"]) => Ok(list(&account.route53, call, None)),
        (&Method::GET, ["hostedzonesbyname"]) => Ok(list_by_name(&account.route53, call)),
        (&Method::DELETE, ["hostedzone", id]) => delete(account, call, id),
        (&Method::POST, ["hostedzone", id, "rrset"]) => change(account, call, id),
        (&Method::GET, ["change", id]) => Ok(reply(call, "GetChangeResponse", |xml| {
            xml.node("ChangeInfo", |xml| write_change(account, id, xml));
        })),
        (&Method::GET, ["hostedzone", id, "rrset"]) => list_records(&account.route53, call, id),
        (&Method::GET, ["tags", "hostedzone", id]) => {
            let tags = &account.route53.zone(id)?.tags;
            Ok(reply(call, "ListTagsForResourceResponse", |xml| {
                xml.node("ResourceTagSet", |xml| {
                    xml.text("ResourceType", "hostedzone");
                    xml.text("ResourceId", id);
                    xml.tags("Tags", "Tag", tags);
                });
            }))
        }
        (&Method::POST, ["tags", "hostedzone", id]) => change_tags(&mut account.route53, call, id),
        _ => Err(unknown(call)),
    }
}

/// Lets an event of Route 53 happen.
pub(super) fn happen(account: &mut AwsAccount, event: &ScheduledEvent) {
    match event {
        ScheduledEvent::ZoneKnown(id) => {
            account.route53.unknown.remove(id);
        }
        ScheduledEvent::DnsChanged(change) => {
            account.route53.pending.remove(change);
        }
        _ => {}
    }
}

impl Route53 {
    pub(super) fn resources(&self) -> Vec<AccountResource> {
        let zones = self.zones.iter().map(|(id, one)| AccountResource {
            kind: "hosted zone",
            id: id.clone(),
            tags: one.tags.clone(),
            leaving: false,
        });
        zones.collect()
    }

    fn zone(&self, id: &str) -> Result<&ZoneRecord, AwsError> {
        self.zones.get(id).ok_or_else(|| no_zone(id))
    }
}

fn no_zone(id: &str) -> AwsError {
    missing(
        "NoSuchHostedZone",
        format!("No hosted zone found with ID: {id}"),
    )
}

fn reply(call: &Call, element: &str, within: impl FnOnce(&mut XmlWriter)) -> Reply {
    let text = xml(|xml| xml.node(element, within));
    let namespace = " xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">";
    Reply::done(call, text.replacen('>', namespace, 1))
}

/// Reads the body of a call.
fn read<T>(call: &Call, work: impl FnOnce(&Document<'_>) -> T) -> Result<T, AwsError> {
    let text = std::str::from_utf8(&call.body).unwrap_or_default();
    let document = Document::parse(text);
    let document = document.map_err(|error| AwsError::new("InvalidInput", error.to_string()))?;
    Ok(work(&document))
}

/// The text of an element directly within, or nothing.
fn part(node: Node<'_, '_>, name: &str) -> String {
    text_of(node, name).unwrap_or_default().to_owned()
}

/// Names end with a dot.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_lowercase())
}

fn create(account: &mut AwsAccount, call: &Call) -> Result<Reply, AwsError> {
    let zone = read(call, |document| {
        let root = document.root_element();
        let vpc = child_of(root, "VPC").map(|vpc| (part(vpc, "VPCId"), part(vpc, "VPCRegion")));
        let config = child_of(root, "HostedZoneConfig");
        ZoneRecord {
            name: absolute(&part(root, "Name")),
            reference: part(root, "CallerReference"),
            comment: config
                .map(|config| part(config, "Comment"))
                .unwrap_or_default(),
            vpc,
            records: BTreeMap::new(),
            tags: TagMap::new(),
        }
    })?;
    if !account.route53.references.insert(zone.reference.clone()) {
        return Err(AwsError::with(
            StatusCode::CONFLICT,
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
        ));
    }
    if let Some((vpc, _)) = zone
        .vpc
        .as_ref()
        .filter(|(vpc, _)| !account.ec2.has_vpc(vpc) || !account.ec2.is_known_to_services(vpc))
    {
        account.route53.references.remove(&zone.reference);
        return Err(AwsError::new(
            "InvalidVPCId",
            format!("The VPC: {vpc} in region {} is not found.", account.region),
        ));
    }
    let id = format!("Z{:020X}", account.next_id());
    let change = new_change(account);
    let mut reply = reply(call, "CreateHostedZoneResponse", |xml| {
        xml.node("HostedZone", |xml| write(&id, &zone, xml));
        xml.node("ChangeInfo", |xml| write_change(account, &change, xml));
        xml.node("DelegationSet", |xml| {
            xml.node("NameServers", |xml| {
                xml.text("NameServer", "ns-0.awsdns-00.com");
            });
        });
    });
    let place = format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{id}");
    if let Ok(place) = HeaderValue::from_str(&place) {
        reply.headers.insert(header::LOCATION, place);
    }
    reply.status = StatusCode::CREATED;
    account.route53.unknown.insert(id.clone());
    account.after(
        Delay::ZonePropagation,
        ScheduledEvent::ZoneKnown(id.clone()),
    );
    account.route53.zones.insert(id, zone);
    Ok(reply)
}

/// A change that is on its way to the name servers.
fn new_change(account: &mut AwsAccount) -> String {
    let change = format!("C{:020X}", account.next_id());
    account.route53.pending.insert(change.clone());
    account.after(Delay::DnsChange, ScheduledEvent::DnsChanged(change.clone()));
    change
}

fn write_change(account: &AwsAccount, change: &str, xml: &mut XmlWriter) {
    let pending = account.route53.pending.contains(change);
    xml.text("Id", format!("/change/{change}"));
    xml.text("Status", if pending { "PENDING" } else { "INSYNC" });
    xml.value("SubmittedAt", super::account::CreationTime(account.now));
}

fn write(id: &str, zone: &ZoneRecord, xml: &mut XmlWriter) {
    xml.text("Id", format!("/hostedzone/{id}"));
    xml.text("Name", &zone.name);
    xml.text("CallerReference", &zone.reference);
    xml.node("Config", |xml| {
        xml.text("Comment", &zone.comment);
        xml.value("PrivateZone", zone.vpc.is_some());
    });
    // Each has two of its own, SOA and NS.
    xml.value("ResourceRecordSetCount", zone.records.len() + 2);
}

/// The fields in a call's address.
fn query(call: &Call, name: &str) -> Option<String> {
    let query = call.path.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn list(route53: &Route53, call: &Call, from: Option<&str>) -> Reply {
    let element = match from {
        Some(_) => "ListHostedZonesByNameResponse",
        None => "ListHostedZonesResponse",
    };
    let mut zones: Vec<(&String, &ZoneRecord)> = route53.zones.iter().collect();
    zones.sort_by(|one, other| (&one.1.name, one.0).cmp(&(&other.1.name, other.0)));
    zones.retain(|(_, zone)| from.is_none_or(|from| zone.name.as_str() >= from));
    reply(call, element, |xml| {
        xml.list("HostedZones", "HostedZone", zones, |xml, (id, zone)| {
            write(id, zone, xml);
        });
        xml.text("IsTruncated", "false");
        xml.text("MaxItems", "100");
        if from.is_none() {
            xml.text("Marker", "");
        }
    })
}

fn list_by_name(route53: &Route53, call: &Call) -> Reply {
    let from = query(call, "dnsname").map(|name| absolute(&name));
    list(route53, call, Some(from.as_deref().unwrap_or_default()))
}

fn delete(account: &mut AwsAccount, call: &Call, id: &str) -> Result<Reply, AwsError> {
    if !account.route53.zone(id)?.records.is_empty() {
        return Err(AwsError::new(
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets and so cannot \
             be deleted.",
        ));
    }
    account.route53.zones.remove(id);
    Ok(changed(account, call, "DeleteHostedZoneResponse"))
}

fn changed(account: &mut AwsAccount, call: &Call, element: &str) -> Reply {
    let change = new_change(account);
    reply(call, element, |xml| {
        xml.node("ChangeInfo", |xml| write_change(account, &change, xml));
    })
}

fn change(account: &mut AwsAccount, call: &Call, id: &str) -> Result<Reply, AwsError> {
    if account.route53.unknown.contains(id) {
        return Err(no_zone(id));
    }
    let changes = read(call, |document| {
        let changes = named(document, "Change").map(|change| {
            let set = child_of(change, "ResourceRecordSet");
            let of_set = |name: &str| set.map(|set| part(set, name)).unwrap_or_default();
            let values = set.into_iter().flat_map(|set| set.descendants());
            let values = values.filter(|node| node.tag_name().name() == "Value");
            let record = RecordSet {
                ttl: of_set("TTL"),
                values: values
                    .filter_map(|node| node.text().map(str::to_owned))
                    .collect(),
            };
            let key = (absolute(&of_set("Name")), of_set("Type"));
            (part(change, "Action"), key, record)
        });
        changes.collect::<Vec<_>>()
    })?;
    let zone = account.route53.zone(id)?;
    let mut records = zone.records.clone();
    for (action, key, record) in changes {
        let refused = |why: &str| {
            let message = format!(
                "[Tried to {} resource record set [name='{}', type='{}'] but {why}]",
                action.to_lowercase(),
                key.0,
                key.1
            );
            Err(AwsError::new("InvalidChangeBatch", message))
        };
        if !key.0.ends_with(&zone.name) {
            return refused("the name is not within the zone");
        }
        match (action.as_str(), records.get(&key)) {
            ("DELETE", None) => return refused("it was not found"),
            ("DELETE", Some(there)) if *there != record => {
                return refused("the values provided do not match the current values");
            }
            ("DELETE", Some(_)) => {
                records.remove(&key);
            }
            ("CREATE", Some(_)) => return refused("it already exists"),
            _ => {
                let mut others = records.keys();
                let alone = |kind: &str| kind == "CNAME" || key.1 == "CNAME";
                if others.any(|(name, kind)| *name == key.0 && *kind != key.1 && alone(kind)) {
                    return refused("a CNAME is alone under its name");
                }
                records.insert(key, record);
            }
        }
    }
    if let Some(zone) = account.route53.zones.get_mut(id) {
        zone.records = records;
    }
    Ok(changed(account, call, "ChangeResourceRecordSetsResponse"))
}

fn list_records(route53: &Route53, call: &Call, id: &str) -> Result<Reply, AwsError> {
    let zone = route53.zone(id)?;
    let set = |xml: &mut XmlWriter, name: &str, kind: &str, ttl: &str, values: &[String]| {
        xml.text("Name", name);
        xml.text("Type", kind);
        xml.text("TTL", ttl);
        xml.list("ResourceRecords", "ResourceRecord", values, |xml, value| {
            xml.text("Value", value);
        });
    };
    let servers = ["ns-0.awsdns-00.com.".to_owned()];
    let authority =
        ["ns-0.awsdns-00.com. hostmaster.example.com. 1 7200 900 1209600 86400".to_owned()];
    Ok(reply(call, "ListResourceRecordSetsResponse", |xml| {
        xml.node("ResourceRecordSets", |xml| {
            let own = [("NS", "172800", &servers), ("SOA", "900", &authority)];
            for (kind, ttl, values) in own {
                xml.node("ResourceRecordSet", |xml| {
                    set(xml, &zone.name, kind, ttl, values);
                });
            }
            for ((name, kind), record) in &zone.records {
                xml.node("ResourceRecordSet", |xml| {
                    set(xml, name, kind, &record.ttl, &record.values);
                });
            }
        });
        xml.text("IsTruncated", "false");
        xml.text("MaxItems", "300");
    }))
}

fn change_tags(route53: &mut Route53, call: &Call, id: &str) -> Result<Reply, AwsError> {
    let (added, removed) = read(call, |document| {
        let tags = named(document, "Tag").map(|tag| (part(tag, "Key"), part(tag, "Value")));
        let removed = named(document, "RemoveTagKeys").flat_map(|keys| keys.children());
        let removed = removed.filter_map(|key| key.text().map(str::to_owned));
        (tags.collect::<TagMap>(), removed.collect::<Vec<_>>())
    })?;
    let zone = route53.zones.get_mut(id).ok_or_else(|| no_zone(id))?;
    zone.tags.extend(added);
    zone.tags.retain(|key, _| !removed.contains(key));
    Ok(reply(call, "ChangeTagsForResourceResponse", |_| {}))
}
