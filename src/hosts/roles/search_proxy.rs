//! Search proxies: one address inside the VPC in front of the search domain.

use std::time::Duration;

use tera::Context;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::step::{BundleStep, File};

use super::Scene;
use super::proxy::nginx;

pub(super) fn configure(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<(), BundleError> {
    let address = scene.own_address()?;
    let endpoint = scene
        .facts
        .search_endpoint
        .as_ref()
        .ok_or_else(|| scene.missing("the search domain"))?;
    let mut context = Context::new();
    context.insert("address", &address);
    context.insert("endpoint", endpoint);
    let site = scene
        .templates
        .render("search-proxy/search.conf", &context)?;
    nginx(bundle, File::new("/etc/nginx/conf.d/search.conf", site));
    // Through the proxy to the domain and back: name, certificate and rules are right.
    let url = format!("http://{address}:9200/");
    let _ = bundle.push(BundleStep::answers("nginx", &url, Duration::from_mins(2)));
    Ok(())
}
