//! How AWS is reached: region, profile, endpoint.

use secrecy::SecretString;

/// How to reach AWS.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Region, for example `us-east-1`.
    pub region: String,
    /// Profile of the shared configuration; `None` takes `AWS_PROFILE` or the default one.
    pub profile: Option<String>,
    /// Where every service is reached instead of at AWS; `None` takes `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// Whether calls keep to the rates that AWS publishes. Off only where nothing throttles.
    pub paced: bool,
    /// Fixed key id and secret; `None` takes the SDK's default chain.
    pub credentials: Option<(String, SecretString)>,
}
