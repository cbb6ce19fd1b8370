//! What Amazon EC2 answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Capacity, Converging, Denied, NotFound, Quota, Settling};

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Converging,
        "Amazon EC2 API Reference: error codes",
        &[
            "DependencyViolation",
            "IncorrectState",
            "IncorrectInstanceState",
            "InvalidIPAddress.InUse",
            "InvalidGroup.InUse",
            "InvalidPermission.Duplicate",
        ],
    ),
    // A new instance profile, and its role, take seconds until EC2 knows them.
    Row::of(
        Settling,
        "terraform-provider-aws 1a5174b, internal/service/ec2/ec2_instance.go: 2 minutes",
        &["InvalidParameterValue"],
    )
    .at(&["RunInstances"])
    .saying("Invalid IAM Instance Profile"),
    Row::of(
        Settling,
        "terraform-provider-aws 1a5174b, internal/service/ec2/ec2_instance.go: 2 minutes",
        &["InvalidParameterValue"],
    )
    .at(&["RunInstances"])
    .saying(" has no associated IAM Roles"),
    // A NAT gateway that was just deleted still holds its address, though it is listed as deleted.
    Row::of(
        Converging,
        "kops 268927e, pkg/resources/aws/errors.go; kops#938",
        &["AuthFailure"],
    )
    .at(&["ReleaseAddress"]),
    Row::of(
        Capacity,
        "Amazon EC2 API Reference: error codes",
        &[
            "InsufficientInstanceCapacity",
            "InsufficientHostCapacity",
            "InsufficientVolumeCapacity",
            "InsufficientFreeAddressesInSubnet",
        ],
    ),
    // The type is not offered in this zone.
    Row::of(
        Capacity,
        "Amazon EC2 API Reference: error codes",
        &["Unsupported"],
    ),
    Row::of(
        Quota,
        "Amazon EC2 API Reference: error codes",
        &[
            "InsufficientAddressCapacity",
            "InstanceLimitExceeded",
            "VcpuLimitExceeded",
            "VolumeLimitExceeded",
            "AddressLimitExceeded",
            "VpcLimitExceeded",
            "SubnetLimitExceeded",
            "RouteTableLimitExceeded",
            "InternetGatewayLimitExceeded",
            "NatGatewayLimitExceeded",
            "VpcEndpointLimitExceeded",
            "SecurityGroupLimitExceeded",
            "RulesPerSecurityGroupLimitExceeded",
        ],
    ),
    Row::of(
        Denied,
        "Amazon EC2 API Reference: error codes",
        &["UnauthorizedOperation", "PendingVerification", "Blocked"],
    ),
    // `InvalidInstanceID.NotFound`, `InvalidVpcID.NotFound` and their family.
    Row::of(
        NotFound,
        "Amazon EC2 API Reference: error codes",
        &[".NotFound", "NatGatewayNotFound"],
    ),
];
