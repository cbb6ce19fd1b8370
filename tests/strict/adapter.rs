//! What AWS does and an emulator alone does not, met by loadrig's own adapter.

use std::collections::BTreeMap;

use loadrig::aws::{Aws, Connection};
use loadrig::blueprint::{Address, Blueprint, Desired, Kind, blueprint};
use loadrig::engine::{Cloud as _, Observed, Request, SecretInputs, State};
use loadrig::spec::Library;

use crate::cloud::Cloud;

const ENVIRONMENT: &str = "again";
const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUSNw2vJ1ZBVL1hGVmTXWWm2KCEFMwvV3b9nYZp0Vb1 test";

async fn adapter(cloud: &Cloud) -> Aws {
    Aws::connect(Connection {
        region: cloud.region.to_owned(),
        profile: None,
        endpoint_url: Some(cloud.endpoint.clone()),
        credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
        paced: false,
    })
    .await
    .unwrap()
}

fn environment() -> Blueprint {
    let text = "architecture: 1k\naccess:\n  operators: [198.51.100.7/32]\n";
    let library = Library::new(Some("no-such-directory".into()));
    let spec = library.load_text(ENVIRONMENT, text);
    let spec = spec.unwrap_or_else(|errors| panic!("{errors}"));
    blueprint(&spec, &["198.51.100.7/32".parse().unwrap()])
}

async fn create(
    aws: &Aws,
    (address, desired): (&Address, &Desired),
    world: &BTreeMap<Address, Observed>,
) -> Observed {
    let request = Request {
        environment: ENVIRONMENT,
        address,
        desired,
        world,
        tags: &BTreeMap::new(),
        predecessors: &[],
        secrets: SecretInputs {
            user_data: Some("#cloud-config\n".to_owned().into()),
            public_key: Some(PUBLIC_KEY.to_owned()),
            ..SecretInputs::default()
        },
    };
    let made = aws.create(request).await;
    made.unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// AWS stops listing a terminated instance after about an hour and remembers its client token
/// for longer: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>.
#[tokio::test]
async fn a_host_is_made_again_when_nobody_knows_its_terminated_predecessor() {
    let cloud = Cloud::instant("eu-south-1").await;
    let aws = adapter(&cloud).await;
    let blueprint = environment();
    let needed = [
        Kind::Vpc,
        Kind::InternetGateway,
        Kind::Subnet,
        Kind::SecurityGroup,
        Kind::KeyPair,
        Kind::Bucket,
        Kind::Role,
        Kind::InstanceProfile,
    ];
    let mut world = BTreeMap::new();
    for (address, desired) in blueprint.resources() {
        if needed.contains(&desired.kind()) {
            let made = create(&aws, (address, desired), &world).await;
            world.insert(address.clone(), made);
        }
    }
    let (address, desired) = blueprint
        .resources()
        .find(|(_, desired)| desired.kind() == Kind::Instance)
        .unwrap();
    let first = create(&aws, (address, desired), &world).await;
    aws.delete(ENVIRONMENT, &first).await.unwrap();
    let second = create(&aws, (address, desired), &world).await;
    assert_ne!(first.id, second.id);
    let living = aws.list(ENVIRONMENT, Kind::Instance).await.unwrap();
    let living: Vec<_> = living
        .iter()
        .filter(|one| !matches!(one.state, State::Gone | State::Deleting))
        .collect();
    assert_eq!(living.len(), 1, "{living:?}");
}
