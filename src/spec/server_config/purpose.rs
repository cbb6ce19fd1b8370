//! What the administrator's settings start with, by the purpose of the environment.
//!
//! The server takes these once, when its configuration in the database is new
//! (`MM_CUSTOM_DEFAULTS_PATH`).

use serde_json::Value;

use crate::spec::Purpose;

/// A setting's first value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// The server's own default.
    Default,
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(&'static str),
}

impl SettingValue {
    /// As JSON; nothing where the server's own default is left.
    #[must_use]
    pub fn to_json(self) -> Option<Value> {
        match self {
            Self::Default => None,
            Self::Flag(flag) => Some(flag.into()),
            Self::Number(number) => Some(number.into()),
            Self::Text(text) => Some(text.into()),
        }
    }
}

/// A setting's first value for each purpose, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurposeSetting {
    /// Section of the server's configuration.
    pub section: &'static str,
    /// Key within the section.
    pub key: &'static str,
    /// For a rig.
    pub rig: SettingValue,
    /// For a gold standard.
    pub gold_standard: SettingValue,
    /// Where the values are published, as pages or files.
    pub source: SettingSource,
    /// Why it is not the server's own default.
    pub why: &'static str,
}

impl PurposeSetting {
    /// What it starts with.
    #[must_use]
    pub fn value(&self, purpose: Purpose) -> SettingValue {
        match purpose {
            Purpose::Rig => self.rig,
            Purpose::GoldStandard => self.gold_standard,
        }
    }
}

