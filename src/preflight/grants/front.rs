//! Elastic Load Balancing and Route 53: what leads to the hosts.

use super::{
    CHANGE, Grant, LOOK, MAKE, MAKE_AND_CHANGE, Named, REMOVE, TAKING_DOWN, look, service_role,
};

const BALANCER: Named = Named {
    statement: "LoadBalancer",
    on: "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/app/lr-{environment}-alb/* \
         arn:{partition}:elasticloadbalancing:{region}:{account}:listener/app/lr-{environment}-alb/* \
         arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/lr-{environment}-app/*",
};

/// Zones have ids and no names in their ARNs.
const NAMES: Named = Named {
    statement: "PrivateNames",
    on: "arn:{partition}:route53:::hostedzone/* arn:{partition}:ec2:{region}:{account}:vpc/*",
};

pub(super) const LOAD_BALANCER: &[Grant] = &[
    look(
        "elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DescribeTags \
         elasticloadbalancing:DescribeLoadBalancerAttributes",
        "finding the load balancer",
    ),
    BALANCER.grant(
        MAKE,
        "elasticloadbalancing:CreateLoadBalancer elasticloadbalancing:AddTags",
        "the entrance of the rig",
    ),
    service_role(
        "elasticloadbalancing.amazonaws.com",
        "the account's first load balancer",
    ),
    BALANCER.grant(
        MAKE_AND_CHANGE,
        "elasticloadbalancing:ModifyLoadBalancerAttributes elasticloadbalancing:SetSubnets \
         elasticloadbalancing:SetSecurityGroups",
        "its idle timeout, subnets and security group",
    ),
    BALANCER.grant(
        REMOVE,
        "elasticloadbalancing:DeleteLoadBalancer",
        TAKING_DOWN,
    ),
    BALANCER.grant(
        CHANGE,
        "elasticloadbalancing:DeleteLoadBalancer",
        "another scheme takes another load balancer",
    ),
];

pub(super) const LISTENER: &[Grant] = &[
    look(
        "elasticloadbalancing:DescribeListeners elasticloadbalancing:DescribeTags",
        "finding the listener",
    ),
    BALANCER.grant(
        MAKE_AND_CHANGE,
        "elasticloadbalancing:CreateListener elasticloadbalancing:AddTags \
         elasticloadbalancing:ModifyListener",
        "its port and certificate",
    ),
    BALANCER.grant(REMOVE, "elasticloadbalancing:DeleteListener", TAKING_DOWN),
];

pub(super) const TARGET_GROUP: &[Grant] = &[
    look(
        "elasticloadbalancing:DescribeTargetGroups \
         elasticloadbalancing:DescribeTargetGroupAttributes elasticloadbalancing:DescribeTags",
        "finding the target group",
    ),
    BALANCER.grant(
        MAKE,
        "elasticloadbalancing:CreateTargetGroup elasticloadbalancing:AddTags",
        "the group of application nodes",
    ),
    BALANCER.grant(
        MAKE_AND_CHANGE,
        "elasticloadbalancing:ModifyTargetGroup \
         elasticloadbalancing:ModifyTargetGroupAttributes",
        "its health check, and no stickiness",
    ),
    BALANCER.grant(
        REMOVE,
        "elasticloadbalancing:DeleteTargetGroup",
        TAKING_DOWN,
    ),
];

pub(super) const TARGETS: &[Grant] = &[
    look(
        "elasticloadbalancing:DescribeTargetHealth",
        "which nodes are in the group, and healthy",
    ),
    BALANCER.grant(
        MAKE_AND_CHANGE,
        "elasticloadbalancing:RegisterTargets elasticloadbalancing:DeregisterTargets",
        "application nodes come and go",
    ),
    BALANCER.grant(
        REMOVE,
        "elasticloadbalancing:DeregisterTargets",
        TAKING_DOWN,
    ),
];

pub(super) const ZONE: &[Grant] = &[
    look("route53:ListHostedZonesByName", "finding the private zone"),
    // A zone is looked into as long as it is there, also when the YAML has none any more.
    NAMES.grant(
        LOOK,
        "route53:ListTagsForResource route53:ListResourceRecordSets",
        "what is in the private zone",
    ),
    NAMES.grant(
        MAKE_AND_CHANGE,
        "route53:CreateHostedZone route53:ChangeTagsForResource",
        "names for hosts and services inside the VPC",
    ),
    NAMES.grant(
        REMOVE,
        "route53:ChangeResourceRecordSets route53:DeleteHostedZone",
        TAKING_DOWN,
    ),
];

pub(super) const RECORDS: &[Grant] = &[
    NAMES.grant(
        MAKE_AND_CHANGE,
        "route53:ChangeResourceRecordSets",
        "what each name leads to",
    ),
    NAMES.grant(REMOVE, "route53:ChangeResourceRecordSets", TAKING_DOWN),
];
