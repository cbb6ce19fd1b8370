//! The seed that every secret of an environment derives from, in SSM Parameter Store.

use aws_sdk_ssm::types::{ParameterTier, ParameterType, ResourceTypeForTagging, Tag};
use secrecy::{ExposeSecret, SecretString};

use crate::blueprint::Kind;
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;

use crate::aws::Aws;
use crate::aws::error::{During, Judge, built, incomplete};
use crate::aws::idempotency::ownership::Claim;
use crate::aws::tags::{self, Owner, observed};

impl Aws {
    /// Never overwrites: whoever comes second gets the seed of the first.
    pub(in crate::aws) async fn create_seed(
        &self,
        request: &Request<'_>,
    ) -> Result<Observed, CloudError> {
        let operation = "ssm:PutParameter";
        let name = Names::of(request.environment).seed();
        let seed = request.secrets.seed.as_ref();
        let seed = seed.ok_or_else(|| incomplete(operation, request.address, "seed to store"))?;
        let mut tags = Vec::new();
        for (key, value) in tags::of(request) {
            let tag = Tag::builder().key(key).value(value).build();
            tags.push(built(tag, operation, request.address)?);
        }
        let created = self
            .ssm
            .put_parameter()
            .name(&name)
            .description(format!(
                "seed of the loadrig environment {}",
                request.environment
            ))
            .value(seed.expose_secret())
            .r#type(ParameterType::SecureString)
            .tier(ParameterTier::Standard)
            .overwrite(false)
            .set_tags(Some(tags))
            .send()
            .await
            .during(operation, request.address)
            .or_done(&["ParameterAlreadyExists"])?;
        let claim = self.seed_claim(request.environment).await?;
        self.claimed(request, operation, &name, created.is_some(), claim)
    }

    pub(in crate::aws) async fn seed_parameter(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        Ok(self.seed_claim(environment).await?.ours())
    }

    async fn seed_claim(&self, environment: &str) -> Result<Claim, CloudError> {
        let name = Names::of(environment).seed();
        let (value, owner) = futures::try_join!(
            self.parameter(&name, false),
            self.parameter_owner(&name, environment),
        )?;
        let Some(parameter) = value else {
            return Ok(Claim::Unseen);
        };
        Ok(Claim::of(owner, |address| {
            Some(observed(
                address,
                Kind::Seed,
                name,
                (State::Ready, "available"),
                [(
                    "created",
                    parameter.last_modified_date().map(|time| time.to_string()),
                )],
            ))
        }))
    }

    pub(in crate::aws) async fn read_seed(
        &self,
        environment: &str,
    ) -> Result<Option<SecretString>, CloudError> {
        let name = Names::of(environment).seed();
        let parameter = self.parameter(&name, true).await?;
        Ok(parameter
            .and_then(|found| found.value)
            .map(SecretString::from))
    }

    async fn parameter(
        &self,
        name: &str,
        decrypt: bool,
    ) -> Result<Option<aws_sdk_ssm::types::Parameter>, CloudError> {
        let answer = self
            .ssm
            .get_parameter()
            .name(name)
            .with_decryption(decrypt)
            .send()
            .await;
        let found = answer.during("ssm:GetParameter", name).or_gone()?;
        Ok(found.and_then(|answer| answer.parameter))
    }

    async fn parameter_owner(
        &self,
        name: &str,
        environment: &str,
    ) -> Result<Option<Owner>, CloudError> {
        let tags = self
            .ssm
            .list_tags_for_resource()
            .resource_type(ResourceTypeForTagging::Parameter)
            .resource_id(name)
            .send()
            .await
            .during("ssm:ListTagsForResource", name)
            .or_gone()?;
        Ok(tags.map(|answer| {
            let tags = answer.tag_list().iter();
            let pairs = tags.map(|tag| (Some(tag.key()), Some(tag.value())));
            tags::owner(pairs, environment)
        }))
    }

    /// Names of all parameters of an environment.
    pub(in crate::aws) async fn parameter_names(
        &self,
        environment: &str,
    ) -> Result<Vec<String>, CloudError> {
        let path = Names::of(environment).parameters();
        let pages: Vec<_> = self
            .ssm
            .get_parameters_by_path()
            .path(&path)
            .recursive(true)
            .into_paginator()
            .send()
            .try_collect()
            .await
            .during("ssm:GetParametersByPath", &path)?;
        Ok(pages
            .into_iter()
            .flat_map(|page| page.parameters.unwrap_or_default())
            .filter_map(|parameter| parameter.name)
            .collect())
    }

    pub(in crate::aws) async fn delete_parameter(&self, name: &str) -> Result<(), CloudError> {
        let answer = self.ssm.delete_parameter().name(name).send().await;
        answer.during("ssm:DeleteParameter", name).or_gone()?;
        Ok(())
    }
}
