//! A bundle: all that a host needs for one stage, as data.
//!
//! Rendered on the operator's machine, shipped and applied as a whole. Knows how it is
//! laid out on the wire, not how it gets there.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use secrecy::{ExposeSecret, SecretString};

use crate::blueprint::Stage;
use crate::spec::HostName;

use super::blob::Blob;
use super::digest::Digest;
use super::step::BundleStep;

/// Applies bundles on the host.
const RUNNER: &str = concat!(
    include_str!("../../templates/look.sh"),
    include_str!("../../templates/runner.sh")
);
/// Asks the host whether a bundle is applied.
pub(super) const CHECK: &str = concat!(
    include_str!("../../templates/look.sh"),
    include_str!("../../templates/check.sh")
);
/// Unpacks a bundle on the host and starts the runner.
pub(super) const RECEIVE: &str = include_str!("../../templates/receive.sh");

/// A secret value that stands somewhere in a bundle.
#[derive(Clone, Debug)]
struct Redaction {
    label: &'static str,
    value: SecretString,
}

/// All that a host needs for one stage.
#[derive(Clone, Debug)]
#[must_use]
pub struct Bundle {
    host: HostName,
    stage: Stage,
    steps: Vec<BundleStep>,
    notes: Vec<String>,
    redactions: Vec<Redaction>,
}

impl Bundle {
    /// A bundle without steps.
    pub fn new(host: HostName, stage: Stage) -> Self {
        Self {
            host,
            stage,
            steps: Vec::new(),
            notes: Vec::new(),
            redactions: Vec::new(),
        }
    }

    /// Adds a step; gives its digest, for services that depend on it.
    pub fn push(&mut self, step: BundleStep) -> Digest {
        let digest = step.digest();
        self.steps.push(step);
        digest
    }

    /// Adds a line that the operator should see.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Names a secret that stands in the bundle: it is never shown.
    pub fn hide(&mut self, label: &'static str, value: SecretString) {
        self.redactions.push(Redaction { label, value });
    }

    /// Role and number of its host.
    #[must_use]
    pub fn host(&self) -> HostName {
        self.host
    }

    /// `prepare` or `configure`.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The steps, in the order in which they are applied.
    #[must_use]
    pub fn steps(&self) -> &[BundleStep] {
        &self.steps
    }

    /// What the operator should know about it.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How much longer than hosts are usually given its steps may take, while they are at work.
    pub(super) fn long_wait(&self) -> Duration {
        self.steps.iter().map(BundleStep::long_wait).sum()
    }

    /// The title of a step, for people.
    #[must_use]
    pub fn title<'a>(&'a self, name: &'a str) -> &'a str {
        self.step(name).map_or(name, BundleStep::title)
    }

    /// The step of a name.
    pub(super) fn step(&self, name: &str) -> Option<&BundleStep> {
        self.steps.iter().find(|step| step.name() == name)
    }

