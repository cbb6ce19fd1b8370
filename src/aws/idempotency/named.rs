//! Creations whose result has a unique name.
//!
//! A creation that is repeated is refused because the name is taken; the tags of what has the
//! name say by whom. Lists and tags lag behind creations, so what is not listed, or shows no
//! tags, is waited for. Only a resource that bears another environment's tag, or none although
//! this process did not create it, belongs to somebody else.

use crate::aws::Aws;
use crate::aws::error::{foreign_resource, not_listed_yet};
use crate::aws::idempotency::unknown_outcome::Creation;
use crate::aws::ownership::Ownership;
use crate::engine::{CloudError, Request};

impl Aws {
    /// Remembers that this process created what has the name.
    pub(in crate::aws) fn remember_created(&self, request: &Request<'_>, name: &str) {
        self.creations
            .remember(request, Creation::Known(name.to_owned()));
    }

    /// The result of a creation, by what is found under the name afterwards; `created` says
    /// whether this very call created it.
    pub(in crate::aws) fn resolve_creation<T>(
        &self,
        request: &Request<'_>,
        operation: &str,
        name: &str,
        created: bool,
        ownership: Ownership<T>,
    ) -> Result<T, CloudError> {
        if created {
            self.remember_created(request, name);
        }
        match ownership {
            Ownership::Ours(found) => Ok(found),
            Ownership::Foreign => Err(foreign_resource(operation, name, request.environment)),
            Ownership::Untagged if !self.creations.contains(request) => {
                Err(foreign_resource(operation, name, request.environment))
            }
            Ownership::Untagged | Ownership::NotListed => Err(not_listed_yet(operation, name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::aws::Connection;
    use crate::blueprint::kinds::Seed;
    use crate::blueprint::{Address, Desired};
    use crate::engine::{FailureClass, Inventory, SecretInputs};

    #[tokio::test]
    async fn only_other_tags_make_a_resource_foreign() {
        let aws = Aws::connect(Connection {
            region: "us-east-1".to_owned(),
            profile: None,
            endpoint_url: Some("http://127.0.0.1:1".to_owned()),
            paced: false,
            credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
        });
        let aws = aws.await.unwrap();
        let (address, nothing, no_tags) = (Address::seed(), Inventory::new(), BTreeMap::new());
        let request = Request {
            environment: "demo",
            address: &address,
            desired: &Desired::Seed(Seed::default()),
            inventory: &nothing,
            tags: &no_tags,
            predecessors: &[],
            secrets: SecretInputs::default(),
        };
        let resolve = |created, ownership| {
            aws.resolve_creation(&request, "ssm:PutParameter", "seed", created, ownership)
        };
        let class =
            |created, ownership: Ownership<Address>| resolve(created, ownership).unwrap_err().class;
        // Somebody was first: somebody else, or a run whose creation is not listed yet.
        assert_eq!(class(false, Ownership::NotListed), FailureClass::Converging);
        assert_eq!(class(false, Ownership::Untagged), FailureClass::Terminal);
        assert_eq!(class(false, Ownership::Foreign), FailureClass::Terminal);
        assert_eq!(
            resolve(false, Ownership::Ours(Address::seed())).unwrap(),
            address
        );
        // Once this process created it, its tags are waited for.
        assert_eq!(class(true, Ownership::NotListed), FailureClass::Converging);
        assert_eq!(class(false, Ownership::Untagged), FailureClass::Converging);
        assert_eq!(class(false, Ownership::Foreign), FailureClass::Terminal);
    }
}
