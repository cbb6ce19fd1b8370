//! `DescribeInstanceStatus`: the checks that EC2 makes of instances.
//!
//! "By default, only running instances are described, unless you specifically indicate to return the
//! status of all instances."
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html>).
//! A check is `ok`, `impaired`, `insufficient-data`, `not-applicable` or `initializing`; here it is the first
//! two alone.

use super::super::account::{AwsAccount, CreationTime, QueryResult};
use super::super::form::QueryForm;
use super::super::writer::{XmlWriter, xml};
use super::instances::{InstanceRecord, write_state};
use super::listing::select;

pub(super) fn describe(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let ec2 = &account.ec2;
    let all = form.flag("IncludeAllInstances") == Some(true);
    let mut found = select(ec2, form, &ec2.instances)?;
    found.retain(|(_, one)| all || one.state == "running");
    Ok(xml(|xml| {
        xml.list("instanceStatusSet", "item", found, |xml, (id, one)| {
            write(id, &one, xml);
        });
    }))
}

fn write(id: &str, instance: &InstanceRecord, xml: &mut XmlWriter) {
    xml.text("instanceId", id);
    xml.text("availabilityZone", &instance.zone);
    write_state("instanceState", instance.state, xml);
    write_check("systemStatus", None, xml);
    write_check("instanceStatus", instance.impaired_since, xml);
}

fn write_check(name: &str, impaired_since: Option<CreationTime>, xml: &mut XmlWriter) {
    let (status, reachable) = match impaired_since {
        Some(_) => ("impaired", "failed"),
        None => ("ok", "passed"),
    };
    xml.node(name, |xml| {
        xml.text("status", status);
        xml.node("details", |xml| {
            xml.node("item", |xml| {
                xml.text("name", "reachability");
                xml.text("status", reachable);
                if let Some(since) = impaired_since {
                    xml.value("impairedSince", since);
                }
            });
        });
    });
}
