//! What the job server's host is asked: it serves no API.

use tokio::time::Instant;

use crate::loadtest::PromiseJobServer;
use crate::ops::rig::HostAccess;
use crate::spec::{HostName, Role, Spec};

use super::probe::{ANSWER, ask_for_text};

/// Has the program that runs tell its version; another one may lie in its place by now.
const VERSION: &str = "cd / && program=$(sudo -n readlink -e /proc/$(systemctl show -p MainPID --value \
    mattermost-jobserver)/exe) && \"$program\" version";

/// The job server of an environment and the version that it runs; none where there is none.
pub(super) async fn job_server(spec: &Spec, connected: &HostAccess) -> Option<PromiseJobServer> {
    let host = HostName {
        role: Role::Job,
        index: 1,
    };
    if !spec.has_job_server() {
        return None;
    }
    let deadline = Instant::now() + ANSWER;
    let told = ask_for_text(connected, host, VERSION, deadline).await;
    Some(PromiseJobServer {
        name: host.to_string(),
        version: told.and_then(|text| version_and_build(&text)),
    })
}

/// `VERSION.BUILD`, as servers with an API name themselves in `X-Version-Id`.
fn version_and_build(text: &str) -> Result<String, String> {
    let line = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name).map(str::trim))
    };
    match (line("Version:"), line("Build Number:")) {
        (Some(version), Some(build)) => Ok(format!("{version}.{build}")),
        _ => {
            let said = text.lines().next().unwrap_or("nothing");
            Err(format!("`mattermost version` says `{said}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_itself_as_servers_do() {
        let text = "Version: 11.2.0\nBuild Number: 11.2.0\nBuild Date: now\n";
        assert_eq!(version_and_build(text).as_deref(), Ok("11.2.0.11.2.0"));
        assert!(version_and_build("").unwrap_err().contains("nothing"));
    }
}
