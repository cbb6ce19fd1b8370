//! The IAM roles of hosts: one for search proxies, and one for all others.
//!
//! IAM is one for the whole account, so it and its profile are found by their unique names and taken
//! for ours only by their tags.

use aws_sdk_iam::types::Role;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, foreign_resource};
use crate::aws::iam::instance_profile::profile_address;
use crate::aws::iam::tags::{PATH, iam_pairs, iam_tags};
use crate::aws::ownership::Ownership;
use crate::aws::request::{dependency, require_listed};
use crate::aws::tags::{self, observed};
use crate::blueprint::kinds::HostRole;
use crate::blueprint::{Address, Kind};
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;

/// Name of the role's inline policy.
pub(in crate::aws) const POLICY: &str = "files-bucket";
/// Who may take the role on, as it should be: EC2.
const TRUSTED: &str = "ec2";
/// No inline policy but ours.
const NONE: &str = "none";

impl Aws {
    pub(in crate::aws) async fn create_role(
        &self,
        request: &Request<'_>,
        role: &HostRole,
    ) -> Result<Observed, CloudError> {
        let operation = "iam:CreateRole";
        if let Some(bucket) = &role.bucket {
            dependency(request, operation, bucket)?;
        }
        let name = self.role_name(request.environment, request.address);
        let created = self
            .iam
            .create_role()
            .role_name(&name)
            .path(PATH)
            .description(format!(
                "hosts of the loadrig environment {}",
                request.environment
            ))
            .assume_role_policy_document(trust().to_string())
            .set_tags(Some(iam_tags(request, operation)?))
            .send()
            .await
            .context(operation, request.address)
            .ok_if_code(&["EntityAlreadyExists"])?;
        // Before anything is changed: the name may be a stranger's.
        let found = self.get_role(&name).await?;
        let ownership = found.map_or(Ownership::NotListed, |role| {
            tags::ownership(iam_pairs(role.tags()), request.environment)
        });
        self.resolve_creation(request, operation, &name, created.is_some(), ownership)?;
        self.complete_role(request, role).await
    }

    /// Name of the role, and of its profile, at an address.
    pub(in crate::aws) fn role_name(&self, environment: &str, address: &Address) -> String {
        let names = Names::of(environment);
        if *address == Address::search_role() || *address == Address::search_profile() {
            names.search_role(&self.region)
        } else {
            names.role(&self.region)
        }
    }

    pub(in crate::aws) async fn complete_role(
        &self,
        request: &Request<'_>,
        role: &HostRole,
    ) -> Result<Observed, CloudError> {
        let operation = "iam:PutRolePolicy";
        let name = self.role_name(request.environment, request.address);
        if role.bucket.is_some() {
            self.iam
                .put_role_policy()
                .role_name(&name)
                .policy_name(POLICY)
                .policy_document(self.bucket_policy(request.environment).await?.to_string())
                .send()
                .await
                .context(operation, &name)
                .retry_if_not_found()?;
        }
        let mut found = self.role_at(request.environment, request.address).await?;
        let differs = |key: &str, wanted: &str| {
            let role = found.as_ref();
            role.is_some_and(|role| role.text(key) != Some(wanted))
        };
        let (trust_differs, others) = (differs("trust", TRUSTED), differs("other_policies", NONE));
        if trust_differs {
            self.iam
                .update_assume_role_policy()
                .role_name(&name)
                .policy_document(trust().to_string())
                .send()
                .await
                .context("iam:UpdateAssumeRolePolicy", &name)?;
        }
        if others {
            for policy in self.inline_policies(&name).await? {
                if role.bucket.is_none() || policy != POLICY {
                    self.delete_inline(&name, &policy).await?;
                }
            }
        }
        if trust_differs || others {
            found = self.role_at(request.environment, request.address).await?;
        }
        require_listed(found.into_iter().collect(), "iam:GetRole", &name)
    }

    /// The roles of the environment's hosts.
    pub(in crate::aws) async fn roles(
        &self,
        environment: &str,
    ) -> Result<Vec<Observed>, CloudError> {
        let (hosts, search) = (Address::role(), Address::search_role());
        let (hosts, search) = futures::try_join!(
            self.role_at(environment, &hosts),
            self.role_at(environment, &search),
        )?;
        Ok(hosts.into_iter().chain(search).collect())
    }

