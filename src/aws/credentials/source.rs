//! Which way credentials come, as far as environment and profile tell, and what renews them.

use std::collections::BTreeSet;

use aws_config::profile::{Profile, ProfileSet};

use crate::diagnose::with_causes;

/// A role that wants a second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MfaProfile {
    /// The role to assume.
    pub role_arn: String,
    /// Serial number or ARN of the device.
    pub device: String,
    /// The profile whose credentials assume it; `None` takes those of the environment.
    pub source_profile: Option<String>,
    /// Where the role is another company's.
    pub external_id: Option<String>,
    /// `role_session_name` of the profile; without it the SDK makes one up.
    pub session_name: Option<String>,
    /// How long the session shall live, in seconds.
    pub seconds: Option<i32>,
}

/// The way by which credentials come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialMethod {
    /// Given by the caller: the local cloud.
    Fixed,
    /// `AWS_ACCESS_KEY_ID` and its companions.
    Environment,
    /// Keys in the profile.
    Keys,
    /// IAM Identity Center.
    SingleSignOn {
        /// The `sso-session` section, where the profile has one.
        session: Option<String>,
    },
    /// The console's session, `aws login`.
    Login,
    /// A role assumed with the credentials of another source.
    Role {
        /// The source's own way.
        by: Box<CredentialMethod>,
        /// The profile that the first credentials come from.
        of: Option<String>,
    },
    /// A role that asks for a code.
    RoleWithMfa(MfaProfile),
    /// A program prints them.
    Process,
    /// A token file, as on Kubernetes and in CI.
    WebIdentity,
    /// The configuration files cannot be read: where, and why.
    Unreadable(String),
    /// A container's or the instance's role, or nothing at all.
    Unknown,
}

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSource {
    /// The profile, where one is used.
    pub profile: Option<String>,
    /// How that source gives credentials.
    pub way: CredentialMethod,
}

/// The variables of the environment that decide.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    pub(super) keys: bool,
    pub(super) profile: Option<String>,
    pub(super) web_identity: bool,
}

impl Variables {
    fn read() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            keys: set("AWS_ACCESS_KEY_ID").is_some(),
            profile: set("AWS_PROFILE"),
            web_identity: set("AWS_WEB_IDENTITY_TOKEN_FILE").is_some(),
        }
    }
}

impl CredentialSource {
    /// Credentials that were given.
    #[must_use]
    pub fn fixed() -> Self {
        Self {
            profile: None,
            way: CredentialMethod::Fixed,
        }
    }

    /// What environment and files say. A profile that is named beats the environment's keys,
    /// as with the AWS command line; one of `AWS_PROFILE` does not.
    pub async fn find(named: Option<&str>) -> Self {
        let variables = Variables::read();
        let files = aws_runtime::env_config::file::EnvConfigFiles::default();
        let name = named.map(|name| name.to_owned().into());
        let set =
            aws_config::profile::load(&Default::default(), &Default::default(), &files, name).await;
        let source = Self::evaluate(named, &variables, set.as_ref().ok());
        match set {
            // A profile may well be there: nobody could look.
            Err(error) if source.way == CredentialMethod::Unknown => Self {
                way: CredentialMethod::Unreadable(on_one_line(&with_causes(&error))),
                ..source
            },
            _ => source,
        }
    }

    pub(super) fn evaluate(
        named: Option<&str>,
        variables: &Variables,
        set: Option<&ProfileSet>,
    ) -> Self {
        if named.is_none() && variables.keys {
            return Self {
                profile: None,
                way: CredentialMethod::Environment,
            };
        }
        let name = named.or(variables.profile.as_deref()).unwrap_or("default");
        let profile = set.and_then(|set| set.get_profile(name));
        let asked = named.is_some() || variables.profile.is_some();
        match (set, profile) {
            (Some(set), Some(profile)) => Self {
                profile: Some(name.to_owned()),
                way: way(set, profile, &mut BTreeSet::new()),
            },
            _ if variables.web_identity && named.is_none() => Self {
                profile: None,
                way: CredentialMethod::WebIdentity,
            },
            _ => Self {
                profile: asked.then(|| name.to_owned()),
                way: CredentialMethod::Unknown,
            },
        }
    }