    /// The blobs that the steps use.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.steps.iter().flat_map(BundleStep::blobs)
    }

    /// Changes whenever anything that would land on the host does.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let head = format!("{} {}", self.host, self.stage.as_str());
        let mut parts: Vec<String> = vec![RUNNER.to_owned(), head];
        for step in &self.steps {
            parts.push(step.name().to_owned());
            parts.push(step.digest().to_string());
        }
        Digest::of(&parts)
    }

    /// `text` with every secret of this bundle replaced by its name.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.redactions
            .iter()
            .fold(text.to_owned(), |text, secret| {
                let value = secret.value.expose_secret();
                if value.is_empty() {
                    return text;
                }
                text.replace(value, &format!("<{}>", secret.label))
            })
    }

    /// Writes the bundle to `sink` as it goes over the wire: a gzipped tar.
    ///
    /// `ship` says which blobs to include; the host has the others.
    ///
    /// # Errors
    /// When a blob cannot be read or the sink does not take the data.
    pub(super) fn write_archive(
        &self,
        sink: impl Write,
        ship: impl Fn(&Blob) -> bool,
    ) -> io::Result<()> {
        let mut tar = tar::Builder::new(GzEncoder::new(sink, Compression::fast()));
        for (name, content) in self.entries() {
            append(&mut tar, &name, content.len() as u64, content.as_slice())?;
        }
        let mut shipped = Vec::new();
        for blob in self.blobs().filter(|blob| ship(blob)) {
            if shipped.contains(&blob.sha256()) {
                continue;
            }
            shipped.push(blob.sha256());
            let name = format!("blobs/{}", blob.sha256());
            append(&mut tar, &name, blob.size(), blob.open()?)?;
        }
        tar.into_inner()?.finish()?.flush()
    }

    /// Writes what the host would get below `directory`, for people to look at: plan,
    /// steps and files at their paths, with secrets replaced by their names.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn write_to(&self, directory: &Path) -> io::Result<()> {
        let put = |name: &str, content: &[u8]| {
            let path = directory.join(name.trim_start_matches('/'));
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            let content = String::from_utf8_lossy(content);
            std::fs::write(path, self.redact(&content))
        };
        put("README", self.summary().as_bytes())?;
        put("runner.sh", RUNNER.as_bytes())?;
        for step in &self.steps {
            put(
                &format!("steps/{}.sh", step.name()),
                step.script().as_bytes(),
            )?;
            for file in step.written() {
                put(&format!("files{}", file.path()), file.content())?;
            }
            if let Some(input) = step.input() {
                let path = format!("inputs/{}", step.name());
                put(&path, input.expose_secret().as_bytes())?;
            }
        }
        Ok(())
    }

    /// What it does, a line for each step.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = format!("{}, {}\n", self.host, self.stage.as_str());
        for step in &self.steps {
            let _ = writeln!(text, "  {:<18} {}", step.name(), step.title());
            for file in step.written() {
                let secret = if file.is_secret() {
                    ", holds secrets"
                } else {
                    ""
                };
                let _ = writeln!(
                    text,
                    "  {:<18}   {} ({:04o} {}{secret})",
                    "",
                    file.path(),
                    file.mode(),
                    file.owner(),
                );
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "  note: {note}");
        }
        text
    }

    /// Everything but the blobs.
    fn entries(&self) -> Vec<(String, Vec<u8>)> {
        let mut plan = String::new();
        let mut entries = Vec::new();
        for step in &self.steps {
            let name = step.name();
            let _ = writeln!(
                plan,
                "{name} {} {}",
                step.deadline().as_secs(),
                step.digest()
            );
            let mut beside = |ending: &str, text: String| {
                entries.push((format!("steps/{name}.{ending}"), text.into_bytes()));
            };
            beside("sh", step.script().to_owned());
            if let Some(sums) = step.sums() {
                beside("sums", sums);
                beside("modes", step.modes());
            }
            if let Some(unit) = step.unit() {
                beside("unit", format!("{unit}\n"));
            }
            if step.runs_after_changes() {
                beside("after-changes", String::new());
            }
            for (index, file) in step.written().iter().enumerate() {
                entries.push((format!("files/{name}/{index}"), file.content().to_vec()));
            }
            if let Some(input) = step.input() {
                let input = input.expose_secret().as_bytes().to_vec();
                entries.push((format!("inputs/{name}"), input));
            }
        }
        let head = format!("{} {}\n", self.stage.as_str(), self.digest());
        let steps = self.steps.iter();
        let names = steps.flat_map(BundleStep::blob_names);
        let blobs: String = names.map(|sha256| format!("{sha256}\n")).collect();
        entries.push(("runner.sh".to_owned(), RUNNER.as_bytes().to_vec()));
        entries.push(("bundle".to_owned(), head.into_bytes()));
        entries.push(("plan".to_owned(), plan.into_bytes()));
        entries.push(("blobs.list".to_owned(), blobs.into_bytes()));
        entries
    }
}

fn append(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    size: u64,
    content: impl io::Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(0);
    tar.append_data(&mut header, name, content)
}
