//! `loadrig search-proxy`: signs requests to the search domain, on a search proxy.

use loadrig_search_proxy::{HostRoleCredentials, SearchProxyConfig, SearchProxyError};

use crate::cli::args::SearchProxyArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::diagnose::{ExitCode, with_causes};

/// Serves until the service is stopped.
pub(crate) fn run(args: &SearchProxyArgs) -> Outcome {
    let failure = |error: SearchProxyError| {
        Failure::new(
            with_causes(&error),
            "this command is run by the service `loadrig-search-proxy`, not by hand",
        )
    };
    let config = SearchProxyConfig::read(&args.config).map_err(failure)?;
    let credentials = Box::new(HostRoleCredentials::default());
    crate::cli::block_on(loadrig_search_proxy::run(&config, credentials))?.map_err(failure)?;
    Ok(ExitCode::Done)
}
