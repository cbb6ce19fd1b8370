//! The committed YAML files are sound, and broken ones are explained.

use std::path::{Path, PathBuf};

use loadrig::plan::cost;
use loadrig::spec::{Checked, Library, Role, SourceKind};
use proptest::prelude::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn library() -> Library {
    Library::new(Some(root().to_path_buf()))
}

fn yaml_files(directory: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join(directory))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_committed_file_is_valid_and_built_in() {
    let built_in = Library::new(Some(root().join("no-such-directory")));
    for directory in ["reference-architectures", "environments"] {
        for path in yaml_files(directory) {
            let checked = library().validate(path.to_str().unwrap());
            let checked = checked.unwrap_or_else(|errors| panic!("{errors}"));
            let stem = path.file_stem().unwrap().to_str().unwrap();
            match checked {
                Checked::Environment(spec) => {
                    assert_eq!(built_in.load(stem).unwrap(), *spec);
                }
                Checked::Architecture(architecture) => {
                    let twin = built_in.architecture(stem).unwrap();
                    assert_eq!(twin.nodes, architecture.nodes);
                    assert_eq!(twin.database, architecture.database);
                }
            }
        }
    }
}

#[test]
fn sizes_grow_and_cost_more() {
    let sizes = library().architectures().unwrap();
    let names: Vec<&str> = sizes.iter().map(|size| size.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "200", "1k", "2k", "10k", "15k", "30k", "50k", "80k", "90k", "100k", "200k"
        ]
    );
    let users: Vec<u32> = sizes.iter().map(|size| size.concurrent_users).collect();
    assert!(users.is_sorted());
    let app_vcpu = |size: &loadrig::spec::Architecture| {
        let app = &size.nodes[&Role::App];
        app.count
            * loadrig::spec::catalog()
                .ec2
                .get(&app.instance_type)
                .unwrap()
                .vcpu
    };
    let vcpu: Vec<u32> = sizes.iter().map(app_vcpu).collect();
    assert!(vcpu.is_sorted(), "{vcpu:?}");
    for size in &sizes {
        let cost = cost(&size.example()).unwrap();
        assert!(
            cost.lines
                .iter()
                .all(|line| line.unit_per_hour.is_some_and(|unit| unit > 0.0)),
            "{}",
            size.name
        );
    }
}

/// The table of each published size: users; application nodes; database with its readers; search; proxies; cache.
/// <https://docs.mattermost.com/administration-guide/scale/scale-to-200-users.html> and the like.
#[rustfmt::skip]
const PUBLISHED: [(u32, &str, &str, u32, &str, &str, &str); 9] = [
    (200, "1 c7i.large", "db.r7g.large", 0, "0 r6g.xlarge.search", "1 m7i.4xlarge", "0"),
    (2_000, "2 c7i.large", "db.r7g.large", 1, "2 r6g.xlarge.search", "1 m7i.4xlarge", "0"),
    (15_000, "2 c7i.xlarge", "db.r7g.xlarge", 1, "2 r6g.xlarge.search", "1 m7i.4xlarge", "0"),
    (30_000, "2 c7i.2xlarge", "db.r7g.2xlarge", 1, "4 r6g.2xlarge.search", "1 m7i.4xlarge", "0"),
    (50_000, "5 c7i.2xlarge", "db.r7g.2xlarge", 4, "4 r6g.2xlarge.search", "1 m7i.4xlarge", "0"),
    (80_000, "4 c7i.4xlarge", "db.r7g.4xlarge", 3, "4 r6g.2xlarge.search", "1 m7i.4xlarge", "0"),
    (90_000, "5 c7i.4xlarge", "db.r7g.4xlarge", 4, "4 r6g.2xlarge.search", "1 m7i.4xlarge", "0"),
    (100_000, "6 c7i.4xlarge", "db.r7g.4xlarge", 5, "4 r6g.2xlarge.search", "1 m7i.4xlarge", "0"),
    (200_000, "14 c7i.4xlarge", "db.r7g.4xlarge", 6, "4 r6g.2xlarge.search", "4 m6in.8xlarge", "1 cache.m7g.2xlarge"),
];

#[test]
fn published_sizes_are_as_published() {
    let sizes = library().architectures().unwrap();
    let published: Vec<_> = sizes
        .iter()
        .filter(|size| size.source.kind == SourceKind::Published)
        .collect();
    assert_eq!(published.len(), PUBLISHED.len());
    for (size, table) in published.iter().zip(PUBLISHED) {
        let (users, apps, database, readers, search, proxies, cache) = table;
        let name = &size.name;
        let group = |role: Role| {
            let group = &size.nodes[&role];
            format!("{} {}", group.count, group.instance_type)
        };
        assert_eq!(size.concurrent_users, users, "{name}");
        assert_eq!(group(Role::App), apps, "{name}");
        assert_eq!(group(Role::Proxy), proxies, "{name}");
        assert_eq!(size.database.instance_type, database, "{name}");
        assert_eq!(size.database.readers, readers, "{name}");
        let (nodes, kind) = (size.search.nodes, &size.search.instance_type);
        assert_eq!(format!("{nodes} {kind}"), search, "{name}");
        // Where there is no cache, its type is what one would have.
        let cached = match size.cache.nodes {
            0 => "0".to_owned(),
            nodes => format!("{nodes} {}", size.cache.instance_type),
        };
        assert_eq!(cached, cache, "{name}");
    }
}

