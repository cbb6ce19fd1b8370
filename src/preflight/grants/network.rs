//! EC2: the network and the hosts in it.
//!
//! A creation is judged once for each resource that it touches: what it makes has to be
//! tagged in the same call, and what it is made in has to be the environment's own.

use super::{
    CHANGE, CHANGE_AND_REMOVE, Grant, MAKE, MAKE_AND_CHANGE, REMOVE, TAKING_DOWN, When, look,
    look_around, make, own,
};

pub(super) const VPC: &[Grant] = &[
    look(
        "ec2:DescribeVpcs ec2:DescribeVpcAttribute",
        "finding the VPC",
    ),
    make(
        "ec2:CreateVpc",
        "arn:{partition}:ec2:{region}:{account}:vpc/*",
        "the environment's own network",
    ),
    own(
        MAKE_AND_CHANGE,
        "ec2:ModifyVpcAttribute",
        "DNS names inside the VPC",
    ),
    own(REMOVE, "ec2:DeleteVpc", TAKING_DOWN),
    look_around(
        "ec2:DescribeEgressOnlyInternetGateways ec2:DescribeInternetGateways \
         ec2:DescribeNatGateways ec2:DescribeNetworkAcls ec2:DescribeRouteTables \
         ec2:DescribeVpcEndpoints ec2:DescribeVpcPeeringConnections ec2:DescribeVpnGateways",
        "naming what somebody put into the VPC, which keeps it from going",
    ),
];

pub(super) const INTERNET_GATEWAY: &[Grant] = &[
    look("ec2:DescribeInternetGateways", "finding the gateway"),
    make(
        "ec2:CreateInternetGateway",
        "arn:{partition}:ec2:{region}:{account}:internet-gateway/*",
        "the hosts' way out to packages, and the operators' way in",
    ),
    own(
        MAKE_AND_CHANGE,
        "ec2:AttachInternetGateway",
        "to the environment's VPC",
    ),
    own(
        REMOVE,
        "ec2:DetachInternetGateway ec2:DeleteInternetGateway",
        TAKING_DOWN,
    ),
];

pub(super) const SUBNET: &[Grant] = &[
    look(
        "ec2:DescribeSubnets ec2:DescribeAvailabilityZones",
        "finding subnets, and zones to spread over",
    ),
    make(
        "ec2:CreateSubnet",
        "arn:{partition}:ec2:{region}:{account}:subnet/*",
        "a public and a private subnet in each zone",
    ),
    own(MAKE, "ec2:CreateSubnet", "in the environment's VPC"),
    own(
        MAKE_AND_CHANGE,
        "ec2:ModifySubnetAttribute",
        "public addresses for hosts, none for databases",
    ),
    own(REMOVE, "ec2:DeleteSubnet", TAKING_DOWN),
];

pub(super) const ROUTE_TABLE: &[Grant] = &[
    look("ec2:DescribeRouteTables", "finding routes"),
    make(
        "ec2:CreateRouteTable",
        "arn:{partition}:ec2:{region}:{account}:route-table/*",
        "the way of each subnet to the internet",
    ),
    own(MAKE, "ec2:CreateRouteTable", "in the environment's VPC"),
    own(
        MAKE_AND_CHANGE,
        "ec2:CreateRoute ec2:ReplaceRoute ec2:AssociateRouteTable ec2:ReplaceRouteTableAssociation",
        "routes of the environment's own subnets",
    ),
    own(
        REMOVE,
        "ec2:DisassociateRouteTable ec2:DeleteRouteTable",
        TAKING_DOWN,
    ),
];

pub(super) const ELASTIC_ADDRESS: &[Grant] = &[
    look("ec2:DescribeAddresses", "finding addresses"),
    make(
        "ec2:AllocateAddress",
        "arn:{partition}:ec2:{region}:{account}:elastic-ip/*",
        "the address of each NAT gateway",
    ),
    own(REMOVE, "ec2:ReleaseAddress", TAKING_DOWN),
];

pub(super) const NAT_GATEWAY: &[Grant] = &[
    look("ec2:DescribeNatGateways", "finding NAT gateways"),
    make(
        "ec2:CreateNatGateway",
        "arn:{partition}:ec2:{region}:{account}:natgateway/*",
        "the way out of private subnets",
    ),
    own(
        MAKE,
        "ec2:CreateNatGateway",
        "in the environment's own subnet, with its own address",
    ),
    own(REMOVE, "ec2:DeleteNatGateway", TAKING_DOWN),
];

