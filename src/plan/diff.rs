//! Blueprint against snapshot.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::blueprint::{Address, Blueprint, Desired, Kind, needing_restart};

use super::adopted::{adopted, misfit, stay};
use super::removal::{removal, surplus};
use super::snapshot::{Observed, Snapshot, State};

/// An attribute that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Its name.
    pub attribute: String,
    /// As it is.
    pub old: String,
    /// As it should be.
    pub new: String,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Make it.
    Create,
    /// Change it in place.
    Update,
    /// Remove it, then make it anew.
    Replace,
    /// Remove it.
    Delete,
    /// It is as it should be.
    Keep,
    /// It cannot be done on a living environment.
    Refuse,
}

/// What is to be done about one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The resource.
    pub address: Address,
    /// Its kind.
    pub kind: Kind,
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// What differs.
    pub differences: Vec<Difference>,
    /// What exists now.
    pub existing: Option<Observed>,
    /// Ids of earlier holders of the address that the provider still remembers.
    pub predecessors: Vec<String>,
}

/// All changes, in the blueprint's order; removals come last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One for each resource.
    pub changes: Vec<Change>,
}

impl Plan {
    /// The changes that do something.
    pub fn work(&self) -> impl Iterator<Item = &Change> {
        self.changes
            .iter()
            .filter(|change| change.action != Action::Keep)
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.work().next().is_none()
    }

    /// How many changes of a kind of action.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|c| c.action == action).count()
    }
}

