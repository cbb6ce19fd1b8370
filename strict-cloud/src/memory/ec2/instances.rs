//! Instances that exist: their states, what changes in place, and their end.
//!
//! A protection that was lifted still stands for seconds: cdkd 8ee4235,
//! src/provisioning/ec2-termination-protection.ts. Seconds after a launch `TerminateInstances` may
//! not find the instance: kops 268927e, upup/pkg/fi/cloudup/awsup/aws.go.
//!
//! "Amazon EC2 instance state changes". A terminated instance is listed for about an hour, and
//! its client token is remembered for longer.

use crate::account_profile::DefaultKey;
use crate::clock::Delay;
use crate::errors::AwsError;

use super::super::account::{AwsAccount, CreationTime, NUMBER, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::rare::RareEvent;
use super::super::schedule::ScheduledEvent;
use super::super::writer::{XmlWriter, xml};
use super::interfaces::{InterfaceRecord, write_groups};
use super::listing::{Listed, select};
use super::{Ec2, done, not_found, write_tags};

/// An instance. Its addresses and groups are those of its interface.
#[derive(Debug, Clone, Hash)]
pub(super) struct InstanceRecord {
    pub(super) state: &'static str,
    pub(super) kind: String,
    pub(super) image: String,
    pub(super) key: String,
    pub(super) profile: String,
    pub(super) zone: String,
    pub(super) user_data: String,
    pub(super) protected: bool,
    pub(super) tokens_required: bool,
    pub(super) hop_limit: u32,
    /// Its network interface.
    pub(super) interface: String,
    pub(super) reason: Option<String>,
    /// When its status check began to fail.
    pub(super) impaired_since: Option<CreationTime>,
    pub(super) created: CreationTime,
    pub(super) listed: bool,
    pub(super) tags: TagMap,
}

impl Ec2 {
    fn instance_mut(&mut self, id: &str) -> Result<&mut InstanceRecord, AwsError> {
        let found = self.instances.get_mut(id).filter(|one| one.listed);
        found.ok_or_else(|| not_found("InvalidInstanceID.NotFound", "instance ID", id))
    }

    fn interface_of(&self, instance: &str) -> Option<(&String, &InterfaceRecord)> {
        let id = &self.instances.get(instance)?.interface;
        self.interfaces.get_key_value(id)
    }
}

impl AwsAccount {
    /// Whether what runs on an instance answers: it is `running`, and its status check passes.
    #[must_use]
    pub fn answers(&self, instance: &str) -> bool {
        let found = self.ec2.instances.get(instance);
        found.is_some_and(|one| one.state == "running" && one.impaired_since.is_none())
    }
}

pub(super) fn started(account: &mut AwsAccount, id: &str) {
    let starts = |one: &InstanceRecord| one.state == "pending";
    if !account.ec2.instances.get(id).is_some_and(starts) {
        return;
    }
    let ends = account.take_rare(|event| match event {
        RareEvent::LaunchEnds(reason) => Some(reason.clone()),
        _ => None,
    });
    match ends.or_else(|| without_key(account, id)) {
        None => {
            let fails = |event: &RareEvent| (*event == RareEvent::StatusCheckFails).then_some(());
            let impaired = account.take_rare(fails).map(|()| CreationTime(account.now));
            if let Some(instance) = account.ec2.instances.get_mut(id) {
                instance.state = "running";
                instance.impaired_since = impaired;
            }
            account.hide_from_services(id);
        }
        Some(reason) => {
            if let Some(instance) = account.ec2.instances.get_mut(id) {
                instance.reason = Some(reason);
            }
            ended(account, id);
        }
    }
}

/// Why an instance with an encrypted volume does not start where the key cannot be used ("Why does
/// my instance stop immediately with the error `Client.InternalError`", AWS Knowledge Center).
fn without_key(account: &AwsAccount, id: &str) -> Option<String> {
    let unusable = account.profile.traits().key == DefaultKey::Unusable;
    let mut volumes = account.ec2.volumes.values();
    let encrypted = volumes.any(|one| one.instance == id && one.encrypted);
    (unusable && encrypted).then(|| "Client.InternalError: Client error on launch".to_owned())
}

/// An instance is terminated: what belonged to it goes with it.
pub(super) fn ended(account: &mut AwsAccount, id: &str) {
    if let Some(instance) = account.ec2.instances.get_mut(id) {
        instance.state = "terminated";
    }
    let interfaces = account.ec2.interfaces.values();
    let public = interfaces.filter(|one| one.owner == id && one.public_ip.is_some());
    let vpcs: Vec<String> = public.map(|one| one.vpc.clone()).collect();
    for vpc in vpcs {
        account.lag(Delay::MappedAddress, format!("mapped/{vpc}"));
    }
    account.ec2.volumes.retain(|_, one| one.instance != id);
    account.ec2.interfaces.retain(|_, one| one.owner != id);
    account.elb.forget_target(id);
    account.after(
        Delay::Forgetting,
        ScheduledEvent::InstanceForgotten(id.to_owned()),
    );
}

pub(super) fn terminate(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let ids = form.list("InstanceId");
    for id in &ids {
        let young = account.ec2.unlisted.contains(*id);
        if young {
            let (code, noun) = InstanceRecord::MISSING;
            return Err(not_found(code, noun, id));
        }
        let lifted_lately = account.lags(&format!("protection/{id}"));
        if account.ec2.instance_mut(id)?.protected || lifted_lately {
            return Err(AwsError::new(
                "OperationNotPermitted",
                format!(
                    "The instance '{id}' may not be terminated. Modify its \
                     'disableApiTermination' instance attribute and try again."
                ),
            ));
        }
    }
    let mut changes = Vec::new();
    for id in ids {
        let instance = account.ec2.instance_mut(id)?;
        let before = instance.state;
        if !matches!(before, "shutting-down" | "terminated") {
            instance.state = "shutting-down";
            let reason = "Client.UserInitiatedShutdown: User initiated shutdown";
            instance.reason = Some(reason.to_owned());
            account.after(
                Delay::InstanceEnd,
                ScheduledEvent::InstanceEnded(id.to_owned()),
            );
        }
        changes.push((id, before));
    }
    let ec2 = &account.ec2;
    Ok(xml(|xml| {
        xml.list("instancesSet", "item", changes, |xml, (id, before)| {
            xml.text("instanceId", id);
            let now = ec2.instances.get(id).map_or("terminated", |one| one.state);
            write_state("currentState", now, xml);
            write_state("previousState", before, xml);
        });
    }))
}

/// Stopped at once. Nothing here starts an instance again.
pub(super) fn stop(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let ids = form.list("InstanceId");
    for id in &ids {
        let state = account.ec2.instance_mut(id)?.state;
        if !matches!(state, "running" | "stopped") {
            return Err(AwsError::new(
                "IncorrectInstanceState",
                format!("The instance '{id}' is not in a state from which it can be stopped."),
            ));
        }
    }
    for id in &ids {
        let instance = account.ec2.instance_mut(id)?;
        instance.state = "stopped";
        instance.reason = Some("Client.UserInitiatedShutdown: User initiated shutdown".to_owned());
    }
    Ok(xml(|xml| {
        xml.list("instancesSet", "item", ids, |xml, id| {
            xml.text("instanceId", id);
            write_state("currentState", "stopped", xml);
        });
    }))
}

pub(super) fn modify(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("InstanceId")?;
    let groups: Vec<String> = form
        .list("GroupId")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let protect = form.flag("DisableApiTermination.Value");
    let instance = account.ec2.instance_mut(id)?;
    if matches!(instance.state, "shutting-down" | "terminated") {
        return Err(AwsError::new(
            "IncorrectInstanceState",
            format!("The instance '{id}' is not in a valid state for this operation."),
        ));
    }
    for group in &groups {
        account.ec2.group(group)?;
    }
    let instance = account.ec2.instance_mut(id)?;
    if instance.protected && protect == Some(false) {
        account.lag(Delay::ProtectionLag, format!("protection/{id}"));
    }
    let instance = account.ec2.instance_mut(id)?;
    instance.protected = protect.unwrap_or(instance.protected);
    if !groups.is_empty() {
        account.ec2.regroup(id, &groups);
    }
    done()
}

/// ModifyInstanceMetadataOptions: "Modify the instance metadata parameters on a running or stopped
/// instance."
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html>).
pub(super) fn modify_metadata(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("InstanceId")?;
    let tokens = form.get("HttpTokens");
    let limit = form.number("HttpPutResponseHopLimit");
    let instance = account.ec2.instance_mut(id)?;
    instance.tokens_required = tokens.map_or(instance.tokens_required, |text| text == "required");
    instance.hop_limit = limit.unwrap_or(instance.hop_limit);
    let instance = &*instance;
    Ok(xml(|xml| {
        xml.text("instanceId", id);
        write_metadata("instanceMetadataOptions", instance, xml);
    }))
}

