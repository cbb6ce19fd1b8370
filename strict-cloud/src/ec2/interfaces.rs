//! Network interfaces: those of services, which the emulator does not make, are listed
//! with all others, hold subnets and groups, and linger when their owner is gone. Those of
//! terminated instances, which the emulator keeps, are left out.
//!
//! "Requester-managed network interfaces" (EC2 User Guide): they cannot be detached or
//! deleted by others than the service.

use http::StatusCode;

use super::{instances, nat, subnet_location};
use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::errors::{AwsError, Reply, escaped};
use crate::ledger::NetworkInterface;
use crate::xml;

/// Interfaces that a service puts into subnets for a resource of its own.
pub(crate) struct ServiceInterfaces<'a> {
    /// Key of the resource.
    pub owner: &'a str,
    /// One for each of these.
    pub subnets: &'a [String],
    pub groups: &'a [String],
    /// As in `RDSNetworkInterface`.
    pub description: &'a str,
    /// As in `amazon-rds`.
    pub requester: &'a str,
    /// Whether they have public addresses.
    pub public: bool,
}

impl ServiceInterfaces<'_> {
    /// Puts them there, unless they are there already.
    pub(crate) async fn create(&self, core: &Core, call: &Call) {
        let known = core.ledger().has_interfaces(self.owner);
        if known {
            core.ledger().set_interface_groups(self.owner, self.groups);
            return;
        }
        let mut interfaces = Vec::new();
        for (number, subnet) in self.subnets.iter().enumerate() {
            // A subnet that cannot be read has been refused by the service itself.
            let Ok(place) = subnet_location(core, call, subnet).await else {
                continue;
            };
            interfaces.push(NetworkInterface {
                id: format!("eni-{:017x}", hash(self.owner, number)),
                subnet: subnet.clone(),
                address: address_in(&place.range, hash(self.owner, number)),
                vpc: place.vpc,
                zone: place.zone,
                groups: self.groups.to_vec(),
                description: self.description.to_owned(),
                requester: self.requester.to_owned(),
                public: self.public,
                leaves: None,
            });
        }
        core.ledger().set_interfaces(self.owner, interfaces);
    }
}

