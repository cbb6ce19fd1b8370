//! The EC2 key pair: the operator's public key.

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{KeyPairInfo, ResourceType};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, foreign_resource, incomplete};
use crate::aws::request::require_listed;
use crate::aws::tags::{self, Select, filter, observed, pairs, specification};
use crate::blueprint::Kind;
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;

impl Aws {
    pub(in crate::aws) async fn create_key_pair(
        &self,
        request: &Request<'_>,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:ImportKeyPair";
        let name = Names::of(request.environment).key_pair();
        let key = request.secrets.public_key.as_deref();
        let key = key.ok_or_else(|| incomplete(operation, request.address, "public key"))?;
        self.ec2
            .import_key_pair()
            .key_name(&name)
            .public_key_material(Blob::new(key))
            .tag_specifications(specification(request, ResourceType::KeyPair))
            .send()
            .await
            .context(operation, request.address)
            .ok_if_code(&["InvalidKeyPair.Duplicate"])?;
        let found = self.key_pairs("key-name", &name).await?;
        match found.first() {
            Some(pair) => observe(pair, request.environment)
                .ok_or_else(|| foreign_resource(operation, &name, request.environment)),
            // Somebody else's would be listed: this one was created a moment ago.
            None => require_listed(vec![], operation, &name),
        }
    }

    pub(in crate::aws) async fn environment_key_pairs(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let found = self
            .ec2
            .describe_key_pairs()
            .set_filters(select.filters("key-name"))
            .send()
            .await
            .context("ec2:DescribeKeyPairs", select)?;
        Ok(found
            .key_pairs()
            .iter()
            .filter_map(|pair| observe(pair, select.environment()))
            .collect())
    }

    pub(in crate::aws) async fn key_pairs(
        &self,
        by: &str,
        value: &str,
    ) -> Result<Vec<KeyPairInfo>, CloudError> {
        Ok(self
            .ec2
            .describe_key_pairs()
            .filters(filter(by, [value]))
            .send()
            .await
            .context("ec2:DescribeKeyPairs", value)?
            .key_pairs
            .unwrap_or_default())
    }

    pub(in crate::aws) async fn delete_key_pair(&self, name: &str) -> Result<(), CloudError> {
        let answer = self.ec2.delete_key_pair().key_name(name).send().await;
        answer
            .context("ec2:DeleteKeyPair", name)
            .ok_if_not_found()?;
        Ok(())
    }
}

fn observe(pair: &KeyPairInfo, environment: &str) -> Option<Observed> {
    Some(observed(
        tags::address(pairs(pair.tags()), environment)?,
        Kind::KeyPair,
        pair.key_name()?,
        (State::Ready, "available"),
        [("fingerprint", pair.key_fingerprint().map(Into::into))],
    ))
}
