//! The steps of a bundle: what the runner can do on a host.
//!
//! Each is a few calls of the functions in `templates/runner.sh`; the two change together.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::blob::Blob;
use super::digest::{Digest, sha256};
use super::shell::{call, quote};

/// What `program` in `templates/runner.sh` installs executables with.
const PROGRAM_MODE: u32 = 0o755;

/// A file to write on a host.
#[derive(Clone)]
pub struct File {
    path: String,
    mode: u32,
    owner: String,
    content: Vec<u8>,
    secret: bool,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("path", &self.path)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl File {
    /// A file of root's that everybody may read. The path is absolute.
    #[must_use]
    pub fn new(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            mode: 0o644,
            owner: "root".to_owned(),
            content: content.into(),
            secret: false,
        }
    }

    /// Gives it to a user (and the group of that name), who alone may read it.
    #[must_use]
    pub fn secret_of(mut self, owner: &str) -> Self {
        self.mode = 0o600;
        owner.clone_into(&mut self.owner);
        self.secret = true;
        self
    }

    /// Gives it other permissions.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Where it goes.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Permissions.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// Owner, and name of its group.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// What is in it.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Whether it holds secrets.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

/// A script with the files that it needs, applied as one and skipped when it was applied before.
#[derive(Clone, Debug)]
pub struct BundleStep {
    name: &'static str,
    title: String,
    deadline: Duration,
    script: String,
    files: Vec<File>,
    input: Option<SecretString>,
    blobs: Vec<Blob>,
    /// SHA-256 of what its script fetches to where blobs lie.
    fetched: Vec<String>,
    /// Path and SHA-256 of the executables that it installs.
    programs: Vec<(String, String)>,
    service: Option<ServiceInputs>,
    after_changes: bool,
    while_serving: bool,
    long_wait: Duration,
}

/// A unit, and digests of what it reads.
#[derive(Clone, Debug)]
pub(super) struct ServiceInputs {
    /// Name of the unit.
    pub(super) unit: &'static str,
    /// Of what it reads when it starts.
    pub(super) restart: Digest,
    /// Of what it reads again when it is told to.
    pub(super) reload: Digest,
}

impl BundleStep {
    fn new(name: &'static str, title: impl Into<String>, seconds: u64, script: String) -> Self {
        Self {
            name,
            title: title.into(),
            deadline: Duration::from_secs(seconds),
            script,
            files: Vec::new(),
            input: None,
            blobs: Vec::new(),
            fetched: Vec::new(),
            programs: Vec::new(),
            service: None,
            after_changes: false,
            while_serving: false,
            long_wait: Duration::ZERO,
        }
    }

    /// Waits until the host has finished its first boot.
    #[must_use]
    pub fn first_boot() -> Self {
        let title = "finish its first boot";
        Self::new("first-boot", title, 300, "first_boot\n".to_owned())
    }

    /// Installs Debian packages.
    #[must_use]
    pub fn packages(names: &[&str]) -> Self {
        let title = format!("install {}", names.join(", "));
        Self::new("packages", title, 1800, call("packages", names))
    }

    /// Writes files.
    #[must_use]
    pub fn files(name: &'static str, title: &str, files: Vec<File>) -> Self {
        let mut script = String::new();
        for (index, file) in files.iter().enumerate() {
            let source = format!("files/{name}/{index}");
            let mode = format!("{:04o}", file.mode);
            let owner = format!("{0}:{0}", file.owner);
            script += &call("file", &[&source, &file.path, &mode, &owner]);
        }
        Self {
            files,
            ..Self::new(name, title, 60, script)
        }
    }

    /// Writes files that a command accepts; if it does not, the files of before are put back.
    #[must_use]
    pub fn checked_files(
        name: &'static str,
        title: &str,
        files: Vec<File>,
        command: &[&str],
    ) -> Self {
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let before = call("keep", &paths);
        let after = call("checked", command);
        let step = Self::files(name, title, files);
        Self {
            script: format!("{before}{}{after}", step.script),
            ..step
        }
    }

