//! The committed YAML files are sound, and broken ones are explained.

use std::path::{Path, PathBuf};

use loadrig::plan::cost;
use loadrig::spec::{Checked, Library, Role};

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
        ["1k", "2k", "10k", "15k", "30k", "50k", "100k", "200k"]
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
        let cost = cost(&size.example());
        assert!(
            cost.lines.iter().all(|line| line.unit_per_hour > 0.0),
            "{}",
            size.name
        );
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
