//! Whether people who rely on a deployment get a server that they can work with.

use crate::spec::{Purpose, Release, Spec};

use super::findings::{Finding, FindingVerdict};

/// Warns of a deployment that people rely on with the stand-in for a server.
#[must_use]
pub fn evaluate_server(spec: &Spec) -> Option<Finding> {
    let relied_on = spec.purpose == Purpose::GoldStandard;
    if !relied_on || !matches!(spec.mattermost.release, Release::Standin) {
        return None;
    }
    let detail = "`purpose: gold-standard` with the stand-in server, which is not Mattermost: nobody can work with it";
    let remedy = "an official version in `mattermost.release`, such as `11.7.9`".to_owned();
    Some(Finding::new("server", FindingVerdict::Warn, detail).with_remedies([remedy]))
}

#[cfg(test)]
mod tests {
    use crate::spec::Library;

    use super::*;

    #[test]
    fn the_stand_in_is_warned_of_where_people_rely_on_the_server() {
        let found = |more: &str| {
            let text = format!(
                "architecture: 1k\ntls: {{host_name: chat.example.com, issuer: private}}\n{more}"
            );
            let spec = Library::new(None).load_text("test", &text).unwrap();
            evaluate_server(&spec)
        };
        assert!(found("purpose: gold-standard\n").is_some());
        assert_eq!(found(""), None);
        let official =
            "purpose: gold-standard\nmattermost: {release: 11.7.9, unlicensed: accept}\n";
        assert_eq!(found(official), None);
    }
}
