//! The rules of RDS for databases that change: what storage may become, when a change shows, and
//! what takes its time unseen.
//!
//! "Amazon RDS API Reference", ModifyDBInstance and CreateDBInstanceReadReplica; "Amazon RDS DB
//! instance storage". Texts: hashicorp/terraform-provider-aws issues 28160, 28589 and 38056, and
//! its `internal/service/rds/instance.go`.

use roxmltree::Node;

use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::Core;
use crate::ec2::key;
use crate::errors::{AwsError, escaped};
use crate::ledger::Phase;
use crate::refusals::rds::{STORAGE_BUSY, STORAGE_WITHOUT_IOPS};
use crate::xml::{self, Edits};

/// Kinds of things that pass unseen, as keys of the ledger.
const STORAGE: &str = "db-storage";
const LAG: &str = "db-lag";
const CLASS: &str = "db-class";
const PARAMETERS: &str = "db-parameters";
const PROTECTION: &str = "db-protection";
/// What a change will come to, and what waits for the maintenance window.
const PENDING_VALUES: &str = "db-pending";
const DEFERRED_VALUES: &str = "db-deferred";
/// The way to `stopped`.
const STOPPING: &str = "db-stopping";

/// What tells of them.
const PENDING_MEMBER: &str = "PendingModifiedValues";

/// Values that are told as pending until they are there (PendingModifiedValues in the Amazon RDS API
/// Reference).
const DEFERRABLE: [&str; 6] = [
    "AllocatedStorage",
    "DBInstanceClass",
    "EngineVersion",
    "Iops",
    "MultiAZ",
    "StorageThroughput",
];

/// gp3 storage of PostgreSQL is striped from this size on.
const STRIPED_GIB: u32 = 400;

/// The parameter group has to be taken over by a restart.
const PENDING: &str = "pending-reboot";
/// The restart was asked for.
const REBOOTING: &str = "rebooting";

fn refused(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterCombination", message.into())
}

/// A number in a call or an answer.
fn number(text: Option<&str>) -> Option<u32> {
    text.and_then(|text| text.parse().ok())
}

/// Storage as far as rules go by it.
struct HeldStorage {
    engine: String,
    kind: String,
    gib: u32,
    iops: u32,
}

impl HeldStorage {
    /// That of the database or snapshot that an answer tells of first.
    fn told(answer: &str) -> Self {
        let part = |tag| xml::first(answer, tag);
        let gib = number(part("AllocatedStorage").as_deref()).unwrap_or_default();
        let included = if gib >= STRIPED_GIB { 12_000 } else { 3_000 };
        Self {
            engine: part("Engine").unwrap_or_default(),
            kind: part("StorageType").unwrap_or_default(),
            gib,
            iops: number(part("Iops").as_deref()).unwrap_or(included),
        }
    }

    /// The same as a call asks for it.
    fn asked(mut self, call: &Call) -> Self {
        self.gib = number(call.get("AllocatedStorage")).unwrap_or(self.gib);
        self.kind = call.get("StorageType").map_or(self.kind, str::to_owned);
        self.engine = call.get("Engine").map_or(self.engine, str::to_owned);
        self
    }

    fn check_performance(&self, call: &Call) -> Result<(), AwsError> {
        let asked = call.get("Iops").is_some() || call.get("StorageThroughput").is_some();
        if self.kind == "gp3" && self.gib < STRIPED_GIB && asked {
            return Err(refused(format!(
                "You can't specify IOPS or storage throughput for engine {} and a storage size \
                 less than {STRIPED_GIB}.",
                self.engine
            )));
        }
        Ok(())
    }
}

/// What a creation may not ask for.
pub(crate) async fn check_creation(core: &Core, call: &Call) -> Result<(), AwsError> {
    let (from, action, field) = match call.action.as_str() {
        "CreateDBInstanceReadReplica" => (
            call.get("SourceDBInstanceIdentifier"),
            "DescribeDBInstances",
            "DBInstanceIdentifier",
        ),
        "RestoreDBInstanceFromDBSnapshot" => (
            call.get("DBSnapshotIdentifier"),
            "DescribeDBSnapshots",
            "DBSnapshotIdentifier",
        ),
        _ => (None, "", ""),
    };
    let mut source = String::new();
    if let Some(from) = from {
        let fields = [(field, from)];
        let found = core.upstream.ask(call, "rds", action, &fields).await?;
        if found.is_success() {
            source = found.text().to_owned();
        }
    }
    let storage = HeldStorage::told(&source).asked(call);
    if call.action == "CreateDBInstanceReadReplica" && call.get("DBParameterGroupName").is_some() {
        return Err(refused(format!(
            "A parameter group can't be specified during Read Replica creation for the following \
             DB engine: {}",
            storage.engine
        )));
    }
    storage.check_performance(call)
}

