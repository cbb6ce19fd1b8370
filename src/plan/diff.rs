//! Blueprint against snapshot.

use std::collections::{BTreeSet, HashMap};

use crate::blueprint::kinds::{OnDifference, PENDING_RESTART, STORAGE_FULL, WhenFailed};
use crate::blueprint::{
    Address, AttributeValue, Attributes, Blueprint, Desired, Kind, Node, Step, needing_restart,
};

use super::adopted::{adopted, refuse_to_move};
use super::change::{Action, Change, Difference, Plan};
use super::removal::{removal, surplus};
use super::snapshot::{Observed, Snapshot, State};

/// Compares what should be with what is.
#[must_use]
pub fn plan(blueprint: &Blueprint, snapshot: &Snapshot) -> Plan {
    let mut changes = Vec::new();
    let mut wanted = BTreeSet::new();
    let mut found: HashMap<&Address, Vec<&Observed>> = HashMap::new();
    for resource in &snapshot.resources {
        found.entry(&resource.address).or_default().push(resource);
    }
    let inhabited: BTreeSet<&str> = snapshot.resources.iter().filter_map(home).collect();
    let dependents = dependents(blueprint, &found);
    for (address, desired) in blueprint.resources() {
        wanted.insert(address);
        let found = found.get(address).map_or(&[][..], Vec::as_slice);
        if let Desired::Adopted(wanted) = desired {
            changes.push(match adopted(address, &wanted.id, found) {
                Ok(existing) => compare(address, desired, existing, Vec::new()),
                Err(refusal) => refusal,
            });
            continue;
        }
        let live = live(found, &inhabited);
        let predecessors = deleted_ids(found);
        match live.split_first() {
            None => {
                let dependent = dependents.get(address).copied();
                changes.push(creation(address, desired, found, dependent, predecessors));
            }
            Some((first, twins)) => {
                changes.push(compare(address, desired, first, predecessors));
                changes.extend(twins.iter().map(|twin| {
                    removal(
                        twin,
                        format!("is a twin of {}: a create whose answer was lost", first.id),
                    )
                }));
            }
        }
    }
    propagate_replacements(blueprint, &mut changes);
    refuse_to_move(blueprint, snapshot, &mut changes);
    let left_over = snapshot
        .resources
        .iter()
        .filter(|r| !r.state.is_leaving() && !wanted.contains(&r.address))
        .map(surplus);
    changes.extend(left_over);
    restart_databases(blueprint, &mut changes);
    changes.sort_by_key(|change| change.action == Action::Delete);
    Plan { changes }
}

/// Turns what is to be kept into an update where something is replaced whose id it holds.
fn propagate_replacements(blueprint: &Blueprint, changes: &mut [Change]) {
    let replaced: BTreeSet<Address> = changes
        .iter()
        // What has to be created is gone, and whatever led to it shows that already.
        .filter(|change| change.action == Action::Replace)
        .map(|change| change.address.clone())
        .collect();
    if replaced.is_empty() {
        return;
    }
    for (address, desired) in blueprint.resources() {
        let mut held = desired.holds_ids_of().into_iter();
        let Some(source) = held.find(|held| replaced.contains(held)) else {
            continue;
        };
        for change in changes.iter_mut() {
            if &change.address == address && change.action == Action::Keep {
                change.action = Action::Update;
                change.reason = format!("{source} is replaced");
            }
        }
    }
}

/// Databases restart once their parameter group has changed in what a running server does
/// not take over. They say so themselves only after the group was changed.
fn restart_databases(blueprint: &Blueprint, changes: &mut [Change]) {
    let updated: HashMap<Address, Vec<&str>> = changes
        .iter()
        .filter(|change| change.action == Action::Update)
        .map(|change| {
            let differences = change.differences.iter();
            let parameters = differences.filter(|d| d.attribute == PARAMETERS);
            let names = parameters.flat_map(|d| needing_restart(&d.old, &d.new));
            (change.address.clone(), names.collect())
        })
        .collect();
    for (address, desired) in blueprint.resources() {
        let names: Vec<&str> = desired
            .resource()
            .parameter_groups()
            .iter()
            .filter_map(|group| updated.get(group))
            .flatten()
            .copied()
            .collect();
        if names.is_empty() {
            continue;
        }
        let database = changes.iter_mut().find(|change| {
            &change.address == address && matches!(change.action, Action::Keep | Action::Update)
        });
        let Some(database) = database else { continue };
        let Some(existing) = &mut database.existing else {
            continue;
        };
        existing.attributes.insert(PARAMETERS, PENDING_RESTART);
        let wanted = desired.attributes();
        if !database
            .differences
            .iter()
            .any(|d| d.attribute == PARAMETERS)
        {
            database.differences.push(Difference {
                attribute: PARAMETERS.to_owned(),
                old: PENDING_RESTART.to_owned(),
                new: wanted.text(PARAMETERS).unwrap_or_default().to_owned(),
            });
        }
        database.action = Action::Update;
        database.reason = format!("restarts, to take over {}", names.join(", "));
    }
}

