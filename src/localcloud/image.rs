//! The parts that the local cloud is built from, as its hosts use them. How they are built
//! is told in the crate `local-image`.

use std::fs;
use std::path::{Path, PathBuf};

use local_image::Parts;

use super::authority::Authority;
use super::command::run_with_input;
use super::error::{Error, Result};
use super::state::RUN_DIR;

/// Where the parts lie.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    /// The Python environment.
    pub python: PathBuf,
    parts: Parts,
}

/// The API emulator's program, made by [`prepare`](super::prepare); tests of the AWS
/// adapter run it by itself.
///
/// # Errors
/// When there is no home directory.
pub fn emulator() -> Result<PathBuf> {
    Ok(Parts::locate()?.emulator())
}

/// Called with a line of progress.
pub(crate) type ReportProgress<'a> = &'a (dyn Fn(&str) + Sync);

impl Layers {
    /// Where the parts belong on this machine, built or not.
    ///
    /// # Errors
    /// When there is no home directory.
    pub(crate) fn locate() -> Result<Self> {
        let parts = Parts::locate()?;
        Ok(Self {
            python: parts.python.clone(),
            parts,
        })
    }

    /// Builds what is missing. The three take minutes on a fresh machine and
    /// nothing afterwards.
    ///
    /// # Errors
    /// When a build fails; its partial result is removed at the next try.
    pub(crate) fn build(&self, progress: ReportProgress<'_>) -> Result<()> {
        Ok(self.parts.build(progress)?)
    }

    /// Layers of an instance, topmost first.
    pub(crate) fn of_instances(&self) -> Vec<PathBuf> {
        vec![trust(), self.parts.base.clone()]
    }

    /// Layers of a managed service's host, topmost first.
    pub(crate) fn of_services(&self) -> Vec<PathBuf> {
        vec![
            trust(),
            self.parts.services.join("upper"),
            self.parts.base.clone(),
        ]
    }

    /// The package lists that instances start with.
    pub(crate) fn package_lists(&self) -> PathBuf {
        self.parts.base.join("var/lib/apt/lists")
    }

    /// A file of the databases' layer.
    pub(crate) fn services_file(&self, path: &str) -> PathBuf {
        self.parts
            .services
            .join("upper")
            .join(path.trim_start_matches('/'))
    }

    /// The search server's program.
    ///
    /// # Errors
    /// When the Python environment lacks it.
    pub(crate) fn search_server(&self) -> Result<PathBuf> {
        let libraries = self.python.join("lib");
        fs::read_dir(&libraries)
            .map_err(Error::io(format!("cannot read `{}`", libraries.display())))?
            .flatten()
            .map(|entry| {
                entry
                    .path()
                    .join("site-packages/osmem_server/bin/osmem-server")
            })
            .find(|path| path.exists())
            .ok_or_else(|| {
                Error::Unsupported(format!("no search server in `{}`", self.python.display()))
            })
    }

    /// Makes the layer that has hosts trust this cloud's authority.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn trust(&self, authority: &Authority) -> Result<()> {
        let certificate = authority.certificate();
        let layer = trust();
        let own = layer.join("usr/local/share/ca-certificates");
        let certs = layer.join("etc/ssl/certs");
        let bundle = "etc/ssl/certs/ca-certificates.crt";
        let mut all = fs::read_to_string(self.parts.base.join(bundle)).map_err(Error::io(
            format!("cannot read `{}`", self.parts.base.join(bundle).display()),
        ))?;
        all.push_str(certificate);
        let hash = run_with_input(
            "name the authority's certificate",
            "openssl",
            &["x509", "-noout", "-subject_hash"],
            certificate,
        )?;
        let files = [
            (own.join("loadrig-local-cloud.crt"), certificate),
            (layer.join(bundle), &all),
            (certs.join(format!("{}.0", hash.trim())), certificate),
        ];
        for directory in [own, certs] {
            fs::create_dir_all(&directory)
                .map_err(Error::io(format!("cannot make `{}`", directory.display())))?;
        }
        for (path, text) in files {
            fs::write(&path, text)
                .map_err(Error::io(format!("cannot write `{}`", path.display())))?;
        }
        Ok(())
    }
}

/// The layer with the authority that hosts trust; as old as the running cloud.
fn trust() -> PathBuf {
    Path::new(RUN_DIR).join("trust")
}
