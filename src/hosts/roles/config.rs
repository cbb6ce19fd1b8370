//! The server's configuration file.

use secrecy::ExposeSecret;
use tera::Context;

use crate::hosts::bundle_error::BundleError;
use crate::hosts::facts::Endpoint;
use crate::spec::{LoadBalancer, Role};

use super::Scene;

/// The authorities by which the server knows the database.
pub(super) const AUTHORITIES: &str = "/etc/ssl/rds/global-bundle.pem";

/// Connections that a node may open to each database instance: the server's own default.
const MAX_OPEN_CONNECTIONS: u32 = 100;
/// Connections that a database instance has for the nodes: the parameter groups set
/// `max_connections` to 1024, and administration needs some.
const CONNECTIONS_FOR_NODES: u32 = 1000;

/// The text of `config.json`.
pub(super) fn config(scene: &Scene<'_>) -> Result<String, BundleError> {
    let facts = scene.facts;
    let secrets = &facts.secrets;
    let mut context = Context::new();
    let site_url = match &scene.spec.load_balancer {
        LoadBalancer::Nginx if scene.spec.tls.is_some() => {
            let name = scene.spec.tls.as_ref().map(|tls| tls.host_name.as_str());
            format!("https://{}", name.unwrap_or_default())
        }
        LoadBalancer::Nginx => {
            let proxy = scene.all_of(Role::Proxy, "the address of a proxy")?[0].private_ip;
            format!("http://{proxy}")
        }
        LoadBalancer::Alb(_) => {
            let entrance = facts.entrance.clone();
            entrance.ok_or_else(|| scene.missing("the load balancer"))?
        }
    };
    context.insert("site_url", &site_url);
    context.insert("site_name", &scene.spec.name);
    context.insert("licensed", &scene.spec.mattermost.license.is_licensed());

    let (writer, readers) = data_sources(scene)?;
    context.insert("data_source", &writer);
    context.insert("data_source_replicas", &readers);
    let open = max_open_connections(scene.spec.count(Role::App));
    context.insert("max_open_connections", &open);
    context.insert("max_idle_connections", &(open / 2));
    context.insert("at_rest_key", secrets.at_rest_key().expose_secret());
    context.insert(
        "public_link_salt",
        secrets.public_link_salt().expose_secret(),
    );

    let bucket = facts
        .bucket
        .as_ref()
        .ok_or_else(|| scene.missing("the bucket of files"))?;
    let region = &scene.spec.region;
    context.insert("bucket", bucket);
    context.insert("region", region);
    context.insert("s3_endpoint", &format!("s3.{region}.amazonaws.com"));

    let search = scene.spec.search.nodes > 0;
    let search_url = if search {
        let proxies = scene.all_of(Role::SearchProxy, "the address of a search proxy")?;
        format!("http://{}:9200", proxies[0].private_ip)
    } else {
        String::new()
    };
    context.insert("search", &search);
    context.insert("search_url", &search_url);
    // Every data node holds a copy of everything.
    context.insert(
        "search_replicas",
        &scene.spec.search.nodes.saturating_sub(1),
    );

    let cache = match (&facts.cache, scene.spec.cache.nodes) {
        (_, 0) => None,
        (Some(endpoint), _) => Some(endpoint.to_string()),
        (None, _) => return Err(scene.missing("the cache")),
    };
    context.insert("cache_type", if cache.is_some() { "redis" } else { "lru" });
    context.insert("redis_address", &cache.as_deref().unwrap_or(""));
    context.insert("redis_database", &if cache.is_some() { 0 } else { -1 });
    scene.templates.render("app/config.json", &context)
}

/// The data source names of the writer and of the readers.
fn data_sources(scene: &Scene<'_>) -> Result<(String, Vec<String>), BundleError> {
    let facts = scene.facts;
    if let Some(existing) = &facts.payload.database {
        let readers = existing.readers.iter();
        return Ok((
            existing.writer.expose_secret().to_owned(),
            readers.map(|dsn| dsn.expose_secret().to_owned()).collect(),
        ));
    }
    let database = facts
        .database
        .as_ref()
        .ok_or_else(|| scene.missing("the database"))?;
    let password = facts.secrets.database_password();
    let source = |endpoint: &Endpoint| {
        format!(
            "postgres://{}:{}@{endpoint}/{}?sslmode=verify-full&sslrootcert={AUTHORITIES}&connect_timeout=10",
            database.user,
            password.expose_secret(),
            database.name,
        )
    };
    Ok((
        source(&database.writer),
        database.readers.iter().map(source).collect(),
    ))
}

/// Each node opens a pool to each database instance, so an instance sees all nodes' pools.
fn max_open_connections(nodes: u32) -> u32 {
    MAX_OPEN_CONNECTIONS.min(CONNECTIONS_FOR_NODES / nodes.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_of_all_nodes_fit_into_an_instance() {
        assert_eq!(max_open_connections(2), 100);
        assert_eq!(max_open_connections(10), 100);
        assert_eq!(max_open_connections(14), 71);
        assert!((1..100).all(|nodes| nodes * max_open_connections(nodes) <= 1000));
    }
}
