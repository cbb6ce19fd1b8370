//! Makes a release tarball laid out like Mattermost's, with this program in
//! the place of the server. The same program gives the same bytes.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::config::Config;
use crate::model::VERSION;

const ROOT: &str = "mattermost";

/// Directories that hold nothing yet.
const DIRECTORIES: [&str; 11] = [
    "bin",
    "client",
    "config",
    "data",
    "fonts",
    "i18n",
    "logs",
    "plugins",
    "prepackaged_plugins",
    "templates",
    "client/plugins",
];

const MMCTL: &str = "#!/bin/sh
# The stand-in has no mmctl; this file keeps the layout of the official tarball.
case \"$1\" in
version) exec \"$(dirname \"$0\")/mattermost\" version ;;
*) echo \"mattermost-standin has no mmctl\" >&2; exit 1 ;;
esac
";

const README: &str = "This is mattermost-standin, not Mattermost.\n
It stands in for the Mattermost server where that cannot be downloaded, to
exercise load-test rigs: same layout, unit, configuration file and API paths.
Figures measured with it say nothing about Mattermost.\n";

const NOTICE: &str = "mattermost-standin, licensed under the Apache License, Version 2.0.
It contains no code of Mattermost.\n";

/// Why there is no tarball.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
pub(crate) struct PackageError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Writes the tarball to `out` and returns its SHA-256 in hexadecimal.
///
/// # Errors
/// When this program cannot be read or `out` not be written.
pub(crate) fn write(out: &Path) -> Result<String, PackageError> {
    let partial = out.with_extension("partial");
    let result = std::env::current_exe()
        .and_then(|program| write_tarball(&program, File::create(&partial)?))
        .and_then(|()| std::fs::rename(&partial, out))
        .and_then(|()| sha256(out));
    result.map_err(|source| {
        // A leftover is of no use to anyone; the error itself is reported.
        let _ = std::fs::remove_file(&partial);
        PackageError {
            path: out.to_owned(),
            source,
        }
    })
}

fn write_tarball(program: &Path, out: impl Write) -> io::Result<()> {
    let gzip = GzBuilder::new().mtime(0).write(out, Compression::fast());
    let mut tar = Builder::new(gzip);
    let config = serde_json::to_string_pretty(&Config::default())?;
    let manifest = format!("mattermost-standin\n{VERSION}\n");
    let texts: [(&str, u32, &str); 6] = [
        ("NOTICE.txt", 0o644, NOTICE),
        ("README.md", 0o644, README),
        ("bin/mmctl", 0o755, MMCTL),
        ("config/config.json", 0o600, &config),
        ("i18n/en.json", 0o644, "[]\n"),
        ("manifest.txt", 0o644, &manifest),
    ];
    let mut directories = DIRECTORIES;
    directories.sort_unstable();
    append(&mut tar, "", EntryType::Directory, 0o755, 0, io::empty())?;
    for directory in directories {
        append(
            &mut tar,
            directory,
            EntryType::Directory,
            0o755,
            0,
            io::empty(),
        )?;
    }
    let size = std::fs::metadata(program)?.len();
    let file = BufReader::new(File::open(program)?);
    append(
        &mut tar,
        "bin/mattermost",
        EntryType::Regular,
        0o755,
        size,
        file,
    )?;
    for (path, mode, text) in texts {
        let size = text.len() as u64;
        append(
            &mut tar,
            path,
            EntryType::Regular,
            mode,
            size,
            text.as_bytes(),
        )?;
    }
    tar.into_inner()?.finish()?.flush()
}

/// Appends an entry that says nothing of when and by whom it was made.
fn append(
    tar: &mut Builder<impl Write>,
    path: &str,
    kind: EntryType,
    mode: u32,
    size: u64,
    data: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let slash = if kind == EntryType::Directory {
        "/"
    } else {
        ""
    };
    let path = if path.is_empty() {
        format!("{ROOT}/")
    } else {
        format!("{ROOT}/{path}{slash}")
    };
    tar.append_data(&mut header, path, data)
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(hex::encode(context.finish().as_ref()));
        }
        context.update(&buffer[..length]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn tarball() -> Vec<u8> {
        let dir = tempfile::tempdir().expect("temporary directory");
        let program = dir.path().join("program");
        std::fs::write(&program, b"\x7fELF").expect("write");
        let mut bytes = Vec::new();
        write_tarball(&program, &mut bytes).expect("tarball");
        bytes
    }

    #[test]
    fn tarball_is_laid_out_like_the_official_one() {
        let bytes = tarball();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let modes: BTreeMap<String, u32> = archive
            .entries()
            .expect("entries")
            .map(|entry| {
                let entry = entry.expect("entry");
                let path = entry.path().expect("path").display().to_string();
                (path, entry.header().mode().expect("mode"))
            })
            .collect();
        for (path, mode) in [
            ("mattermost/", 0o755),
            ("mattermost/bin/mattermost", 0o755),
            ("mattermost/bin/mmctl", 0o755),
            ("mattermost/config/config.json", 0o600),
            ("mattermost/client/plugins/", 0o755),
            ("mattermost/logs/", 0o755),
            ("mattermost/manifest.txt", 0o644),
        ] {
            assert_eq!(modes.get(path), Some(&mode), "{path} in {modes:?}");
        }
    }

    #[test]
    fn same_program_gives_the_same_bytes() {
        assert_eq!(tarball(), tarball());
    }
}
