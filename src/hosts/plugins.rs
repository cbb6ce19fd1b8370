//! Plugins of the server as they go to `app-1`: bundles of the operator's machine, read through once, and
//! those that the host fetches.

use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::spec::{PluginSource, ServerPlugin};

use super::blob::Blob;
use super::bundle_error::BundleError;

/// Larger manifests are none.
const LARGEST_MANIFEST: u64 = 1 << 20;

/// A plugin of the server.
#[derive(Clone, Debug)]
pub struct PluginPackage {
    /// What the environment says of it.
    pub plugin: ServerPlugin,
    /// Its bundle, where it is shipped.
    pub blob: Option<Blob>,
}

impl PluginPackage {
    /// Reads the bundles of the plugins that an environment names.
    ///
    /// # Errors
    /// When one cannot be read, or is not what the environment says.
    pub fn load(plugins: &[ServerPlugin]) -> Result<Vec<Self>, BundleError> {
        plugins.iter().map(Self::read).collect()
    }

    /// Reads the bundle of one plugin, if it lies on this machine.
    ///
    /// # Errors
    /// When it cannot be read to its end, or is not what the environment says.
    pub fn read(plugin: &ServerPlugin) -> Result<Self, BundleError> {
        let plugin = plugin.clone();
        let PluginSource::File { path, sha256 } = &plugin.source else {
            return Ok(Self { plugin, blob: None });
        };
        let unreadable = |source| BundleError::File {
            what: "bundle of a plugin",
            path: path.clone(),
            source,
        };
        let blob = Blob::of(path).map_err(unreadable)?;
        if let Some(expected) = sha256.as_ref().filter(|sum| *sum != blob.sha256()) {
            return Err(BundleError::Digest {
                path: path.clone(),
                expected: expected.clone(),
                actual: blob.sha256().to_owned(),
            });
        }
        match manifest_id(path).map_err(unreadable)? {
            Some(id) if id == plugin.id => Ok(Self {
                blob: Some(blob),
                plugin,
            }),
            found => Err(BundleError::Plugin {
                path: path.clone(),
                expected: plugin.id,
                found,
            }),
        }
    }

    /// SHA-256 of the bundle, lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        match (&self.plugin.source, &self.blob) {
            (PluginSource::Url { sha256, .. }, _) => sha256,
            (_, Some(blob)) => blob.sha256(),
            // Only ever made with its blob.
            (PluginSource::File { sha256, .. }, None) => sha256.as_deref().unwrap_or_default(),
        }
    }

    /// What the host is told of it.
    #[must_use]
    pub fn told(&self) -> Value {
        json!({
            "id": self.plugin.id,
            "sha256": self.sha256(),
            "enabled": self.plugin.enabled,
            "settings": self.plugin.settings,
        })
    }
}

/// The id in the manifest of a bundle: `plugin.json` at its top, or in the one directory there. What comes
/// after it is read too: a bundle that is cut off fails here, and not on the host.
fn manifest_id(path: &Path) -> std::io::Result<Option<String>> {
    #[derive(Deserialize)]
    struct BundleManifest {
        id: String,
    }
    let file = std::fs::File::open(path)?;
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    let mut found = None;
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry.path()?.into_owned();
        let is_manifest = name.file_name().is_some_and(|name| name == "plugin.json");
        if found.is_none() && is_manifest && name.components().filter(is_named).count() <= 2 {
            let mut text = Vec::new();
            entry.take(LARGEST_MANIFEST).read_to_end(&mut text)?;
            let manifest: BundleManifest = serde_json::from_slice(&text)?;
            found = Some(manifest.id);
        }
    }
    // The checksum of all of it stands at the end.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
    Ok(found)
}

fn is_named(part: &std::path::Component<'_>) -> bool {
    matches!(part, std::path::Component::Normal(_))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// A bundle with these files.
    fn bundle(files: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut tar =
            tar::Builder::new(GzEncoder::new(file.reopen().unwrap(), Compression::fast()));
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, content.as_bytes())
                .unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
        file
    }

    fn plugin(path: &Path, sha256: Option<&str>) -> ServerPlugin {
        ServerPlugin {
            id: "com.example.greeter".to_owned(),
            source: PluginSource::File {
                path: path.to_owned(),
                sha256: sha256.map(str::to_owned),
            },
            enabled: true,
            settings: serde_json::Map::new(),
        }
    }

    const MANIFEST: &str = r#"{"id": "com.example.greeter", "version": "1.2.0"}"#;

    #[test]
    fn a_bundle_is_what_it_is_named() {
        let deep = (
            "com.example.greeter/server/plugin.json",
            r#"{"id": "another"}"#,
        );
        let file = bundle(&[deep, ("com.example.greeter/plugin.json", MANIFEST)]);
        let loaded = PluginPackage::load(&[plugin(file.path(), None)]).unwrap();
        assert_eq!(loaded[0].sha256(), Blob::of(file.path()).unwrap().sha256());
        assert!(loaded[0].blob.is_some());
        let flat = bundle(&[("./plugin.json", MANIFEST)]);
        assert!(PluginPackage::load(&[plugin(flat.path(), None)]).is_ok());
    }

    #[test]
    fn what_is_no_bundle_of_this_plugin_is_refused() {
        let other = bundle(&[("x/plugin.json", r#"{"id": "com.example.other"}"#)]);
        let error = PluginPackage::load(&[plugin(other.path(), None)]).unwrap_err();
        assert!(error.to_string().contains("`com.example.other`"), "{error}");
        let none = bundle(&[("x/readme", "")]);
        let error = PluginPackage::load(&[plugin(none.path(), None)]).unwrap_err();
        assert!(error.to_string().contains("plugin.json"), "{error}");
        let error = PluginPackage::load(&[plugin(Path::new("/etc/hostname"), None)]).unwrap_err();
        assert!(matches!(error, BundleError::File { .. }), "{error}");
        let right = bundle(&[("x/plugin.json", MANIFEST), ("x/server", &"a".repeat(4096))]);
        let whole = std::fs::read(right.path()).unwrap();
        let cut = tempfile::NamedTempFile::new().unwrap();
        for length in [0, whole.len() / 2, whole.len() - 4] {
            std::fs::write(cut.path(), &whole[..length]).unwrap();
            let error = PluginPackage::load(&[plugin(cut.path(), None)]).unwrap_err();
            assert!(
                matches!(error, BundleError::File { .. }),
                "{length}: {error}"
            );
        }
        let error = PluginPackage::load(&[plugin(right.path(), Some("00"))]).unwrap_err();
        assert!(matches!(error, BundleError::Digest { .. }), "{error}");
    }
}
