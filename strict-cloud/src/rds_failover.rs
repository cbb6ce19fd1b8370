//! The rules of RDS for failovers, as before an emulator: it promotes a reader at once, so what it
//! tells of a cluster is put back until the time is over.
//!
//! FailoverDBCluster and RebootDBInstance in the Amazon RDS API Reference.

use roxmltree::Node;

use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::Core;
use crate::ec2::key;
use crate::errors::AwsError;
use crate::ledger::Phase;
use crate::promotion::{ClusterMember, promoted};
use crate::refusals::rds::STANDBY_MISSING;
use crate::xml::{self, Edits};

/// Keys of the ledger: the failover, with who wrote before it, and the time until it shows.
const FAILOVER: &str = "db-failover";
const LAG: &str = "db-failover-lag";

/// Whether a cluster fails over.
pub(crate) fn goes_on(core: &Core, call: &Call, cluster: &str) -> bool {
    let name = key(call, FAILOVER, cluster);
    core.ledger().phase(&name, core.clock.now()) == Phase::Creating
}

/// Names the reader that a failover of a cluster promotes, and notes what it begins.
pub(crate) async fn begin(
    core: &Core,
    call: &mut Call,
    id: &str,
    is_usable: impl Fn(&Call, &str) -> bool,
) -> Result<(), AwsError> {
    let fields = [("DBClusterIdentifier", id)];
    let found = core
        .upstream
        .ask(call, "rds", "DescribeDBClusters", &fields)
        .await?;
    // The emulator refuses what does not exist.
    if !found.is_success() {
        return Ok(());
    }
    let instances = core
        .upstream
        .text(call, "rds", "DescribeDBInstances", &[])
        .await?;
    let mut members = members(found.text(), &instances);
    for member in &mut members {
        member.usable = is_usable(call, &member.id);
    }
    let target = call.get("TargetDBInstanceIdentifier");
    let target = target.map(str::to_lowercase);
    let target = promoted(&members, target.as_deref())?.id.clone();
    let writer = members.iter().find(|member| member.writes);
    let writer = writer.map(|member| member.id.as_str()).unwrap_or_default();
    let named = "TargetDBInstanceIdentifier";
    let others = call.fields().filter(|(name, _)| *name != named);
    let fields: Vec<(String, String)> = others
        .chain([(named, target.as_str())])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    call.set_fields(fields);
    let now = core.clock.now();
    let shows = core.clock.after(Delay::FailoverLag);
    let over = shows + core.clock.delay(Delay::ClusterFailover);
    let failover = key(call, FAILOVER, id);
    core.ledger().created(&key(call, LAG, id), now, shows);
    core.ledger().created(&failover, now, over);
    core.ledger().note(&failover, writer);
    Ok(())
}

/// The members that an answer tells of, with their classes out of another.
fn members(clusters: &str, instances: &str) -> Vec<ClusterMember> {
    let classes: Vec<(String, String)> = xml::read(instances, |document| {
        xml::named(document, "DBInstance")
            .filter_map(|instance| {
                let id = xml::text_of(instance, "DBInstanceIdentifier")?;
                let class = xml::text_of(instance, "DBInstanceClass")?;
                Some((id.to_owned(), class.to_owned()))
            })
            .collect()
    });
    xml::read(clusters, |document| {
        xml::named(document, "DBClusterMember")
            .filter_map(|member| {
                let id = xml::text_of(member, "DBInstanceIdentifier")?;
                let class = classes.iter().find(|(known, _)| known == id);
                let tier = xml::text_of(member, "PromotionTier");
                Some(ClusterMember {
                    id: id.to_owned(),
                    writes: xml::text_of(member, "IsClusterWriter") == Some("true"),
                    usable: false,
                    tier: tier.and_then(|tier| tier.parse().ok()).unwrap_or(1),
                    class: class.map(|(_, class)| class.clone()).unwrap_or_default(),
                })
            })
            .collect()
    })
}

/// Whether a restart is a failover to the standby.
pub(crate) fn is_forced(call: &Call) -> bool {
    call.get("ForceFailover") == Some("true")
}

/// Refuses to fail over an instance that has no standby. RebootDBInstance, `ForceFailover`: "You can't
/// enable force failover if the instance isn't configured for Multi-AZ."
pub(crate) async fn check_standby(core: &Core, call: &Call, id: &str) -> Result<(), AwsError> {
    if !is_forced(call) {
        return Ok(());
    }
    let fields = [("DBInstanceIdentifier", id)];
    let found = core
        .upstream
        .ask(call, "rds", "DescribeDBInstances", &fields)
        .await?;
    let has_one = || xml::first(found.text(), "MultiAZ").as_deref() == Some("true");
    match found.is_success() && !has_one() {
        true => Err(AwsError::known(&STANDBY_MISSING)),
        false => Ok(()),
    }
}

/// Tells a cluster as it is while a failover goes on.
pub(crate) fn report(
    core: &Core,
    call: &Call,
    (node, id): (Node<'_, '_>, &str),
    edits: &mut Edits,
) {
    if !goes_on(core, call, id) {
        return;
    }
    let lag = key(call, LAG, id);
    if core.ledger().phase(&lag, core.clock.now()) != Phase::Creating {
        edits.set(node, "Status", "failing-over");
    }
    let writer = core.ledger().fact(&key(call, FAILOVER, id));
    let members = xml::child_of(node, "DBClusterMembers");
    for member in members.iter().flat_map(Node::children) {
        let id = xml::text_of(member, "DBInstanceIdentifier");
        let writes = id.is_some() && id == writer.as_deref();
        if id.is_some() {
            let told = if writes { "true" } else { "false" };
            edits.set(member, "IsClusterWriter", told);
        }
    }
}