/// The attribute of parameter groups, and the one by which databases report whether they run
/// with theirs.
pub(super) const PARAMETERS: &str = "parameters";

/// For each address, one of the nodes that depend on it and exist.
fn dependents<'a>(
    blueprint: &'a Blueprint,
    found: &HashMap<&Address, Vec<&Observed>>,
) -> HashMap<&'a Address, &'a Address> {
    let exists = |address: &Address| {
        let found = found.get(address).map_or(&[][..], Vec::as_slice);
        found.iter().any(|resource| !resource.state.is_leaving())
    };
    let mut dependents = HashMap::new();
    // What somebody else created was there before us, whatever the graph says.
    let is_ours = |node: &&Node| !matches!(node.step, Step::Resource(Desired::Adopted(_)));
    let nodes = blueprint.nodes.iter().filter(is_ours);
    for node in nodes.filter(|node| exists(&node.address)) {
        for before in &node.after {
            dependents.entry(before).or_insert(&node.address);
        }
    }
    dependents
}

/// What to do about a resource that does not exist; `dependent` exists and depends on it.
fn creation(
    address: &Address,
    desired: &Desired,
    found: &[&Observed],
    dependent: Option<&Address>,
    predecessors: Vec<String>,
) -> Change {
    let (action, reason) = match dependent {
        Some(dependent) if desired.kind() == Kind::Seed => (
            Action::Refuse,
            format!("is gone although {dependent} is there: {LOST}"),
        ),
        _ => (Action::Create, absence(found, &predecessors, dependent)),
    };
    let attributes = desired.attributes();
    let differences = attributes.iter().map(|(attribute, new)| Difference {
        attribute: attribute.to_owned(),
        old: String::new(),
        new: new.to_string(),
    });
    Change {
        address: address.clone(),
        kind: desired.kind(),
        action,
        reason,
        differences: differences.collect(),
        existing: None,
        predecessors,
    }
}

/// Why a resource is not there. Where something exists that depends on it, it was either
/// deleted behind our back or the YAML got it since.
fn absence(found: &[&Observed], predecessors: &[String], dependent: Option<&Address>) -> String {
    if found.iter().any(|one| one.state == State::Deleting) {
        return format!("{} is being deleted", predecessors.join(", "));
    }
    if !predecessors.is_empty() {
        return format!("{} is gone", predecessors.join(", "));
    }
    match dependent {
        Some(dependent) => {
            format!("is missing although {dependent} is there: deleted by hand, or new in the YAML")
        }
        None => String::new(),
    }
}

/// What a lost seed means.
const LOST: &str = "every key and password of the environment derives from it, and another one \
    opens none of its hosts and databases; `down` and `up` create the environment again";

/// The live resources at an address: the best one first, twins after it.
fn live<'a>(found: &[&'a Observed], inhabited: &BTreeSet<&str>) -> Vec<&'a Observed> {
    let mut live: Vec<&Observed> = found
        .iter()
        .copied()
        .filter(|r| !r.state.is_leaving())
        .collect();
    // A usable one before one that is not; then the one that others are in or hang on, since
    // the other one can go without them; then the elder; ids last, to be deterministic.
    live.sort_by_key(|r| {
        (
            match r.state {
                State::Ready => 0,
                State::Pending => 1,
                State::Failed | State::Deleting | State::Gone => 2,
            },
            !inhabited.contains(r.id.as_str()) && !in_use(r),
            r.text("created").map(str::to_owned),
            r.id.clone(),
        )
    });
    live
}

/// Whether a resource says of itself that something hangs on it.
fn in_use(resource: &Observed) -> bool {
    let user = resource.value(resource.kind.info().used_by);
    user.is_some_and(|value| !value.is_empty())
}

/// The VPC that something is in.
fn home(resource: &Observed) -> Option<&str> {
    match resource.kind {
        Kind::Subnet | Kind::InternetGateway => resource.text("vpc"),
        _ => None,
    }
}

fn deleted_ids(found: &[&Observed]) -> Vec<String> {
    let mut ids: Vec<String> = found
        .iter()
        .filter(|r| r.state.is_leaving())
        .map(|r| r.id.clone())
        .collect();
    ids.sort();
    ids
}

/// What to do about a resource that exists.
fn compare(
    address: &Address,
    desired: &Desired,
    existing: &Observed,
    mut predecessors: Vec<String>,
) -> Change {
    let attributes = desired.attributes();
    let differences = differences(desired, &attributes, existing);
    let (action, reason) = if existing.state == State::Failed && !outgrows(existing, &differences) {
        recover(existing)
    } else if differences.is_empty() {
        (Action::Keep, "as planned".to_owned())
    } else {
        decide(desired.kind(), &differences)
    };
    if action == Action::Replace {
        predecessors.push(existing.id.clone());
    }
    Change {
        address: address.clone(),
        kind: desired.kind(),
        action,
        reason,
        differences: differences.iter().map(Difference::from).collect(),
        existing: Some(existing.clone()),
        predecessors,
    }
}