    /// Has the host trust these authorities besides those of its system, and no others that came like this.
    #[must_use]
    pub fn authorities(files: Vec<File>) -> Self {
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let script = call("authorities", &paths);
        let title = match paths.as_slice() {
            [] => "trust the authorities of the system alone",
            _ => "trust your authorities",
        };
        let mut step = Self::files("own-authorities", title, files);
        step.script += &script;
        // It reads each of the system's certificates.
        step.deadline = Duration::from_mins(5);
        step
    }

    /// Sets kernel parameters, now and at every boot. What this kernel refuses is reported.
    #[must_use]
    pub fn sysctl(settings: &[(String, String)]) -> Self {
        let mut text = String::from("# Written by loadrig.\n");
        let mut words = Vec::new();
        for (key, value) in settings {
            let _ = writeln!(text, "{key} = {value}");
            words.extend([key.as_str(), value.as_str()]);
        }
        let file = File::new("/etc/sysctl.d/60-loadrig.conf", text);
        let mut step = Self::files("sysctl", "set kernel parameters", vec![file]);
        step.script += &call("settings", &words);
        step
    }

    /// Makes a system user without a login.
    #[must_use]
    pub fn user(name: &'static str, home: &str) -> Self {
        let title = format!("make the user {name}");
        Self::new("user", title, 60, call("user", &[name, home]))
    }

    /// Unpacks a server tarball that is shipped with the bundle, beside the server that runs.
    #[must_use]
    pub fn server_from_blob(owner: &str, release: &Digest, blob: Blob) -> Self {
        let script = call(
            "server_from_blob",
            &[owner, release.as_str(), blob.sha256()],
        );
        Self {
            blobs: vec![blob],
            ..Self::new("server", "unpack the server", 600, script)
        }
    }

    /// Unpacks a server tarball that the host fetches. Without a digest it has to be https.
    #[must_use]
    pub fn server_from_url(owner: &str, release: &Digest, url: &str, digest: Option<&str>) -> Self {
        let words = [owner, release.as_str(), url, digest.unwrap_or("")];
        let script = call("server_from_url", &words);
        Self::new("server", format!("fetch {url}"), 1800, script)
    }

    /// Puts the release that was unpacked in the place of the one that runs, and keeps that one.
    #[must_use]
    pub fn switch(unit: &str, release: &Digest) -> Self {
        let script = call("switch", &[unit, release.as_str()]);
        Self::new("switch", "switch to the release", 300, script)
    }

    /// Fetches a file from a publisher who is known by his certificate.
    #[must_use]
    pub fn fetched(name: &'static str, path: &str, url: &str) -> Self {
        let script = call("fetched", &[path, "0644", url]);
        Self::new(name, format!("fetch {url}"), 180, script)
    }

    /// Installs an executable that is shipped with the bundle.
    #[must_use]
    pub fn program(path: &str, blob: Blob) -> Self {
        let script = call("program", &[blob.sha256(), path]);
        Self {
            programs: vec![(path.to_owned(), blob.sha256().to_owned())],
            blobs: vec![blob],
            ..Self::new("program", format!("install {path}"), 120, script)
        }
    }

    /// Says that users are served all the while that it is applied.
    #[must_use]
    pub fn while_serving(mut self) -> Self {
        self.while_serving = true;
        self
    }

    /// Runs a command; the title says why.
    #[must_use]
    pub fn command(name: &'static str, title: &str, command: &[&str]) -> Self {
        let words: Vec<Cow<'_, str>> = command.iter().map(|word| quote(word)).collect();
        Self::new(name, title, 120, format!("{}\n", words.join(" ")))
    }

    /// Runs shell commands of the operator's, one after the other, until one fails, which is named.
    #[must_use]
    pub fn commands(name: &'static str, title: &str, commands: &[String]) -> Self {
        let mut script = String::new();
        for (index, command) in commands.iter().enumerate() {
            let number = (index + 1).to_string();
            script += &call("own", &[&number, command]);
        }
        Self::new(name, title, 600, script)
    }

    /// Makes it run again whenever an earlier step has another digest.
    #[must_use]
    pub fn depends_on(mut self, digest: &Digest) -> Self {
        let _ = writeln!(self.script, "# for {digest}");
        self
    }