/// Checks a change of an instance, rounds what RDS rounds, and notes what it begins.
pub(crate) async fn change(core: &Core, call: &mut Call, id: &str) -> Result<(), AwsError> {
    let meta = [
        "Action",
        "Version",
        "DBInstanceIdentifier",
        "ApplyImmediately",
    ];
    if call.fields().all(|(name, _)| meta.contains(&name)) {
        return Err(refused("No modifications were requested"));
    }
    let fields = [("DBInstanceIdentifier", id)];
    let found = core
        .upstream
        .ask(call, "rds", "DescribeDBInstances", &fields)
        .await?;
    if !found.is_success() {
        return Ok(());
    }
    let answer = found.text().to_owned();
    let resized = change_storage(core, call, id, &answer)?;
    let resized = note_pending(core, call, id, &answer) && resized;
    let part = |tag| xml::first(&answer, tag).unwrap_or_default();
    let (now, clock) = (core.clock.now(), &core.clock);
    let another = |field, tag| call.get(field).is_some_and(|value| value != part(tag));
    if another("DBParameterGroupName", "DBParameterGroupName") {
        let name = key(call, PARAMETERS, id);
        core.ledger()
            .created(&name, now, clock.after(Delay::ParametersApply));
        core.ledger().note(&name, PENDING);
    }
    if part("DeletionProtection") == "true" && call.get("DeletionProtection") == Some("false") {
        lift_protection(core, call, id);
    }
    if another("DBInstanceClass", "DBInstanceClass") || resized {
        let class = key(call, CLASS, id);
        core.ledger().note(&class, &part("DBInstanceClass"));
    }
    Ok(())
}

/// Whether storage changes.
fn change_storage(core: &Core, call: &mut Call, id: &str, answer: &str) -> Result<bool, AwsError> {
    let held = HeldStorage::told(answer);
    let (gib, iops) = (
        number(call.get("AllocatedStorage")),
        number(call.get("Iops")),
    );
    if gib.is_none() && iops.is_none() && call.get("StorageThroughput").is_none() {
        return Ok(false);
    }
    if gib.is_some_and(|gib| gib < held.gib) {
        return Err(refused(
            "Requested storage is smaller than the current storage.",
        ));
    }
    let striped = held.kind == "gp3" && held.gib >= STRIPED_GIB;
    let (held_gib, held_iops) = (held.gib, held.iops);
    held.asked(call).check_performance(call)?;
    if striped && (gib.is_none() || iops.is_none()) {
        return Err(AwsError::known(&STORAGE_WITHOUT_IOPS));
    }
    let name = key(call, STORAGE, id);
    let now = core.clock.now();
    if core.ledger().phase(&name, now) == Phase::Creating {
        return Err(AwsError::known(&STORAGE_BUSY));
    }
    let mut rounded = Vec::new();
    for (field, asked, held) in [
        ("AllocatedStorage", gib, held_gib),
        ("Iops", iops.filter(|_| striped), held_iops),
    ] {
        // "Values that are not at least 10% greater than the existing value are rounded up so
        // that they are 10% greater than the current value."
        let least = (held * 11).div_ceil(10);
        if asked.is_some_and(|asked| asked > held && asked < least) {
            rounded.push((field.to_owned(), least.to_string()));
        }
    }
    let fields: Vec<(String, String)> = call
        .fields()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(rounded)
        .collect();
    call.set_fields(fields);
    if is_immediate(call) {
        core.ledger()
            .created(&name, now, core.clock.after(Delay::StorageOptimization));
    }
    Ok(true)
}

fn is_immediate(call: &Call) -> bool {
    call.get("ApplyImmediately") == Some("true")
}

