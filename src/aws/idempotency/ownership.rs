//! Whose something is that has our name.
//!
//! A creation that is repeated is told that the name is taken, by whom its tags say. Lists and
//! tags lag behind creations, so what is not listed, or tells no tags, is waited for: only what
//! bears another environment's tag, or none although somebody else made it, is a stranger's.

use crate::blueprint::Address;
use crate::engine::{CloudError, Observed, Request};

use crate::aws::Aws;
use crate::aws::error::{foreign, unlisted};
use crate::aws::idempotency::unknown_outcome::Made;
use crate::aws::tags::Owner;

/// What was found under a name.
#[derive(Debug)]
pub(in crate::aws) enum Claim<T = Observed> {
    /// The environment's.
    Ours(T),
    /// Another environment's.
    Theirs,
    /// It bears no environment's tag.
    Nobodys,
    /// Nothing is listed, or its tags are not told.
    Unseen,
}

impl<T> Claim<T> {
    /// By its owner, if that is known, with what it looks like where it is ours.
    pub(in crate::aws) fn of(
        owner: Option<Owner>,
        look: impl FnOnce(Address) -> Option<T>,
    ) -> Self {
        match owner {
            Some(Owner::Ours(address)) => look(address).map_or(Claim::Unseen, Claim::Ours),
            Some(Owner::Theirs) => Claim::Theirs,
            Some(Owner::Nobody) => Claim::Nobodys,
            None => Claim::Unseen,
        }
    }

    /// What is the environment's.
    pub(in crate::aws) fn ours(self) -> Option<T> {
        match self {
            Claim::Ours(found) => Some(found),
            Claim::Theirs | Claim::Nobodys | Claim::Unseen => None,
        }
    }
}

impl Aws {
    /// Remembers that this process made what has the name.
    pub(in crate::aws) fn made_as(&self, request: &Request<'_>, name: &str) {
        self.remember(request, Made::Id(name.to_owned()));
    }

    /// What a creation comes to, by what is found under the name afterwards; `made` says
    /// whether this very call made it.
    pub(in crate::aws) fn claimed<T>(
        &self,
        request: &Request<'_>,
        operation: &str,
        name: &str,
        made: bool,
        claim: Claim<T>,
    ) -> Result<T, CloudError> {
        if made {
            self.made_as(request, name);
        }
        match claim {
            Claim::Ours(found) => Ok(found),
            Claim::Theirs => Err(foreign(operation, name, request.environment)),
            Claim::Nobodys if !self.has_made(request) => {
                Err(foreign(operation, name, request.environment))
            }
            Claim::Nobodys | Claim::Unseen => Err(unlisted(operation, name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::aws::Connection;
    use crate::blueprint::Desired;
    use crate::engine::{FailureClass, SecretInputs};

    #[tokio::test]
    async fn only_what_bears_other_tags_is_a_strangers() {
        let aws = Aws::connect(Connection {
            region: "us-east-1".to_owned(),
            profile: None,
            endpoint_url: Some("http://127.0.0.1:1".to_owned()),
            paced: false,
            credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
        });
        let aws = aws.await.unwrap();
        let (address, nothing, no_tags) = (Address::seed(), BTreeMap::new(), BTreeMap::new());
        let request = Request {
            environment: "demo",
            address: &address,
            desired: &Desired::Seed,
            world: &nothing,
            tags: &no_tags,
            predecessors: &[],
            secrets: SecretInputs::default(),
        };
        let judge = |made, owner: Option<Owner>| {
            let claim = Claim::of(owner, Some);
            aws.claimed(&request, "ssm:PutParameter", "seed", made, claim)
        };
        let class = |made, owner| judge(made, owner).unwrap_err().class;
        // Somebody was first: a stranger, or a run whose creation is not listed yet.
        assert_eq!(class(false, None), FailureClass::Converging);
        assert_eq!(class(false, Some(Owner::Nobody)), FailureClass::Terminal);
        assert_eq!(class(false, Some(Owner::Theirs)), FailureClass::Terminal);
        assert_eq!(
            judge(false, Some(Owner::Ours(Address::seed()))).unwrap(),
            address
        );
        // Once this process made it, its tags are waited for.
        assert_eq!(class(true, None), FailureClass::Converging);
        assert_eq!(class(false, Some(Owner::Nobody)), FailureClass::Converging);
        assert_eq!(class(false, Some(Owner::Theirs)), FailureClass::Terminal);
    }
}
