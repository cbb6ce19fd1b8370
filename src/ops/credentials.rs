//! Where people log in, and as whom.
//!
//! Every password derives from the seed in the account, so that this needs no host.

use secrecy::SecretString;

use crate::identity::ADMINISTRATOR;
use crate::identity::names::Names;
use crate::plan::Inventory;
use crate::spec::{Role, Spec, TlsCertificate};

use super::adapters::Adapters;
use super::payload::{own_database, trust};
use super::rig::Rig;
use crate::ops::error::OpsError;

/// A service that people log in to, or look at.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its name, as `loadrig tunnel` knows it.
    pub service: &'static str,
    /// Where it is.
    pub at: String,
    /// Whom one logs in as, and with what; nothing where nobody logs in.
    pub login: Option<ServiceLogin>,
    /// How it is reached, where the address alone is not enough.
    pub through: Option<String>,
}

/// An account of a service.
#[derive(Clone, Debug)]
pub struct ServiceLogin {
    /// Its user name.
    pub user: String,
    /// Its password, as loadrig set it.
    pub password: SecretString,
}

/// Where people log in to an environment.
#[derive(Clone, Debug)]
pub struct CredentialsReport {
    /// Name of the environment.
    pub environment: String,
    /// The SSM parameter of the seed, from which the passwords derive.
    pub seed: String,
    /// The server first.
    pub credentials: Vec<Credential>,
    /// The authority that browsers have to trust, PEM; none where they do already.
    pub authority: Option<String>,
}

/// Finds out where people log in.
///
/// # Errors
/// When the environment does not exist, or its seed cannot be read.
pub async fn credentials(
    spec: Spec,
    adapters: &dyn Adapters,
) -> Result<CredentialsReport, OpsError> {
    let rig = Rig::open(spec, adapters).await?;
    let secrets = rig.secrets().await?;
    let inventory = rig.read().await?.inventory;
    let spec = &rig.spec;
    let administrator = ServiceLogin {
        user: ADMINISTRATOR.to_owned(),
        password: secrets.admin_password(),
    };
    let mut credentials = vec![Credential {
        service: "mattermost",
        at: inventory
            .url(spec)
            .unwrap_or_else(|| "no address yet".to_owned()),
        login: Some(administrator),
        through: None,
    }];
    if let Some(database) = own_database(spec, &inventory) {
        credentials.push(Credential {
            service: "database",
            at: format!("{}, database {}", database.writer, database.name),
            login: Some(ServiceLogin {
                user: database.user,
                password: secrets.database_password(),
            }),
            through: Some(tunnel(spec, "database")),
        });
    }
    credentials.extend(inner(spec, &inventory, Role::Metrics, "prometheus", 9090));
    credentials.extend(inner(spec, &inventory, Role::SearchProxy, "search", 9200));
    // One of files is whoever's who has the files.
    let private = spec.tls.as_ref();
    let private = private.filter(|tls| tls.certificate == TlsCertificate::Private);
    let authority = match private {
        Some(tls) => trust(tls, &spec.name, &secrets)?.authority,
        None => None,
    };
    Ok(CredentialsReport {
        seed: Names::of(&spec.name).seed(),
        environment: spec.name.clone(),
        credentials,
        authority,
    })
}

fn tunnel(spec: &Spec, service: &str) -> String {
    format!("loadrig tunnel {} {service}", spec.name)
}

/// A service of a host, which only hosts of the environment reach, without a login.
fn inner(
    spec: &Spec,
    inventory: &Inventory,
    role: Role,
    service: &'static str,
    port: u16,
) -> Option<Credential> {
    let host = spec.hosts_of(role).next()?;
    let address = inventory.private_address(host)?;
    Some(Credential {
        service,
        at: format!("http://{address}:{port}"),
        login: None,
        through: Some(tunnel(spec, service)),
    })
}
