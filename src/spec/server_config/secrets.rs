//! The settings that hold secrets: they have no place in YAML, and the server shows nobody what they are.

/// Section and key of each secret, or list of secrets: what the server masks when it is asked for its
/// configuration (`Config.Sanitize` in `server/public/model/config.go` at 11.2), and the key to the bucket
/// of exports.
const SECRETS: [(&str, &str); 16] = [
    ("CacheSettings", "RedisPassword"),
    ("ElasticsearchSettings", "Password"),
    ("EmailSettings", "SMTPPassword"),
    ("FileSettings", "AmazonS3SecretAccessKey"),
    ("FileSettings", "ExportAmazonS3SecretAccessKey"),
    ("FileSettings", "PublicLinkSalt"),
    ("GitLabSettings", "Secret"),
    ("GoogleSettings", "Secret"),
    ("LdapSettings", "BindPassword"),
    ("Office365Settings", "Secret"),
    ("OpenIdSettings", "Secret"),
    ("ServiceSettings", "SplitKey"),
    ("SqlSettings", "AtRestEncryptKey"),
    ("SqlSettings", "DataSource"),
    ("SqlSettings", "DataSourceReplicas"),
    ("SqlSettings", "DataSourceSearchReplicas"),
];

/// Whether a setting holds a secret.
pub(crate) fn is_secret_setting(section: &str, key: &str) -> bool {
    SECRETS.contains(&(section, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::known_settings;

    #[test]
    fn secrets_are_settings_of_the_server() {
        for (section, key) in SECRETS {
            assert!(known_settings().get(section, key).is_some(), "{key}");
        }
    }
}