pub(super) fn describe_attribute(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let (id, attribute) = (form.required("InstanceId")?, form.required("Attribute")?);
    let instance = account.ec2.instance_mut(id)?;
    let value = match attribute {
        "userData" => instance.user_data.clone(),
        "disableApiTermination" => instance.protected.to_string(),
        _ => {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("Value ({attribute}) for parameter attribute is invalid."),
            ));
        }
    };
    Ok(xml(|xml| {
        xml.text("instanceId", id);
        xml.node(attribute, |xml| xml.text("value", value));
    }))
}

/// Instances stand in reservations, one for each launch.
pub(super) fn describe(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let ec2 = &account.ec2;
    let found = select(ec2, form, &ec2.instances)?;
    Ok(xml(|xml| {
        xml.list("reservationSet", "item", found, |xml, (id, one)| {
            xml.text("reservationId", id.replace("i-", "r-"));
            xml.text("ownerId", NUMBER);
            xml.node("groupSet", |_| {});
            xml.node("instancesSet", |xml| {
                xml.node("item", |xml| one.write(id, ec2, xml));
            });
        });
    }))
}

pub(super) fn write_state(name: &str, state: &str, xml: &mut XmlWriter) {
    let code = match state {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    };
    xml.node(name, |xml| {
        xml.value("code", code);
        xml.text("name", state);
    });
}

