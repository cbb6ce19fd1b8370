//! Changes of an instance's storage.
//!
//! Striped gp3 storage takes size, IOPS and throughput in one call: RDS refuses one of size and
//! IOPS without the other (hashicorp/terraform-provider-aws issues 28589 and 33512). Below the size
//! from which it is striped neither IOPS nor throughput may be told, not even as they are
//! (issue 28160), nor are the values from below taken along when it grows beyond (issue 28243).

use std::time::Duration;

use jiff::Timestamp;

use crate::aws::error::refused;
use crate::aws::rds::settings::MODIFY;
use crate::aws::request::differs;
use crate::blueprint::DatabaseRole;
use crate::blueprint::kinds::{DatabaseInstance, Storage};
use crate::engine::{CloudError, Observed, Request};
use crate::spec::STRIPED_GIB;

/// The storage of a read replica does not change for so long after its creation
/// (terraform-provider-aws 1a5174b, internal/service/rds/instance.go).
const YOUNG: Duration = Duration::from_hours(6);

/// What a modification says of storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::aws) struct StorageChange {
    pub(in crate::aws) gib: u32,
    /// IOPS and MiB/s.
    pub(in crate::aws) performance: Option<(u32, u32)>,
}

impl StorageChange {
    /// What has to change of an instance's storage.
    pub(in crate::aws) fn of(
        request: &Request<'_>,
        existing: &Observed,
        wanted: &DatabaseInstance,
    ) -> Result<Option<Self>, CloudError> {
        let number = |name: &str| -> Result<Option<u32>, CloudError> {
            let number = existing.number(name)?;
            Ok(number.map(|number| u32::try_from(number).unwrap_or(u32::MAX)))
        };
        let held = number("storage_gib")?.unwrap_or_default();
        let grows = differs(request, existing, "storage_gib") && held < wanted.storage.gib;
        let iops = differs(request, existing, "iops");
        let throughput = differs(request, existing, "throughput_mibps");
        let gib = held.max(wanted.storage.gib);
        let change = if held < STRIPED_GIB {
            grows.then(|| Self {
                gib,
                performance: wanted.storage.provisioned(),
            })
        } else if grows || iops || throughput {
            let storage = Storage {
                gib,
                ..wanted.storage
            };
            // What is not to change stays as it is told; what is not told, as the size has it.
            let kept_iops = number("iops")?.filter(|_| !iops);
            let kept_throughput = number("throughput_mibps")?.filter(|_| !throughput);
            let performance = storage.performance().map(|(iops, throughput)| {
                let throughput = kept_throughput.unwrap_or(throughput);
                (kept_iops.unwrap_or(iops), throughput)
            });
            Some(Self { gib, performance })
        } else {
            None
        };
        if change.is_some() && matches!(wanted.role, DatabaseRole::Reader(_)) {
            require_age(existing)?;
        }
        Ok(change)
    }
}

fn require_age(existing: &Observed) -> Result<(), CloudError> {
    let created = existing.text("created").map(str::parse::<Timestamp>);
    let Some(Ok(created)) = created else {
        return Ok(());
    };
    let then = created.checked_add(YOUNG).unwrap_or(created);
    if then <= Timestamp::now() {
        return Ok(());
    }
    Err(refused(
        MODIFY,
        &existing.id,
        "YoungReplica",
        format!(
            "the storage of a read replica cannot change in its first 6 h: run the same command \
             again after {then:.0}"
        ),
    ))
}

/// Adds what to do about storage that cannot change yet.
pub(in crate::aws) fn advise(mut error: CloudError) -> CloudError {
    if error
        .message
        .contains("previous storage change is being optimized")
    {
        error.message.push_str(
            "; that takes up to 6 h and more for large storage, during which the database works: \
             run the same command again when it is over (its status then is `available`, not \
             `storage-optimization`)",
        );
    }
    error
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::blueprint::{Address, Attributes, Desired, Group, Kind};
    use crate::engine::{Inventory, SecretInputs, State};
    use crate::spec::Protection;

    fn wanted(gib: u32, iops: Option<u32>, role: DatabaseRole) -> DatabaseInstance {
        DatabaseInstance {
            zone: None,
            role,
            version: "15".to_owned(),
            class: "db.r7g.large".to_owned(),
            storage: Storage {
                gib,
                iops,
                throughput_mibps: None,
            },
            multi_az: false,
            backup_days: 1,
            snapshot: None,
            protection: Protection::default(),
            subnets: Address::database_subnets(),
            parameters: Address::database_parameters(false),
            group: Address::security_group(Group::Database),
        }
    }

    fn change(
        held: (u32, Option<(u32, u32)>),
        wanted: DatabaseInstance,
        created: Timestamp,
    ) -> Result<Option<StorageChange>, CloudError> {
        let mut attributes = Attributes::default();
        attributes.insert("storage_gib", held.0);
        attributes.insert("created", created.to_string());
        if let Some((iops, throughput)) = held.1 {
            attributes.insert("iops", iops);
            attributes.insert("throughput_mibps", throughput);
        }
        let address = Address::database(wanted.role);
        let existing = Observed {
            address: address.clone(),
            kind: Kind::Database,
            id: "lr-demo-db".to_owned(),
            state: State::Ready,
            status: "available".to_owned(),
            attributes,
        };
        let desired = Desired::Database(wanted.clone());
        let request = Request {
            environment: "demo",
            address: &address,
            desired: &desired,
            inventory: &Inventory::new(),
            tags: &BTreeMap::new(),
            predecessors: &[],
            secrets: SecretInputs::default(),
        };
        StorageChange::of(&request, &existing, &wanted)
    }

    #[test]
    fn size_and_performance_go_together_where_storage_is_striped() {
        let small = (100, Some((3_000, 125)));
        let large = (500, Some((12_000, 500)));
        let provisioned = (500, Some((16_000, 500)));
        for (held, gib, iops, expected) in [
            (small, 100, None, None),
            // Size alone below the line, and over it where nothing more is asked for.
            (small, 150, None, Some((150, None))),
            (small, 400, None, Some((400, None))),
            (small, 400, Some(16_000), Some((400, Some((16_000, 500))))),
            (large, 500, None, None),
            (large, 600, None, Some((600, Some((12_000, 500))))),
            ((500, None), 600, None, Some((600, Some((12_000, 500))))),
            (large, 500, Some(16_000), Some((500, Some((16_000, 500))))),
            (provisioned, 500, None, Some((500, Some((12_000, 500))))),
            // What RDS rounded up stays.
            (provisioned, 480, Some(15_000), None),
            (
                provisioned,
                600,
                Some(15_000),
                Some((600, Some((16_000, 500)))),
            ),
        ] {
            let wanted = wanted(gib, iops, DatabaseRole::Writer);
            let found = change(held, wanted, Timestamp::UNIX_EPOCH).unwrap();
            let found = found.map(|change| (change.gib, change.performance));
            assert_eq!(found, expected, "{held:?} to {gib} GiB, {iops:?}");
        }
    }

    #[test]
    fn a_young_replica_is_not_grown() {
        let reader = DatabaseRole::Reader(1);
        let grow = |role, created| change((100, None), wanted(150, None, role), created);
        let now = Timestamp::now();
        assert!(grow(DatabaseRole::Writer, now).unwrap().is_some());
        assert!(grow(reader, Timestamp::UNIX_EPOCH).unwrap().is_some());
        let error = grow(reader, now).unwrap_err();
        assert!(error.message.contains("first 6 h"), "{error}");
        // One that is as it should be is no trouble.
        let same = change((150, None), wanted(150, None, reader), now);
        assert_eq!(same.unwrap(), None);
    }
}