/// Compares.
#[must_use]
pub fn plan(blueprint: &Blueprint, snapshot: &Snapshot) -> Plan {
    let mut changes = Vec::new();
    let mut wanted = BTreeSet::new();
    let mut found: HashMap<&Address, Vec<&Observed>> = HashMap::new();
    for resource in &snapshot.resources {
        found.entry(&resource.address).or_default().push(resource);
    }
    let inhabited: BTreeSet<&str> = snapshot.resources.iter().filter_map(home).collect();
    let heirs = heirs(blueprint, &found);
    for (address, desired) in blueprint.resources() {
        wanted.insert(address);
        let found = found.get(address).map_or(&[][..], Vec::as_slice);
        if let Desired::Adopted { id, .. } = desired {
            changes.push(adopted(address, desired, id, found));
            continue;
        }
        let holders = living(found, &inhabited);
        let predecessors = departed(found);
        match holders.split_first() {
            None => {
                let heir = heirs.get(address);
                let (action, reason) = match heir {
                    Some(heir) if desired.kind() == Kind::Seed => (
                        Action::Refuse,
                        format!("is gone although {heir} is there: {LOST}"),
                    ),
                    _ => (Action::Create, absence(found, &predecessors, heir)),
                };
                changes.push(Change {
                    address: address.clone(),
                    kind: desired.kind(),
                    action,
                    reason,
                    differences: anew(desired),
                    existing: None,
                    predecessors,
                });
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
    follow(blueprint, &mut changes);
    stay(blueprint, snapshot, &mut changes);
    let left_over = snapshot
        .resources
        .iter()
        .filter(|r| !r.state.is_leaving() && !wanted.contains(&r.address))
        .map(surplus);
    changes.extend(left_over);
    restarts(blueprint, &mut changes);
    changes.sort_by_key(|change| change.action == Action::Delete);
    Plan { changes }
}

/// Turns what is to be kept into an update where something it copies is made anew.
fn follow(blueprint: &Blueprint, changes: &mut [Change]) {
    let anew: BTreeSet<Address> = changes
        .iter()
        // What has to be created is gone, and whatever led to it shows that already.
        .filter(|change| change.action == Action::Replace)
        .map(|change| change.address.clone())
        .collect();
    for (address, desired) in blueprint.resources() {
        let Some(leader) = desired.follows().into_iter().find(|a| anew.contains(a)) else {
            continue;
        };
        for change in changes.iter_mut() {
            if &change.address == address && change.action == Action::Keep {
                change.action = Action::Update;
                change.reason = format!("{leader} is made anew");
            }
        }
    }
}

/// Databases restart once their parameter group has changed in what a running server does
/// not take over. They say so themselves only after the group was changed.
fn restarts(blueprint: &Blueprint, changes: &mut [Change]) {
    let changed: Vec<(Address, Vec<&str>)> = changes
        .iter()
        .filter(|change| {
            let groups = [Kind::DatabaseParameters, Kind::DatabaseClusterParameters];
            groups.contains(&change.kind) && change.action == Action::Update
        })
        .map(|change| {
            let mut names = Vec::new();
            for difference in &change.differences {
                names.extend(needing_restart(&difference.old, &difference.new));
            }
            (change.address.clone(), names)
        })
        .filter(|(_, names)| !names.is_empty())
        .collect();
    for (address, desired) in blueprint.resources() {
        let (parameters, of_cluster) = match desired {
            Desired::Database { parameters, .. } => (parameters, false),
            Desired::ClusterInstance { parameters, .. } => (parameters, true),
            _ => continue,
        };
        let of_ours = |group: &Address| {
            group == parameters || (of_cluster && *group == Address::cluster_parameters())
        };
        let names: Vec<&str> = changed
            .iter()
            .filter(|(group, _)| of_ours(group))
            .flat_map(|(_, names)| names.clone())
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
        let old = RESTART.to_owned();
        existing
            .attributes
            .insert("parameters".to_owned(), old.clone());
        if !database
            .differences
            .iter()
            .any(|d| d.attribute == "parameters")
        {
            database.differences.push(Difference {
                attribute: "parameters".to_owned(),
                old,
                new: "in-sync".to_owned(),
            });
        }
        database.action = Action::Update;
        database.reason = format!("restarts, to take over {}", names.join(", "));
    }
}

/// For each address, one of those that are made after it and are there.
fn heirs<'a>(
    blueprint: &'a Blueprint,
    found: &HashMap<&Address, Vec<&Observed>>,
) -> HashMap<&'a Address, &'a Address> {
    let stands = |address: &Address| {
        let found = found.get(address).map_or(&[][..], Vec::as_slice);
        found.iter().any(|resource| !resource.state.is_leaving())
    };
    let mut heirs = HashMap::new();
    for node in blueprint.nodes.iter().filter(|node| stands(&node.address)) {
        for before in &node.after {
            heirs.entry(before).or_insert(&node.address);
        }
    }
    heirs
}

/// Why a resource is not there. Where something is there that is made after it, it was either
/// removed behind our back or the YAML got it since.
fn absence(found: &[&Observed], predecessors: &[String], heir: Option<&&Address>) -> String {
    if found.iter().any(|one| one.state == State::Deleting) {
        return format!("{} is being removed", predecessors.join(", "));
    }
    if !predecessors.is_empty() {
        return format!("{} is gone", predecessors.join(", "));
    }
    match heir {
        Some(heir) => {
            format!("is missing although {heir} is there: removed by hand, or new in the YAML")
        }
        None => "does not exist yet".to_owned(),
    }
}

/// What a resource that is not there will be.
fn anew(desired: &Desired) -> Vec<Difference> {
    let attributes = desired.attributes().into_iter();
    let told = attributes.map(|(attribute, new)| Difference {
        attribute,
        old: String::new(),
        new,
    });
    told.collect()
}

/// What a lost seed means.
const LOST: &str = "every key and password of the environment derives from it, and another one \
    opens none of its hosts and databases; `down` and `up` make the environment anew";

/// RDS's word for parameters that wait for a restart.
const RESTART: &str = "pending-reboot";

/// Holders of an address that live: the best one first, twins after it.
fn living<'a>(found: &[&'a Observed], inhabited: &BTreeSet<&str>) -> Vec<&'a Observed> {
    let mut holders: Vec<&Observed> = found
        .iter()
        .copied()
        .filter(|r| !r.state.is_leaving())
        .collect();
    // A usable one before one that is not; then the one that others live in or hang on, since
    // the other one can go without them; then the elder; ids last, to be deterministic.
    holders.sort_by_key(|r| {
        (
            match r.state {
                State::Ready => 0,
                State::Pending => 1,
                State::Failed | State::Deleting | State::Gone => 2,
            },
            !inhabited.contains(r.id.as_str()) && !in_use(r),
            r.get("created").map(str::to_owned),
            r.id.clone(),
        )
    });
    holders
}

/// Whether a resource says of itself that something hangs on it.
fn in_use(resource: &Observed) -> bool {
    let says = |attribute| {
        resource
            .get(attribute)
            .is_some_and(|value| !value.is_empty())
    };
    match resource.kind {
        Kind::RouteTable => says("subnets"),
        Kind::ElasticAddress => says("used"),
        _ => says("vpc"),
    }
}

/// The VPC that something is in.
fn home(resource: &Observed) -> Option<&str> {
    match resource.kind {
        Kind::Subnet | Kind::InternetGateway => resource.get("vpc"),
        _ => None,
    }
}

fn departed(found: &[&Observed]) -> Vec<String> {
    let mut ids: Vec<String> = found
        .iter()
        .filter(|r| r.state.is_leaving())
        .map(|r| r.id.clone())
        .collect();
    ids.sort();
    ids
}

