//! `RunInstances`: what a launch is refused for, and what it creates.
//!
//! `InvalidParameterValue` for profiles that EC2 does not know yet: "Troubleshoot IAM roles at
//! Amazon EC2".

use crate::account_profile::DefaultKey;
use crate::clock::Delay;
use crate::errors::AwsError;
use crate::faults::no_capacity;

use super::super::account::{AwsAccount, CreationTime, NUMBER, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::iam::role_lag;
use super::super::schedule::ScheduledEvent;
use super::super::writer::xml;
use super::instances::InstanceRecord;
use super::interfaces::InterfaceRecord;
use super::listing::Listed;
use super::nat::public_address;
use super::network::SubnetRecord;
use super::volumes::VolumeRecord;
use super::{catalog, not_found};

const ACTION: &str = "RunInstances";

/// A launch that was asked for.
struct LaunchRequest<'a> {
    image: &'a str,
    kind: &'a str,
    key: &'a str,
    profile: &'a str,
    subnet: (&'a str, SubnetRecord),
    groups: Vec<String>,
    public: bool,
    device: &'a str,
    disk: RootDisk<'a>,
    tokens_required: bool,
    hop_limit: u32,
    user_data: &'a str,
    protected: bool,
    tags: [TagMap; 3],
}

struct RootDisk<'a> {
    kind: &'a str,
    gib: u32,
    encrypted: bool,
}

pub(super) fn run(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let before = account.ec2.tokens.created_before(ACTION, form)?;
    let launch = read(account, form, before.is_some())?;
    let id = match before {
        None => {
            may_launch(account, &launch)?;
            let id = start(account, &launch);
            account.ec2.tokens.remember(ACTION, form, &id);
            id
        }
        Some(id) => {
            let state = account
                .ec2
                .instances
                .get(&id)
                .map_or("terminated", |one| one.state);
            if matches!(state, "shutting-down" | "terminated") {
                return Err(AwsError::new(
                    "IdempotentInstanceTerminated",
                    format!(
                        "The request was not processed because the instance {id} that was \
                         launched with this client token is {state}."
                    ),
                ));
            }
            id
        }
    };
    let ec2 = &account.ec2;
    Ok(xml(|xml| {
        xml.text("reservationId", id.replace("i-", "r-"));
        xml.text("ownerId", NUMBER);
        xml.node("groupSet", |_| {});
        xml.list(
            "instancesSet",
            "item",
            ec2.instances.get(&id),
            |xml, one| {
                one.write(&id, ec2, xml);
            },
        );
    }))
}

/// Reads a launch. One that is repeated is not refused for what is gone by now.
fn read<'a>(
    account: &AwsAccount,
    form: &QueryForm<'a>,
    repeated: bool,
) -> Result<LaunchRequest<'a>, AwsError> {
    if form.get("MinCount") != Some("1") || form.get("MaxCount") != Some("1") {
        return Err(AwsError::new(
            "UnsupportedOperation",
            "Only one instance is launched in a call here.",
        ));
    }
    if let Some(other) = form.get("InstanceInitiatedShutdownBehavior")
        && !["stop", "terminate"].contains(&other)
    {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Value ({other}) for parameter instanceInitiatedShutdownBehavior is invalid."),
        ));
    }
    let interface = form.part("NetworkInterface.1");
    interface.accept(&["DeviceIndex", "DeleteOnTermination"]);
    let subnet_id = interface.required("SubnetId")?;
    let subnet = match account.ec2.subnets.get(subnet_id) {
        Some(subnet) => subnet.clone(),
        None if repeated => SubnetRecord::default(),
        None => {
            return Err(not_found(
                "InvalidSubnetID.NotFound",
                "subnet ID",
                subnet_id,
            ));
        }
    };
    let disk = form.part("BlockDeviceMapping.1");
    disk.accept(&["Ebs.DeleteOnTermination"]);
    let metadata = form.part("MetadataOptions");
    Ok(LaunchRequest {
        image: form.required("ImageId")?,
        kind: form.required("InstanceType")?,
        key: form.get("KeyName").unwrap_or_default(),
        profile: form.get("IamInstanceProfile.Name").unwrap_or_default(),
        subnet: (subnet_id, subnet),
        groups: interface
            .list("SecurityGroupId")
            .into_iter()
            .map(str::to_owned)
            .collect(),
        public: interface.flag("AssociatePublicIpAddress") == Some(true),
        device: disk.get("DeviceName").unwrap_or("/dev/xvda"),
        disk: RootDisk {
            kind: disk.get("Ebs.VolumeType").unwrap_or("gp2"),
            gib: disk.number("Ebs.VolumeSize").unwrap_or(8),
            encrypted: disk.flag("Ebs.Encrypted") == Some(true)
                || account.profile.traits().key != DefaultKey::Aws,
        },
        tokens_required: metadata.get("HttpTokens") == Some("required"),
        hop_limit: metadata.number("HttpPutResponseHopLimit").unwrap_or(1),
        user_data: form.get("UserData").unwrap_or_default(),
        protected: form.flag("DisableApiTermination") == Some(true),
        tags: tags(form)?,
    })
}

