//! The roles with which AWS's services act in an account ("Create a service-linked role", IAM
//! User Guide).
//!
//! A service creates its own with an account's first resource of its kind, and refuses that one
//! resource: the role is seconds too young. So they are created before anything else. They
//! belong to the account, cost nothing and outlive every environment.

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::engine::{CloudError, FailureClass};

impl Aws {
    /// Creates the roles of these services where they are missing; whether any was.
    ///
    /// Who may not create roles goes on without: mostly they exist, and where one does not, its
    /// service says so.
    pub(in crate::aws) async fn create_service_roles(
        &self,
        services: &[&str],
    ) -> Result<bool, CloudError> {
        let created = services.iter().map(|service| async move {
            match Box::pin(self.create_service_role(service)).await {
                Err(error) if is_not_allowed(&error) => {
                    self.denied_roles.note(service, &error);
                    Ok(false)
                }
                other => other,
            }
        });
        let created = futures::future::try_join_all(created).await?;
        Ok(created.contains(&true))
    }

    /// Lets a service act in the account; whether it could not before.
    ///
    /// # Errors
    /// When it cannot be created, and the answer is not that it exists.
    pub async fn create_service_role(&self, service: &str) -> Result<bool, CloudError> {
        let created = self
            .iam
            .create_service_linked_role()
            .aws_service_name(service)
            .send()
            .await
            .context("iam:CreateServiceLinkedRole", service)
            // It exists: `InvalidInput` says AWS, `EntityAlreadyExists` its emulators.
            .ok_if_code(&["InvalidInput", "EntityAlreadyExists"])?;
        Ok(created.is_some())
    }
}

fn is_not_allowed(error: &CloudError) -> bool {
    error.class == FailureClass::Denied && !error.is_about_credentials()
}
