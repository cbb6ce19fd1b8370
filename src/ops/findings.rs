//! What is known of an environment without asking an account: license, passwords, certificate, region, release,
//! entrance, login gate, and what people who rely on it need.
//! One source for `validate`, `plan` and `up`.

use crate::preflight::{
    Finding, FindingVerdict, evaluate_entrance, evaluate_issuer, evaluate_login_gate,
    evaluate_region, evaluate_server,
};
use crate::spec::Spec;

use super::{certificate, license, passwords};

/// Everything of that which is to be known. What does not work at all is refused by
/// [`local_files`](super::local_files) and when the YAML is read.
#[must_use]
pub fn offline_findings(spec: &Spec) -> Vec<Finding> {
    let mut findings = license::findings(spec);
    findings.extend(passwords::findings(spec));
    findings.extend(certificate::findings(spec));
    findings.extend(evaluate_entrance(spec));
    findings.extend(evaluate_issuer(spec));
    findings.extend(evaluate_region(spec));
    findings.extend(release(spec));
    findings.extend(evaluate_server(spec));
    findings.extend(evaluate_login_gate(spec));
    findings.sort_by_key(|finding| finding.verdict);
    findings
}

fn release(spec: &Spec) -> Option<Finding> {
    let doubt = spec.mattermost.release.doubt()?;
    let remedy =
        "compare `mattermost.release` with the releases that Mattermost publishes".to_owned();
    let finding = Finding::new("release", FindingVerdict::Warn, doubt);
    Some(finding.with_remedies([remedy]))
}

#[cfg(test)]
mod tests {
    use crate::spec::Library;

    use super::*;

    fn checks(text: &str) -> Vec<(String, FindingVerdict)> {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.load_text("test", text).unwrap();
        let findings = offline_findings(&spec).into_iter();
        findings.map(|one| (one.check, one.verdict)).collect()
    }

    #[test]
    fn what_needs_no_account_is_found_in_one_place() {
        let warn = |check: &str| (check.to_owned(), FindingVerdict::Warn);
        let text = "architecture: 1k\nmattermost: {release: 99.1.0, unlicensed: accept}";
        assert_eq!(
            checks(text),
            [warn("license"), warn("entrance"), warn("release")]
        );
        let local = "architecture: 1k\ncloud: local";
        assert_eq!(checks(local), []);
    }

    #[test]
    fn a_license_that_is_not_here_was_not_checked() {
        let text = "architecture: 1k\naccess: {address: private}\n\
                    mattermost: {release: 11.7.9, license_env: LOADRIG_TEST_NO_SUCH_LICENSE}";
        assert_eq!(
            checks(text),
            [
                ("entrance".to_owned(), FindingVerdict::Warn),
                ("license".to_owned(), FindingVerdict::Unknown)
            ]
        );
    }
}
