//! A first file for a new environment.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::check::DEFAULT_REGION;
use super::problem::SpecErrors;
use super::{Architecture, Library, Role, environment_schema, values};
use crate::diagnose::{Diagnose, ExitCode};

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The name cannot be the name of an environment.
    #[error("the name `{name}` {fault}")]
    Name {
        /// The name that was asked for.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// There is a file already.
    #[error("`{}` exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The architecture is not there, or it is broken.
    #[error(transparent)]
    Architecture(#[from] SpecErrors),
}

impl Diagnose for InitError {
    fn hints(&self) -> Vec<String> {
        match self {
            InitError::Name { .. } => vec!["use something like `demo` or `nightly-esr`".to_owned()],
            InitError::Exists { path } => {
                let path = path.display();
                vec![format!(
                    "edit it, or remove it first: `{path}` is never overwritten"
                )]
            }
            InitError::Write { .. } => {
                vec!["nothing was written; name another directory with `--dir`".to_owned()]
            }
            InitError::Architecture(_) => Vec::new(),
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            InitError::Write { .. } => ExitCode::Failed,
            _ => ExitCode::Usage,
        }
    }
}

/// The files that were written for a new environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitFiles {
    /// The environment.
    pub environment: PathBuf,
    /// The schema that it names for editors, unless there was one already.
    pub schema: Option<PathBuf>,
}

impl Library {
    /// Writes `environments/NAME.yaml`, commented and valid as written, for the default region or
    /// another, and the schema that its first line names where there is none.
    ///
    /// # Errors
    /// A bad name, an unknown architecture, an existing file (which stays as it is), or a
    /// directory that cannot be written to.
    pub fn init(
        &self,
        name: &str,
        architecture: &str,
        region: Option<&str>,
    ) -> Result<InitFiles, InitError> {
        let canary = values::is_canary(name).then_some("is that of a canary");
        if let Some(fault) = values::name_fault(name).or(canary) {
            let name = name.to_owned();
            return Err(InitError::Name { name, fault });
        }
        let architecture = self.architecture(architecture)?;
        let path = self.path("environments", name);
        let failed = |source| InitError::Write {
            path: path.clone(),
            source,
        };
        create_parent(&path).map_err(failed)?;
        let created = std::fs::File::create_new(&path);
        let mut file = match created {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(InitError::Exists { path });
            }
            other => other.map_err(failed)?,
        };
        file.write_all(template(name, &architecture, region.unwrap_or(DEFAULT_REGION)).as_bytes())
            .map_err(failed)?;
        match self.write_schema() {
            Ok(schema) => Ok(InitFiles {
                environment: path,
                schema,
            }),
            Err(error) => {
                // Half of what was asked for would be in the way of the next try.
                std::fs::remove_file(&path).map_err(failed)?;
                Err(error)
            }
        }
    }

    /// Writes the schema of environments, as `loadrig schema` prints it, where there is none.
    fn write_schema(&self) -> Result<Option<PathBuf>, InitError> {
        let path = self.in_root("schema/environment.json");
        if path.exists() {
            return Ok(None);
        }
        let write = || -> std::io::Result<()> {
            create_parent(&path)?;
            std::fs::write(&path, format!("{:#}\n", environment_schema()))
        };
        match write() {
            Ok(()) => Ok(Some(path)),
            Err(source) => Err(InitError::Write { path, source }),
        }
    }
}

/// Creates the directory that a file is to be in.
fn create_parent(path: &Path) -> std::io::Result<()> {
    let Some(directory) = path.parent() else {
        return Ok(());
    };
    if directory.exists() && !directory.is_dir() {
        let text = format!("`{}` is not a directory", directory.display());
        return Err(std::io::Error::new(std::io::ErrorKind::NotADirectory, text));
    }
    std::fs::create_dir_all(directory)
}