/// What is not as it should be. Attributes that the service does not report are not compared.
pub(super) fn differences<'a>(
    desired: &Desired,
    attributes: &'a Attributes,
    existing: &'a Observed,
) -> Vec<TypedDifference<'a>> {
    attributes
        .iter()
        .filter_map(|(attribute, new)| {
            let old = existing.value(attribute)?;
            (old != new && !desired.accepts(attribute, old)).then_some(TypedDifference {
                attribute,
                old,
                new,
            })
        })
        .collect()
}

/// A difference before it becomes text.
pub(super) struct TypedDifference<'a> {
    pub(super) attribute: &'a str,
    pub(super) old: &'a AttributeValue,
    pub(super) new: &'a AttributeValue,
}

impl From<&TypedDifference<'_>> for Difference {
    fn from(difference: &TypedDifference<'_>) -> Self {
        Self {
            attribute: difference.attribute.to_owned(),
            old: difference.old.to_string(),
            new: difference.new.to_string(),
        }
    }
}

/// Whether a full database is to get more storage, which is what it needs.
fn outgrows(existing: &Observed, differences: &[TypedDifference<'_>]) -> bool {
    existing.status == STORAGE_FULL
        && differences.iter().any(|difference| {
            difference.attribute == "storage_gib" && shrinks(difference).is_none()
        })
}

/// What to do about a resource that will not recover by itself.
fn recover(existing: &Observed) -> (Action, String) {
    let status = match existing.text("reason") {
        Some(reason) => format!("`{}` ({reason})", existing.status),
        None => format!("`{}`", existing.status),
    };
    let info = existing.kind.info();
    let when_failed = match (info.holds_nothing)(&existing.address, &existing.attributes) {
        true => WhenFailed::Replace,
        false => info.when_failed,
    };
    match when_failed {
        WhenFailed::Update => (
            Action::Update,
            format!("is not complete: {}", existing.status),
        ),
        WhenFailed::Replace => (
            Action::Replace,
            format!("is in state {status} and will not recover"),
        ),
        WhenFailed::Refuse if existing.status == STORAGE_FULL => (
            Action::Refuse,
            format!(
                "is in state {status}: raise `sizes.database.storage_gib` in the environment's YAML"
            ),
        ),
        WhenFailed::Refuse => (
            Action::Refuse,
            format!("is in state {status}; repair or delete it by hand, its data may be wanted"),
        ),
    }
}

/// How differences are settled: what cannot be done decides, then what needs another resource.
fn decide(kind: Kind, differences: &[TypedDifference<'_>]) -> (Action, String) {
    let mut refusals = Vec::new();
    let mut replacing = Vec::new();
    let mut reason = None;
    for difference in differences {
        let info = kind.info().attribute(difference.attribute);
        let settled = info.map_or(OnDifference::Update, |known| known.on_difference);
        let (old, new) = (difference.old.to_string(), difference.new.to_string());
        match settled {
            OnDifference::Update | OnDifference::NotCompared => {}
            OnDifference::UpdateBecause(why) => reason = Some(why),
            OnDifference::Restart if old == PENDING_RESTART => {
                reason = reason.or(Some("restarts, to take over changed parameters"));
            }
            OnDifference::Restart => {}
            OnDifference::Grow => refusals.extend(shrinks(difference)),
            OnDifference::Replace => replacing.push(difference.attribute),
            OnDifference::Refuse(why) => {
                refusals.push(why.replace("{old}", &old).replace("{new}", &new));
            }
        }
    }
    if !refusals.is_empty() {
        return (Action::Refuse, refusals.join("; "));
    }
    if !replacing.is_empty() {
        let names = replacing.join(", ");
        return (Action::Replace, format!("{names} cannot change in place"));
    }
    let names: Vec<&str> = differences.iter().map(|d| d.attribute).collect();
    let reason = reason.map_or_else(|| format!("changes {}", names.join(", ")), str::to_owned);
    (Action::Update, reason)
}

/// Why a size cannot become what it should be.
pub(super) fn shrinks(difference: &TypedDifference<'_>) -> Option<String> {
    let TypedDifference {
        attribute,
        old,
        new,
    } = difference;
    match (old, new) {
        (AttributeValue::Number(old), AttributeValue::Number(new)) => {
            (new < old).then(|| format!("storage cannot shrink from {old} to {new} GiB"))
        }
        _ => Some(format!(
            "cannot read `{attribute}`: `{old}` is not a number"
        )),
    }
}
