//! Whether the principal may do what a plan needs: simulated by IAM, or tried as a dry run.

use std::collections::BTreeMap;

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use futures::future::try_join_all;

use crate::aws::Aws;
use crate::aws::error::{CallContext, refused};
use crate::aws::preflight::quotas::{patience, why};
use crate::engine::CloudError;
use crate::preflight::{Allowed, BY_ORGANISATION, Statement};

const SIMULATE: &str = "iam:SimulatePrincipalPolicy";

impl Aws {
    /// What of these statements is refused.
    ///
    /// # Errors
    /// Why it could not be found out at all.
    pub async fn allowed(&self, needed: &[Statement]) -> Result<Allowed, String> {
        let account = self.known_account().await.map_err(|error| why(&error))?;
        if account.arn.ends_with(":root") {
            return Ok(Allowed::Root);
        }
        match Box::pin(self.simulate(&account.arn, needed)).await {
            Ok(refused) => Ok(Allowed::Simulated { refused }),
            Err(error) => Ok(Allowed::DryRun {
                why: why(&error),
                tried: Box::pin(self.dry_run(needed)).await,
            }),
        }
    }

    /// Refused actions with the reasons, one request for each statement.
    async fn simulate(
        &self,
        arn: &str,
        needed: &[Statement],
    ) -> Result<BTreeMap<String, String>, CloudError> {
        let principal = self.principal(arn).await?;
        let asked = needed
            .iter()
            .map(|statement| Box::pin(self.simulate_one(&principal, statement)));
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
    }

    async fn simulate_one(
        &self,
        principal: &str,
        statement: &Statement,
    ) -> Result<BTreeMap<String, String>, CloudError> {
        let mut entries = vec![context("aws:RequestedRegion", [&self.region])];
        entries.extend(
            statement
                .conditions
                .values()
                .flatten()
                .map(|(key, values)| context(key, values)),
        );
        // Less patient than other calls: the first request that is not answered ends it all.
        let config = self.iam.config().to_builder().retry_config(patience());
        let results: Vec<_> = aws_sdk_iam::Client::from_conf(config.build())
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(
                statement.actions.iter().map(|a| (*a).to_owned()).collect(),
            ))
            .set_resource_arns(Some(statement.resources.iter().cloned().collect()))
            .set_context_entries(Some(entries))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context(SIMULATE, principal)?;
        // An action is judged for each kind of resource that it may touch; a statement names
        // several, and no action touches all of them. It is missing when none admits it.
        let mut by_action: BTreeMap<String, (bool, String)> = BTreeMap::new();
        for result in &results {
            let allowed = result.eval_decision == PolicyEvaluationDecisionType::Allowed;
            let entry = by_action
                .entry(result.eval_action_name.clone())
                .or_insert_with(|| (false, String::new()));
            entry.0 |= allowed;
            if !allowed {
                entry.1 = reason(result);
            }
        }
        Ok(by_action
            .into_iter()
            .filter(|(_, (allowed, _))| !allowed)
            .map(|(action, (_, reason))| (action, reason))
            .collect())
    }

    /// The user or role behind a caller: sessions of a role are simulated as the role, whose
    /// path only IAM knows.
    async fn principal(&self, arn: &str) -> Result<String, CloudError> {
        let Some((_, session)) = arn.split_once(":assumed-role/") else {
            return Ok(arn.to_owned());
        };
        let name = session.split('/').next().unwrap_or(session);
        let role = self.get_role(name).await?;
        role.map(|role| role.arn)
            .ok_or_else(|| refused("iam:GetRole", name, "NoSuchEntity", "no such role"))
    }

    /// Creations that need no other resource, each as a dry run: `DryRunOperation` is the
    /// answer to what is allowed. Not those that emulators take for real.
    async fn dry_run(&self, needed: &[Statement]) -> BTreeMap<String, bool> {
        let wanted = |action: &str| needed.iter().any(|one| one.actions.contains(action));
        let mut tried = BTreeMap::new();
        if wanted("ec2:CreateInternetGateway") {
            let answer = self
                .ec2
                .create_internet_gateway()
                .tag_specifications(self.dry_tags(needed, "internet-gateway"))
                .dry_run(true)
                .send()
                .await
                .context("ec2:CreateInternetGateway", "dry run");
            note(&mut tried, "ec2:CreateInternetGateway", answer);
        }
        if wanted("ec2:AllocateAddress") {
            let answer = self
                .ec2
                .allocate_address()
                .tag_specifications(self.dry_tags(needed, "elastic-ip"))
                .dry_run(true)
                .send()
                .await
                .context("ec2:AllocateAddress", "dry run");
            note(&mut tried, "ec2:AllocateAddress", answer);
        }
        tried
    }

    /// The tag that a condition may ask for.
    fn dry_tags(&self, needed: &[Statement], kind: &str) -> aws_sdk_ec2::types::TagSpecification {
        let environment = needed
            .iter()
            .flat_map(|one| one.conditions.values().flatten())
            .find(|(key, _)| key.starts_with("aws:RequestTag/"))
            .and_then(|(_, values)| values.first().cloned());
        aws_sdk_ec2::types::TagSpecification::builder()
            .resource_type(aws_sdk_ec2::types::ResourceType::from(kind))
            .tags(
                aws_sdk_ec2::types::Tag::builder()
                    .key(crate::aws::tags::ENVIRONMENT)
                    .set_value(environment)
                    .build(),
            )
            .build()
    }
}

/// A dry run never succeeds: its code tells. Any other code says nothing.
fn note<T>(tried: &mut BTreeMap<String, bool>, action: &str, answer: Result<T, CloudError>) {
    let code = answer.err().map(|error| error.code);
    match code.as_deref() {
        Some("DryRunOperation") => tried.insert(action.to_owned(), true),
        Some("UnauthorizedOperation") => tried.insert(action.to_owned(), false),
        _ => None,
    };
}

fn context<S: AsRef<str>>(key: &str, values: impl IntoIterator<Item = S>) -> ContextEntry {
    let values: Vec<String> = values
        .into_iter()
        .map(|value| value.as_ref().to_owned())
        .collect();
    // A request has one value of each of these keys; any that the policy admits will do.
    ContextEntry::builder()
        .context_key_name(key)
        .set_context_key_values(Some(values.into_iter().take(1).collect()))
        .context_key_type(ContextKeyTypeEnum::String)
        .build()
}

fn reason(result: &aws_sdk_iam::types::EvaluationResult) -> String {
    let by_organization = result
        .organizations_decision_detail()
        .is_some_and(|detail| !detail.allowed_by_organizations());
    let by_boundary = result
        .permissions_boundary_decision_detail()
        .is_some_and(|detail| !detail.allowed_by_permissions_boundary());
    let mut reason = match result.eval_decision {
        PolicyEvaluationDecisionType::ExplicitDeny => "denied".to_owned(),
        _ => "not allowed".to_owned(),
    };
    if by_organization {
        reason.push_str(BY_ORGANISATION);
    }
    if by_boundary {
        reason.push_str(" by the permissions boundary");
    }
    reason
}
