//! What Elastic Load Balancing answers where its code does not say it all.

use super::KnownRefusal;
use super::Meaning::{Capacity, Denied, Gone, InProgress, Invalid, Later, Quota, Taken};

const REFERENCE: &str = "Elastic Load Balancing API Reference 2015-12-01: errors of each action";

pub(super) const ROWS: &[KnownRefusal] = &[
    KnownRefusal::of(Later, &["CreateLoadBalancer"], "SubnetNotFound", "The subnet ID 'subnet-1a2b3c4d' does not exist", REFERENCE),
    KnownRefusal::of(Later, &["CreateLoadBalancer"], "InvalidSubnet", "VPC vpc-1a2b3c4d has no internet gateway", REFERENCE),
    KnownRefusal::of(Later, &["CreateLoadBalancer", "SetSecurityGroups"], "InvalidSecurityGroup", "The security group 'sg-1a2b3c4d' does not exist", REFERENCE),
    KnownRefusal::of(Later, &["CreateLoadBalancer"], "InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the same Availability Zone", REFERENCE),
    KnownRefusal::of(Later, &["RegisterTargets"], "InvalidTarget", "The following targets are not in a running state and cannot be registered: 'i-1a2b3c4d'", "terraform-provider-aws 1a5174b, internal/service/elbv2/target_group_attachment.go").waits(600),
    KnownRefusal::of(InProgress, &["DeleteTargetGroup"], "ResourceInUse", "Target group 'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/lr-demo-app/1a2b3c4d' is currently in use by a listener or a rule", "terraform-provider-aws 1a5174b, internal/service/elbv2/target_group.go").waits(120),
    KnownRefusal::of(InProgress, &["CreateLoadBalancer"], "CapacityReservationPending", "Capacity reservation is pending.", REFERENCE),
    KnownRefusal::of(Later, &["DescribeTargetHealth"], "HealthUnavailable", "The health of the specified targets could not be retrieved due to an internal error.", REFERENCE).status(500),
    KnownRefusal::of(Denied, &["CreateLoadBalancer"], "AccessDenied", "User: arn:aws:iam::123456789012:user/operator is not authorized to perform: ec2:DescribeAccountAttributes", "kubernetes-sigs/aws-load-balancer-controller#748").status(403),
    KnownRefusal::of(Quota, &["CreateLoadBalancer"], "OperationNotPermitted", "This AWS account currently does not support creating load balancers. For more information, please contact AWS Support.", "Elastic Load Balancing API Reference 2015-12-01: CreateLoadBalancer"),
    KnownRefusal::of(Invalid, &["DeleteLoadBalancer"], "OperationNotPermitted", "Load balancer 'arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/lr-demo-alb/1a2b3c4d' cannot be deleted because deletion protection is enabled", REFERENCE),
    KnownRefusal::of(Quota, &["CreateLoadBalancer"], "TooManyLoadBalancers", "The maximum number of load balancers has been reached", REFERENCE),
    KnownRefusal::of(Capacity, &["CreateLoadBalancer"], "AvailabilityZoneNotSupported", "The specified Availability Zone is not supported.", REFERENCE),
    KnownRefusal::of(Invalid, &["CreateListener"], "CertificateNotFound", "Certificate 'arn:aws:acm:us-east-1:123456789012:certificate/1a2b3c4d' not found", REFERENCE),
    KnownRefusal::of(Taken, &["CreateLoadBalancer"], "DuplicateLoadBalancerName", "A load balancer with the same name 'lr-demo-alb' exists, but with different settings", REFERENCE),
    KnownRefusal::of(Gone, &["DeregisterTargets"], "TargetGroupNotFound", "One or more target groups not found", "terraform-provider-aws 1a5174b, internal/service/elbv2/target_group_attachment.go"),
    KnownRefusal::of(Later, &["DeregisterTargets"], "InvalidTarget", "The following targets are not registered: 'i-1a2b3c4d'", "terraform-provider-aws 1a5174b, internal/service/elbv2/target_group_attachment.go: done"),
    KnownRefusal::of(Gone, &["DeleteListener"], "ListenerNotFound", "One or more listeners not found", REFERENCE),
    KnownRefusal::of(Gone, &["DeleteLoadBalancer"], "LoadBalancerNotFound", "One or more load balancers not found", REFERENCE),
];
