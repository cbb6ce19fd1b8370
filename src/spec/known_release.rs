//! Whether a server's version is one that this program has heard of.

use super::Release;
use super::login_cost::version_in;

/// The newest minor release that is known: Mattermost's release calendar (docs.mattermost.com,
/// product-overview/mattermost-server-releases) of 2026-11. One more comes out every month.
const NEWEST: (u32, u32) = (12, 0);

/// So many minor releases may have come out since.
const MONTHS: u32 = 24;

impl Release {
    /// What is to be doubted of a version that hosts fetch: that it exists, where it is far beyond the newest
    /// one that is known.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let text = match self {
            Release::Version(text) | Release::Url(text) => text,
            Release::Standin | Release::File(_) => return None,
        };
        let name = text.rsplit('/').next().unwrap_or(text);
        let (major, minor) = version_in(name)?;
        let (known, last) = NEWEST;
        let is_near = match major.checked_sub(known) {
            None => true,
            Some(0) => minor <= last + MONTHS,
            Some(1) => minor <= MONTHS,
            Some(_) => false,
        };
        (!is_near).then(|| {
            format!(
                "`{name}` is far newer than Mattermost {known}.{last}, the newest release that is known here: if it \
                 does not exist, hosts cannot fetch it"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_far_beyond_the_known_ones_are_doubted() {
        let doubt = |text: &str| Release::Version(text.to_owned()).doubt();
        for near in ["10.11.4", "11.7.9", "12.0.0-rc1", "12.9.1", "13.2.0"] {
            assert_eq!(doubt(near), None, "{near}");
        }
        for far in ["99.1.0", "14.0.0", "12.77.0"] {
            assert!(doubt(far).is_some_and(|text| text.contains(far)), "{far}");
        }
        let url = "https://releases.mattermost.com/99.1.0/mattermost-99.1.0-linux-amd64.tar.gz";
        assert!(Release::Url(url.to_owned()).doubt().is_some());
        assert_eq!(Release::Standin.doubt(), None);
        assert_eq!(
            Release::File("/tmp/mattermost-99.1.0.tar.gz".into()).doubt(),
            None
        );
    }
}
