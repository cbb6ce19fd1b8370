//! loadrig's own adapter on a strict cloud of a test's own.

use std::collections::BTreeMap;

use loadrig::aws::{Aws, Connection};
use loadrig::blueprint::{Address, Attributes, Desired, Kind};
use loadrig::engine::{Cloud as _, CloudError, Inventory, Observed, Request, SecretInputs, State};

use super::cloud::{TestCloud, TestNetwork};

const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUSNw2vJ1ZBVL1hGVmTXWWm2KCEFMwvV3b9nYZp0Vb1 test";

/// An environment, and what is known of it.
pub struct AdapterRig {
    pub aws: Aws,
    pub environment: &'static str,
    pub inventory: Inventory,
}

impl AdapterRig {
    pub async fn new(cloud: &TestCloud, environment: &'static str) -> Self {
        let aws = Aws::connect(Connection {
            paced: false,
            region: cloud.region.to_owned(),
            profile: None,
            endpoint_url: Some(cloud.endpoint.clone()),
            credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
        });
        Self {
            aws: aws.await.unwrap(),
            environment,
            inventory: Inventory::new(),
        }
    }

    /// Takes what a test made by itself for the environment's.
    pub fn know(&mut self, address: Address, kind: Kind, id: &str) {
        let known = Observed {
            address: address.clone(),
            kind,
            id: id.to_owned(),
            state: State::Ready,
            status: "available".to_owned(),
            attributes: Attributes::default(),
        };
        self.inventory.insert(known);
    }

    /// A network's subnets as private ones, and a group; the subnets' addresses.
    pub fn know_network(&mut self, network: &TestNetwork, group: (&Address, &str)) -> Vec<Address> {
        let addresses = ["subnet/private-a", "subnet/private-b"].map(Address::parse);
        for (address, id) in addresses.iter().zip(&network.subnets) {
            self.know(address.clone(), Kind::Subnet, id);
        }
        self.know(group.0.clone(), Kind::SecurityGroup, group.1);
        addresses.to_vec()
    }

    /// Creates, or updates what exists.
    pub async fn ask(
        &self,
        address: &Address,
        desired: &Desired,
        existing: Option<&Observed>,
    ) -> Result<Observed, CloudError> {
        let request = Request {
            environment: self.environment,
            address,
            desired,
            inventory: &self.inventory,
            tags: &BTreeMap::new(),
            predecessors: &[],
            secrets: SecretInputs {
                user_data: Some("#cloud-config\n".to_owned().into()),
                public_key: Some(PUBLIC_KEY.to_owned()),
                ..SecretInputs::default()
            },
        };
        match existing {
            Some(existing) => self.aws.update(request, existing).await,
            None => self.aws.create(request).await,
        }
    }
}
