//! The instance profile through which EC2 gives hosts their role.

use aws_sdk_iam::types::InstanceProfile;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::iam::tags::{PATH, iam_pairs, iam_tags};
use crate::aws::ownership::Ownership;
use crate::aws::request::require_listed;
use crate::aws::tags::{self, observed};
use crate::blueprint::{Address, Kind};
use crate::engine::{CloudError, Observed, Request, State};

impl Aws {
    pub(in crate::aws) async fn create_instance_profile(
        &self,
        request: &Request<'_>,
    ) -> Result<Observed, CloudError> {
        let operation = "iam:CreateInstanceProfile";
        let name = self.role_name(request.environment, request.address);
        let created = self
            .iam
            .create_instance_profile()
            .instance_profile_name(&name)
            .path(PATH)
            .set_tags(Some(iam_tags(request, operation)?))
            .send()
            .await
            .context(operation, request.address)
            .ok_if_code(&["EntityAlreadyExists"])?;
        let found = self.get_instance_profile(&name).await?;
        let ownership = found.map_or(Ownership::NotListed, |profile| {
            tags::ownership(iam_pairs(profile.tags()), request.environment)
        });
        self.resolve_creation(request, operation, &name, created.is_some(), ownership)?;
        self.complete_instance_profile(request).await
    }

    pub(in crate::aws) async fn complete_instance_profile(
        &self,
        request: &Request<'_>,
    ) -> Result<Observed, CloudError> {
        let operation = "iam:AddRoleToInstanceProfile";
        // Both have one name.
        let profile = self.role_name(request.environment, request.address);
        let role = profile.clone();
        let holds = self.get_instance_profile(&profile).await?;
        for other in holds.iter().flat_map(|one| one.roles()) {
            if other.role_name != role {
                self.detach(&profile, &other.role_name).await?;
            }
        }
        self.iam
            .add_role_to_instance_profile()
            .instance_profile_name(&profile)
            .role_name(&role)
            .send()
            .await
            .context(operation, &profile)
            // A profile holds one role, and it is this one: others were taken out above.
            .ok_if_code(&["LimitExceeded"])
            .retry_if_not_found()?;
        let found = self.get_instance_profile(&profile).await?;
        let found = found.and_then(|one| self.observe_profile(one, request.environment));
        require_listed(
            found.into_iter().collect(),
            "iam:GetInstanceProfile",
            &profile,
        )
    }

    pub(in crate::aws) async fn instance_profiles(
        &self,
        environment: &str,
    ) -> Result<Vec<Observed>, CloudError> {
        let names = [Address::instance_profile(), Address::search_profile()]
            .map(|at| self.role_name(environment, &at));
        let [hosts, search] = &names;
        let (hosts, search) = futures::try_join!(
            self.get_instance_profile(hosts),
            self.get_instance_profile(search),
        )?;
        let found = hosts.into_iter().chain(search);
        Ok(found
            .filter_map(|profile| self.observe_profile(profile, environment))
            .collect())
    }

    pub(in crate::aws) fn observe_profile(
        &self,
        profile: InstanceProfile,
        environment: &str,
    ) -> Option<Observed> {
        let address = profile_address(&profile, environment)?;
        let ours = self.role_name(environment, &address);
        let wanted = match address == Address::search_profile() {
            true => Address::search_role(),
            false => Address::role(),
        };
        let role = match profile.roles().first() {
            Some(role) if role.role_name == ours => wanted.to_string(),
            Some(role) => role.role_name.clone(),
            None => "none".to_owned(),
        };
        Some(observed(
            address,
            Kind::InstanceProfile,
            profile.instance_profile_name,
            (State::Ready, "available"),
            [
                ("role", Some(role.into())),
                ("arn", Some(profile.arn.into())),
            ],
        ))
    }

    /// Whether anything has the profile's name.
    pub(in crate::aws) async fn get_instance_profile(
        &self,
        name: &str,
    ) -> Result<Option<InstanceProfile>, CloudError> {
        let answer = self
            .iam
            .get_instance_profile()
            .instance_profile_name(name)
            .send()
            .await;
        let found = answer
            .context("iam:GetInstanceProfile", name)
            .ok_if_not_found()?;
        Ok(found.and_then(|answer| answer.instance_profile))
    }

    pub(in crate::aws) async fn delete_instance_profile(
        &self,
        name: &str,
    ) -> Result<(), CloudError> {
        let Some(profile) = self.get_instance_profile(name).await? else {
            return Ok(());
        };
        for role in profile.roles() {
            self.detach(name, &role.role_name).await?;
        }
        let answer = self
            .iam
            .delete_instance_profile()
            .instance_profile_name(name)
            .send()
            .await;
        answer
            .context("iam:DeleteInstanceProfile", name)
            .ok_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn detach(&self, profile: &str, role: &str) -> Result<(), CloudError> {
        self.iam
            .remove_role_from_instance_profile()
            .instance_profile_name(profile)
            .role_name(role)
            .send()
            .await
            .context("iam:RemoveRoleFromInstanceProfile", profile)
            .ok_if_not_found()?;
        Ok(())
    }
}

/// The profile's address if it is the environment's.
pub(in crate::aws) fn profile_address(
    profile: &InstanceProfile,
    environment: &str,
) -> Option<Address> {
    tags::address(iam_pairs(profile.tags()), environment)
}