/// Somebody else's network is looked at; what is made in it needs no tag of it.
pub(super) const ADOPTED: &[Grant] = &[
    look(
        "ec2:DescribeVpcs ec2:DescribeVpcAttribute ec2:DescribeSubnets",
        "finding the existing VPC and its subnets",
    ),
    Grant {
        statement: "UseExistingNetwork",
        uses: MAKE,
        actions: "ec2:CreateSecurityGroup ec2:RunInstances",
        on: "arn:{partition}:ec2:{region}:{account}:vpc/* \
             arn:{partition}:ec2:{region}:{account}:subnet/*",
        when: When::Always,
        why: "in a VPC and subnets that are not the environment's own",
    },
];

pub(super) const ENDPOINT: &[Grant] = &[
    look("ec2:DescribeVpcEndpoints", "finding the endpoint"),
    make(
        "ec2:CreateVpcEndpoint",
        "arn:{partition}:ec2:{region}:{account}:vpc-endpoint/*",
        "the files bucket is reached without leaving the VPC",
    ),
    own(
        MAKE,
        "ec2:CreateVpcEndpoint",
        "in the environment's own VPC and route tables",
    ),
    own(
        MAKE_AND_CHANGE,
        "ec2:ModifyVpcEndpoint",
        "its route in each of the environment's tables",
    ),
    own(REMOVE, "ec2:DeleteVpcEndpoints", TAKING_DOWN),
];

pub(super) const SECURITY_GROUP: &[Grant] = &[
    look("ec2:DescribeSecurityGroups", "finding security groups"),
    make(
        "ec2:CreateSecurityGroup",
        "arn:{partition}:ec2:{region}:{account}:security-group/*",
        "one group for each role and service",
    ),
    own(MAKE, "ec2:CreateSecurityGroup", "in the environment's VPC"),
    own(REMOVE, "ec2:DeleteSecurityGroup", TAKING_DOWN),
    own(
        REMOVE,
        "ec2:RevokeSecurityGroupIngress",
        "groups that name each other cannot be removed",
    ),
];

pub(super) const SECURITY_RULES: &[Grant] = &[
    look("ec2:DescribeSecurityGroupRules", "finding rules"),
    make(
        "ec2:AuthorizeSecurityGroupIngress",
        "arn:{partition}:ec2:{region}:{account}:security-group-rule/*",
        "the ports that roles need of each other, and nothing else",
    ),
    own(
        MAKE_AND_CHANGE,
        "ec2:AuthorizeSecurityGroupIngress",
        "in the environment's own groups",
    ),
    own(
        MAKE_AND_CHANGE,
        "ec2:RevokeSecurityGroupIngress",
        "rules that somebody added by hand go",
    ),
    own(REMOVE, "ec2:RevokeSecurityGroupIngress", TAKING_DOWN),
];

pub(super) const INSTANCE: &[Grant] = &[
    look(
        "ec2:DescribeImages ec2:DescribeInstances ec2:DescribeVolumes",
        "finding hosts, and the image that they start from",
    ),
    make(
        "ec2:RunInstances",
        "arn:{partition}:ec2:{region}:{account}:instance/* \
         arn:{partition}:ec2:{region}:{account}:network-interface/* \
         arn:{partition}:ec2:{region}:{account}:volume/*",
        "the hosts, their interfaces and root volumes",
    ),
    own(
        MAKE,
        "ec2:RunInstances",
        "in the environment's own subnets and groups, with its own key",
    ),
    Grant {
        statement: "StartFromImages",
        uses: MAKE,
        actions: "ec2:RunInstances",
        on: "arn:{partition}:ec2:{region}::image/*",
        when: When::Always,
        why: "Debian's image, which is in Debian's account",
    },
    own(
        MAKE_AND_CHANGE,
        "ec2:ModifyInstanceAttribute",
        "termination protection, on and off",
    ),
    own(
        CHANGE,
        "ec2:ModifyInstanceAttribute ec2:ModifyInstanceMetadataOptions",
        "a host back into its own group alone, and its metadata behind tokens",
    ),
    Grant {
        statement: "TagProtectionOfOwnHosts",
        uses: CHANGE_AND_REMOVE,
        actions: "ec2:CreateTags",
        on: "arn:{partition}:ec2:{region}:{account}:instance/*",
        when: When::OwnedTag("loadrig:protection"),
        why: "what protection a host has is written on it; no other tag can be changed",
    },
    own(
        REMOVE,
        "ec2:ModifyInstanceAttribute",
        "protection is lifted before",
    ),
    own(REMOVE, "ec2:TerminateInstances", TAKING_DOWN),
    own(
        CHANGE,
        "ec2:TerminateInstances",
        "a host is changed by making it anew",
    ),
];