/// Tags of the instance, its volume and its interface.
fn tags(form: &QueryForm<'_>) -> Result<[TagMap; 3], AwsError> {
    let mut tags = [TagMap::new(), TagMap::new(), TagMap::new()];
    for specification in form.items("TagSpecification") {
        let kind = specification.required("ResourceType")?;
        let kinds = ["instance", "volume", "network-interface"];
        let Some(at) = kinds.iter().position(|one| *one == kind) else {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("'{kind}' is not a valid taggable resource type for this operation."),
            ));
        };
        tags[at].extend(specification.tags("Tag"));
    }
    Ok(tags)
}

fn may_launch(account: &AwsAccount, launch: &LaunchRequest<'_>) -> Result<(), AwsError> {
    if launch.image != catalog::IMAGE {
        return Err(AwsError::new(
            "InvalidAMIID.NotFound",
            format!("The image id '[{}]' does not exist", launch.image),
        ));
    }
    if !launch.key.is_empty() && !account.ec2.keys.contains_key(launch.key) {
        let key = launch.key;
        return Err(AwsError::new(
            "InvalidKeyPair.NotFound",
            format!("The key pair '{key}' does not exist"),
        ));
    }
    if !launch.profile.is_empty() {
        knows_profile(account, launch.profile)?;
    }
    let (id, subnet) = &launch.subnet;
    // Calls have no numbers here.
    if let Some(refusal) = no_capacity(&account.shortages, 0, launch.kind, &subnet.zone) {
        return Err(refusal);
    }
    for group in &launch.groups {
        if account.ec2.group(group)?.vpc != subnet.vpc {
            return Err(AwsError::new(
                "InvalidParameter",
                format!("Security group {group} and subnet {id} belong to different networks."),
            ));
        }
    }
    Ok(())
}

/// Refuses a profile that EC2 does not know, or that has no role.
pub(super) fn knows_profile(account: &AwsAccount, name: &str) -> Result<(), AwsError> {
    match account.iam.role_as_known_to_ec2(name) {
        None => Err(AwsError::new(
            "InvalidParameterValue",
            format!(
                "Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM \
                 Instance Profile name"
            ),
        )),
        // The role is in the profile, says IAM (hashicorp/terraform#2660).
        Some(role) if role.is_none() || account.lags(&role_lag(name)) => Err(AwsError::new(
            "InvalidParameterValue",
            format!("IAM Instance Profile \"{name}\" has no associated IAM Roles"),
        )),
        Some(_) => Ok(()),
    }
}

fn start(account: &mut AwsAccount, launch: &LaunchRequest<'_>) -> String {
    let id = account.new_ec2_id("i");
    let [of_instance, of_volume, of_interface] = launch.tags.clone();
    let (subnet_id, subnet) = &launch.subnet;
    let private_ip = account.ec2.free_address(subnet.cidr, subnet_id);
    let public_ip = launch.public.then(|| public_address(account));
    let (interface_id, volume_id) = (account.new_ec2_id("eni"), account.new_ec2_id("vol"));
    let interface = InterfaceRecord {
        groups: launch.groups.clone(),
        public_ip,
        tags: of_interface,
        ..InterfaceRecord::of_instance((subnet_id, subnet), private_ip, &id)
    };
    let volume = VolumeRecord {
        instance: id.clone(),
        device: launch.device.to_owned(),
        zone: subnet.zone.clone(),
        kind: launch.disk.kind.to_owned(),
        gib: launch.disk.gib,
        encrypted: launch.disk.encrypted,
        created: CreationTime(account.now),
        tags: of_volume,
    };
    let instance = InstanceRecord {
        state: "pending",
        kind: launch.kind.to_owned(),
        image: launch.image.to_owned(),
        key: launch.key.to_owned(),
        // EC2 knows the profile and cannot hand it out yet: the instance starts without, and
        // nothing is said (cdkd 8ee4235, its test of propagation races).
        profile: match account.lags(&format!("profile/{}", launch.profile)) {
            true => String::new(),
            false => launch.profile.to_owned(),
        },
        zone: subnet.zone.clone(),
        user_data: launch.user_data.to_owned(),
        protected: launch.protected,
        tokens_required: launch.tokens_required,
        hop_limit: launch.hop_limit,
        interface: interface_id.clone(),
        reason: None,
        impaired_since: None,
        created: CreationTime(account.now),
        listed: true,
        tags: of_instance,
    };
    account.ec2.interfaces.insert(interface_id, interface);
    account.ec2.volumes.insert(volume_id, volume);
    account.ec2.instances.insert(id.clone(), instance);
    account.after(
        Delay::InstanceStart,
        ScheduledEvent::InstanceStarted(id.clone()),
    );
    id
}
