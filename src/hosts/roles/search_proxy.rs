//! Search proxies: one address inside the VPC in front of the search domain. This program signs requests
//! with the role of its host, which nginx cannot do.

use std::time::Duration;

use serde_json::json;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::digest::Digest;
use crate::hosts::step::{BundleStep, File};
use crate::spec::Role;

use super::Scene;

/// The unit of the service.
const UNIT: &str = "loadrig-search-proxy";
/// The user that it runs as.
const USER: &str = "loadrig";
/// The largest request: `http.max_content_length` of most of the domain's node types.
const LARGEST_REQUEST: u64 = 100 << 20;
/// Larger requests than this are collected in files: searches are far smaller, and bulk requests may be so
/// large that a few of them would fill the memory.
const SPOOLED_ABOVE: u64 = 1 << 20;
/// The share of the host's memory that the small ones may hold together; the rest is for the TLS connections
/// to the domain, answers under way and the system.
const HELD_SHARE: u64 = 8;
/// The directory of the files, on the host's disk.
const SPOOL: &str = "/var/tmp";
/// The share of the host's disk that the files may take together.
const SPOOLED_SHARE: u64 = 4;
/// How long nothing may come from the domain.
const ANSWER: Duration = Duration::from_secs(330);
/// What the search proxy may need besides, to reach the domain at the third attempt.
const REACHED: Duration = Duration::from_secs(20);
/// How long whoever asks a search proxy waits for it: longer than that waits for the domain, since a healthy
/// proxy is passed over else.
pub(super) const PATIENCE: Duration = ANSWER.saturating_add(REACHED);

/// How long one that does not take a connection is passed over.
pub(super) const PASSED_OVER: Duration = Duration::from_secs(5);

pub(super) fn configure(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<(), BundleError> {
    let address = scene.own_address()?;
    let endpoint = scene
        .facts
        .search_endpoint
        .as_ref()
        .ok_or_else(|| scene.missing("the search domain"))?;
    let program = scene.facts.payload.agent.as_ref();
    let program = program.ok_or_else(|| scene.missing("a build of loadrig for Linux"))?;
    let program = Digest::of(&[program.sha256()]);

    let _ = bundle.push(BundleStep::user(USER, "/opt/loadrig"));
    let unit = include_str!("../../../templates/search-proxy/loadrig-search-proxy.service");
    let unit = File::new(format!("/etc/systemd/system/{UNIT}.service"), unit);
    let unit = bundle.push(BundleStep::files(
        "unit",
        "write the search proxy's unit",
        vec![unit],
    ));
    let memory = u64::from(scene.memory_gib()) << 30;
    let disk = scene.spec.nodes.get(&Role::SearchProxy);
    let disk = disk.map_or(0, |group| u64::from(group.disk_gib) << 30);
    // One that is about to restart waits until the one before it is asked again.
    let passed_over = match scene.spec.count(Role::SearchProxy) {
        0 | 1 => Duration::ZERO,
        _ => PASSED_OVER.saturating_add(Duration::from_secs(1)),
    };
    let config = json!({
        "listen": format!("{address}:9200"),
        "admin": format!("{address}:9201"),
        "endpoint": format!("https://{endpoint}"),
        "region": scene.spec.region,
        "largest_request": LARGEST_REQUEST,
        "spooled_above": SPOOLED_ABOVE,
        "held_bytes": memory / HELD_SHARE,
        "spool": SPOOL,
        "spooled_bytes": (disk / SPOOLED_SHARE).max(LARGEST_REQUEST),
        "answer_seconds": ANSWER.as_secs(),
        "passed_over_seconds": passed_over.as_secs(),
    });
    let config = File::new("/etc/loadrig/search-proxy.json", format!("{config:#}\n"));
    let config = bundle.push(BundleStep::files(
        "config",
        "write the search proxy's configuration",
        vec![config],
    ));
    let _ = bundle.push(BundleStep::service(UNIT, &[unit, config, program], &[]));
    // Through the proxy to the domain and back: name, certificate, role and rules are right.
    let url = format!("http://{address}:9200/");
    let _ = bundle.push(BundleStep::answers(UNIT, &url, Duration::from_mins(2)));
    Ok(())
}
