//! Database instances of an Aurora cluster.

use super::super::{Address, AttributeValue, Attributes, DatabaseRole};
use super::database::{AURORA, IN_SYNC};
use super::resource::Resource;

/// An instance of an Aurora cluster. Its kind is that of every database instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterInstance {
    /// Writer or reader.
    pub role: DatabaseRole,
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

    fn parameter_groups(&self) -> Vec<Address> {
        vec![self.parameters.clone(), Address::cluster_parameters()]
    }
}
