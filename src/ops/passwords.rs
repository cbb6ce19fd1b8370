//! Whether the secrets that an environment names are there: passwords, data source names, keys: told before
//! anything is created.

use crate::hosts::{BundleError, Dsns, PasswordProblem, SamlFiles, ServerPasswords};
use crate::preflight::Finding;
use crate::spec::Spec;

use super::saml;

/// A secret that is of no use, and the key of the YAML that names it.
pub(super) struct SecretProblem {
    pub(super) key: Vec<String>,
    pub(super) error: BundleError,
}

impl SecretProblem {
    /// Whether a variable is not set, which not every command needs.
    fn is_unset(&self) -> bool {
        matches!(self.error, BundleError::SecretUnset { .. })
    }
}

/// Everything that is wrong with them. A variable that is not set is not: not every command that reads
/// the environment needs it.
pub(super) fn problems(spec: &Spec) -> Vec<SecretProblem> {
    let mut problems = all(spec);
    problems.retain(|problem| !problem.is_unset());
    problems
}

/// Refuses an environment whose hosts could not be set up with them.
///
/// # Errors
/// The first of the problems, a variable that is not set among them.
pub(super) fn require(spec: &Spec) -> Result<(), BundleError> {
    match all(spec).into_iter().next() {
        Some(problem) => Err(problem.error),
        None => Ok(()),
    }
}

/// The variables that are not set.
pub(super) fn findings(spec: &Spec) -> Vec<Finding> {
    let unset = all(spec).into_iter().filter(SecretProblem::is_unset);
    let finding = |problem: SecretProblem| {
        let remedy = "set it before `loadrig up` sets up hosts".to_owned();
        Finding::unknown(problem.key.join("."), problem.error.to_string()).with_remedies([remedy])
    };
    unset.map(finding).collect()
}

fn all(spec: &Spec) -> Vec<SecretProblem> {
    let found = ServerPasswords::problems(&spec.mattermost.connections).into_iter();
    let mut problems: Vec<SecretProblem> = found
        .map(|PasswordProblem { key, error }| SecretProblem {
            key: key.into_iter().map(str::to_owned).collect(),
            error,
        })
        .collect();
    let existing = spec.services.database.existing.as_ref();
    if let Some(Err(error)) = existing.map(Dsns::load) {
        problems.push(SecretProblem {
            key: ["database", "existing"].map(str::to_owned).to_vec(),
            error,
        });
    }
    // What else may be wrong with this key shows beside its certificate.
    let identity = spec.mattermost.connections.saml.as_ref();
    if let Some(own) = identity.and_then(|saml| saml.own.as_ref())
        && let Err(error @ BundleError::SecretUnset { .. }) = SamlFiles::own_key(own)
    {
        problems.push(SecretProblem {
            key: ["mattermost", "saml", saml::key_of(own)]
                .map(str::to_owned)
                .to_vec(),
            error,
        });
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::diagnose::Diagnose as _;
    use crate::preflight::FindingVerdict;
    use crate::spec::Library;

    use super::*;

    fn spec(password: &str) -> Spec {
        load(&format!(
            "mail:\n    server: smtp.example.com\n    from: chat@example.com\n    username: chat\n    {password}"
        ))
    }

    fn load(text: &str) -> Spec {
        let text = format!("architecture: 1k\nmattermost:\n  {text}\n");
        let spec = Library::new(None).load_text("test", &text);
        spec.unwrap_or_else(|errors| panic!("{errors}"))
    }

    #[test]
    fn a_password_that_is_not_set_is_planned_with_and_not_set_up_with() {
        let spec = spec("password_env: LOADRIG_NO_SUCH_PASSWORD");
        assert!(problems(&spec).is_empty());
        let found = findings(&spec);
        assert_eq!(found[0].check, "mattermost.mail.password_env");
        assert_eq!(found[0].verdict, FindingVerdict::Unknown);
        let error = require(&spec).unwrap_err();
        assert!(error.to_string().contains("is not set"), "{error}");
        assert!(
            error.hints()[0].starts_with("set it"),
            "{:?}",
            error.hints()
        );
    }

    #[test]
    fn a_saml_key_that_is_not_set_is_told_like_a_password() {
        let spec = load(
            "saml:\n    idp_url: https://idp.example.com/sso\n    idp_descriptor_url: urn:idp\n    \
             idp_certificate_file: /etc/hostname\n    email_attribute: email\n    \
             username_attribute: username\n    certificate_file: /etc/hostname\n    \
             key_env: LOADRIG_NO_SUCH_KEY",
        );
        assert!(problems(&spec).is_empty());
        assert_eq!(findings(&spec)[0].check, "mattermost.saml.key_env");
        let error = require(&spec).unwrap_err();
        assert!(error.to_string().contains("is not set"), "{error}");
    }

    #[test]
    fn an_empty_or_longer_file_is_a_problem_at_its_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        for (text, fault) in [("", "is empty"), ("hunter\n2\n", "more than one line")] {
            std::fs::write(&path, text).unwrap();
            let spec = spec(&format!("password_file: {}", path.display()));
            let problems = problems(&spec);
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].key, ["mattermost", "mail", "password_file"]);
            let said = problems[0].error.to_string();
            assert!(said.contains(fault), "{said}");
        }
    }
}
