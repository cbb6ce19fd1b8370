//! What the database costs: RDS instances, or an Aurora cluster.

use crate::spec::{Catalog, STRIPED_IOPS, Spec};

use super::bill::{Bill, Billing};

/// Instances of a cluster whose input and output is not billed cost so much more (Amazon
/// Aurora pricing, I/O-Optimized).
const IO_OPTIMIZED: f64 = 1.3;

pub(super) fn database(spec: &Spec, catalog: &Catalog, bill: &mut Bill) {
    let database = &spec.database;
    let class = catalog.rds.get(&database.instance_type);
    let unit = class.map_or(0.0, |class| class.per_hour);
    let name = &database.instance_type;
    let service = &spec.services.database;
    // A standby costs what the writer costs, storage and IOPS included.
    let copies = if service.multi_az { 2 } else { 1 };
    let standby = if service.multi_az {
        " with a standby"
    } else {
        ""
    };
    bill.add(
        format!("database writer {name}{standby}"),
        1,
        unit * f64::from(copies),
        Billing::TenMinutes,
    );
    bill.add(
        format!("database reader {name}"),
        database.readers,
        unit,
        Billing::TenMinutes,
    );
    let volumes = copies + database.readers;
    let gib = database.storage_gib.saturating_mul(volumes);
    let gib_hour = catalog.storage.rds_gp3_gib_month / catalog.hours_per_month;
    bill.add(
        "GiB of database storage (gp3)".to_owned(),
        gib,
        gib_hour,
        Billing::Second,
    );
    let extra = service
        .iops
        .map_or(0, |iops| iops.saturating_sub(STRIPED_IOPS));
    bill.add(
        "IOPS of database storage".to_owned(),
        extra.saturating_mul(volumes),
        catalog.storage.rds_iops_month / catalog.hours_per_month,
        Billing::Second,
    );
}

pub(super) fn aurora(spec: &Spec, catalog: &Catalog, bill: &mut Bill) {
    let database = &spec.database;
    let optimized = spec.services.database.io_optimized;
    let name = &database.instance_type;
    let class = catalog.aurora.get(name);
    let unit = class.map_or(0.0, |class| class.per_hour);
    let unit = if optimized { unit * IO_OPTIMIZED } else { unit };
    for (role, count) in [("writer", 1), ("reader", database.readers)] {
        bill.add(
            format!("Aurora {role} {name}"),
            count,
            unit,
            Billing::TenMinutes,
        );
    }
    let gib_month = if optimized {
        catalog.storage.aurora_io_optimized_gib_month
    } else {
        catalog.storage.aurora_gib_month
    };
    // One storage for all instances.
    bill.add(
        "GiB of Aurora storage".to_owned(),
        database.storage_gib,
        gib_month / catalog.hours_per_month,
        Billing::Second,
    );
}
