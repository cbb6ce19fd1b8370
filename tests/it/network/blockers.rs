//! Whatever of somebody else's keeps something of ours from going is named.

use aws_sdk_ec2::types::{GatewayType, VpcEndpointType};
use loadrig::blueprint::{Address, Attributes, Kind};
use loadrig::engine::{Blocker, Cloud as _, FailureClass};
use loadrig::identity::names::Names;
use loadrig::plan::{Observed, State};

use super::ec2;
use crate::common::Moto;

fn ours(address: Address, kind: Kind, id: &str) -> Observed {
    Observed {
        address,
        kind,
        id: id.to_owned(),
        state: State::Ready,
        status: "available".to_owned(),
        attributes: Attributes::default(),
    }
}

fn named(blockers: &[Blocker], what: &str, passing: bool) {
    let found = blockers.iter().find(|one| one.what.contains(what));
    let found = found.unwrap_or_else(|| panic!("no {what}: {blockers:?}"));
    assert_eq!(found.passing, passing, "{found:?}");
}

#[tokio::test]
async fn foreign_resources_in_a_vpc_are_named() {
    let moto = Moto::start();
    let ec2 = ec2(&moto).await;
    let vpc = async |range: &str| {
        let made = ec2.create_vpc().cidr_block(range).send().await.unwrap();
        made.vpc.unwrap().vpc_id.unwrap()
    };
    let (id, other) = (vpc("10.88.0.0/16").await, vpc("10.89.0.0/16").await);
    let one = ours(Address::vpc(), Kind::Vpc, &id);
    let cloud = moto.cloud().await;
    // What every VPC has goes with it, and what is in others is not in the way.
    let table = ec2.create_route_table().vpc_id(&other).send().await;
    table.unwrap();
    assert_eq!(cloud.blockers("rig", &one).await.unwrap(), []);

    let table = ec2.create_route_table().vpc_id(&id).send().await.unwrap();
    let acl = ec2.create_network_acl().vpc_id(&id).send().await.unwrap();
    let gateway = ec2.create_internet_gateway().send().await.unwrap();
    let gateway = gateway.internet_gateway.unwrap().internet_gateway_id;
    let gateway = gateway.unwrap();
    let attach = ec2.attach_internet_gateway().vpc_id(&id);
    let attach = attach.internet_gateway_id(&gateway).send().await;
    attach.unwrap();
    let egress = ec2.create_egress_only_internet_gateway().vpc_id(&id);
    let egress = egress.send().await.unwrap();
    let vpn = ec2.create_vpn_gateway().r#type(GatewayType::Ipsec1);
    let vpn = vpn.send().await.unwrap().vpn_gateway.unwrap();
    let vpn = vpn.vpn_gateway_id.unwrap();
    let attach = ec2.attach_vpn_gateway().vpc_id(&id).vpn_gateway_id(&vpn);
    attach.send().await.unwrap();
    let endpoint = ec2
        .create_vpc_endpoint()
        .vpc_id(&id)
        .vpc_endpoint_type(VpcEndpointType::Gateway)
        .service_name("com.amazonaws.us-east-1.dynamodb")
        .send()
        .await
        .unwrap();
    let asked = ec2.create_vpc_peering_connection().vpc_id(&id);
    let asked = asked.peer_vpc_id(&other).send().await.unwrap();
    let asked = asked.vpc_peering_connection.unwrap();
    let wanted = ec2.create_vpc_peering_connection().vpc_id(&other);
    let wanted = wanted.peer_vpc_id(&id).send().await.unwrap();
    let wanted = wanted.vpc_peering_connection.unwrap();

    let blockers = cloud.blockers("rig", &one).await.unwrap();
    for what in [
        table.route_table.unwrap().route_table_id,
        acl.network_acl.unwrap().network_acl_id,
        Some(gateway),
        egress
            .egress_only_internet_gateway
            .unwrap()
            .egress_only_internet_gateway_id,
        Some(vpn),
        endpoint.vpc_endpoint.unwrap().vpc_endpoint_id,
        asked.vpc_peering_connection_id,
        wanted.vpc_peering_connection_id,
    ] {
        named(&blockers, &what.expect("an id"), false);
    }
    assert_eq!(blockers.len(), 8, "{blockers:?}");
}