    /// Whether nothing names credentials, and the last of the chain was tried.
    pub(super) fn is_nothing_named(&self) -> bool {
        self.profile.is_none() && matches!(self.way, CredentialMethod::Unknown)
    }

    /// What to do when it gives no credentials, or expired ones.
    #[must_use]
    pub fn remedy(&self) -> String {
        let profile = self.profile.as_deref();
        remedy(&self.way, profile)
    }
}

fn remedy(way: &CredentialMethod, profile: Option<&str>) -> String {
    let option = profile
        .filter(|name| *name != "default")
        .map_or(String::new(), |name| format!(" --profile {name}"));
    match way {
        CredentialMethod::Fixed => "start the local cloud again: `loadrig local stop`".to_owned(),
        CredentialMethod::Environment => {
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN \
             anew, or unset them to use a profile"
                .to_owned()
        }
        CredentialMethod::Keys => format!(
            "write new keys into the profile: `aws configure{option}`, or run the tool that \
             wrote them"
        ),
        CredentialMethod::SingleSignOn {
            session: Some(session),
        } => format!("sign in again: `aws sso login --sso-session {session}`"),
        CredentialMethod::SingleSignOn { session: None } => {
            format!("sign in again: `aws sso login{option}`")
        }
        CredentialMethod::Login => format!("sign in again: `aws login{option}`"),
        CredentialMethod::Role { by, of } => remedy(by, of.as_deref()),
        CredentialMethod::RoleWithMfa(role) => format!(
            "run it again and enter the code that {} shows, on a terminal",
            role.device
        ),
        CredentialMethod::Process => format!(
            "run the profile's `credential_process` by hand to see why: \
             `aws configure get credential_process{option}` prints it"
        ),
        CredentialMethod::WebIdentity => {
            "the token of AWS_WEB_IDENTITY_TOKEN_FILE has to be issued again".to_owned()
        }
        CredentialMethod::Unreadable(reason) => format!("correct the file: {reason}"),
        CredentialMethod::Unknown => match profile {
            Some(name) => format!(
                "there is no profile `{name}` that gives credentials: `aws configure \
                 list-profiles` lists those that exist"
            ),
            None => "sign in: `aws sso login` or `aws configure`, name a profile with \
                     `--profile`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                .to_owned(),
        },
    }
}

impl std::fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(profile) = &self.profile {
            write!(f, "profile `{profile}` ({})", word(&self.way))
        } else {
            f.write_str(word(&self.way))
        }
    }
}

fn word(way: &CredentialMethod) -> &'static str {
    match way {
        CredentialMethod::Fixed => "the local cloud",
        CredentialMethod::Environment => "the environment's keys",
        CredentialMethod::Keys => "keys",
        CredentialMethod::SingleSignOn { .. } => "single sign-on",
        CredentialMethod::Login => "console sign-in",
        CredentialMethod::Role { .. } => "assumed role",
        CredentialMethod::RoleWithMfa(_) => "assumed role with a second factor",
        CredentialMethod::Process => "credential process",
        CredentialMethod::WebIdentity => "web identity",
        CredentialMethod::Unreadable(_) => "configuration files that cannot be read",
        CredentialMethod::Unknown => "container or instance role",
    }
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The order in which the SDK looks at a profile: role, then single sign-on, web identity,
/// process, sign-in, keys.
fn way(set: &ProfileSet, profile: &Profile, seen: &mut BTreeSet<String>) -> CredentialMethod {
    let has = |key: &str| profile.get(key).is_some();
    let text = |key: &str| profile.get(key).map(str::to_owned);
    seen.insert(profile.name().to_owned());
    if has("role_arn") && has("web_identity_token_file") {
        return CredentialMethod::WebIdentity;
    }
    if let Some(role_arn) = text("role_arn") {
        let source = text("source_profile");
        if let Some(device) = text("mfa_serial") {
            return CredentialMethod::RoleWithMfa(MfaProfile {
                role_arn,
                device,
                source_profile: source,
                external_id: text("external_id"),
                session_name: text("role_session_name"),
                seconds: text("duration_seconds").and_then(|text| text.parse().ok()),
            });
        }
        let next = source.as_deref().and_then(|name| set.get_profile(name));
        let by = match next {
            // A profile may be its own source: then it is its keys that count.
            Some(next) if seen.contains(next.name()) => CredentialMethod::Keys,
            Some(next) => way(set, next, seen),
            None if text("credential_source").as_deref() == Some("Environment") => {
                CredentialMethod::Environment
            }
            None => CredentialMethod::Unknown,
        };
        return CredentialMethod::Role {
            by: Box::new(by),
            of: source,
        };
    }
    if has("sso_session") || has("sso_start_url") {
        return CredentialMethod::SingleSignOn {
            session: text("sso_session"),
        };
    }
    if has("credential_process") {
        return CredentialMethod::Process;
    }
    if has("login_session") {
        return CredentialMethod::Login;
    }
    if has("aws_access_key_id") {
        return CredentialMethod::Keys;
    }
    CredentialMethod::Unknown
}

