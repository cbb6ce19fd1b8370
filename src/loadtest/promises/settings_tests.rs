//! The judgement of settings.

use serde_json::json;

use super::super::PromiseVerdict;
use super::*;
use crate::spec::{OwnedSetting, PURPOSE_SETTINGS};

fn planned(section: &str, key: &str, value: &Value) -> PlannedSetting {
    let owned = OwnedSetting::find(section, key);
    let purpose = PURPOSE_SETTINGS.iter();
    let purpose = purpose
        .filter(|one| (one.section, one.key) == (section, key))
        .map(SettingMaster::Administrator)
        .next();
    PlannedSetting {
        section: section.to_owned(),
        key: key.to_owned(),
        value: PlannedValue::of(section, key, value),
        master: owned
            .map(SettingMaster::Loadrig)
            .or(purpose)
            .unwrap_or(SettingMaster::Yaml),
    }
}

fn gold_standard() -> Vec<PlannedSetting> {
    [
        (
            "ServiceSettings",
            "SiteURL",
            json!("https://chat.example.com"),
        ),
        (
            "ServiceSettings",
            "TrustedProxyIPHeader",
            json!(["X-Real-IP"]),
        ),
        ("ServiceSettings", "AllowCorsFrom", json!("")),
        ("TeamSettings", "EnableOpenServer", json!(false)),
        ("TeamSettings", "SiteName", json!("Chat")),
        ("SqlSettings", "DataSource", json!("postgres://secret")),
        ("SqlSettings", "DataSourceReplicas", json!(["one", "two"])),
        ("EmailSettings", "SMTPPassword", json!("hunter2")),
        ("ClusterSettings", "GossipPort", json!(8074)),
    ]
    .map(|(section, key, value)| planned(section, key, &value))
    .into()
}

fn told() -> (Value, Value) {
    let config = json!({
        "ServiceSettings": {
            "SiteURL": "https://chat.example.com", "TrustedProxyIPHeader": ["X-Real-IP"],
            "AllowCorsFrom": "",
        },
        "TeamSettings": {"EnableOpenServer": false, "SiteName": "Chat"},
        "SqlSettings": {"DataSource": MASK, "DataSourceReplicas": [MASK, MASK]},
        "EmailSettings": {"SMTPPassword": MASK},
        "ClusterSettings": {"GossipPort": 8074},
    });
    let locked = json!({
        "ServiceSettings": {"SiteURL": true, "TrustedProxyIPHeader": true},
        "TeamSettings": {"SiteName": true},
        "SqlSettings": {"DataSource": true, "DataSourceReplicas": true},
        "EmailSettings": {"SMTPPassword": true},
        "ClusterSettings": {"GossipPort": true},
    });
    (config, locked)
}

/// Name, verdict and detail of what three nodes come to, of which the second is changed.
fn found(change: impl FnOnce(&mut Value, &mut Value)) -> Vec<(String, PromiseVerdict, String)> {
    let node = |name| {
        let (config, locked) = told();
        NodeSettings {
            name,
            config,
            locked,
        }
    };
    let mut nodes = [node("app-1"), node("app-2"), node("app-3")];
    change(&mut nodes[1].config, &mut nodes[1].locked);
    let promises = judge("demo", &gold_standard(), &nodes).into_iter();
    let promises = promises.inspect(|one| {
        assert_eq!(one.remedy.is_empty(), one.verdict == PromiseVerdict::Kept);
    });
    promises
        .map(|one| (one.name, one.verdict, one.detail))
        .collect()
}

#[test]
fn settings_as_planned_are_one_promise_that_says_what_nobody_is_shown() {
    let [(name, verdict, detail)] = &found(|_, _| ())[..] else {
        panic!("one promise");
    };
    assert_eq!((name.as_str(), *verdict), (SETTINGS, PromiseVerdict::Kept));
    assert_eq!(
        detail,
        "9 settings; the server does not show 3 secrets among them"
    );
}

#[test]
fn each_setting_that_differs_is_told_with_its_node_and_what_is_planned() {
    let found = found(|config, locked| {
        config["ServiceSettings"]["SiteURL"] = json!("http://10.0.0.1");
        config["TeamSettings"]["EnableOpenServer"] = json!(true);
        config["SqlSettings"]["DataSourceReplicas"] = json!([MASK]);
        config["EmailSettings"]["SMTPPassword"] = json!("");
        locked["ClusterSettings"] = Value::Null;
    });
    let found: Vec<(&str, bool, &str)> = found
        .iter()
        .map(|(name, verdict, detail)| {
            (
                name.as_str(),
                *verdict == PromiseVerdict::Broken,
                detail.as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                "setting ServiceSettings.SiteURL",
                true,
                "app-2: `http://10.0.0.1`; planned is `https://chat.example.com`"
            ),
            (
                "setting SqlSettings.DataSourceReplicas",
                true,
                "app-2: 1 of them; planned are 2"
            ),
            (
                "setting EmailSettings.SMTPPassword",
                true,
                "app-2: empty; planned is a secret"
            ),
            (
                "setting ClusterSettings.GossipPort",
                true,
                "app-2: as planned, but no variable sets it, so administrators can change it"
            ),
            (
                "setting TeamSettings.EnableOpenServer",
                false,
                "app-2: `true`; planned is `false` for this purpose, because agents sign up by themselves; \
                 people are invited"
            ),
        ]
    );
}

#[test]
fn a_server_without_the_variables_is_one_fault() {
    let found = found(|config, locked| {
        config["ServiceSettings"]["SiteURL"] = json!("");
        *locked = Value::Null;
    });
    assert_eq!(found.len(), 1, "{found:?}");
    let (name, verdict, detail) = &found[0];
    assert_eq!(
        (name.as_str(), *verdict),
        (SETTINGS, PromiseVerdict::Broken)
    );
    assert!(detail.starts_with("app-2: no variable"), "{detail}");
}

#[test]
fn an_older_server_lacks_settings_and_warns_of_those_that_are_set() {
    let found = found(|config, _| {
        config["ServiceSettings"] = json!({"SiteURL": "https://chat.example.com"});
    });
    let names: Vec<&str> = found.iter().map(|one| one.0.as_str()).collect();
    assert_eq!(names, ["setting ServiceSettings.TrustedProxyIPHeader"]);
    assert_eq!(found[0].1, PromiseVerdict::Doubtful);
}

#[test]
fn many_settings_that_differ_are_counted_from_the_thirteenth_on() {
    let many = (0..20).map(|number| planned("Section", &format!("Key{number:02}"), &json!(1)));
    let many: Vec<PlannedSetting> = many.collect();
    let all = |value: &Value| -> Value {
        let keys = many.iter().map(|one| (one.key.clone(), value.clone()));
        json!({"Section": Value::Object(keys.collect())})
    };
    let node = NodeSettings {
        name: "app-1",
        config: all(&json!(2)),
        locked: all(&json!(true)),
    };
    let promises = judge("demo", &many, &[node]);
    assert_eq!(promises.len(), 13);
    assert_eq!(promises[12].name, "settings: 8 more");
    assert!(
        promises[12].detail.contains("Section.Key19"),
        "{promises:?}"
    );
}
