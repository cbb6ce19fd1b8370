//! The seed that every secret of an environment derives from, in SSM Parameter Store.

use aws_sdk_ssm::types::{ParameterTier, ParameterType, ResourceTypeForTagging, Tag};
use secrecy::{ExposeSecret, SecretString};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, built, incomplete};
use crate::aws::ownership::Ownership;
use crate::aws::tags::{self, observed};
use crate::blueprint::{Address, Kind, kinds};
use crate::engine::{CloudError, FailureClass, Observed, Request, State};
use crate::identity::names::Names;

impl Aws {
    /// Never overwrites: whoever comes second gets the seed of the first.
    pub(in crate::aws) async fn create_seed(
        &self,
        request: &Request<'_>,
        desired: &kinds::Seed,
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
        let put = self.ssm.put_parameter();
        let put = match &desired.key {
            Some(key) => put.key_id(key),
            None => put,
        };
        let created = put
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
            .context(operation, request.address)
            .ok_if_code(&["ParameterAlreadyExists"])?;
        let ownership = self.seed_ownership(request.environment).await?;
        self.resolve_creation(request, operation, &name, created.is_some(), ownership)
    }

    pub(in crate::aws) async fn seed_parameter(
        &self,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        Ok(self.seed_ownership(environment).await?.ours())
    }

    async fn seed_ownership(&self, environment: &str) -> Result<Ownership, CloudError> {
        let name = Names::of(environment).seed();
        let (value, owner) = futures::try_join!(
            self.parameter(&name, false),
            self.parameter_ownership(&name, environment),
        )?;
        let Some(parameter) = value else {
            return Ok(Ownership::NotListed);
        };
        Ok(owner.and_then(|address| {
            Some(observed(
                address,
                Kind::Seed,
                name,
                (State::Ready, "available"),
                [(
                    "created",
                    parameter
                        .last_modified_date()
                        .map(|time| time.to_string().into()),
                )],
            ))
        }))
    }

    pub(in crate::aws) async fn read_seed(
        &self,
        environment: &str,
    ) -> Result<Option<SecretString>, CloudError> {
        let name = Names::of(environment).seed();
        let parameter = self.parameter(&name, true).await.map_err(|error| {
            match error.class == FailureClass::Denied && error.message.contains("kms:Decrypt") {
                true => CloudError {
                    message: format!(
                        "{}; the seed's KMS key admits other principals only: those that its key policy \
                         names",
                        error.message
                    ),
                    ..error
                },
                false => error,
            }
        })?;
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
        let found = answer.context("ssm:GetParameter", name).ok_if_not_found()?;
        Ok(found.and_then(|answer| answer.parameter))
    }

    async fn parameter_ownership(
        &self,
        name: &str,
        environment: &str,
    ) -> Result<Ownership<Address>, CloudError> {
        let tags = self
            .ssm
            .list_tags_for_resource()
            .resource_type(ResourceTypeForTagging::Parameter)
            .resource_id(name)
            .send()
            .await
            .context("ssm:ListTagsForResource", name)
            .ok_if_not_found()?;
        Ok(tags.map_or(Ownership::NotListed, |answer| {
            let tags = answer.tag_list().iter();
            let pairs = tags.map(|tag| (Some(tag.key()), Some(tag.value())));
            tags::ownership(pairs, environment)
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
            .context("ssm:GetParametersByPath", &path)?;
        Ok(pages
            .into_iter()
            .flat_map(|page| page.parameters.unwrap_or_default())
            .filter_map(|parameter| parameter.name)
            .collect())
    }

    pub(in crate::aws) async fn delete_parameter(&self, name: &str) -> Result<(), CloudError> {
        let answer = self.ssm.delete_parameter().name(name).send().await;
        answer
            .context("ssm:DeleteParameter", name)
            .ok_if_not_found()?;
        Ok(())
    }
}
