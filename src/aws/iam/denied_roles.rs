//! Service-linked roles that could not be created because a policy denies it.
//!
//! A service without its role refuses calls with errors that pass where the role is on its way.
//! Once its creation was denied nothing is on its way, and the same errors are final.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::engine::{CloudError, FailureClass};

/// What denied the creation of roles, by service.
#[derive(Debug, Default)]
pub(in crate::aws) struct DeniedRoles(Mutex<BTreeMap<String, String>>);

impl DeniedRoles {
    pub(super) fn note(&self, service: &str, denial: &CloudError) {
        let mut denied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        denied.insert(service.to_owned(), denial.message.clone());
    }

    /// A refusal for want of a role that nobody is going to create does not pass, though the same
    /// refusal passes where the role is on its way.
    pub(in crate::aws) fn explain(&self, error: CloudError) -> CloudError {
        let denied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let denial = service_of(&error).and_then(|service| denied.get(service));
        match denial {
            Some(denial) if lacks_service_role(&error) => CloudError {
                class: FailureClass::Denied,
                message: format!(
                    "{}; its service-linked role does not exist and cannot be created: {denial}",
                    error.message
                ),
                ..error
            },
            _ => error,
        }
    }
}

/// The service whose role a call needs.
fn service_of(error: &CloudError) -> Option<&'static str> {
    match error.operation.split(':').next()? {
        "rds" => Some("rds.amazonaws.com"),
        "elasticache" => Some("elasticache.amazonaws.com"),
        "es" => Some("opensearchservice.amazonaws.com"),
        "elasticloadbalancing" => Some("elasticloadbalancing.amazonaws.com"),
        _ => None,
    }
}

/// Whether a service says that it has no role. RDS, OpenSearch Service and Elastic Load Balancing
/// have no code of their own for it; the table of refusals names the sources of their texts.
fn lacks_service_role(error: &CloudError) -> bool {
    let says = |text: &str| error.message.contains(text);
    match error.code.as_str() {
        "ServiceLinkedRoleNotFoundFault" => true,
        "InvalidParameterValue" => says("service linked role") || says("ServiceLinkedRoles.html"),
        "ValidationException" => says("service-linked role"),
        "AccessDenied" => says("iam:CreateServiceLinkedRole"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::error::refused;

    #[test]
    fn a_missing_role_is_final_once_its_creation_was_denied() {
        let denied = DeniedRoles::default();
        let missing = |operation: &str, code: &str, message: &str| CloudError {
            class: FailureClass::Converging,
            ..refused(operation, "it", code, message)
        };
        let rds = || {
            missing(
                "rds:CreateDBSubnetGroup",
                "InvalidParameterValue",
                "Verify that you have permission to create service linked role.",
            )
        };
        assert_eq!(denied.explain(rds()).class, FailureClass::Converging);
        let denial = refused("iam:CreateServiceLinkedRole", "rds", "AccessDenied", "no");
        denied.note("rds.amazonaws.com", &denial);
        let explained = denied.explain(rds());
        assert_eq!(explained.class, FailureClass::Denied);
        assert!(explained.message.ends_with("cannot be created: no"));
        // Another service's role, and another refusal of the same service.
        for other in [
            missing(
                "elasticache:CreateCacheSubnetGroup",
                "ServiceLinkedRoleNotFoundFault",
                "",
            ),
            missing("rds:CreateDBSubnetGroup", "InvalidParameterValue", "No."),
        ] {
            assert_eq!(denied.explain(other).class, FailureClass::Converging);
        }
    }
}