pub(super) fn compare(
    address: &Address,
    desired: &Desired,
    existing: &Observed,
    mut predecessors: Vec<String>,
) -> Change {
    let differences: Vec<Difference> = desired
        .attributes()
        .into_iter()
        .filter_map(|(attribute, new)| {
            let old = existing.get(&attribute)?;
            (old != new && !desired.accepts(&attribute, old)).then(|| Difference {
                attribute,
                old: old.to_owned(),
                new,
            })
        })
        .collect();
    let (action, reason) = if existing.state == State::Failed {
        match desired.kind() {
            // These can be made again without losing anything.
            Kind::Instance
            | Kind::Cache
            | Kind::NatGateway
            | Kind::LoadBalancer
            | Kind::Endpoint => (
                Action::Replace,
                format!("is in state `{}` and will not recover", existing.status),
            ),
            Kind::Database | Kind::DatabaseCluster | Kind::Search => (
                Action::Refuse,
                format!(
                    "is in state `{}`; repair or remove it by hand, its data may be wanted",
                    existing.status
                ),
            ),
            _ => (
                Action::Update,
                format!("is not complete: {}", existing.status),
            ),
        }
    } else if differences.is_empty() {
        (Action::Keep, "as planned".to_owned())
    } else {
        judge(desired, &differences)
    };
    if action == Action::Replace {
        predecessors.push(existing.id.clone());
    }
    Change {
        address: address.clone(),
        kind: desired.kind(),
        action,
        reason,
        differences,
        existing: Some(existing.clone()),
        predecessors,
    }
}

/// Whether differences can be mended in place.
fn judge(desired: &Desired, differences: &[Difference]) -> (Action, String) {
    let names: Vec<&str> = differences.iter().map(|d| d.attribute.as_str()).collect();
    let names = names.join(", ");
    let shrinks = |difference: &Difference| {
        difference.attribute == "storage_gib"
            && difference.new.parse::<u64>().unwrap_or(0)
                < difference.old.parse::<u64>().unwrap_or(0)
    };
    if let Some(storage) = differences.iter().find(|d| shrinks(d)) {
        let (old, new) = (&storage.old, &storage.new);
        return (
            Action::Refuse,
            format!("storage cannot shrink from {old} to {new} GiB"),
        );
    }
    match desired.kind() {
        Kind::Vpc | Kind::Subnet if differences.iter().any(|d| d.attribute == "cidr") => (
            Action::Refuse,
            "an address range cannot change while the environment lives; take it down first"
                .to_owned(),
        ),
        Kind::Database if differences.iter().any(|d| d.attribute == "engine") => (
            Action::Refuse,
            "another engine is another database: take the environment down, or make one beside it \
             from a snapshot"
                .to_owned(),
        ),
        Kind::Database | Kind::DatabaseCluster
            if differences.iter().any(|d| d.attribute == "version") => (
            Action::Refuse,
            "a change of the PostgreSQL version is an upgrade and not done by `up`".to_owned(),
        ),
        Kind::Adopted => {
            let reasons = differences.iter().map(misfit).collect::<Vec<_>>();
            (Action::Refuse, reasons.join("; "))
        }
        // Its addresses and its name are made with it.
        Kind::LoadBalancer if differences.iter().any(|d| d.attribute == "scheme") => {
            (Action::Replace, "scheme cannot change in place".to_owned())
        }
        Kind::Database | Kind::DatabaseCluster
            if differences.iter().any(|d| d.attribute == "encrypted") => (
            Action::Refuse,
            "storage is encrypted when it is made or never; restore an encrypted copy of its snapshot"
                .to_owned(),
        ),
        Kind::Database | Kind::DatabaseCluster
            if differences.iter().any(|d| d.attribute == "finished") =>
        (
            Action::Update,
            "was restored, but not given the environment's password and settings".to_owned(),
        ),
        Kind::Database if differences.iter().any(|d| d.old == RESTART) => (
            Action::Update,
            "restarts, to take over changed parameters".to_owned(),
        ),
        // These are a call of their own and change nothing that runs.
        Kind::Instance | Kind::Cache if differences.iter().all(is_a_setting) => {
            (Action::Update, format!("{names} differ"))
        }
        Kind::Instance | Kind::Cache => {
            (Action::Replace, format!("{names} cannot change in place"))
        }
        Kind::DatabaseParameters | Kind::DatabaseClusterParameters
            if differences.iter().any(|d| d.attribute == "family") => (
            Action::Refuse,
            "a parameter group cannot change its family".to_owned(),
        ),
        _ => (Action::Update, format!("{names} differ")),
    }
}

fn is_a_setting(difference: &Difference) -> bool {
    matches!(
        difference.attribute.as_str(),
        "deletion_protection" | "final_snapshot" | "groups" | "metadata_tokens"
    )
}
