//! Database instances of an Aurora cluster.

use super::super::{Address, AttributeValue, Attributes, DatabaseRole};
use super::database::{AURORA, IN_SYNC};
use super::resource::Resource;

/// An instance of an Aurora cluster. Its kind is that of every database instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterInstance {
    /// Writer or reader.
    pub role: DatabaseRole,
    /// The subnet in whose zone it is created; none leaves the zone to AWS. It stays where it is.
    pub zone: Option<Address>,
    /// Instance class.
    pub class: String,
    /// The cluster that it belongs to.
    pub cluster: Address,
    /// Parameter group.
    pub parameters: Address,
}

impl Resource for ClusterInstance {
    fn attributes(&self) -> Attributes {
        [
            ("engine", AttributeValue::from(AURORA)),
            ("class", self.class.as_str().into()),
            ("parameter_group", (&self.parameters).into()),
            ("parameters", IN_SYNC.into()),
            ("public_access", false.into()),
        ]
        .into_iter()
        .collect()
    }

    /// The same wherever AWS has capacity: another zone is worse than this one, and better than none.
    fn alternatives(&self) -> Vec<Self> {
        let elsewhere = Self {
            zone: None,
            ..self.clone()
        };
        self.zone.iter().map(|_| elsewhere.clone()).collect()
    }

    fn placement(&self) -> String {
        match &self.zone {
            Some(subnet) => format!("the zone of {subnet}"),
            None => "any zone".to_owned(),
        }
    }

    fn parameter_groups(&self) -> Vec<Address> {
        vec![self.parameters.clone(), Address::cluster_parameters()]
    }
}
