//! What a deployment that people rely on has beyond the published sizes, whose tests ran with every
//! node up and with search volumes for one test's data.

use serde_json::Value;

use super::shape::Sizes;
use super::{Purpose, Role, Spec};

/// GiB of each search volume in Mattermost's instructions for AWS (docs.mattermost.com,
/// administration-guide/scale/opensearch-setup, "AWS OpenSearch Console Setup").
pub(crate) const PUBLISHED_VOLUME_GIB: u32 = 1536;

/// Adds to the sizes of a gold standard what the environment does not decide; `own` are its own
/// `sizes`.
pub(crate) fn complete(sizes: &mut Sizes, own: Option<&Value>) {
    let decides = |path: &str| own.and_then(|own| own.pointer(path)).is_some();
    let app = sizes.nodes.as_mut().and_then(|nodes| nodes.app.as_mut());
    if let Some(app) = app
        && !decides("/nodes/app/count")
    {
        app.count = app.count.map(|count| count.saturating_add(1));
    }
    if let Some(search) = &mut sizes.search
        && !decides("/search/storage_gib")
    {
        let published = |gib: u32| gib.max(PUBLISHED_VOLUME_GIB);
        search.storage_gib = search.storage_gib.map(published);
    }
}

impl Spec {
    /// Why there are so many application nodes, where people rely on them: whether the published load
    /// is still carried with one node away.
    #[must_use]
    pub fn spare_app_node(&self) -> Option<String> {
        if self.purpose != Purpose::GoldStandard || !self.mattermost.license.is_licensed() {
            return None;
        }
        let count = self.count(Role::App);
        let size = &self.architecture;
        let (published, users) = (self.app_nodes_of_size, self.concurrent_users);
        let text = if count > published {
            format!(
                "{count}, and `{size}` has {published}: with one away the others carry its {users} users"
            )
        } else {
            format!(
                "{count}, as `sizes.nodes.app.count` says: with one away fewer are left than the \
                 {published} that `{size}` has for {users} users; {} keep them",
                published.saturating_add(1)
            )
        };
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::{Library, Masters, Purpose, Role, Spec, VolumePerformance};

    fn load(text: &str) -> Spec {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.load_text("test", text);
        spec.unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn gold(more: &str) -> Spec {
        load(&format!(
            "architecture: 30k\npurpose: gold-standard\n\
             tls: {{host_name: chat.example.com, issuer: private}}\n{more}"
        ))
    }

    #[test]
    fn a_gold_standard_carries_the_published_load_with_one_node_away() {
        let rig = load("architecture: 30k");
        let gold = gold("");
        assert_eq!(gold.purpose, Purpose::GoldStandard);
        assert_eq!((rig.count(Role::App), gold.count(Role::App)), (2, 3));
        assert_eq!(rig.spare_app_node(), None);
        assert_eq!(
            gold.spare_app_node().unwrap(),
            "3, and `30k` has 2: with one away the others carry its 30000 users"
        );
    }

    #[test]
    fn a_count_that_is_set_stays_and_the_plan_says_what_it_lacks() {
        let set = gold("sizes: {nodes: {app: {count: 2}}}");
        assert_eq!(set.count(Role::App), 2);
        let text = set.spare_app_node().unwrap();
        assert!(text.ends_with("for 30000 users; 3 keep them"), "{text}");
        let type_alone = gold("sizes: {nodes: {app: {instance_type: c7i.4xlarge}}}");
        assert_eq!(type_alone.count(Role::App), 3);
    }

    #[test]
    fn without_a_license_there_is_one_node_and_no_search() {
        let small = gold("mattermost: {unlicensed: accept}");
        assert_eq!(small.count(Role::App), 1);
        assert_eq!(small.services.search.masters, None);
        assert_eq!(small.spare_app_node(), None);
    }

    #[test]
    fn search_is_as_mattermost_publishes_it_for_aws() {
        let published = gold("");
        assert_eq!(published.search.storage_gib, 1536);
        let volume = VolumePerformance {
            iops: 4608,
            throughput_mibps: 250,
        };
        assert_eq!(published.services.search.volume, Some(volume));
        let masters = Masters {
            count: 3,
            instance_type: "r6g.xlarge.search".to_owned(),
        };
        assert_eq!(published.services.search.masters, Some(masters));

        let own = gold("sizes: {search: {storage_gib: 200}}\nsearch: {masters: {count: 0}}");
        assert_eq!(own.search.storage_gib, 200);
        assert_eq!(own.services.search.volume, None);
        assert_eq!(own.services.search.masters, None);
    }
}
