//! Where a command acts: AWS, another endpoint, or the local cloud of this machine.
//!
//! The one place that tells them apart. Afterwards there is an endpoint, credentials and
//! the network that this process is in; nothing else knows.

use std::net::Ipv4Addr;
use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;

use crate::aws::{Aws, Connection};
use crate::engine::CloudError;
use crate::ops::Adapters;
use crate::spec::CloudTarget;

use super::args::{ApiRate, Global};
use super::failure::Failure;
use super::printer::Printer;
use super::terminal::Terminal;

/// A place to act in. While it lives, this thread and all that it starts are in its network.
#[derive(Debug)]
pub(crate) struct Place {
    /// How the APIs are reached.
    connection: Connection,
    /// Asks for second factors.
    printer: Printer,
    /// The operator's address as hosts see it, where it is known without asking.
    operator: Option<Ipv4Addr>,
    /// Whether it is the local cloud.
    is_local: bool,
    #[cfg(target_os = "linux")]
    _entered: Option<crate::localcloud::Entered>,
}

impl Adapters for Place {
    fn region(&self) -> &str {
        &self.connection.region
    }

    fn cloud(&self) -> BoxFuture<'_, Result<Arc<Aws>, CloudError>> {
        let prompt = Arc::new(Terminal {
            printer: self.printer,
        });
        Box::pin(async move {
            let cloud = Aws::connect_asking(self.connection.clone(), prompt).await?;
            Ok(Arc::new(cloud))
        })
    }

    fn operator_address(&self) -> Option<Ipv4Addr> {
        self.operator
    }

    fn is_on_this_machine(&self) -> bool {
        self.is_local
    }
}

impl Place {
    /// Whether flags and spec name the local cloud.
    pub(crate) fn is_local(global: &Global, target: CloudTarget) -> bool {
        match global.endpoint_url.as_deref() {
            Some(url) => url == "local",
            None => target == CloudTarget::Local,
        }
    }

    /// The place that flags and spec name. Must run before any thread of the work is started.
    ///
    /// # Errors
    /// When the local cloud is meant and is not running.
    pub(crate) fn find(
        global: &Global,
        target: CloudTarget,
        region: &str,
    ) -> Result<Self, Failure> {
        let region = global.region.clone().unwrap_or_else(|| region.to_owned());
        match global.endpoint_url.as_deref() {
            _ if Self::is_local(global, target) => Self::local(global, &region),
            Some(url) => Ok(Self::at(global, region, Some(url.to_owned()))),
            None => {
                // Elsewhere regions may have other names.
                if std::env::var_os("AWS_ENDPOINT_URL").is_none() {
                    super::regions::check(&region)?;
                }
                Ok(Self::at(global, region, None))
            }
        }
    }

    fn at(global: &Global, region: String, endpoint_url: Option<String>) -> Self {
        Self {
            connection: Connection {
                region,
                profile: global.profile.clone(),
                endpoint_url,
                paced: global.api_rate == ApiRate::Aws,
                credentials: None,
            },
            printer: Printer::new(global),
            operator: None,
            is_local: false,
            #[cfg(target_os = "linux")]
            _entered: None,
        }
    }

    /// The local cloud that runs, entered by whoever calls.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_running(global: &Global, running: &crate::localcloud::Running) -> Self {
        let mut place = Self::at(
            global,
            running.region.clone(),
            Some(running.endpoint.clone()),
        );
        place.connection.credentials =
            Some(("local".to_owned(), SecretString::from("local".to_owned())));
        place.operator = Some(running.operator);
        place.is_local = true;
        place
    }

    #[cfg(target_os = "linux")]
    fn local(global: &Global, region: &str) -> Result<Self, Failure> {
        use crate::localcloud;

        let Some(status) = localcloud::status() else {
            return Err(Failure::new(
                "the local cloud of this machine is not running",
                "`loadrig local start` starts it; `loadrig demo` runs the whole job",
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
            _entered: Some(entered),
            ..Self::of_running(global, &status.running)
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn local(_global: &Global, _region: &str) -> Result<Self, Failure> {
        Err(Failure::new(
            "the local cloud needs Linux",
            "use a Debian 12 virtual machine, or an environment with `cloud: aws`",
        ))
    }

    /// Ends when the place no longer exists: a local cloud that was stopped or died. Its calls
    /// would go on failing until their patience ends, which would say nothing of the cause.
    pub(crate) async fn gone(&self) -> Failure {
        #[cfg(target_os = "linux")]
        if self.is_local {
            const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
            while crate::localcloud::status().is_some() {
                tokio::time::sleep(PAUSE).await;
            }
            return Failure::new(
                "the local cloud stopped, and everything in it is gone",
                "start it again with `loadrig local start`, then run the same command",
            );
        }
        std::future::pending().await
    }
}