#[test]
fn broken_files_are_explained() {
    for path in yaml_files("tests/fixtures/broken") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let errors = library().validate(path.to_str().unwrap()).unwrap_err();
        let text = errors
            .to_string()
            .replace(&format!("{}/", root().display()), "");
        insta::assert_snapshot!(name, text);
    }
}

/// Every key of a schema as a dotted path.
fn keys(schema: &serde_json::Value, prefix: &str, found: &mut Vec<String>) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    for (key, inner) in properties {
        let path = format!("{prefix}{key}");
        keys(inner, &format!("{path}."), found);
        found.push(path);
    }
}

#[test]
fn every_key_is_documented() {
    let guide = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let mut paths = Vec::new();
    keys(loadrig::spec::environment_schema(), "", &mut paths);
    keys(loadrig::spec::architecture_schema(), "", &mut paths);
    for path in paths {
        // The settings of the server are documented by its makers.
        if path.starts_with("mattermost.config.") {
            continue;
        }
        // The guide shows the keys of a host once, for every role.
        let path = path.trim_start_matches("sizes.");
        let shown = [
            "app",
            "job",
            "proxy",
            "search-proxy",
            "metrics",
            "agent",
            "bastion",
        ]
        .into_iter()
        .find_map(|role| {
            let key = path.strip_prefix(&format!("nodes.{role}."));
            let own = path.strip_prefix(&format!("hosts.{role}"));
            key.map(|key| format!("nodes.ROLE.{key}"))
                .or_else(|| own.map(|key| format!("hosts.ROLE{key}")))
        })
        .unwrap_or_else(|| path.to_owned());
        assert!(
            guide.contains(&format!("`{shown}`")),
            "docs/configuration.md lacks `{shown}`"
        );
    }
}

#[test]
fn every_example_of_the_guide_is_valid() {
    let guide = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let examples: Vec<&str> = guide
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(examples.len() >= 3);
    for example in examples {
        let loaded = library().load_text("example", example);
        loaded.unwrap_or_else(|errors| panic!("{errors}"));
    }
}

/// A valid environment as text, with what it says.
#[derive(Clone, Debug)]
struct Generated {
    name: String,
    size: &'static str,
    region: &'static str,
    apps: u32,
    readers: u32,
    second_octet: u8,
    hours: u64,
    tag: String,
}

fn environments() -> impl Strategy<Value = Generated> {
    (
        "[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,8})?",
        prop::sample::select(vec![
            "200", "1k", "2k", "10k", "15k", "30k", "50k", "80k", "90k", "100k", "200k",
        ]),
        prop::sample::select(vec!["us-east-1", "eu-central-1", "ap-southeast-2"]),
        1..=200_u32,
        0..=15_u32,
        any::<u8>(),
        1..=500_u64,
        "[A-Za-z0-9 _.:/=+@-]{0,40}",
    )
        .prop_map(
            |(name, size, region, apps, readers, second_octet, hours, tag)| Generated {
                name,
                size,
                region,
                apps,
                readers,
                second_octet,
                hours,
                tag,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_valid_environment_loads_with_its_values(given in environments()) {
        let Generated { name, size, region, apps, readers, second_octet, hours, tag } = given;
        let text = format!(
            "name: \"{name}\"\narchitecture: {size}\nregion: {region}\ntime_to_live: {hours}h\n\
             sizes:\n  nodes: {{app: {{count: {apps}}}}}\n  database: {{readers: {readers}}}\n\
             network: {{cidr: 10.{second_octet}.0.0/16}}\ntags: {{note: \"{tag}\"}}\n"
        );
        let spec = library().load_text("ignored", &text);
        let spec = spec.unwrap_or_else(|errors| panic!("{errors}"));
        prop_assert_eq!(&spec.name, &name);
        prop_assert_eq!(&spec.region, region);
        prop_assert_eq!(spec.count(Role::App), apps);
        prop_assert_eq!(spec.database.readers, readers);
        prop_assert_eq!(spec.network.cidr.to_string(), format!("10.{second_octet}.0.0/16"));
        prop_assert_eq!(spec.time_to_live.map(|span| span.as_secs()), Some(hours * 3600));
        prop_assert_eq!(&spec.tags["note"], &tag);
        // What the program stores of it reads back as the same.
        let stored = serde_json::to_string(&spec).unwrap();
        prop_assert_eq!(serde_json::from_str::<loadrig::spec::Spec>(&stored).unwrap(), spec);
    }

    #[test]
    fn garbage_is_reported_and_never_panics(text in "\\PC{0,200}") {
        let _ = library().load_text("garbage", &text);
    }

    #[test]
    fn garbage_that_looks_like_yaml_never_panics(
        text in "([ \t]{0,4}[a-z{}\\[\\]&*!|>'\"#%@:,?-]{0,6}[: ]{0,2}[a-z0-9*&{}\\[\\],'\"]{0,6}\n){0,12}"
    ) {
        let errors = library().load_text("garbage", &text);
        if let Err(errors) = errors {
            prop_assert!(!errors.problems.is_empty());
            prop_assert!(!errors.to_string().is_empty());
        }
    }

    #[test]
    fn a_broken_piece_of_a_valid_file_never_panics(
        cut in 0..900_usize,
        junk in "[\\x00-\\x7f]{0,3}",
    ) {
        let text = std::fs::read_to_string(root().join("environments/gold-standard.yaml")).unwrap();
        let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let broken = format!("{}{junk}{}", &text[..at], &text[at..]);
        let _ = library().load_text("broken", &broken).map_err(|errors| errors.to_string());
    }
}
