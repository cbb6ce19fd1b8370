//! The cloud-config that gives an instance its host key before sshd first answers.
//!
//! Hosts get nothing else this way: user data can be read by every process of the host
//! and by whoever may describe the instance, so no further secret belongs here.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use ssh_key::LineEnding;

use crate::spec::HostName;

use super::SecretsError;

/// The unit that switches a host off.
pub const END_TIMER: &str = "loadrig-end";

/// Cloud-config for a host, not base64.
///
/// `hostname` is the name that the host calls itself, for example `demo-app-1`. With a `lifetime` it
/// switches itself off when that is over, whatever became of whoever launched it.
///
/// # Errors
/// When the key cannot be encoded.
pub fn user_data(
    host: HostName,
    key: &ssh_key::PrivateKey,
    hostname: &str,
    lifetime: Option<Duration>,
) -> Result<SecretString, SecretsError> {
    let failed = |source| SecretsError::Key {
        of: host.to_string(),
        source,
    };
    let private = key.to_openssh(LineEnding::LF).map_err(failed)?;
    let private: String = private
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    let private = SecretString::from(private);
    let public = key.public_key().to_openssh().map_err(failed)?;
    let end = lifetime.map_or(String::new(), |lifetime| {
        format!(
            "runcmd:\n- [systemd-run, --unit={END_TIMER}, --on-active={}, systemctl, poweroff]\n",
            lifetime.as_secs()
        )
    });
    // With `ssh_keys` present only the keys given exist on the host: RSA and ECDSA keys
    // are not generated, and clients have to ask for ed25519.
    Ok(SecretString::from(format!(
        "#cloud-config\n\
         hostname: {hostname}\n\
         ssh_pwauth: false\n\
         disable_root: true\n\
         ssh_deletekeys: true\n\
         ssh_keys:\n\
         \x20 ed25519_private: |\n\
         {private}\
         \x20 ed25519_public: \"{public}\"\n\
         {end}",
        private = private.expose_secret(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Secrets;
    use base64::Engine as _;

    #[test]
    fn cloud_init_reads_back_the_very_key() {
        let seed = base64::engine::general_purpose::STANDARD.encode([7; 32]);
        let secrets = Secrets::from_seed(&SecretString::from(seed)).unwrap();
        let host = "app-1".parse().unwrap();
        let key = secrets.host_key(host);
        let data = user_data(host, &key, "demo-app-1", None).unwrap();
        let data = data.expose_secret();

        assert!(data.starts_with("#cloud-config\n"));
        let yaml: serde_yaml::Value = serde_yaml::from_str(data).unwrap();
        assert_eq!(yaml["hostname"].as_str(), Some("demo-app-1"));
        assert_eq!(yaml["ssh_pwauth"].as_bool(), Some(false));
        let private = yaml["ssh_keys"]["ed25519_private"].as_str().unwrap();
        assert!(private.ends_with("-----END OPENSSH PRIVATE KEY-----\n"));
        let parsed = ssh_key::PrivateKey::from_openssh(private).unwrap();
        assert_eq!(parsed.public_key().key_data(), key.public_key().key_data());
        let public = yaml["ssh_keys"]["ed25519_public"].as_str().unwrap();
        assert_eq!(public, key.public_key().to_openssh().unwrap());
        // EC2 takes 16 KB of user data.
        assert!(data.len() < 4096);
        assert!(yaml.get("runcmd").is_none());

        let lifetime = Some(Duration::from_mins(20));
        let data = user_data(host, &key, "demo-app-1", lifetime).unwrap();
        let yaml: serde_yaml::Value = serde_yaml::from_str(data.expose_secret()).unwrap();
        assert_eq!(yaml["runcmd"][0][2].as_str(), Some("--on-active=1200"));
    }
}
