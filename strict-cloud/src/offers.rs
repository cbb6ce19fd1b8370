//! Zones that do not offer a type of hosts, databases or search nodes.
//!
//! DescribeInstanceTypeOfferings lists the zones of an instance type, `AvailabilityZones` of
//! DescribeOrderableDBInstanceOptions those of a database class (API references of Amazon EC2 and Amazon
//! RDS). A launch elsewhere ends with `Unsupported` (Amazon EC2 API Reference, "Error codes").

use serde_json::json;

use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::errors::{AwsError, Reply};
use crate::xml;

/// The families of database classes that RDS for PostgreSQL has in most regions (Amazon RDS User Guide,
/// "Supported DB engines for DB instance classes").
const FAMILIES: [&str; 12] = [
    "m5", "m6g", "m6i", "m7g", "m7i", "r5", "r6g", "r6i", "r7g", "r7i", "t3", "t4g",
];

/// The major versions that they have.
const MAJORS: std::ops::RangeInclusive<u32> = 13..=17;

/// Lists a class of PostgreSQL or Aurora databases, of which the emulator lists none, in all zones.
pub(crate) async fn complete(core: &Core, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    let class = call.get("DBInstanceClass").unwrap_or_default();
    let family = class
        .strip_prefix("db.")
        .and_then(|rest| rest.split_once('.'));
    let is_known = family.is_some_and(|(family, _)| FAMILIES.contains(&family));
    // The emulator takes no notice of the class that a call names.
    let listed = xml::texts(reply.text(), "DBInstanceClass");
    let is_listed = listed.iter().any(|one| one == class);
    let engine = match call.get("Engine") {
        Some(engine @ "postgres") => engine,
        // Aurora has no general-purpose classes (Amazon Aurora User Guide, "Supported DB engines for
        // DB instance classes").
        Some(engine @ "aurora-postgresql") if !class.starts_with("db.m") => engine,
        _ => return Ok(()),
    };
    if !is_known || is_listed {
        return Ok(());
    }
    let zones = core
        .upstream
        .text(call, "ec2", "DescribeAvailabilityZones", &[]);
    let zones: String = xml::texts(&zones.await?, "zoneName")
        .iter()
        .map(|zone| format!("<AvailabilityZone><Name>{zone}</Name></AvailabilityZone>"))
        .collect();
    let asked = call.get("EngineVersion");
    let options: String = MAJORS
        .map(|major| format!("{major}.8"))
        .filter(|version| asked.is_none_or(|asked| asked == version))
        .map(|version| {
            format!(
                "<OrderableDBInstanceOption><Engine>{engine}</Engine><EngineVersion>{version}\
                 </EngineVersion><DBInstanceClass>{class}</DBInstanceClass><AvailabilityZones>{zones}\
                 </AvailabilityZones></OrderableDBInstanceOption>"
            )
        })
        .collect();
    let list = format!("<OrderableDBInstanceOptions>{options}</OrderableDBInstanceOptions>");
    *reply = Reply::with_result(call, &list);
    Ok(())
}

/// Leaves out of a list what is not offered.
pub(crate) fn correct(core: &Core, call: &Call, reply: &mut Reply) {
    let Some(faults) = &core.faults else { return };
    let corrected = xml::edit(reply.text(), |document, edits| match call.action.as_str() {
        "DescribeInstanceTypeOfferings" => {
            for item in xml::items(document, "instanceTypeOfferingSet") {
                let kind = xml::text_of(item, "instanceType").unwrap_or_default();
                let zone = xml::text_of(item, "location").unwrap_or_default();
                if faults.lacks(kind, zone) {
                    edits.drop(item);
                }
            }
        }
        "DescribeOrderableDBInstanceOptions" => {
            for option in xml::named(document, "OrderableDBInstanceOption") {
                let class = xml::text_of(option, "DBInstanceClass").unwrap_or_default();
                let zones = xml::child_of(option, "AvailabilityZones");
                for zone in zones.iter().flat_map(|zones| zones.children()) {
                    let name = xml::text_of(zone, "Name").unwrap_or_default();
                    if faults.lacks(class, name) {
                        edits.drop(zone);
                    }
                }
            }
        }
        _ => {}
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
}

/// ListInstanceTypeDetails of one type, with its zones (Amazon OpenSearch Service API Reference,
/// `RetrieveAZs`); the emulator does not know the action.
pub(crate) async fn search_types(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    let query = call.path.split_once('?').map_or("", |(_, query)| query);
    let asked = |wanted: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
    };
    let Some(kind) = asked("instanceType") else {
        return Ok(Ruling::Forward);
    };
    let zones = core
        .upstream
        .text(call, "ec2", "DescribeAvailabilityZones", &[]);
    let zones = xml::texts(&zones.await?, "zoneName");
    let offered = zones.iter().filter(|zone| {
        let faults = core.faults.as_ref();
        !faults.is_some_and(|faults| faults.lacks(&kind, zone))
    });
    let mut details = json!({ "InstanceType": kind, "InstanceRole": ["data", "master"] });
    if asked("retrieveAZs").as_deref() == Some("true") {
        details["AvailabilityZones"] = json!(offered.collect::<Vec<_>>());
    }
    let answer = json!({ "InstanceTypeDetails": [details] });
    Ok(Ruling::Answer(Reply::done(call, answer.to_string())))
}

/// Refuses a launch where the type is not offered.
pub(crate) fn check_launch(core: &Core, kind: &str, zone: &str) -> Result<(), AwsError> {
    if !core
        .faults
        .as_ref()
        .is_some_and(|faults| faults.lacks(kind, zone))
    {
        return Ok(());
    }
    Err(AwsError::new(
        "Unsupported",
        format!(
            "Your requested instance type ({kind}) is not supported in your requested Availability \
             Zone ({zone}). Please retry your request by not specifying an Availability Zone or \
             choosing another one."
        ),
    ))
}
