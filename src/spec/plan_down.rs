//! Which parts of a size need a license, and how it is planned down to the rest.

use serde_json::Value;

use super::edition::{LicensedPart, UNLICENSED_USERS};
use super::shape::{NodeSizes, Sizes};

/// The parts of given sizes that need a license. `existing` are the readers of a database that
/// somebody else keeps.
pub(crate) fn licensed_parts(
    sizes: &Sizes,
    users: Option<u32>,
    existing: Option<usize>,
) -> Vec<LicensedPart> {
    let nodes = sizes.nodes.clone().unwrap_or_default();
    let count = |group: &Option<NodeSizes>| group.as_ref().and_then(|group| group.count);
    let own_readers = sizes
        .database
        .as_ref()
        .and_then(|database| database.readers);
    let search = sizes.search.as_ref().and_then(|search| search.nodes);
    let cache = sizes.cache.as_ref().and_then(|cache| cache.nodes);
    let readers = existing.map_or(own_readers.unwrap_or(0), |readers| readers as u32);
    let apps = count(&nodes.app).unwrap_or(0);
    let users = users.unwrap_or(0);
    let parts = [
        (apps > 1, LicensedPart::Cluster(apps)),
        (readers > 0, LicensedPart::Readers(readers)),
        (search.unwrap_or(0) > 0, LicensedPart::Search),
        (
            count(&nodes.metrics).unwrap_or(0) > 0,
            LicensedPart::Metrics,
        ),
        (cache.unwrap_or(0) > 0, LicensedPart::Cache),
        (users > UNLICENSED_USERS, LicensedPart::Users(users)),
    ];
    let needed = parts.into_iter().filter(|(needed, _)| *needed);
    needed.map(|(_, part)| part).collect()
}

/// Takes out of the sizes what does not work without a license, and says what else there is fewer of
/// then: proxies for the one application node, and agents for the users that it takes in, unless the environment's
/// `own` sizes give their number.
pub(crate) fn plan_down(sizes: &mut Sizes, own: Option<&Value>) -> Vec<LicensedPart> {
    let decides = |path: &str| own.and_then(|own| own.pointer(path)).is_some();
    let mut fewer = Vec::new();
    if let Some(nodes) = &mut sizes.nodes {
        let serving: [(&mut Option<NodeSizes>, &str, fn(u32) -> LicensedPart); 2] = [
            (
                &mut nodes.proxy,
                "/nodes/proxy/count",
                LicensedPart::Proxies,
            ),
            (&mut nodes.agent, "/nodes/agent/count", LicensedPart::Agents),
        ];
        for (group, path, part) in serving {
            let count = group.as_mut().and_then(|group| group.count.as_mut());
            if let Some(count) = count.filter(|count| **count > 1 && !decides(path)) {
                fewer.push(part(*count));
                *count = 1;
            }
        }
    }
    if let Some(nodes) = &mut sizes.nodes {
        for (group, most) in [(&mut nodes.app, 1), (&mut nodes.search_proxy, 0)] {
            if let Some(group) = group {
                group.count = group.count.map(|count| count.min(most));
            }
        }
    }
    if let Some(database) = &mut sizes.database {
        database.readers = database.readers.map(|_| 0);
    }
    if let Some(search) = &mut sizes.search {
        search.nodes = search.nodes.map(|_| 0);
    }
    if let Some(cache) = &mut sizes.cache {
        cache.nodes = cache.nodes.map(|_| 0);
    }
    fewer
}

#[cfg(test)]
mod tests {
    use crate::spec::{Library, LicenseSource, LicensedPart, Role, Spec};

    fn load(text: &str) -> Spec {
        let library = Library::new(Some("no-such-directory".into()));
        library.load_text("test", text).unwrap()
    }

    fn messages(text: &str) -> Vec<String> {
        let library = Library::new(Some("no-such-directory".into()));
        let errors = library.load_text("test", text).unwrap_err();
        errors.problems.into_iter().map(|one| one.message).collect()
    }

    #[test]
    fn the_stand_in_has_a_license_and_keeps_the_size() {
        let spec = load("architecture: 1k");
        assert_eq!(spec.mattermost.license, LicenseSource::Standin);
        assert!(spec.mattermost.without.is_empty());
        assert_eq!(spec.count(Role::App), 2);
    }

    #[test]
    fn an_official_release_without_a_license_is_refused_where_the_size_needs_one() {
        let text = "architecture: 1k\nmattermost: {release: 11.7.9}";
        assert_eq!(
            messages(text),
            [
                "this size needs a license: 2 application nodes, 1 database reader, the search domain, metrics of the application nodes"
            ]
        );
        let small = "architecture: 1k\nmattermost: {release: 11.7.9}\nsizes:\n  \
                     nodes: {app: {count: 1}, search-proxy: {count: 0}, metrics: {count: 0}}\n  \
                     database: {readers: 0}\n  search: {nodes: 0}\n";
        let spec = load(small);
        assert_eq!(spec.mattermost.without, [LicensedPart::Users(1000)]);
        let licensed = load("architecture: 1k\nmattermost: {release: 11.7.9, license_env: L}");
        assert_eq!(
            licensed.mattermost.license,
            LicenseSource::Env("L".to_owned())
        );
    }

    #[test]
    fn an_accepted_absence_plans_down_to_what_works() {
        for release in ["standin", "11.7.9"] {
            let spec = load(&format!(
                "architecture: 200k\nmattermost: {{release: {release}, unlicensed: accept}}\n\
                 search: {{masters: {{instance_type: m6g.large.search}}}}\n\
                 sizes: {{nodes: {{app: {{count: 5}}}}}}\n"
            ));
            assert_eq!(spec.count(Role::App), 1);
            assert_eq!(spec.count(Role::SearchProxy), 0);
            assert_eq!(spec.count(Role::Metrics), 1);
            assert_eq!(spec.database.readers, 0);
            assert_eq!((spec.search.nodes, spec.cache.nodes), (0, 0));
            assert_eq!(spec.services.search.masters, None);
            assert_eq!((spec.count(Role::Proxy), spec.count(Role::Agent)), (1, 1));
            assert_eq!(spec.mattermost.without.len(), 8);
            assert_eq!(
                spec.mattermost.without[0].instead(),
                "1 application node in place of 5"
            );
        }
    }

    #[test]
    fn proxies_and_agents_that_are_asked_for_stay() {
        let spec = load(
            "architecture: 200k\nmattermost: {unlicensed: accept}\n\
             sizes: {nodes: {proxy: {count: 2}, agent: {count: 3}}}\n",
        );
        assert_eq!((spec.count(Role::Proxy), spec.count(Role::Agent)), (2, 3));
        assert_eq!(spec.mattermost.without.len(), 6);
    }

    #[test]
    fn readers_of_a_foreign_database_are_not_used_without_a_license() {
        let database = "database:\n  existing:\n    dsn_env: W\n    readers: [{dsn_env: R}]\n";
        let text = format!(
            "architecture: 1k\nmattermost: {{release: 11.7.9, unlicensed: accept}}\n{database}"
        );
        let spec = load(&text);
        let existing = spec.services.database.existing.unwrap();
        assert!(existing.readers.is_empty());
        assert!(spec.mattermost.without.contains(&LicensedPart::Readers(1)));
    }
}
