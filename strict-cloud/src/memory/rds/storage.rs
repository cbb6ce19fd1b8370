//! What a database's storage may become.
//!
//! Amazon RDS API Reference, `ModifyDBInstance`, `AllocatedStorage` and `Iops`; Amazon RDS User
//! Guide, "Amazon RDS DB instance storage"; the texts as hashicorp/terraform-provider-aws issues
//! 28160 and 28589 and its `internal/service/rds/instance.go` have them.

use crate::errors::AwsError;
use crate::refusals::rds::{STORAGE_BUSY, STORAGE_WITHOUT_IOPS};

use super::instances::{DatabaseRecord, PendingChange};

/// gp3 storage of PostgreSQL is striped from this size on.
const STRIPED_GIB: u32 = 400;

fn refused(message: String) -> AwsError {
    AwsError::new("InvalidParameterCombination", message)
}

/// Refuses a performance that a size does not admit.
pub(super) fn check_performance(
    database: &DatabaseRecord,
    gib: u32,
    (iops, throughput): (Option<u32>, Option<u32>),
) -> Result<(), AwsError> {
    let asked = iops.is_some() || throughput.is_some();
    if database.storage_type == "gp3" && gib < STRIPED_GIB && asked {
        return Err(refused(format!(
            "You can't specify IOPS or storage throughput for engine {} and a storage size less \
             than {STRIPED_GIB}.",
            database.engine
        )));
    }
    Ok(())
}

/// What gp3 storage of a size has by itself: IOPS and MiB/s.
pub(super) fn included(gib: u32) -> (u32, u32) {
    if gib >= STRIPED_GIB {
        (12_000, 500)
    } else {
        (3_000, 125)
    }
}

/// Refuses a change of storage, or rounds it to what RDS makes of it.
pub(super) fn check_change(
    database: &DatabaseRecord,
    young: bool,
    pending: &mut PendingChange,
) -> Result<(), AwsError> {
    let performance = (pending.iops, pending.throughput);
    if pending.gib.is_none() && performance == (None, None) {
        return Ok(());
    }
    let gib = pending.gib.unwrap_or(database.gib);
    if gib < database.gib {
        return Err(refused(
            "Requested storage is smaller than the current storage.".to_owned(),
        ));
    }
    check_performance(database, gib, performance)?;
    let striped = database.storage_type == "gp3" && database.gib >= STRIPED_GIB;
    if striped && (pending.gib.is_none() || pending.iops.is_none()) {
        return Err(AwsError::known(&STORAGE_WITHOUT_IOPS));
    }
    let changes = gib > database.gib
        || pending.iops.is_some_and(|iops| Some(iops) != database.iops)
        || (pending.throughput).is_some_and(|rate| Some(rate) != database.throughput);
    if !changes {
        return Ok(());
    }
    if database.optimizing {
        return Err(AwsError::known(&STORAGE_BUSY));
    }
    if young && database.source.is_some() {
        return Err(refused(
            "You can't modify the storage of a read replica within six hours of its creation."
                .to_owned(),
        ));
    }
    if gib > database.gib {
        pending.gib = Some(gib.max(a_tenth_more(database.gib)));
    }
    // Values from before the line are of no account beyond it.
    if let (true, Some(held), Some(iops)) = (striped, database.iops, pending.iops)
        && iops > held
    {
        pending.iops = Some(iops.max(a_tenth_more(held)));
    }
    Ok(())
}

/// "Values that are not at least 10% greater than the existing value are rounded up so that they
/// are 10% greater than the current value."
fn a_tenth_more(held: u32) -> u32 {
    (held * 11).div_ceil(10)
}