/// A number that follows from the owner's key.
fn hash(owner: &str, number: usize) -> u64 {
    owner
        .bytes()
        .chain(number.to_string().bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// An address in the upper half of a range.
fn address_in(range: &str, number: u64) -> String {
    let Ok(range) = range.parse::<ipnet::Ipv4Net>() else {
        return String::new();
    };
    let half = 1_u64 << (31 - range.prefix_len().min(31));
    let offset = half + number % half.max(1);
    let address = u32::from(range.network()).wrapping_add(offset as u32);
    std::net::Ipv4Addr::from(address).to_string()
}

/// Nobody but the service touches its interfaces.
pub(crate) fn check_owner(core: &Core, call: &Call) -> Result<(), AwsError> {
    let id = call.get("NetworkInterfaceId").unwrap_or_default();
    let interfaces = core.ledger().interfaces(core.clock.now());
    if interfaces.iter().any(|interface| interface.id == id) {
        return Err(AwsError::with(
            StatusCode::BAD_REQUEST,
            "AuthFailure",
            "You do not have permission to access the specified resource.",
        ));
    }
    Ok(())
}

/// Answers for the proxy's own interfaces when they are asked for by id.
pub(crate) fn before(core: &Core, call: &mut Call) -> Ruling {
    let interfaces = core.ledger().interfaces(core.clock.now());
    let asked: Vec<String> = call
        .all("NetworkInterfaceId")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let own = |id: &str| interfaces.iter().any(|interface| interface.id == id);
    if asked.is_empty() || !asked.iter().all(|id| own(id)) {
        return Ruling::Forward;
    }
    let items: String = interfaces
        .iter()
        .filter(|interface| asked.contains(&interface.id))
        .map(item)
        .collect();
    Ruling::Answer(Reply::done(
        call,
        format!(
            "<DescribeNetworkInterfacesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15\"><networkInterfaceSet>{items}</networkInterfaceSet></DescribeNetworkInterfacesResponse>"
        ),
    ))
}

/// Adds the services' interfaces to a list and takes those of terminated instances out.
pub(crate) fn listed(core: &Core, call: &Call, reply: &mut Reply) {
    let interfaces = core.ledger().interfaces(core.clock.now());
    let last_page = !reply.text().contains("<nextToken>");
    let added: String = interfaces
        .iter()
        .filter(|interface| {
            last_page && call.all("NetworkInterfaceId").is_empty() && admits(call, interface)
        })
        .map(item)
        .collect();
    let corrected = xml::edit(reply.text(), |document, edits| {
        let Some(set) = xml::named(document, "networkInterfaceSet").next() else {
            return;
        };
        let mut kept = String::new();
        let mut changed = !added.is_empty();
        for found in set.children().filter(roxmltree::Node::is_element) {
            if is_over(core, call, found) {
                changed = true;
            } else {
                kept.push_str(reply.text().get(found.range()).unwrap_or_default());
            }
        }
        if changed {
            edits.replace(
                set,
                format!("<networkInterfaceSet>{kept}{added}</networkInterfaceSet>"),
            );
        }
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
}

/// Whether the owner of an interface of the emulator's is gone.
fn is_over(core: &Core, call: &Call, interface: roxmltree::Node<'_, '_>) -> bool {
    let instance = xml::child_of(interface, "attachment")
        .and_then(|attachment| xml::text_of(attachment, "instanceId"));
    let id = xml::text_of(interface, "networkInterfaceId").unwrap_or_default();
    instance.is_some_and(|instance| instances::is_terminated(core, call, instance))
        || nat::belonged_to_deleted(core, call, id)
}

/// Interfaces that are in use and that a filter finds, as ids: of instances, of services
/// and of nobody.
pub(crate) async fn using(
    core: &Core,
    call: &Call,
    filter: &str,
    value: &str,
) -> Result<Vec<String>, AwsError> {
    let of_services = core
        .ledger()
        .interfaces(core.clock.now())
        .into_iter()
        .filter(|interface| matches(interface, filter, &[value]))
        .map(|interface| interface.id);
    let mut found: Vec<String> = of_services.collect();
    let fields = [("Filter.1.Name", filter), ("Filter.1.Value.1", value)];
    let answer = core
        .upstream
        .text(call, "ec2", "DescribeNetworkInterfaces", &fields)
        .await?;
    // Interfaces with the instance that each belongs to, if any.
    let others: Vec<(String, Option<String>)> = xml::read(&answer, |document| {
        xml::items(document, "networkInterfaceSet")
            .filter(|item| !is_over(core, call, *item))
            .filter_map(|item| {
                let id = xml::text_of(item, "networkInterfaceId")?.to_owned();
                let instance = xml::child_of(item, "attachment")
                    .and_then(|attachment| xml::text_of(attachment, "instanceId"))
                    .map(str::to_owned);
                Some((id, instance))
            })
            .collect()
    });
    let owners: Vec<String> = others
        .iter()
        .filter_map(|(_, owner)| owner.clone())
        .collect();
    let terminated = instances::find_terminated(core, call, &owners).await?;
    found.extend(
        others
            .into_iter()
            .filter(|(_, owner)| owner.as_ref().is_none_or(|id| !terminated.contains(id)))
            .map(|(id, _)| id),
    );
    Ok(found)
}

/// Whether the filters of a call admit an interface.
fn admits(call: &Call, interface: &NetworkInterface) -> bool {
    call.fields()
        .filter_map(|(field, name)| {
            let number = field.strip_prefix("Filter.")?.strip_suffix(".Name")?;
            Some((name, call.all(&format!("Filter.{number}.Value"))))
        })
        .all(|(name, values)| matches(interface, name, &values))
}

fn matches(interface: &NetworkInterface, filter: &str, values: &[&str]) -> bool {
    let is = |value: &str| values.contains(&value);
    match filter {
        "subnet-id" => is(&interface.subnet),
        "vpc-id" => is(&interface.vpc),
        "group-id" => interface.groups.iter().any(|group| is(group)),
        "network-interface-id" => is(&interface.id),
        "availability-zone" => is(&interface.zone),
        "requester-id" => is(&interface.requester),
        "requester-managed" => is("true"),
        "status" => is("in-use"),
        "private-ip-address" | "addresses.private-ip-address" => is(&interface.address),
        "description" => values.iter().any(|value| match value.strip_suffix('*') {
            Some(start) => interface.description.starts_with(start),
            None => *value == interface.description,
        }),
        // They bear no tags, and belong to no instance of the account.
        _ => false,
    }
}

fn item(interface: &NetworkInterface) -> String {
    let groups: String = interface
        .groups
        .iter()
        .map(|group| {
            format!("<item><groupId>{group}</groupId><groupName>{group}</groupName></item>")
        })
        .collect();
    let NetworkInterface {
        id,
        subnet,
        vpc,
        zone,
        description,
        requester,
        address,
        ..
    } = interface;
    format!(
        "<item><networkInterfaceId>{id}</networkInterfaceId><subnetId>{subnet}</subnetId><vpcId>{vpc}</vpcId><availabilityZone>{zone}</availabilityZone><description>{}</description><ownerId>000000000000</ownerId><requesterId>{requester}</requesterId><requesterManaged>true</requesterManaged><status>in-use</status><macAddress>02:00:00:00:00:01</macAddress><privateIpAddress>{address}</privateIpAddress><sourceDestCheck>true</sourceDestCheck><groupSet>{groups}</groupSet><attachment><attachmentId>ela-attach-{}</attachmentId><instanceOwnerId>{requester}</instanceOwnerId><deviceIndex>1</deviceIndex><status>attached</status><deleteOnTermination>false</deleteOnTermination></attachment><privateIpAddressesSet><item><privateIpAddress>{address}</privateIpAddress><primary>true</primary></item></privateIpAddressesSet><tagSet/><interfaceType>interface</interfaceType></item>",
        escaped(description),
        id.trim_start_matches("eni-"),
    )
}
