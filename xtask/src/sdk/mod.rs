//! `sdk/`: the AWS SDK's crates, cut down to the operations that loadrig calls.
//!
//! `aws-sdk-ec2` alone is 1.2 million lines, of which loadrig uses a fiftieth; compiling the
//! whole was most of a first build. `Cargo.toml` puts the slices in place of the published
//! crates. Which operations there are follows from the sources: a method of a client that is
//! named anywhere is an operation that is needed.

mod lexer;
mod methods;
mod slice;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{TaskFailure, root};
use slice::CrateSource;

/// Where loadrig and its tests call the SDK.
const CALLERS: &[&str] = &["benches", "examples", "src", "tests"];

/// Writes `sdk/` anew from the published crates.
pub(crate) fn generate() -> Result<(), TaskFailure> {
    let versions = versions()?;
    let unpacked = unpack(&versions)?;
    let named = names()?;
    let mut total = 0;
    for ((name, version), from) in versions.iter().zip(unpacked) {
        let mut source = CrateSource::read(&from)?;
        let all = source.operations();
        let mut operations: BTreeSet<String> = all.intersection(&named).cloned().collect();
        operations.extend(source.inner_operations());
        source.reach(&operations);
        let to = root().join("sdk").join(name);
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        let lines = source.write(&to, &named)?;
        total += lines;
        fs::write(
            to.join("Cargo.toml"),
            manifest(&fs::read_to_string(from.join("Cargo.toml"))?),
        )?;
        fs::copy(from.join("LICENSE"), to.join("LICENSE"))?;
        crate::say(&format!(
            "{name} {version}: {} of {} operations, {lines} lines",
            operations.len(),
            all.len()
        ));
    }
    crate::say(&format!("sdk: {total} lines"));
    Ok(())
}

/// Fails if `sdk/` holds operations that nothing calls. One that is missing does not compile.
pub(crate) fn check() -> Result<(), TaskFailure> {
    let named = names()?;
    let mut unused = Vec::new();
    for (name, _) in versions()? {
        let source = CrateSource::read(&root().join("sdk").join(&name))?;
        let inner = source.inner_operations();
        let idle = source
            .operations()
            .into_iter()
            .filter(|operation| !named.contains(operation) && !inner.contains(operation));
        unused.extend(idle.map(|operation| format!("{name}: {operation}")));
    }
    if unused.is_empty() {
        return Ok(());
    }
    Err(TaskFailure(format!(
        "sdk/ has operations that nothing calls; run `cargo xtask sdk`:\n  {}",
        unused.join("\n  ")
    )))
}

/// The crates and versions that `sdk/versions.txt` names.
fn versions() -> Result<Vec<(String, String)>, TaskFailure> {
    let file = root().join("sdk/versions.txt");
    let text = fs::read_to_string(&file)?;
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let pair = line
                .split_once(' ')
                .map(|(name, version)| (name.to_owned(), version.trim().to_owned()));
            pair.ok_or_else(|| {
                TaskFailure(format!(
                    "`{line}` in {} is no crate and version",
                    file.display()
                ))
            })
        })
        .collect()
}

/// Has cargo fetch the published crates; returns where it unpacked them.
fn unpack(versions: &[(String, String)]) -> Result<Vec<PathBuf>, TaskFailure> {
    let folder = std::env::temp_dir().join(format!("loadrig-xtask-sdk-{}", std::process::id()));
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    let mut manifest = String::from(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n",
    );
    for (name, version) in versions {
        manifest.push_str(&format!(
            "{name} = {{ version = \"={version}\", default-features = false }}\n"
        ));
    }
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .current_dir(&folder)
        .output()?;
    fs::remove_dir_all(&folder)?;
    if !output.status.success() {
        return Err(TaskFailure(format!(
            "cannot fetch the SDK: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )));
    }
    let metadata = String::from_utf8_lossy(&output.stdout);
    versions
        .iter()
        .map(|(name, version)| {
            let end = format!("/{name}-{version}/Cargo.toml\"");
            let found = metadata
                .find(&end)
                .and_then(|at| Some(&metadata[metadata[..at].rfind('"')? + 1..at]));
            let folder = found.map(|parent| PathBuf::from(format!("{parent}/{name}-{version}")));
            folder.ok_or_else(|| TaskFailure(format!("cargo did not unpack {name} {version}")))
        })
        .collect()
}

/// A manifest without what belongs to the crate's tests, and without its readme.
fn manifest(published: &str) -> String {
    let start = published.find("[package]").unwrap_or_default();
    let mut out = String::from(
        "# Written by `cargo xtask sdk` from the published crate; see ../README.md.\n",
    );
    let mut keep = true;
    for line in published[start..].lines() {
        if line.starts_with('[') {
            keep = !["[[test]]", "[dev-dependencies", "[hints"]
                .iter()
                .any(|section| line.starts_with(section));
        }
        if keep && !line.starts_with("readme = ") {
            out.push_str(line);
            out.push('\n');
        }
    }
    format!("{}\n", out.trim_end())
}

/// Every name in the code of loadrig and its tests. More than what they call, but macros
/// call methods too, by names that they are given.
fn names() -> Result<BTreeSet<String>, TaskFailure> {
    let mut names = BTreeSet::new();
    for caller in CALLERS {
        collect_names(&root().join(caller), &mut names)?;
    }
    Ok(names)
}

pub(crate) fn collect_names(path: &Path, names: &mut BTreeSet<String>) -> Result<(), TaskFailure> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect_names(&entry?.path(), names)?;
        }
    } else if path.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
        let code = lexer::code_only(&fs::read_to_string(path)?);
        names.extend(
            code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .map(str::to_owned),
        );
    }
    Ok(())
}