    /// Enables a unit and sees to it that it runs with its present inputs: restarts it
    /// when one of `restart` changed, reloads it when only one of `reload` did.
    #[must_use]
    pub fn service(unit: &'static str, restart: &[Digest], reload: &[Digest]) -> Self {
        let title = match reload {
            [] => format!("start {unit}"),
            _ => format!("start or reload {unit}"),
        };
        let inputs = ServiceInputs {
            unit,
            restart: Digest::of(restart),
            reload: Digest::of(reload),
        };
        let digests = [unit, inputs.restart.as_str(), inputs.reload.as_str()];
        let script = call("service", &digests);
        Self {
            service: Some(inputs),
            ..Self::new(unit, title, 120, script)
        }
    }

    /// Waits until a URL answers with success, `limit` at most; runs whenever a step
    /// before it did.
    #[must_use]
    pub fn answers(unit: &str, url: &str, limit: Duration) -> Self {
        Self::ready("answers", unit, url, limit, limit)
    }

    /// Waits as [`BundleStep::answers`] does, and up to `longest` while the unit is at work on its
    /// start, such as on a migration of its database.
    #[must_use]
    pub fn answers_once_migrated(
        unit: &str,
        url: &str,
        limit: Duration,
        longest: Duration,
    ) -> Self {
        Self {
            long_wait: longest.saturating_sub(limit),
            ..Self::ready("answers", unit, url, limit, longest)
        }
    }

    /// Waits as [`BundleStep::answers`] does, in a bundle that has done so before.
    #[must_use]
    pub fn answers_again(unit: &str, url: &str, limit: Duration) -> Self {
        Self {
            name: "ready-again",
            ..Self::ready("answers", unit, url, limit, limit)
        }
    }

    /// Waits until something answers at a URL, with whatever status.
    #[must_use]
    pub fn listens(unit: &str, url: &str, limit: Duration) -> Self {
        Self {
            name: "listens",
            ..Self::ready("listens", unit, url, limit, limit)
        }
    }

    /// Waits until a unit has logged a text since it was started, `limit` at most; runs whenever a step
    /// before it did.
    #[must_use]
    pub fn started(unit: &str, text: &str, limit: Duration) -> Self {
        let seconds = limit.as_secs();
        let limit = seconds.to_string();
        let script = call("ready", &[unit, &limit, &limit, "says", unit, text]);
        Self {
            after_changes: true,
            ..Self::new("ready", format!("see {unit} at work"), seconds + 30, script)
        }
    }

    fn ready(probe: &str, unit: &str, url: &str, limit: Duration, longest: Duration) -> Self {
        let [limit, seconds] = [limit, longest].map(|time| time.as_secs());
        let script = call(
            "ready",
            &[unit, &limit.to_string(), &seconds.to_string(), probe, url],
        );
        Self {
            after_changes: true,
            ..Self::new(
                "ready",
                format!("see {unit} answer at {url}"),
                seconds + 30,
                script,
            )
        }
    }

    /// Makes the first account of a server that has none, which administers it, and gives it this address
    /// where it has another. `account` is what the server is sent; it never lies on the host longer than the
    /// bundle.
    #[must_use]
    pub fn administrator(username: &str, address: Option<&str>, account: SecretString) -> Self {
        let words: Vec<&str> = [username].into_iter().chain(address).collect();
        Self {
            input: Some(account),
            // The server may have been given another database.
            after_changes: true,
            while_serving: true,
            ..Self::new(
                "administrator",
                format!("make the account {username} if the server has no accounts"),
                180,
                call("administrator", &words),
            )
        }
    }

    /// Writes files that the server looks for beside its configuration, which is in the database.
    /// `statements` are what `psql` is given.
    #[must_use]
    pub fn database_files(statements: SecretString) -> Self {
        Self {
            input: Some(statements),
            ..Self::new(
                "database-files",
                "write files beside the configuration in the database",
                60,
                "database_files\n".to_owned(),
            )
        }
    }

