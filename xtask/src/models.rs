//! `strict-cloud/models/`: the service models that requests are checked against, cut down to the
//! operations in use.
//!
//! They are botocore's, which are published under Apache-2.0; the emulator's Python environment has
//! it. An operation is in use if `sdk/` has it, or if the strict cloud, a test
//! or a replay names it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{TaskFailure, root, run};

/// botocore's names of services, and the crates with their operations.
const SERVICES: &[(&str, &str)] = &[
    ("ec2", "aws-sdk-ec2"),
    ("elasticache", "aws-sdk-elasticache"),
    ("elbv2", "aws-sdk-elasticloadbalancingv2"),
    ("iam", "aws-sdk-iam"),
    ("opensearch", "aws-sdk-opensearch"),
    ("rds", "aws-sdk-rds"),
    ("route53", "aws-sdk-route53"),
    ("s3", "aws-sdk-s3"),
    ("service-quotas", "aws-sdk-servicequotas"),
    ("ssm", "aws-sdk-ssm"),
    ("sts", "aws-sdk-sts"),
];

/// Whose string literals name operations.
const NAMING: &[&str] = &["strict-cloud/src", "tests/it", "src/aws", "truth/replays"];

/// Writes the models anew. `source` is botocore's folder, or a Python environment's.
pub(crate) fn generate(source: &Path) -> Result<(), TaskFailure> {
    let botocore = botocore(source)
        .ok_or_else(|| TaskFailure(format!("there is no botocore in {}", source.display())))?;
    let mut named = BTreeSet::new();
    for folder in NAMING {
        literals(&root().join(folder), &mut named)?;
    }
    let wanted = std::env::temp_dir().join(format!("loadrig-xtask-models-{}", std::process::id()));
    fs::create_dir_all(&wanted)?;
    for (service, name) in SERVICES {
        let operations = root().join("sdk").join(name).join("src/operation");
        let mut words = named.clone();
        if operations.exists() {
            for entry in fs::read_dir(operations)? {
                let file = entry?.file_name().to_string_lossy().into_owned();
                words.extend(file.strip_suffix(".rs").map(|stem| stem.replace('_', "")));
            }
        }
        let words: Vec<String> = words.into_iter().collect();
        fs::write(wanted.join(service), words.join("\n"))?;
    }
    let target = root().join("strict-cloud/models");
    fs::create_dir_all(&target)?;
    let done = run(Command::new("python3")
        .arg(root().join("xtask/models.py"))
        .args([&botocore, &target, &wanted]));
    fs::remove_dir_all(&wanted)?;
    done
}

/// botocore's own folder in `source`: itself, in a data folder's parent, or among an
/// environment's packages.
fn botocore(source: &Path) -> Option<PathBuf> {
    let is = |folder: &Path| folder.join("data").is_dir() && folder.join("loaders.py").is_file();
    let here = [source.to_path_buf(), source.join("botocore")];
    let versions = fs::read_dir(source.join("lib"))
        .into_iter()
        .flatten()
        .flatten();
    let packages = versions.map(|entry| entry.path().join("site-packages/botocore"));
    here.into_iter().chain(packages).find(|folder| is(folder))
}

/// Words that stand alone in string literals.
fn literals(path: &Path, found: &mut BTreeSet<String>) -> Result<(), TaskFailure> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            literals(&entry?.path(), found)?;
        }
    } else if path
        .extension()
        .is_some_and(|extension| extension == "rs" || extension == "json")
    {
        let text = fs::read_to_string(path)?;
        let words = text
            .split('"')
            .map(|part| part.rsplit(':').next().unwrap_or(part));
        found.extend(
            words
                .filter(|word| {
                    word.len() > 4
                        && word.starts_with(|first: char| first.is_ascii_uppercase())
                        && word.chars().all(|each| each.is_ascii_alphanumeric())
                })
                .map(str::to_owned),
        );
    }
    Ok(())
}