/// Notes values that will be others, and whether they will be so now. ModifyDBInstance,
/// `ApplyImmediately`: "If this parameter is disabled, changes to the DB instance are applied during
/// the next maintenance window", which the emulator does at once: it is not told of them.
fn note_pending(core: &Core, call: &mut Call, id: &str, answer: &str) -> bool {
    let will_be: String = DEFERRABLE
        .iter()
        .filter_map(|field| {
            let value = call.get(field)?;
            (xml::first(answer, field).as_deref() != Some(value))
                .then(|| format!("<{field}>{}</{field}>", escaped(value)))
        })
        .collect();
    if is_immediate(call) {
        core.ledger().note(&key(call, PENDING_VALUES, id), &will_be);
        return true;
    }
    if will_be.is_empty() {
        return false;
    }
    core.ledger()
        .note(&key(call, DEFERRED_VALUES, id), &will_be);
    let fields: Vec<(String, String)> = call
        .fields()
        .filter(|(name, _)| !DEFERRABLE.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    call.set_fields(fields);
    false
}

/// A new database has a password once it is there (cloud-custodian's recordings of AWS,
/// tests/data/placebo/test_rds_resize_up_immediately).
pub(crate) fn created(core: &Core, call: &Call, id: &str) {
    if call.get("MasterUserPassword").is_some() {
        core.ledger().note(
            &key(call, PENDING_VALUES, id),
            "<MasterUserPassword>****</MasterUserPassword>",
        );
    }
}

/// Notes that a database is on its way to `stopped`.
pub(crate) fn stopping(core: &Core, call: &Call, id: &str) {
    let stopped = core.clock.after(Delay::InstanceEnd);
    let name = key(call, STOPPING, id);
    core.ledger().created(&name, core.clock.now(), stopped);
}

/// Tells the values that are pending; `phase` is the instance's.
pub(crate) fn report_pending(
    core: &Core,
    call: &Call,
    (node, id): (Node<'_, '_>, &str),
    phase: Phase,
    edits: &mut Edits,
) {
    let now = key(call, PENDING_VALUES, id);
    if phase == Phase::Available {
        core.ledger().forget_fact(&now);
    }
    let facts = [now, key(call, DEFERRED_VALUES, id)].map(|name| core.ledger().fact(&name));
    let values: String = facts.into_iter().flatten().collect();
    if values.is_empty() {
        return;
    }
    // Not before the values that the instance has.
    match xml::child_of(node, PENDING_MEMBER) {
        Some(_) => edits.set(node, PENDING_MEMBER, &values),
        None => edits.append(
            node,
            format!("<{PENDING_MEMBER}>{values}</{PENDING_MEMBER}>"),
        ),
    }
}

/// A protection is lifted, which deletions find only after a while.
pub(crate) fn lift_protection(core: &Core, call: &Call, id: &str) {
    let lifted = core.clock.after(Delay::ProtectionLag);
    let name = key(call, PROTECTION, id);
    core.ledger().created(&name, core.clock.now(), lifted);
}

/// Whether deletions still find a protection that was lifted.
pub(crate) fn is_still_protected(core: &Core, call: &Call, id: &str) -> bool {
    let name = key(call, PROTECTION, id);
    core.ledger().phase(&name, core.clock.now()) == Phase::Creating
}

/// Notes that a change or a restart was accepted: it shows a moment later.
pub(crate) fn accepted(core: &Core, call: &Call, id: &str) {
    let name = key(call, LAG, id);
    let shows = core.clock.after(Delay::DatabaseLag);
    core.ledger().created(&name, core.clock.now(), shows);
    let parameters = key(call, PARAMETERS, id);
    if call.action == "RebootDBInstance" && core.ledger().fact(&parameters).is_some() {
        core.ledger().note(&parameters, REBOOTING);
    }
}

/// Forgets what is known of a database that is deleted.
pub(crate) fn forget(core: &Core, call: &Call, id: &str) {
    for kind in [CLASS, PARAMETERS, PENDING_VALUES, DEFERRED_VALUES] {
        core.ledger().forget_fact(&key(call, kind, id));
    }
    for kind in [STORAGE, LAG, PARAMETERS, PROTECTION, STOPPING] {
        core.ledger().forget(&key(call, kind, id));
    }
}

/// Whether a change that was accepted does not show yet.
pub(crate) fn lags(core: &Core, call: &Call, id: &str) -> bool {
    let name = key(call, LAG, id);
    core.ledger().phase(&name, core.clock.now()) == Phase::Creating
}

/// Corrects what is told of an instance; `phase` is that of its change.
pub(crate) fn report(
    core: &Core,
    call: &Call,
    (node, id): (Node<'_, '_>, &str),
    phase: Phase,
    edits: &mut Edits,
) {
    let now = core.clock.now();
    let passes = |kind: &str| core.ledger().phase(&key(call, kind, id), now) == Phase::Creating;
    if phase == Phase::Modifying {
        let class = core.ledger().fact(&key(call, CLASS, id));
        if let Some(class) = class {
            edits.set(node, "DBInstanceClass", &class);
        }
    } else {
        core.ledger().forget_fact(&key(call, CLASS, id));
        if phase == Phase::Available && passes(STOPPING) {
            edits.set(node, "DBInstanceStatus", "stopping");
        } else if phase == Phase::Available && passes(STORAGE) {
            edits.set(node, "DBInstanceStatus", "storage-optimization");
        }
    }
    let name = key(call, PARAMETERS, id);
    let fact = core.ledger().fact(&name);
    let told = match fact.as_deref() {
        None => return,
        Some(_) if passes(PARAMETERS) => "applying",
        Some(REBOOTING) if phase != Phase::Modifying => {
            core.ledger().forget_fact(&name);
            return;
        }
        Some(_) => PENDING,
    };
    let groups = xml::child_of(node, "DBParameterGroups");
    let group = groups.and_then(|groups| xml::child_of(groups, "DBParameterGroup"));
    if let Some(group) = group {
        edits.set(group, "ParameterApplyStatus", told);
    }
}
