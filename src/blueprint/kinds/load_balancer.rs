//! The application load balancer.

use std::time::Duration;

use crate::spec::{PricedItem, Prices, Scheme};

use super::super::{Address, AttributeValue, Attributes, Kind, UnreadableAttribute};
use super::charge::{Charge, Priced};
use super::grants::{
    CREATE, CREATE_AND_UPDATE, DELETE, NamedResources, TAKING_DOWN, UPDATE, read, service_role,
};
use super::info::{AttributeInfo, KindInfo, OnDifference, WhenFailed, minutes};
use super::resource::Resource;

/// The entrance of the rig, where no host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationLoadBalancer {
    /// Whether it has public addresses.
    pub scheme: Scheme,
    /// One subnet in each zone.
    pub subnets: Vec<Address>,
    /// Its security group.
    pub group: Address,
    /// Seconds.
    pub idle_timeout: u32,
}

impl Resource for ApplicationLoadBalancer {
    fn attributes(&self) -> Attributes {
        [
            ("scheme", self.scheme.as_str().into()),
            ("subnets", AttributeValue::names(&self.subnets)),
            ("group", AttributeValue::names([&self.group])),
            ("idle_timeout", self.idle_timeout.into()),
        ]
        .into_iter()
        .collect()
    }

    fn dns_name(&self) -> Option<String> {
        Some("load-balancer".to_owned())
    }
}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[
        Kind::TargetGroup,
        Kind::SecurityRules,
        Kind::SecurityGroup,
        Kind::InternetGateway,
        Kind::Subnet,
    ],
    // 130 to 190 s.
    typical_seconds: 150,
    // Terraform's AWS provider 1a5174b, internal/service/elbv2/load_balancer.go, waits 10 min.
    patience: minutes(15),
    // It may be `failed` on its way to `active`; Terraform waits on for as long as this.
    failure_may_pass: Duration::from_mins(10),
    when_failed: WhenFailed::Replace,
    attributes: &[
        // Its addresses and its name are created with it.
        AttributeInfo::text("scheme").or(OnDifference::Replace),
        AttributeInfo::names("subnets"),
        AttributeInfo::names("group"),
        AttributeInfo::number("idle_timeout"),
    ],
    charges,
    grants: &[
        read(
            "elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DescribeTags \
         elasticloadbalancing:DescribeLoadBalancerAttributes",
            "finding the load balancer",
        ),
        BALANCER.grant(
            CREATE,
            "elasticloadbalancing:CreateLoadBalancer elasticloadbalancing:AddTags",
            "the load balancer in front of the application nodes",
        ),
        // Asked by AWS itself, of whoever creates a load balancer in a VPC.
        read(
            "ec2:DescribeAccountAttributes ec2:DescribeAddresses ec2:DescribeInternetGateways",
            "AWS looks at the account's network before it creates a load balancer",
        ),
        service_role(
            "elasticloadbalancing.amazonaws.com",
            "the role of Elastic Load Balancing, where the account lacks it; the role stays",
        ),
        BALANCER.grant(
            CREATE_AND_UPDATE,
            "elasticloadbalancing:ModifyLoadBalancerAttributes elasticloadbalancing:SetSubnets \
         elasticloadbalancing:SetSecurityGroups",
            "its idle timeout, subnets and security group",
        ),
        BALANCER.grant(
            DELETE,
            "elasticloadbalancing:DeleteLoadBalancer",
            TAKING_DOWN,
        ),
        BALANCER.grant(
            UPDATE,
            "elasticloadbalancing:DeleteLoadBalancer",
            "a load balancer whose scheme changes is replaced",
        ),
    ],
    ..KindInfo::COMMON
};

pub(super) const BALANCER: NamedResources = NamedResources {
    statement: "LoadBalancer",
    on: "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/app/lr-{environment}-alb/* \
         arn:{partition}:elasticloadbalancing:{region}:{account}:listener/app/lr-{environment}-alb/* \
         arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/lr-{environment}-app/*",
};

/// Each zone's address is billed where it is public.
fn charges(priced: Priced<'_>, prices: &Prices) -> Result<Vec<Charge>, UnreadableAttribute> {
    let of = priced.attributes;
    let zones = of.set("subnets").map_or(0, std::collections::BTreeSet::len);
    // AWS adds more addresses under load.
    let public = match of.text("scheme") {
        Some("public") => f64::from(u32::try_from(zones).unwrap_or(0)),
        _ => 0.0,
    };
    Ok(vec![
        Charge::new(
            "application load balancer",
            1.0,
            prices.item(PricedItem::ApplicationLoadBalancer),
        ),
        Charge::public_address(public, prices),
    ])
}