#[cfg(test)]
mod tests {
    use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};

    use super::*;

    async fn set(text: &str) -> ProfileSet {
        let files = EnvConfigFiles::builder()
            .with_contents(EnvConfigFileKind::Config, text)
            .build();
        aws_config::profile::load(&Default::default(), &Default::default(), &files, None)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_named_profile_beats_keys_and_keys_beat_the_profile_of_the_environment() {
        let set = set("[profile work]\nsso_session = corp\n").await;
        let variables = Variables {
            keys: true,
            profile: Some("work".to_owned()),
            web_identity: false,
        };
        let named = CredentialSource::evaluate(Some("work"), &variables, Some(&set));
        assert_eq!(named.profile.as_deref(), Some("work"));
        assert!(named.remedy().contains("aws sso login --sso-session corp"));
        let keys = CredentialSource::evaluate(None, &variables, Some(&set));
        assert_eq!(keys.way, CredentialMethod::Environment);
        let without_keys = Variables {
            keys: false,
            ..variables
        };
        let of_environment = CredentialSource::evaluate(None, &without_keys, Some(&set));
        assert_eq!(of_environment, named);
    }

    #[tokio::test]
    async fn a_role_is_renewed_by_what_assumes_it() {
        let role = "role_arn = arn:aws:iam::123456789012:role/ops";
        let text = format!(
            "[profile ops]\n{role}\nsource_profile = sso\n\
             [profile sso]\nsso_start_url = https://corp.example/start\n\
             [profile own]\n{role}\nsource_profile = own\naws_access_key_id = AKID\n\
             [profile mfa]\n{role}\nsource_profile = sso\nmfa_serial = the-device\n\
             [profile over]\n{role}\nsource_profile = mfa\n"
        );
        let set = set(&text).await;
        let of =
            |name: &str| CredentialSource::evaluate(Some(name), &Variables::default(), Some(&set));
        assert!(of("ops").remedy().contains("aws sso login --profile sso"));
        assert!(
            matches!(of("own").way, CredentialMethod::Role { by, .. } if *by == CredentialMethod::Keys)
        );
        assert!(matches!(of("mfa").way, CredentialMethod::RoleWithMfa(_)));
        // The SDK assumes the outer role; it cannot ask for the inner one's code.
        assert!(
            matches!(of("over").way, CredentialMethod::Role { by, .. } if matches!(*by, CredentialMethod::RoleWithMfa(_)))
        );
        assert!(matches!(of("nowhere").way, CredentialMethod::Unknown));
        assert!(of("nowhere").remedy().contains("list-profiles"));
    }

    #[test]
    fn missing_configuration_gets_setup_hints() {
        let none = CredentialSource::evaluate(None, &Variables::default(), None);
        assert_eq!(none.way, CredentialMethod::Unknown);
        assert!(none.remedy().contains("aws sso login"));
        let token = Variables {
            web_identity: true,
            ..Variables::default()
        };
        assert_eq!(
            CredentialSource::evaluate(None, &token, None).way,
            CredentialMethod::WebIdentity
        );
    }
}