    async fn role_at(
        &self,
        environment: &str,
        at: &Address,
    ) -> Result<Option<Observed>, CloudError> {
        let Some(role) = self.get_role(&self.role_name(environment, at)).await? else {
            return Ok(None);
        };
        let Some(address) = role_address(&role, environment) else {
            return Ok(None);
        };
        self.whole_role(role, address, environment).await.map(Some)
    }

    /// Profiles and roles.
    pub(in crate::aws) async fn roles_and_profiles(
        &self,
        environment: &str,
    ) -> Result<Vec<Observed>, CloudError> {
        let (hosts, search) = (Address::role(), Address::search_role());
        let (mut hosts, search) = futures::try_join!(
            self.role_and_profile(environment, &hosts),
            self.role_and_profile(environment, &search),
        )?;
        hosts.extend(search);
        Ok(hosts)
    }

    /// A profile and its role. The profile contains its role but for the tags: one of our name and path
    /// in a profile of ours is ours, and its tags are read before it is deleted.
    async fn role_and_profile(
        &self,
        environment: &str,
        at: &Address,
    ) -> Result<Vec<Observed>, CloudError> {
        let name = self.role_name(environment, at);
        let profile = self.get_instance_profile(&name).await?;
        let role = profile
            .iter()
            .filter(|profile| profile_address(profile, environment).is_some())
            .flat_map(|one| one.roles())
            .find(|role| role.role_name == name && role.path == PATH);
        let role = match role {
            Some(role) => {
                let whole = self.whole_role(role.clone(), at.clone(), environment);
                Some(whole.await?)
            }
            None => self.role_at(environment, at).await?,
        };
        let profile = profile.and_then(|profile| self.observe_profile(profile, environment));
        Ok(role.into_iter().chain(profile).collect())
    }

    async fn whole_role(
        &self,
        role: Role,
        address: Address,
        environment: &str,
    ) -> Result<Observed, CloudError> {
        let name = role.role_name;
        let operation = "iam:GetRolePolicy";
        let get = self.iam.get_role_policy().role_name(&name);
        let (attached, policies) = futures::try_join!(
            async {
                let answer = get.policy_name(POLICY).send().await;
                answer.context(operation, &name).ok_if_not_found()
            },
            self.inline_policies(&name),
        )?;
        // The search proxies' may nothing by itself.
        let is_of_search = address == Address::search_role();
        let attached = attached
            .filter(|_| !is_of_search)
            .map(|answer| parse_document(&answer.policy_document));
        let others: Vec<&str> = policies
            .iter()
            .map(String::as_str)
            .filter(|policy| is_of_search || *policy != POLICY)
            .collect();
        let others = match others.as_slice() {
            [] => NONE.to_owned(),
            others => others.join(" "),
        };
        let document = role.assume_role_policy_document.as_deref();
        let trusted = match document.and_then(parse_document) == Some(trust()) {
            true => TRUSTED,
            false => "changed",
        };
        let policy = match attached {
            None => "none".to_owned(),
            Some(document) if document == Some(self.bucket_policy(environment).await?) => {
                Address::bucket().to_string()
            }
            Some(_) => "changed".to_owned(),
        };
        Ok(observed(
            address,
            Kind::Role,
            name,
            (State::Ready, "available"),
            [
                ("policy", Some(policy.into())),
                ("other_policies", Some(others.into())),
                ("trust", Some(trusted.into())),
                ("arn", Some(role.arn.into())),
                ("created", Some(role.create_date.to_string().into())),
            ],
        ))
    }

    /// Whether anything has the role's name.
    pub(in crate::aws) async fn get_role(&self, name: &str) -> Result<Option<Role>, CloudError> {
        let answer = self.iam.get_role().role_name(name).send().await;
        let found = answer.context("iam:GetRole", name).ok_if_not_found()?;
        Ok(found.and_then(|answer| answer.role))
    }

