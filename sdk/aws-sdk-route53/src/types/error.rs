pub use crate::types::error::_invalid_input::InvalidInput;

pub use crate::types::error::_conflicting_domain_exists::ConflictingDomainExists;

pub use crate::types::error::_invalid_vpc_id::InvalidVpcId;

pub use crate::types::error::_no_such_hosted_zone::NoSuchHostedZone;

pub use crate::types::error::_prior_request_not_complete::PriorRequestNotComplete;

pub use crate::types::error::_invalid_change_batch::InvalidChangeBatch;

pub use crate::types::error::_no_such_health_check::NoSuchHealthCheck;

pub use crate::types::error::_throttling_exception::ThrottlingException;

pub use crate::types::error::_delegation_set_not_available::DelegationSetNotAvailable;

pub use crate::types::error::_delegation_set_not_reusable::DelegationSetNotReusable;

pub use crate::types::error::_hosted_zone_already_exists::HostedZoneAlreadyExists;

pub use crate::types::error::_invalid_domain_name::InvalidDomainName;

pub use crate::types::error::_no_such_delegation_set::NoSuchDelegationSet;

pub use crate::types::error::_too_many_hosted_zones::TooManyHostedZones;

pub use crate::types::error::_hosted_zone_not_empty::HostedZoneNotEmpty;

pub use crate::types::error::_no_such_change::NoSuchChange;

mod _conflicting_domain_exists;

mod _delegation_set_not_available;

mod _delegation_set_not_reusable;

mod _hosted_zone_already_exists;

mod _hosted_zone_not_empty;

mod _invalid_change_batch;

mod _invalid_domain_name;

mod _invalid_input;

mod _invalid_vpc_id;

mod _no_such_change;

mod _no_such_delegation_set;

mod _no_such_health_check;

mod _no_such_hosted_zone;

mod _prior_request_not_complete;

mod _throttling_exception;

mod _too_many_hosted_zones;

pub mod builders;
