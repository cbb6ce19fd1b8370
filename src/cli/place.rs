//! Where a command acts: AWS, another endpoint, or the local cloud of this machine.
//!
//! The one place that tells them apart. Afterwards there is an endpoint, credentials and
//! the network that this process is in; nothing else knows.

use std::net::Ipv4Addr;

use crate::spec::CloudTarget;

use super::args::Global;
use super::failure::Failure;

/// A place to act in. While it lives, this thread and all that it starts are in its network.
#[derive(Debug)]
pub struct Place {
    /// Region.
    pub region: String,
    /// Where the APIs answer; `None` is AWS itself.
    pub endpoint_url: Option<String>,
    /// Fixed credentials, where the SDK's own chain does not apply.
    pub credentials: Option<(String, String)>,
    /// The operator's address as hosts see it, where it is known without asking.
    pub operator: Option<Ipv4Addr>,
    #[cfg(target_os = "linux")]
    _entered: Option<crate::localcloud::Entered>,
}

impl Place {
    /// The place that flags and spec name. Must run before any thread is started.
    ///
    /// # Errors
    /// When the local cloud is meant and does not run.
    pub fn find(global: &Global, target: CloudTarget, region: &str) -> Result<Self, Failure> {
        let region = global.region.clone().unwrap_or_else(|| region.to_owned());
        match global.endpoint_url.as_deref() {
            Some("local") => Self::local(region),
            Some(url) => Ok(Self::at(region, Some(url.to_owned()))),
            None if target == CloudTarget::Local => Self::local(region),
            None => {
                // Elsewhere regions may have other names.
                if std::env::var_os("AWS_ENDPOINT_URL").is_none() {
                    super::regions::check(&region)?;
                }
                Ok(Self::at(region, None))
            }
        }
    }

    fn at(region: String, endpoint_url: Option<String>) -> Self {
        Self {
            region,
            endpoint_url,
            credentials: None,
            operator: None,
            #[cfg(target_os = "linux")]
            _entered: None,
        }
    }

    #[cfg(target_os = "linux")]
    fn local(region: String) -> Result<Self, Failure> {
        use crate::localcloud;

        let Some(status) = localcloud::status() else {
            return Err(Failure::new(
                "the local cloud of this machine does not run",
                "`loadrig local start` starts it; `loadrig demo` does everything by itself",
            ));
        };
        if status.running.region != region {
            return Err(Failure::new(
                format!(
                    "the local cloud answers for region `{}`, not `{region}`",
                    status.running.region
                ),
                "set `region` in the environment's YAML, or restart it: `loadrig local stop`",
            ));
        }
        let entered = localcloud::enter(&status.running)?;
        Ok(Self {
            region,
            endpoint_url: Some(status.running.endpoint),
            credentials: Some(("local".to_owned(), "local".to_owned())),
            operator: Some(status.running.operator),
            _entered: Some(entered),
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn local(_region: String) -> Result<Self, Failure> {
        Err(Failure::new(
            "the local cloud needs Linux",
            "use a Debian 12 virtual machine, or an environment with `cloud: aws`",
        ))
    }
}