    /// Fetches bundles of plugins to where shipped ones lie, each by its id, SHA-256 and URL.
    #[must_use]
    pub fn plugin_bundles(fetched: &[[&str; 3]]) -> Self {
        let script: String = fetched
            .iter()
            .map(|bundle| call("plugin_from_url", bundle))
            .collect();
        Self {
            fetched: fetched
                .iter()
                .map(|[_, sha256, _]| (*sha256).to_owned())
                .collect(),
            ..Self::new(
                "plugin-bundles",
                "fetch the bundles of plugins",
                900,
                script,
            )
        }
    }

    /// Installs plugins on a server that answers, sets what `told` says of them, and removes those that an
    /// earlier bundle installed and this one does not name. `fetched` are those of
    /// [`plugin_bundles`](Self::plugin_bundles): one that is gone is fetched again.
    #[must_use]
    pub fn plugins(told: SecretString, fetched: &[[&str; 3]], blobs: Vec<Blob>) -> Self {
        let bundles = Self::plugin_bundles(fetched);
        Self {
            input: Some(told),
            blobs,
            while_serving: true,
            fetched: bundles.fetched,
            ..Self::new(
                "plugins",
                "install the server's plugins",
                900,
                format!("{}plugins\n", bundles.script),
            )
        }
    }

    /// Its name, unique within the bundle.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }

    /// What it does, in words.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// How long it may take on the host.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// How much longer than hosts are usually given it may take, while it is at work.
    pub(super) fn long_wait(&self) -> Duration {
        self.long_wait
    }

    /// What the runner sources.
    #[must_use]
    pub fn script(&self) -> &str {
        &self.script
    }

    /// The files that it writes.
    #[must_use]
    pub fn written(&self) -> &[File] {
        &self.files
    }

    /// What its script reads at `inputs/NAME`, and nobody else.
    #[must_use]
    pub fn input(&self) -> Option<&SecretString> {
        self.input.as_ref()
    }

    /// The blobs that it uses.
    #[must_use]
    pub fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    /// SHA-256 of all that its script finds where blobs lie.
    pub(super) fn blob_names(&self) -> impl Iterator<Item = &str> {
        let fetched = self.fetched.iter().map(String::as_str);
        self.blobs.iter().map(Blob::sha256).chain(fetched)
    }

    /// Whether users are served all the while that it is applied.
    pub(super) fn is_while_serving(&self) -> bool {
        self.while_serving
    }

    /// The unit that has to be active for the step to hold.
    pub(super) fn unit(&self) -> Option<&str> {
        self.service.as_ref().map(|service| service.unit)
    }

    /// That unit with what it reads.
    pub(super) fn service_inputs(&self) -> Option<&ServiceInputs> {
        self.service.as_ref()
    }

    /// Whether it runs whenever a step before it did.
    pub(super) fn runs_after_changes(&self) -> bool {
        self.after_changes
    }

    /// What `sha256sum -c` checks files and programs by, relative to the root directory.
    pub(super) fn sums(&self) -> Option<String> {
        let files = self.files.iter();
        let files = files.map(|file| (file.path.as_str(), sha256(&file.content)));
        let programs = self.programs.iter();
        let programs = programs.map(|(path, sha256)| (path.as_str(), sha256.clone()));
        let mut sums = String::new();
        for (path, sha256) in files.chain(programs) {
            let _ = writeln!(sums, "{sha256}  {}", path.trim_start_matches('/'));
        }
        (!sums.is_empty()).then_some(sums)
    }

    /// The permissions of files and programs, as `stat -c '%a %n'` prints them in the root directory.
    pub(super) fn modes(&self) -> String {
        let files = self
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.mode));
        let programs = self.programs.iter();
        let programs = programs.map(|(path, _)| (path.as_str(), PROGRAM_MODE));
        let mut modes = String::new();
        for (path, mode) in files.chain(programs) {
            let _ = writeln!(modes, "{mode:o} {}", path.trim_start_matches('/'));
        }
        modes
    }

    /// Changes whenever the step would do something else. The title is only for people.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut parts = vec![self.name.to_owned(), self.script.clone()];
        parts.extend(self.files.iter().map(|file| sha256(&file.content)));
        let input = self.input.as_ref();
        parts.extend(input.map(|input| sha256(input.expose_secret().as_bytes())));
        Digest::of(&parts)
    }
}