fn write_metadata(name: &str, instance: &InstanceRecord, xml: &mut XmlWriter) {
    xml.node(name, |xml| {
        xml.text("state", "applied");
        let tokens = if instance.tokens_required {
            "required"
        } else {
            "optional"
        };
        xml.text("httpTokens", tokens);
        xml.value("httpPutResponseHopLimit", instance.hop_limit);
        xml.text("httpEndpoint", "enabled");
    });
}

/// How many vCPUs a size has: two for `large` and what is smaller, four for `xlarge`, and so on.
fn vcpus(kind: &str) -> u32 {
    let size = kind.rsplit('.').next().unwrap_or_default();
    match size.strip_suffix("xlarge") {
        Some("") => 4,
        Some(times) => 4 * times.parse::<u32>().unwrap_or(1),
        None => 2,
    }
}

impl Listed for InstanceRecord {
    const ID_FIELD: &'static str = "InstanceId";
    const MISSING: (&'static str, &'static str) = ("InvalidInstanceID.NotFound", "instance ID");
    const TYPE: &'static str = "instance";
    const FILTERS: &'static [&'static str] = &[
        "instance-id",
        "instance-state-name",
        "instance-type",
        "vpc-id",
        "subnet-id",
        "availability-zone",
        "private-ip-address",
    ];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn is_listed(&self) -> bool {
        self.listed
    }

    fn values(&self, filter: &str, id: &str, ec2: &Ec2) -> Vec<String> {
        let interface = ec2.interface_of(id).map(|(_, one)| one);
        let of_interface =
            |part: fn(&InterfaceRecord) -> String| interface.map(part).into_iter().collect();
        match filter {
            "instance-id" => vec![id.to_owned()],
            "instance-state-name" => vec![self.state.to_owned()],
            "instance-type" => vec![self.kind.clone()],
            "availability-zone" => vec![self.zone.clone()],
            "vpc-id" => of_interface(|one| one.vpc.clone()),
            "subnet-id" => of_interface(|one| one.subnet.clone()),
            _ => of_interface(|one| one.private_ip.to_string()),
        }
    }

    fn write(&self, id: &str, ec2: &Ec2, xml: &mut XmlWriter) {
        let interface = ec2.interface_of(id);
        xml.text("instanceId", id);
        xml.text("imageId", &self.image);
        write_state("instanceState", self.state, xml);
        xml.text("instanceType", &self.kind);
        xml.text("keyName", &self.key);
        xml.value("launchTime", self.created);
        xml.node("placement", |xml| {
            xml.text("availabilityZone", &self.zone);
            xml.text("tenancy", "default");
        });
        xml.text("rootDeviceName", "/dev/xvda");
        xml.text("rootDeviceType", "ebs");
        xml.node("cpuOptions", |xml| {
            xml.value("coreCount", vcpus(&self.kind) / 2);
            xml.text("threadsPerCore", "2");
        });
        if !self.profile.is_empty() {
            xml.node("iamInstanceProfile", |xml| {
                xml.text(
                    "arn",
                    format!("arn:aws:iam::{NUMBER}:instance-profile/{}", self.profile),
                );
            });
        }
        if let Some(reason) = &self.reason {
            xml.node("stateReason", |xml| {
                xml.text("code", reason.split(':').next().unwrap_or_default());
                xml.text("message", reason);
            });
        }
        write_metadata("metadataOptions", self, xml);
        if let Some((interface_id, interface)) = interface {
            write_network(interface_id, interface, ec2, self.state != "pending", xml);
        }
        write_tags(xml, &self.tags);
    }
}

/// Addresses and groups. The public address comes a moment after the instance.
fn write_network(
    id: &str,
    interface: &InterfaceRecord,
    ec2: &Ec2,
    started: bool,
    xml: &mut XmlWriter,
) {
    let public_ip = interface.public_ip.as_ref().filter(|_| started);
    let host = interface.private_ip.to_string().replace('.', "-");
    xml.text("vpcId", &interface.vpc);
    xml.text("subnetId", &interface.subnet);
    xml.value("privateIpAddress", interface.private_ip);
    xml.text("privateDnsName", format!("ip-{host}.ec2.internal"));
    xml.maybe("ipAddress", public_ip);
    write_groups(ec2, &interface.groups, xml);
    xml.node("networkInterfaceSet", |xml| {
        xml.node("item", |xml| {
            xml.text("networkInterfaceId", id);
            xml.text("subnetId", &interface.subnet);
            xml.text("vpcId", &interface.vpc);
            xml.value("privateIpAddress", interface.private_ip);
            write_groups(ec2, &interface.groups, xml);
        });
    });
}
