//! The codes that AWS answers failed calls with: one table, by exact text.

use crate::engine::{FailureClass, is_credential_code};

/// The class of a code that one of the services used here answers with; `None` leaves it to
/// the HTTP status.
#[must_use]
pub fn class_of_code(code: &str) -> Option<FailureClass> {
    let class = match code {
        _ if is_throttling(code) => FailureClass::Transient,
        _ if is_credential_code(code) => FailureClass::Denied,

        "PriorRequestNotComplete"
        | "InternalError"
        | "InternalFailure"
        | "InternalException"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Unavailable"
        | "ServiceFailure"
        | "ServiceFailureException"
        | "RequestTimeout"
        | "RequestTimeoutException" => FailureClass::Transient,

        "DependencyViolation"
        | "IncorrectState"
        | "IncorrectInstanceState"
        | "InvalidIPAddress.InUse"
        | "InvalidGroup.InUse"
        | "InvalidPermission.Duplicate"
        | "InvalidDBInstanceState"
        | "InvalidDBInstanceStateFault"
        | "InvalidDBClusterStateFault"
        | "InvalidDBParameterGroupState"
        | "InvalidDBSubnetGroupStateFault"
        | "InvalidDBSubnetStateFault"
        | "InvalidVPCNetworkStateFault"
        | "InvalidReplicationGroupState"
        | "InvalidReplicationGroupStateFault"
        | "InvalidCacheClusterState"
        | "CacheSubnetGroupInUse"
        | "ConflictException"
        | "DeleteConflict"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "EntityTemporarilyUnmodifiable"
        | "OperationAborted"
        | "BucketNotEmpty"
        // A target group that its load balancer still forwards to.
        | "ResourceInUse"
        | "HostedZoneNotEmpty"
        | "TooManyUpdates" => FailureClass::Converging,

        "InsufficientInstanceCapacity"
        | "InsufficientHostCapacity"
        | "InsufficientVolumeCapacity"
        | "InsufficientFreeAddressesInSubnet"
        // EC2: the type is not offered in this zone.
        | "Unsupported"
        | "InsufficientDBInstanceCapacity"
        | "InsufficientCacheClusterCapacity" => FailureClass::Capacity,

        "InsufficientAddressCapacity"
        | "InstanceLimitExceeded"
        | "VcpuLimitExceeded"
        | "VolumeLimitExceeded"
        | "AddressLimitExceeded"
        | "VpcLimitExceeded"
        | "SubnetLimitExceeded"
        | "RouteTableLimitExceeded"
        | "InternetGatewayLimitExceeded"
        | "NatGatewayLimitExceeded"
        | "VpcEndpointLimitExceeded"
        | "TooManyHostedZones"
        | "TooManyLoadBalancers"
        | "TooManyListeners"
        | "TooManyTargetGroups"
        | "TooManyTargets"
        | "SecurityGroupLimitExceeded"
        | "RulesPerSecurityGroupLimitExceeded"
        | "InstanceQuotaExceeded"
        | "StorageQuotaExceeded"
        | "DBClusterQuotaExceededFault"
        | "InsufficientStorageClusterCapacity"
        | "DBSubnetGroupDoesNotCoverEnoughAZs"
        | "DBSubnetGroupQuotaExceeded"
        | "DBParameterGroupQuotaExceeded"
        | "NodeQuotaForCustomerExceeded"
        | "ClusterQuotaForCustomerExceeded"
        | "CacheSubnetGroupQuotaExceeded"
        | "TooManyBuckets"
        | "ParameterLimitExceeded"
        // IAM's quota, and OpenSearch's, which the SDK itself takes for throttling.
        | "LimitExceeded"
        | "LimitExceededException" => FailureClass::Quota,

        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError"
        | "NotAuthorized"
        | "OptInRequired"
        | "PendingVerification"
        | "Blocked" => FailureClass::Denied,

        "NotFound"
        | "NoSuchEntity"
        | "NoSuchBucket"
        | "NoSuchKey"
        | "NoSuchUpload"
        | "NoSuchTagSet"
        | "NoSuchPublicAccessBlockConfiguration"
        | "NoSuchLifecycleConfiguration"
        | "ServerSideEncryptionConfigurationNotFoundError"
        | "ParameterNotFound"
        | "ResourceNotFoundException"
        | "InvalidResourceId"
        | "NatGatewayNotFound"
        | "LoadBalancerNotFound"
        | "ListenerNotFound"
        | "TargetGroupNotFound"
        | "NoSuchHostedZone"
        | "DBInstanceNotFound"
        | "DBInstanceNotFoundFault"
        | "DBClusterNotFoundFault"
        | "DBClusterParameterGroupNotFound"
        | "DBClusterSnapshotNotFoundFault"
        | "DBSubnetGroupNotFoundFault"
        | "DBParameterGroupNotFound"
        | "DBSnapshotNotFound"
        | "ReplicationGroupNotFoundFault"
        | "CacheClusterNotFound"
        | "CacheSubnetGroupNotFoundFault" => FailureClass::NotFound,

        // EC2's family: `InvalidInstanceID.NotFound`, `InvalidVpcID.NotFound` …
        _ if code.ends_with(".NotFound") => FailureClass::NotFound,
        _ => return None,
    };
    Some(class)
}

/// Whether a code says that the call was throttled: AWS answers so before it does anything.
pub(in crate::aws) fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "EC2ThrottledException"
            | "SlowDown"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_not_taken_for_throttling() {
        for code in [
            "LimitExceededException",
            "VcpuLimitExceeded",
            "LimitExceeded",
        ] {
            assert_eq!(class_of_code(code), Some(FailureClass::Quota), "{code}");
        }
        assert_eq!(
            class_of_code("RequestLimitExceeded"),
            Some(FailureClass::Transient)
        );
    }

    #[test]
    fn unknown_codes_are_left_to_the_status() {
        assert_eq!(class_of_code("InvalidParameterValue"), None);
        assert_eq!(class_of_code("NotFoundButNotQuite"), None);
    }
}