#[tokio::test]
async fn resources_that_use_an_address_are_named() {
    let moto = Moto::start();
    let ec2 = ec2(&moto).await;
    let vpc = ec2.create_vpc().cidr_block("10.88.0.0/16").send().await;
    let vpc = vpc.unwrap().vpc.unwrap().vpc_id.unwrap();
    let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.88.1.0/24");
    let subnet = subnet.send().await.unwrap().subnet.unwrap();
    let interface = ec2.create_network_interface();
    let interface = interface.set_subnet_id(subnet.subnet_id).description("VPN");
    let interface = interface.send().await.unwrap().network_interface.unwrap();
    let interface = interface.network_interface_id.unwrap();
    let address = ec2.allocate_address().send().await.unwrap();
    let address = address.allocation_id.unwrap();
    let one = ours(
        Address::parse("elastic-address/nat-a"),
        Kind::ElasticAddress,
        &address,
    );
    let cloud = moto.cloud().await;
    assert_eq!(cloud.blockers("rig", &one).await.unwrap(), []);
    let associate = ec2.associate_address().allocation_id(&address);
    let associate = associate.network_interface_id(&interface).send().await;
    associate.unwrap();
    let blockers = cloud.blockers("rig", &one).await.unwrap();
    named(&blockers, &interface, false);
    named(&blockers, "`VPN`", false);
}

#[tokio::test]
async fn policies_attached_by_an_organisation_are_named_and_kept() {
    let moto = Moto::start();
    let cloud = moto.cloud().await;
    let iam = aws_sdk_iam::Client::new(&moto.sdk().await);
    let names = Names::of("rig");
    let (role, own) = (names.role("us-east-1"), names.instance_profile("us-east-1"));
    let tag = |key: &str, value: &str| {
        let tag = aws_sdk_iam::types::Tag::builder().key(key).value(value);
        tag.build().unwrap()
    };
    let create = iam
        .create_role()
        .role_name(&role)
        .tags(tag("loadrig:environment", "rig"))
        .tags(tag("loadrig:address", "role"));
    let create = create.assume_role_policy_document("{}").send().await;
    create.unwrap();
    for profile in [&own, "fleet"] {
        let create = iam.create_instance_profile();
        let create = create.instance_profile_name(profile).send().await;
        create.unwrap();
        iam.add_role_to_instance_profile()
            .instance_profile_name(profile)
            .role_name(&role)
            .send()
            .await
            .unwrap();
    }
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;
    let policy = iam.create_policy().policy_name("ssm-for-all");
    let policy = policy.policy_document(document).send().await.unwrap();
    let policy = policy.policy.unwrap().arn.unwrap();
    let attach = iam.attach_role_policy().role_name(&role);
    attach.policy_arn(&policy).send().await.unwrap();
    for inline in ["files-bucket", "audit"] {
        iam.put_role_policy()
            .role_name(&role)
            .policy_name(inline)
            .policy_document(document)
            .send()
            .await
            .unwrap();
    }

    let one = ours(Address::role(), Kind::Role, &role);
    let blockers = cloud.blockers("rig", &one).await.unwrap();
    named(&blockers, &policy, false);
    named(&blockers, "`audit`", false);
    named(&blockers, "`fleet`", false);
    named(&blockers, &format!("`{own}`"), true);
    assert_eq!(blockers.len(), 4, "{blockers:?}");

    let refused = cloud.delete("rig", &one).await.unwrap_err();
    assert_eq!(refused.code, "DeleteConflict");
    assert_eq!(refused.class, FailureClass::Converging);
    let blockers = cloud.blockers("rig", &one).await.unwrap();
    named(&blockers, &policy, false);
    named(&blockers, "`fleet`", false);
    assert_eq!(blockers.len(), 2, "{blockers:?}");

    let detach = iam.detach_role_policy().role_name(&role);
    detach.policy_arn(&policy).send().await.unwrap();
    iam.remove_role_from_instance_profile()
        .instance_profile_name("fleet")
        .role_name(&role)
        .send()
        .await
        .unwrap();
    cloud.delete("rig", &one).await.unwrap();
    cloud.delete("rig", &one).await.unwrap();
}
