//! What Amazon EC2 answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{
    Blocked, Capacity, Converging, Denied, NotFound, Quota, Settling, Terminal, Transient,
};

/// Calls that name an instance profile.
const TAKES_PROFILE: &[&str] = &[
    "RunInstances",
    "AssociateIamInstanceProfile",
    "ReplaceIamInstanceProfileAssociation",
];

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
    .at(TAKES_PROFILE)
    .saying("Invalid IAM Instance Profile"),
    Row::of(
        Settling,
        "terraform-provider-aws 1a5174b, internal/service/ec2/ec2_instance.go: 2 minutes",
        &["InvalidParameterValue"],
    )
    .at(TAKES_PROFILE)
    .saying(" has no associated IAM Roles"),
    // Images are made by others and long ago. An account may hide them from itself
    // ("Allowed AMIs").
    Row::of(
        Terminal,
        "Amazon EC2 API Reference: error codes",
        &[
            "InvalidAMIID.NotFound",
            "InvalidAMIID.Unavailable",
            "InvalidAMIID.Malformed",
        ],
    )
    .at(&["RunInstances"]),
    // A launch that was accepted, and an instance that was terminated on its way: its reason.
    Row::of(
        Capacity,
        "Amazon EC2 API Reference: StateReason",
        &["Server.InsufficientInstanceCapacity"],
    )
    .at(&["RunInstances"]),
    Row::of(
        Quota,
        "Amazon EC2 API Reference: StateReason",
        &["Client.VolumeLimitExceeded"],
    )
    .at(&["RunInstances"]),
    Row::of(
        Transient,
        "Amazon EC2 API Reference: StateReason",
        &["Server.InternalError"],
    )
    .at(&["RunInstances"]),
    // Mostly a key for encrypted volumes that may not be used: EC2 User Guide, "Instance
    // terminates immediately".
    Row::of(
        Denied,
        "Amazon EC2 API Reference: StateReason",
        &["Client.InternalError"],
    )
    .at(&["RunInstances"]),
    Row::of(
        Terminal,
        "Amazon EC2 API Reference: StateReason",
        &["Client.InvalidSnapshot.NotFound"],
    )
    .at(&["RunInstances"]),
    // A NAT gateway that was accepted and failed on its way: its reason. What it needs exists
    // and is not seen yet.
    Row::of(
        Settling,
        "VPC User Guide: troubleshoot NAT gateways",
        &[
            "Gateway.NotAttached",
            "InvalidAllocationID.NotFound",
            "InvalidSubnetID.NotFound",
        ],
    )
    .at(&["CreateNatGateway"]),
    Row::of(
        Terminal,
        "VPC User Guide: troubleshoot NAT gateways",
        &[
            "InsufficientFreeAddressesInSubnet",
            "Resource.AlreadyAssociated",
        ],
    )
    .at(&["CreateNatGateway"]),
    // Somebody protected it by hand: what loadrig protected, it lifts first.
    Row::of(
        Blocked,
        "Amazon EC2 API Reference: error codes",
        &["OperationNotPermitted", "CannotDelete"],
    ),
    Row::of(
        Terminal,
        "Amazon EC2 API Reference: error codes",
        &[
            "IdempotentParameterMismatch",
            "IdempotentInstanceTerminated",
            "InvalidGroup.Duplicate",
            "InvalidKeyPair.Duplicate",
            "InvalidSubnet.Conflict",
            "InvalidSubnet.Range",
            "InvalidVpc.Range",
            "InvalidServiceName",
            "RouteAlreadyExists",
            "InvalidParameter",
            "UnknownParameter",
            "UnsupportedOperation",
            "InvalidID",
        ],
    ),
    // The region is one that an account has to turn on first.
    Row::of(
        Denied,
        "AWS General Reference: managing regions",
        &["RegionNotEnabled"],
    ),
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
