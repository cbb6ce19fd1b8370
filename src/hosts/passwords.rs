//! Passwords of the services that the server uses: where they are read. Held as secrets; no message
//! ever shows one.

use secrecy::SecretString;

use crate::spec::{Mailbox, SecretSource, ServerConnections, ServiceAccount};

use super::bundle_error::BundleError;
use super::texts::{read_pem, read_source};

/// What the keys are called that name the password of an account, by where it is found.
const PLAIN: [&str; 2] = ["password_env", "password_file"];
const BIND: [&str; 2] = ["bind_password_env", "bind_password_file"];

/// The passwords that the environment names, of which the hosts need to know.
#[derive(Clone, Debug, Default)]
pub struct ServerPasswords {
    /// Of the account at the mail server.
    pub mail: Option<SecretString>,
    /// Of the account that searches the directory.
    pub ldap: Option<SecretString>,
}

impl ServerPasswords {
    /// Reads them from where the environment says.
    ///
    /// # Errors
    /// When one is not there, or is no single line.
    pub fn load(connections: &ServerConnections) -> Result<Self, BundleError> {
        let mail = connections
            .mail
            .as_ref()
            .and_then(|one| one.account.as_ref());
        let ldap = connections
            .ldap
            .as_ref()
            .and_then(|one| one.account.as_ref());
        Ok(Self {
            mail: read(mail)?,
            ldap: read(ldap)?,
        })
    }
}

/// A password that is of no use.
#[derive(Debug)]
pub struct PasswordProblem {
    /// The path of the key that names it.
    pub key: Vec<&'static str>,
    /// What is wrong.
    pub error: BundleError,
}

impl ServerPasswords {
    /// Everything that is wrong with the passwords that the environment names.
    #[must_use]
    pub fn problems(connections: &ServerConnections) -> Vec<PasswordProblem> {
        let mail = connections.mail.as_ref();
        let ldap = connections.ldap.as_ref();
        let mailbox = mail.and_then(|one| one.mailbox.as_ref());
        let accounts: [(&[&str], _, _); 3] = [
            (&["mail"], PLAIN, mail.and_then(|one| one.account.as_ref())),
            (&["mail", "mailbox"], PLAIN, mailbox.map(|one| &one.account)),
            (&["ldap"], BIND, ldap.and_then(|one| one.account.as_ref())),
        ];
        let mut problems = Vec::new();
        for (section, [env, file], account) in accounts {
            let Some(account) = account else { continue };
            let name = match &account.password {
                SecretSource::Env(_) => env,
                SecretSource::File(_) => file,
            };
            if let Err(error) = read_password(account) {
                let key = [&["mattermost"], section, &[name]].concat();
                problems.push(PasswordProblem { key, error });
            }
        }
        problems
    }
}

fn read(account: Option<&ServiceAccount>) -> Result<Option<SecretString>, BundleError> {
    account.map(read_password).transpose()
}

/// Reads the password of an account.
///
/// # Errors
/// When it is not there, or is no single line.
pub fn read_password(account: &ServiceAccount) -> Result<SecretString, BundleError> {
    let source: &SecretSource = &account.password;
    let (place, text) = read_source("password", source)?;
    let unusable = |fault| BundleError::Password {
        place: place.clone(),
        fault,
    };
    let text = text.ok_or_else(|| BundleError::SecretUnset {
        what: "the password",
        place: place.clone(),
    })?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(unusable("is empty"));
    }
    if password.chars().any(char::is_control) {
        return Err(unusable("has more than one line"));
    }
    Ok(SecretString::from(password.to_owned()))
}

/// The authority of a mailbox's server, PEM, where it is not one that systems trust.
///
/// # Errors
/// When it cannot be read, or is not PEM.
pub fn mailbox_authority(mailbox: &Mailbox) -> Result<Option<String>, BundleError> {
    let path = mailbox.authority.as_deref();
    path.map(|path| read_pem("mailbox's authority", "CERTIFICATE", path))
        .transpose()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_password_is_one_line_of_a_file_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        let account = ServiceAccount {
            username: "chat".to_owned(),
            password: SecretSource::File(path.clone()),
        };
        std::fs::write(&path, "hunter 2\n").unwrap();
        let password = read_password(&account).unwrap();
        assert_eq!(password.expose_secret(), "hunter 2");
        for (text, fault) in [("\n", "is empty"), ("hunter\n2\n", "more than one line")] {
            std::fs::write(&path, text).unwrap();
            let error = read_password(&account).unwrap_err();
            assert!(error.to_string().contains(fault), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter"));
        }
        let unset = ServiceAccount {
            password: SecretSource::Env("LOADRIG_NO_SUCH_PASSWORD".to_owned()),
            ..account
        };
        assert_eq!(
            read_password(&unset).unwrap_err().to_string(),
            "the password: the environment variable `LOADRIG_NO_SUCH_PASSWORD` is not set"
        );
    }
}