/// Where a value is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingSource {
    /// What `ltctl` of mattermost-load-test-ng sets.
    LoadTest,
    /// A page of Mattermost's documentation, below <https://docs.mattermost.com/>.
    Page(&'static str),
    /// `ltctl` for rigs, and a page of the documentation for the gold standard.
    LoadTestAndPage(&'static str),
}

impl SettingSource {
    /// As Markdown.
    #[must_use]
    pub fn links(self) -> String {
        let load_test = "[ltctl](https://github.com/mattermost/mattermost-load-test-ng/blob/master/deployment/terraform/create.go)";
        let link = |page: &str| {
            let name = page.rsplit('/').next().unwrap_or(page);
            let name = name.trim_end_matches(".html").replace('-', " ");
            format!("[{name}](https://docs.mattermost.com/{page})")
        };
        match self {
            Self::LoadTest => load_test.to_owned(),
            Self::Page(page) => link(page),
            Self::LoadTestAndPage(page) => format!("{load_test}, {}", link(page)),
        }
    }
}

use SettingSource::{LoadTest, LoadTestAndPage, Page};
use SettingValue::{Default, Flag, Number, Text};

const ENVIRONMENT: &str = "administration-guide/configure/environment-configuration-settings.html";
const INTEGRATIONS: &str =
    "administration-guide/configure/integrations-configuration-settings.html";
const SITE: &str = "administration-guide/configure/site-configuration-settings.html";
const AUTHENTICATION: &str =
    "administration-guide/configure/authentication-configuration-settings.html";
const PUSH: &str =
    "administration-guide/configure/push-notification-server-configuration-settings.html";

const fn starts(
    setting: (&'static str, &'static str),
    rig: SettingValue,
    gold_standard: SettingValue,
    source: SettingSource,
    why: &'static str,
) -> PurposeSetting {
    PurposeSetting {
        section: setting.0,
        key: setting.1,
        rig,
        gold_standard,
        source,
        why,
    }
}

/// Every setting that starts with something else than the server's own default.
pub const PURPOSE_SETTINGS: &[PurposeSetting] = &[
    starts(
        ("ClusterSettings", "EnableGossipCompression"),
        Flag(false),
        Flag(false),
        LoadTestAndPage(ENVIRONMENT),
        "compression costs CPU, and the network between nodes is fast",
    ),
    starts(
        ("EmailSettings", "SendEmailNotifications"),
        Flag(false),
        Flag(false),
        Page(SITE),
        "there is no mail server, unless `mattermost.mail` names one, which sets this",
    ),
    starts(
        ("EmailSettings", "SendPushNotifications"),
        Flag(false),
        Flag(false),
        Page(PUSH),
        "the server's own default is Mattermost's public test service, which is not for production",
    ),
    starts(
        ("LogSettings", "ConsoleLevel"),
        Text("INFO"),
        Text("INFO"),
        Page(ENVIRONMENT),
        "the server's own default is `DEBUG`; `up` shows the newest line of a server that starts",
    ),
    starts(
        ("LogSettings", "EnableDiagnostics"),
        Flag(false),
        Default,
        Page(ENVIRONMENT),
        "a rig's figures are no figures of use",
    ),
    starts(
        ("LogSettings", "EnableSentry"),
        Flag(false),
        Default,
        LoadTest,
        "faults under load are no news to Mattermost",
    ),
    starts(
        ("LogSettings", "FileLevel"),
        Text("WARN"),
        Text("INFO"),
        LoadTestAndPage(ENVIRONMENT),
        "less to write under load",
    ),
    starts(
        ("MetricsSettings", "EnableClientMetrics"),
        Flag(false),
        Default,
        Page(ENVIRONMENT),
        "simulated clients send none",
    ),
    starts(
        ("ServiceSettings", "AllowCorsFrom"),
        Text("*"),
        Text(""),
        LoadTestAndPage(INTEGRATIONS),
        "agents may talk to nodes directly; people's browsers only from the site URL",
    ),
    starts(
        ("ServiceSettings", "CollapsedThreads"),
        Text("default_on"),
        Default,
        LoadTest,
        "simulated users have threads on, and could turn them off",
    ),
    starts(
        ("ServiceSettings", "EnableDesktopLandingPage"),
        Flag(false),
        Default,
        LoadTest,
        "no question about an app between a tester and the page",
    ),
    starts(
        ("ServiceSettings", "EnableLinkPreviews"),
        Flag(true),
        Flag(true),
        LoadTestAndPage(SITE),
        "people expect previews",
    ),
    starts(
        ("ServiceSettings", "EnableOnboardingFlow"),
        Flag(false),
        Default,
        LoadTest,
        "no tasks between a tester and the page",
    ),
    starts(
        ("ServiceSettings", "EnableTutorial"),
        Flag(false),
        Default,
        LoadTest,
        "no tutorial between a tester and the page",
    ),
    starts(
        ("ServiceSettings", "IdleTimeout"),
        Number(90),
        Number(300),
        LoadTestAndPage(ENVIRONMENT),
        "longer than the entrance keeps idle connections, so that none is closed under a request",
    ),
    starts(
        ("ServiceSettings", "ReadTimeout"),
        Number(60),
        Number(300),
        LoadTestAndPage(ENVIRONMENT),
        "time for large files over slow lines; agents have fast ones",
    ),
    starts(
        ("ServiceSettings", "WriteTimeout"),
        Number(60),
        Number(300),
        LoadTestAndPage(ENVIRONMENT),
        "time for large files over slow lines; agents have fast ones",
    ),
    starts(
        ("TeamSettings", "EnableOpenServer"),
        Flag(true),
        Flag(false),
        LoadTestAndPage(AUTHENTICATION),
        "agents sign up by themselves; people are invited",
    ),
    starts(
        ("TeamSettings", "MaxChannelsPerTeam"),
        Number(200_000),
        Default,
        LoadTest,
        "no limit that a load test would meet",
    ),
    starts(
        ("TeamSettings", "MaxUsersPerTeam"),
        Number(200_000),
        Number(200_000),
        LoadTestAndPage(SITE),
        "the server's own default of 50 is smaller than every size",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{OWNED_SETTINGS, OwnedSetting, known_settings};

    #[test]
    fn every_setting_exists_holds_its_kind_and_is_nobody_elses() {
        for pair in PURPOSE_SETTINGS.windows(2) {
            let [one, next] = pair else { continue };
            assert!(
                (one.section, one.key) < (next.section, next.key),
                "{next:?} is out of order"
            );
        }
        for one in PURPOSE_SETTINGS {
            let kind = known_settings().get(one.section, one.key);
            let kind = kind.unwrap_or_else(|| panic!("{one:?} is no setting"));
            for value in [one.rig, one.gold_standard] {
                assert!(
                    value.to_json().is_none_or(|value| kind.fits(&value)),
                    "{one:?}"
                );
            }
            let is_it =
                |owned: &&OwnedSetting| (owned.section, owned.key) == (one.section, one.key);
            assert_eq!(OWNED_SETTINGS.iter().find(is_it), None);
        }
    }
}