fn template(name: &str, architecture: &Architecture, region: &str) -> String {
    let Architecture {
        name: size,
        concurrent_users: users,
        database,
        ..
    } = architecture;
    let app = architecture.nodes.get(&Role::App);
    let (app_count, app_type) = app.map_or((1, "c7i.large"), |group| {
        (group.count, group.instance_type.as_str())
    });
    let cidr = values::default_cidr(name);
    let readers = database.readers;
    format!(
        "# yaml-language-server: $schema=../schema/environment.json
# Environment `{name}`: {users} concurrent users. Commented keys show their defaults or
# an example; every key is described in docs/configuration.md.

architecture: {size}
cloud: aws # or `local`: the local cloud of this machine
region: {region}

# How long it is meant to live: `loadrig status` shows what is left of it. Nothing removes
# an environment by itself yet.
time_to_live: 8h

mattermost:
  # `standin`, an official version such as 11.7.9, a URL, or a file beside this one.
  release: standin
  # sha256: of the tarball; required for a URL or a file, advised for a version
  # license_file: ./license.mattermost-license
  # unlicensed: accept # instead: leave out what needs a license

# Only what differs from reference-architectures/{size}.yaml:
# sizes:
#   nodes:
#     app: {{ count: {app_count}, instance_type: {app_type} }}
#   database: {{ readers: {readers} }}

# purpose: gold-standard # protected, backed up, and data outlives a `down`; default: rig
# database:
#   multi_az: true # a standby of the writer, at twice its price

# network:
#   cidr: {cidr} # follows from the name
#   zones: 2
#   placement: one-zone # as load tests are published; or `all-zones`
#   layout: public # or `private`, or `bastion`: hosts in private subnets behind NAT
#   private_dns: false

# tls: {{ host_name: chat.example.com, issuer: private }} # or with `certificate_file` and `key_file`
# load_balancer: nginx # or `alb`, with `sizes.nodes.proxy.count: 0`

access:
  # `auto` is the address that the command runs from; or ranges such as 203.0.113.0/24.
  operators: [auto]
  key: generated # or `agent`, or {{ file: ~/.ssh/id_ed25519.pub }}
  # seed_key: alias/loadrig-operators # on AWS, a KMS key of yours: its policy says who can read all secrets

# tags:
#   team: performance
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_writes_valid_yaml_and_never_overwrites() {
        let directory = tempfile::tempdir().unwrap();
        let library = Library::new(Some(directory.path().to_path_buf()));
        for size in ["1k", "50k"] {
            let name = format!("rig-{size}");
            let path = library.init(&name, size, None).unwrap().environment;
            let spec = library
                .load(&name)
                .unwrap_or_else(|errors| panic!("{errors}"));
            assert_eq!(
                (spec.name, spec.architecture.as_str()),
                (name.clone(), size)
            );
            std::fs::write(&path, "mine").unwrap();
            let again = library.init(&name, size, None).unwrap_err();
            assert!(matches!(again, InitError::Exists { .. }));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        }
    }

    #[test]
    fn the_schema_that_it_names_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let library = Library::new(Some(directory.path().to_path_buf()));
        let first = library.init("first", "1k", None).unwrap();
        let text = std::fs::read_to_string(&first.environment).unwrap();
        let line = text.lines().next().unwrap();
        let (_, named) = line.split_once("$schema=").unwrap();
        let named = first.environment.parent().unwrap().join(named);
        let schema: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&named).unwrap()).unwrap();
        assert_eq!(&schema, environment_schema());
        assert!(first.schema.is_some());
        std::fs::write(&named, "{}").unwrap();
        assert_eq!(library.init("second", "1k", None).unwrap().schema, None);
        assert_eq!(std::fs::read_to_string(&named).unwrap(), "{}");
    }

    #[test]
    fn its_comments_are_valid_settings() {
        let library = Library::new(Some("no-such-directory".into()));
        let text = template("rig", &library.architecture("10k").unwrap(), DEFAULT_REGION);
        let is_setting = |line: &str| {
            let key = line.split(':').next().unwrap_or_default().trim();
            let words = [
                "sizes",
                "nodes",
                "app",
                "purpose",
                "database",
                "multi_az",
                "network",
                "cidr",
                "zones",
                "placement",
                "layout",
                "private_dns",
                "tls",
                "load_balancer",
                "tags",
                "team",
            ];
            line.contains(':') && words.contains(&key)
        };
        let uncommented: String = text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(setting) if is_setting(setting) => setting,
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        assert_ne!(text, uncommented);
        let spec = library
            .load_text("rig", &uncommented)
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(spec.tags["team"], "performance");
    }

    #[test]
    fn bad_names_and_sizes_write_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let library = Library::new(Some(directory.path().to_path_buf()));
        assert!(matches!(
            library.init("../up", "1k", None),
            Err(InitError::Name { .. })
        ));
        assert!(matches!(
            library.init("rig", "11k", None),
            Err(InitError::Architecture(_))
        ));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_in_the_way_is_named_and_nothing_is_left_half_written() {
        for (blocked, left) in [("environments", "environments"), ("schema", "schema")] {
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join(blocked), "a file").unwrap();
            let library = Library::new(Some(directory.path().to_path_buf()));
            let error = library.init("perf", "1k", None).unwrap_err();
            let said = crate::diagnose::with_causes(&error);
            assert!(
                said.contains(&format!("{left}` is not a directory")),
                "{said}"
            );
            assert!(!directory.path().join("environments/perf.yaml").exists());
        }
    }
}
