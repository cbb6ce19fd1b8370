pub use crate::types::error::_invalid_input::InvalidInputBuilder;

pub use crate::types::error::_conflicting_domain_exists::ConflictingDomainExistsBuilder;

pub use crate::types::error::_invalid_vpc_id::InvalidVpcIdBuilder;

pub use crate::types::error::_no_such_hosted_zone::NoSuchHostedZoneBuilder;

pub use crate::types::error::_prior_request_not_complete::PriorRequestNotCompleteBuilder;

pub use crate::types::error::_invalid_change_batch::InvalidChangeBatchBuilder;

pub use crate::types::error::_no_such_health_check::NoSuchHealthCheckBuilder;

pub use crate::types::error::_throttling_exception::ThrottlingExceptionBuilder;

pub use crate::types::error::_delegation_set_not_available::DelegationSetNotAvailableBuilder;

pub use crate::types::error::_delegation_set_not_reusable::DelegationSetNotReusableBuilder;

pub use crate::types::error::_hosted_zone_already_exists::HostedZoneAlreadyExistsBuilder;

pub use crate::types::error::_invalid_domain_name::InvalidDomainNameBuilder;

pub use crate::types::error::_no_such_delegation_set::NoSuchDelegationSetBuilder;

pub use crate::types::error::_too_many_hosted_zones::TooManyHostedZonesBuilder;

pub use crate::types::error::_hosted_zone_not_empty::HostedZoneNotEmptyBuilder;

pub use crate::types::error::_no_such_change::NoSuchChangeBuilder;
