//! The Debian mirror that hosts see: says that the package lists which their image
//! carries are up to date. The archives themselves are in the image's cache, where
//! apt finds them; for any other package there is nothing to fetch.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};

/// The mirror, made from an image's package lists.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    lists: PathBuf,
    hosts: BTreeSet<String>,
}

impl Mirror {
    /// A mirror of the lists in this directory.
    pub(crate) fn of(lists: PathBuf) -> Self {
        let hosts = fs::read_dir(&lists)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| host_of(&entry.file_name().to_string_lossy()))
            .collect();
        Self { lists, hosts }
    }

    /// The hosts that the lists came from.
    pub(crate) fn hosts(&self) -> &BTreeSet<String> {
        &self.hosts
    }

    /// Answers a request for a path of one of the hosts.
    pub(crate) fn answer(&self, host: &str, path: &str, headers: &HeaderMap) -> Response<Body> {
        let file = self.lists.join(file_of(host, path));
        let (status, body) = match fs::read(&file) {
            // Who asks whether it changed has it from the same image.
            Ok(_) if headers.contains_key(header::IF_MODIFIED_SINCE) => {
                (StatusCode::NOT_MODIFIED, Body::empty())
            }
            Ok(list) => (StatusCode::OK, Body::from(list)),
            Err(_) => (
                StatusCode::NOT_FOUND,
                Body::from("the local cloud's mirror does not hold this\n"),
            ),
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        answer
    }
}

/// The host in the name of a list's signature file.
fn host_of(file: &str) -> Option<String> {
    let (host, _) = file.strip_suffix("_InRelease")?.split_once('_')?;
    Some(host.to_owned())
}

/// The name under which apt keeps what it fetched.
fn file_of(host: &str, path: &str) -> String {
    format!("{host}{}", path.replace('/', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_list_is_a_hit_and_a_missing_archive_is_reported() {
        let lists = tempfile::tempdir().unwrap();
        fs::write(
            lists
                .path()
                .join("deb.debian.org_debian_dists_bookworm_InRelease"),
            "signed",
        )
        .unwrap();
        let mirror = Mirror::of(lists.path().into());
        assert!(mirror.hosts().contains("deb.debian.org"));
        let path = "/debian/dists/bookworm/InRelease";
        let mut headers = HeaderMap::new();
        assert_eq!(
            mirror.answer("deb.debian.org", path, &headers).status(),
            StatusCode::OK
        );
        headers.insert(
            header::IF_MODIFIED_SINCE,
            "Sat, 01 Nov 2025 00:00:00 GMT".parse().unwrap(),
        );
        assert_eq!(
            mirror.answer("deb.debian.org", path, &headers).status(),
            StatusCode::NOT_MODIFIED
        );
        let missing = mirror.answer(
            "deb.debian.org",
            "/debian/pool/main/v/vim/vim_9_amd64.deb",
            &headers,
        );
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    }
}
