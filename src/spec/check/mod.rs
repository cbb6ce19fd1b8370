//! What values mean: everything that a schema cannot say.
//!
//! Works on shapes whose keys may be missing (they were wrong, or another file has them),
//! so that one wrong value hides no other. Problems point at the file that the value in
//! force came from.

mod acme;
mod balancer;
mod connections;
mod host_extras;
mod login_gate;
mod network;
mod plugins;
mod saml;
#[cfg(test)]
mod sample;
mod server;
mod server_config;
mod services;
mod settings;
mod sizes;
mod tls;

pub(crate) use network::{placement, zones};
pub(crate) use services::CheckedServices;
pub(crate) use settings::{DEFAULT_REGION, DEFAULT_ZONES, Origin, Settings};
pub(crate) use sizes::{Around, CheckedSizes};

use super::document::Document;
use super::problem::{Problem, SourcePlace, Span};
use super::suggest;

/// The files that a rig is described by, and what is wrong with them.
pub(crate) struct Checker<'a> {
    /// Most specific first, each with the path under which its sizes stand.
    layers: Vec<(&'a Document, &'static [&'static str])>,
    /// The file that the command was about.
    main: &'a Document,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Checker<'a> {
    /// Checks a reference architecture by itself.
    pub(crate) fn architecture(document: &'a Document, problems: &'a mut Vec<Problem>) -> Self {
        Checker {
            layers: vec![(document, &[])],
            main: document,
            problems,
        }
    }

    /// Checks an environment over its architecture, where that was found.
    pub(crate) fn environment(
        document: &'a Document,
        architecture: Option<&'a Document>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        let sizes: (_, &'static [&'static str]) = (document, &["sizes"]);
        let base: Option<(_, &'static [&'static str])> = architecture.map(|a| (a, &[][..]));
        Checker {
            layers: std::iter::once(sizes).chain(base).collect(),
            main: document,
            problems,
        }
    }

    /// Where the value in force of a size stands, or the nearest section around it.
    fn size_place(&self, path: &[&str]) -> SourcePlace {
        (1..=path.len())
            .rev()
            .flat_map(|depth| self.layers.iter().map(move |layer| (depth, layer)))
            .find_map(|(depth, (document, prefix))| {
                let whole: Vec<&str> = prefix.iter().chain(&path[..depth]).copied().collect();
                document.find(&whole).map(|span| document.place(span))
            })
            .unwrap_or_else(|| self.main.place(Span::START))
    }

    /// Where a setting of the environment stands, or the nearest section around it.
    fn place(&self, path: &[&str]) -> SourcePlace {
        (1..=path.len())
            .rev()
            .find_map(|depth| self.main.find(&path[..depth]))
            .map_or_else(
                || self.main.place(Span::START),
                |span| self.main.place(span),
            )
    }

    /// Where the key of a setting stands.
    fn key_place(&self, path: &[&str]) -> SourcePlace {
        match self.main.find_key(path) {
            Some(span) => self.main.place(span),
            None => self.place(path),
        }
    }

    /// Where to show that sizes do not fit each other: the first that the main file names,
    /// since what it overrides is what somebody just changed.
    fn clash_place(&self, paths: &[&[&str]]) -> SourcePlace {
        let overridden = paths.iter().find_map(|path| self.overridden(path));
        overridden.unwrap_or_else(|| self.size_place(paths.first().copied().unwrap_or_default()))
    }

    /// Where the main file itself gives a size.
    fn overridden(&self, path: &[&str]) -> Option<SourcePlace> {
        let (document, prefix) = self.layers.first()?;
        let whole: Vec<&str> = prefix.iter().chain(path).copied().collect();
        document.find(&whole).map(|span| document.place(span))
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Says that there is no such architecture.
    pub(crate) fn unknown_architecture(&mut self, name: &str, known: &[String]) {
        let label = suggest::nearest_sizes(name, known);
        let problem = self
            .place(&["architecture"])
            .problem(
                format!("there is no reference architecture `{name}`"),
                label,
            )
            .hint("`loadrig architectures` shows what each is for");
        self.report(problem);
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::{Library, Problem, Role};

    fn library() -> Library {
        // A directory that holds nothing: only what is built in.
        Library::new(Some("no-such-directory".into()))
    }

    fn problems(text: &str) -> Vec<Problem> {
        library()
            .load_text("test", text)
            .map_or_else(|e| e.problems, |_| Vec::new())
    }

    fn only_problem(text: &str) -> (String, usize) {
        match problems(text).as_slice() {
            [problem] => (problem.message.clone(), problem.line),
            other => panic!("expected one problem, found {other:#?}"),
        }
    }

    #[test]
    fn a_minimal_environment_gets_the_defaults() {
        let spec = library().load_text("test", "architecture: 10k").unwrap();
        assert_eq!(
            (spec.name.as_str(), spec.region.as_str()),
            ("test", "us-east-1")
        );
        assert_eq!(spec.network.zones, 2);
        assert_eq!(spec.time_to_live, None);
        assert!(spec.access.operators.is_empty());
        assert_eq!(spec.count(Role::Agent), 5);
    }

    #[test]
    fn an_override_changes_what_it_names_and_nothing_else() {
        let base = library().load_text("test", "architecture: 10k").unwrap();
        let text = "architecture: 10k\nsizes: {nodes: {app: {count: 4}}, database: {readers: 3}}";
        let changed = library().load_text("test", text).unwrap();
        assert_eq!(changed.count(Role::App), 4);
        assert_eq!(changed.database.readers, 3);
        assert_eq!(
            changed.nodes[&Role::App].instance_type,
            base.nodes[&Role::App].instance_type
        );
        assert_eq!(changed.nodes[&Role::Proxy], base.nodes[&Role::Proxy]);
        assert_eq!(changed.search, base.search);
    }

    #[test]
    fn a_job_server_is_like_an_application_node_unless_it_says_otherwise() {
        let spec = library().load_text("test", "architecture: 10k").unwrap();
        assert!(!spec.has_job_server());
        let text = "architecture: 10k\nsizes: {nodes: {job: {count: 1}}}";
        let spec = library().load_text("test", text).unwrap();
        assert_eq!(
            spec.nodes[&Role::Job].instance_type,
            spec.nodes[&Role::App].instance_type
        );
        let text =
            "architecture: 10k\nsizes:\n  nodes:\n    job: {count: 2, instance_type: c7i.large}";
        assert_eq!(
            only_problem(text),
            ("2 `job` hosts are too many".to_owned(), 4)
        );
    }

    #[test]
    fn an_empty_section_means_the_defaults() {
        let text = "architecture: 1k\nsizes:\n  nodes:\nnetwork:\naccess:\ntags:\nmattermost:\n";
        assert_eq!(
            library().load_text("test", text).unwrap(),
            library().load_text("test", "architecture: 1k").unwrap()
        );
    }

    #[test]
    fn yaml_anchors_are_resolved() {
        let text = "architecture: 1k\nsizes:\n  nodes:\n    app: &big { count: 3, instance_type: c7i.4xlarge }\n    proxy: *big\n";
        let spec = library().load_text("test", text).unwrap();
        assert_eq!(spec.nodes[&Role::Proxy].instance_type, "c7i.4xlarge");
        let itself = "architecture: 1k\ntags: &a { x: *a }\n";
        assert!(!problems(itself).is_empty());
    }

    #[test]
    fn numbers_may_be_text_where_text_is_wanted() {
        let text = "architecture: 1k\nsizes: {database: {version: 16}}\ntags: {cost-center: 4711}";
        let spec = library().load_text("test", text).unwrap();
        assert_eq!(spec.database.version, "16");
        assert_eq!(spec.tags["cost-center"], "4711");
    }

    #[test]
    fn a_rig_without_agents_or_search_is_allowed() {
        let text = "architecture: 1k\nsizes:\n  search: {nodes: 0}\n  nodes: {agent: {count: 0}, search-proxy: {count: 0}, metrics: {count: 0}}";
        assert_eq!(problems(text), []);
    }

    #[test]
    fn a_conflict_points_at_the_line_that_was_changed() {
        let (message, line) =
            only_problem("architecture: 1k\nsizes:\n  nodes: {search-proxy: {count: 0}}");
        assert_eq!(
            (message.as_str(), line),
            ("a search domain without a search proxy", 3)
        );
        let (_, line) =
            only_problem("architecture: 30k\nsizes: {search: {nodes: 5}}\nnetwork:\n  zones: 3");
        assert_eq!(line, 2);
    }

    #[test]
    fn a_misspelt_acceptance_of_no_license_is_the_only_problem() {
        let text = "architecture: 10k\nmattermost:\n  release: 11.7.9\n  unlicensed:";
        let (message, line) = only_problem(&format!("{text} yes\n"));
        assert_eq!(line, 4);
        assert!(message.contains("unlicensed"), "{message}");
        let (message, _) = only_problem(&format!("{text}\n"));
        assert_eq!(message, "`mattermost.unlicensed` has no value");
    }

    #[test]
    fn checksums_belong_to_downloads() {
        let sha = "a".repeat(64);
        let version = format!(
            "architecture: 1k\nmattermost: {{release: 11.7.9, license_env: L, sha256: {}}}",
            sha.to_uppercase()
        );
        let spec = library().load_text("test", &version).unwrap();
        assert_eq!(spec.mattermost.sha256, Some(sha));
        assert_eq!(
            problems("architecture: 1k\nmattermost: {release: 11.7.9, license_env: L}"),
            []
        );
        let url = "architecture: 1k\nmattermost: {license_env: L, release: 'https://example.com/m.tar.gz'}";
        assert_eq!(only_problem(url).0, "a tarball without its checksum");
        let short = "architecture: 1k\nmattermost: {release: 11.7.9, license_env: L, sha256: abc}";
        assert_eq!(
            only_problem(short).0,
            "`mattermost.sha256` is not a SHA-256 checksum"
        );
    }

    #[test]
    fn the_key_of_the_seed_is_a_customer_key() {
        let with = |key: &str| format!("architecture: 1k\naccess: {{seed_key: '{key}'}}");
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        for key in [
            "alias/loadrig-operators",
            id,
            &format!("arn:aws:kms:us-east-1:123456789012:key/{id}"),
            "arn:aws:kms:us-east-1:123456789012:alias/operators",
            "alias/aws/ssm",
        ] {
            let spec = library().load_text("test", &with(key)).unwrap();
            assert_eq!(spec.access.seed_key.as_deref(), Some(key));
        }
        let (message, _) = only_problem(&with("alias/aws/s3"));
        assert_eq!(
            message,
            "`alias/aws/s3` is a key of AWS's own, for another service"
        );
        let (message, _) = only_problem(&with("operators"));
        assert_eq!(message, "`operators` is not a KMS key");
    }

    #[test]
    fn zones_are_named_two_or_three_and_each_once() {
        let with =
            |zones: &str| format!("architecture: 1k\nnetwork: {{availability_zones: {zones}}}");
        let spec = library().load_text("test", &with("[us-east-1a, us-east-1b, us-east-1d]"));
        let network = spec.unwrap().network;
        assert_eq!(network.zones, 3);
        assert_eq!(network.zone_name(2), Some("us-east-1d"));
        let one = only_problem(&with("[us-east-1a]"));
        assert_eq!(one.0, "1 availability zone");
        let twice = only_problem(&with("[us-east-1a, us-east-1a]"));
        assert_eq!(twice.0, "duplicate availability zone `us-east-1a`");
        let wrong = only_problem(&with("[us-east-1a, us-east-1]"));
        assert_eq!(wrong.0, "`us-east-1` is not an availability zone");
        let clash = with("[us-east-1a, us-east-1b], zones: 3");
        assert_eq!(only_problem(&clash).0, "2 availability zones");
    }

    #[test]
    fn the_key_may_be_a_word_or_a_file() {
        for key in ["agent", "generated"] {
            assert_eq!(
                problems(&format!("architecture: 1k\naccess: {{key: {key}}}")),
                []
            );
        }
        let (message, _) = only_problem("architecture: 1k\naccess: {key: agnet}");
        assert_eq!(message, "`access.key` cannot be `agnet`");
        let wrong = problems("architecture: 1k\naccess: {key: {path: x}}");
        let messages: Vec<&str> = wrong.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "`access.key` lacks the key `file`",
                "unknown key `path` in `access.key`"
            ]
        );
        let (message, _) = only_problem("architecture: 1k\naccess: {key: {}}");
        assert_eq!(message, "`access.key` lacks the key `file`");
    }

    #[test]
    fn address_ranges_are_private_and_of_useful_size() {
        let with = |cidr: &str| problems(&format!("architecture: 1k\nnetwork: {{cidr: {cidr}}}"));
        for good in [
            "10.0.0.0/16",
            "172.16.0.0/16",
            "192.168.0.0/16",
            "172.31.240.0/20",
        ] {
            assert_eq!(with(good), [], "{good}");
        }
        for wrong in [
            "10.0.0.0/8",
            "10.0.0.0/24",
            "172.32.0.0/16",
            "10.0.0.1",
            "x",
            "fd00::/16",
        ] {
            assert_eq!(with(wrong).len(), 1, "{wrong}");
        }
    }
}