    /// With its inline policies, which are parts of it. A managed policy that somebody attached
    /// stays, and keeps the role from going.
    pub(in crate::aws) async fn delete_role(
        &self,
        environment: &str,
        name: &str,
    ) -> Result<(), CloudError> {
        match self.get_role(name).await? {
            None => return Ok(()),
            Some(role) if role_address(&role, environment).is_none() => {
                return Err(foreign_resource("iam:DeleteRole", name, environment));
            }
            Some(_) => {}
        }
        // A profile of somebody else's that holds it too is left as it is. Ours has its name.
        if self
            .profiles_with(name)
            .await?
            .iter()
            .any(|own| own == name)
        {
            self.detach(name, name).await?;
        }
        for policy in self.inline_policies(name).await? {
            self.delete_inline(name, &policy).await?;
        }
        let answer = self.iam.delete_role().role_name(name).send().await;
        answer.context("iam:DeleteRole", name).ok_if_not_found()?;
        Ok(())
    }

    async fn delete_inline(&self, role: &str, policy: &str) -> Result<(), CloudError> {
        let answer = self
            .iam
            .delete_role_policy()
            .role_name(role)
            .policy_name(policy)
            .send()
            .await;
        answer
            .context("iam:DeleteRolePolicy", role)
            .ok_if_not_found()?;
        Ok(())
    }

    /// Names of the profiles that hold a role; none when there is no such role.
    pub(in crate::aws) async fn profiles_with(
        &self,
        role: &str,
    ) -> Result<Vec<String>, CloudError> {
        let found: Option<Vec<_>> = self
            .iam
            .list_instance_profiles_for_role()
            .role_name(role)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("iam:ListInstanceProfilesForRole", role)
            .ok_if_not_found()?;
        let profiles = found.unwrap_or_default().into_iter();
        Ok(profiles
            .map(|profile| profile.instance_profile_name)
            .collect())
    }

    /// Names of the policies in a role.
    pub(in crate::aws) async fn inline_policies(
        &self,
        role: &str,
    ) -> Result<Vec<String>, CloudError> {
        let found: Option<Vec<_>> = self
            .iam
            .list_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("iam:ListRolePolicies", role)
            .ok_if_not_found()?;
        Ok(found.unwrap_or_default())
    }

    /// ARNs of the managed policies that are attached to a role.
    pub(in crate::aws) async fn attached_policies(
        &self,
        role: &str,
    ) -> Result<Vec<String>, CloudError> {
        let found: Option<Vec<_>> = self
            .iam
            .list_attached_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("iam:ListAttachedRolePolicies", role)
            .ok_if_not_found()?;
        let policies = found.unwrap_or_default().into_iter();
        Ok(policies.filter_map(|policy| policy.policy_arn).collect())
    }

    /// What hosts may do: use the files bucket.
    async fn bucket_policy(&self, environment: &str) -> Result<Value, CloudError> {
        let account = self.known_account().await?;
        let bucket = Names::of(environment).bucket(&account.id, &account.region);
        let partition = account.arn.split(':').nth(1).unwrap_or("aws");
        let arn = format!("arn:{partition}:s3:::{bucket}");
        Ok(json!({
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [arn]},
                {
                    "Effect": "Allow",
                    "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                    "Resource": [format!("{arn}/*")],
                },
            ],
        }))
    }
}

fn trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    })
}

/// The role's address if it is the environment's.
pub(in crate::aws) fn role_address(role: &Role, environment: &str) -> Option<Address> {
    tags::address(iam_pairs(role.tags()), environment)
}

/// IAM answers documents percent-encoded.
fn parse_document(text: &str) -> Option<Value> {
    serde_json::from_str(text)
        .ok()
        .or_else(|| serde_json::from_str(&percent_decode_str(text).decode_utf8().ok()?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_encoded_or_plain() {
        let document = json!({"Version": "2012-10-17"});
        assert_eq!(
            parse_document(&document.to_string()),
            Some(document.clone())
        );
        assert_eq!(
            parse_document("%7B%22Version%22%3A%222012-10-17%22%7D"),
            Some(document)
        );
        assert_eq!(parse_document("%zz%"), None);
    }
}
