//! The server's variables, license, accounts and services of others.

use super::*;

#[test]
fn the_variables_hold_the_password_where_they_must() {
    let spec = spec();
    let facts = facts(&spec);
    let bundle = rendered("app-1", Stage::Configure);
    let environment = file(&bundle, VARIABLES);
    let source = variable(&environment, "MM_SQLSETTINGS_DATASOURCE").unwrap();
    let password = facts.secrets.database_password();
    assert!(
        source.contains(&format!(":{}@", password.expose_secret())),
        "{source}"
    );
    assert!(source.contains("sslmode=verify-full"));
    // The configuration is kept where the data is.
    assert_eq!(variable(&environment, "MM_CONFIG"), Some(source));
    let files = bundle.steps().iter().flat_map(BundleStep::written);
    for file in files.filter(|file| !file.is_secret()) {
        assert!(!String::from_utf8_lossy(file.content()).contains(password.expose_secret()));
    }
    for step in bundle.steps() {
        assert!(!step.script().contains(password.expose_secret()));
    }
}

#[test]
fn servers_are_told_to_take_test_licenses_where_the_environment_says_so() {
    let mut spec = spec();
    spec.nodes.insert(Role::Job, spec.nodes[&Role::App].clone());
    let told = |spec: &Spec, host: &str| {
        let facts = facts(spec);
        let bundle = render(spec, host.parse().unwrap(), Stage::Configure, &facts);
        let environment = file(&bundle.unwrap(), VARIABLES);
        variable(&environment, "MM_SERVICEENVIRONMENT").map(str::to_owned)
    };
    for host in ["app-1", "job-1"] {
        spec.mattermost.service_environment = ServiceEnvironment::Test;
        assert_eq!(told(&spec, host).as_deref(), Some("test"), "{host}");
        spec.mattermost.service_environment = ServiceEnvironment::Production;
        assert_eq!(told(&spec, host), None, "{host}");
    }
}

#[test]
fn what_loadrig_sets_is_what_it_says_that_it_owns() {
    let mut spec = spec();
    spec.cache.nodes = 1;
    let facts = facts(&spec);
    let scene = Scene {
        spec: &spec,
        host: "app-1".parse().unwrap(),
        facts: &facts,
        templates: Templates::new().unwrap(),
    };
    let set = config::owned(&scene).unwrap();
    let set: Vec<(&str, &str)> = set
        .iter()
        .flat_map(|(section, keys)| keys.keys().map(move |key| (section.as_str(), key.as_str())))
        .collect();
    let owned: Vec<(&str, &str)> = OWNED_SETTINGS
        .iter()
        .map(|one| (one.section, one.key))
        .collect();
    assert_eq!(set, owned);
    for (section, keys) in config::owned(&scene).unwrap() {
        for (key, value) in keys {
            let kind = known_settings().get(&section, &key).unwrap();
            assert!(kind.fits(&value), "{section}.{key} is {value}");
        }
    }
}

#[test]
fn services_of_others_are_set_and_their_passwords_never_shown() {
    let mut spec = spec();
    let account = |username: &str| crate::spec::ServiceAccount {
        username: username.to_owned(),
        password: crate::spec::SecretSource::Env("UNUSED".to_owned()),
    };
    spec.mattermost.connections = crate::spec::ServerConnections {
        mail: Some(crate::spec::MailServer {
            server: "smtp.example.com".to_owned(),
            port: 587,
            security: crate::spec::ConnectionSecurity::Starttls,
            account: Some(account("chat")),
            from: "chat@example.com".to_owned(),
            from_name: Some("Chat & more".to_owned()),
            reply_to: None,
            administrator: Some("Operations@Example.com".to_owned()),
            mailbox: None,
        }),
        push: Some("https://push.example.com".to_owned()),
        ldap: Some(crate::spec::LdapServer {
            server: "ldap.example.com".to_owned(),
            port: 636,
            security: crate::spec::ConnectionSecurity::Tls,
            base_dn: "dc=example,dc=com".to_owned(),
            account: Some(account("cn=chat")),
            user_filter: None,
            id_attribute: "entryUUID".to_owned(),
            login_id_attribute: "uid".to_owned(),
            username_attribute: "uid".to_owned(),
            email_attribute: "mail".to_owned(),
        }),
        saml: Some(crate::spec::SamlProvider {
            idp_url: "https://idp.example.com/sso".to_owned(),
            idp_descriptor_url: "urn:idp".to_owned(),
            idp_metadata_url: None,
            idp_certificate: "/nowhere".into(),
            service_provider_id: None,
            own: Some(crate::spec::SamlCertificate {
                certificate: "/nowhere".into(),
                key: crate::spec::SecretSource::Env("UNUSED".to_owned()),
            }),
            sign_requests: true,
            verify_signature: true,
            attributes: crate::spec::SamlAttributes {
                email: "email".to_owned(),
                username: "username".to_owned(),
                guest: Some("type=guest".to_owned()),
                ..crate::spec::SamlAttributes::default()
            },
            button_text: Some("Company login".to_owned()),
        }),
    };
    let mut facts = facts(&spec);
    let payload = Payload {
        passwords: ServerPasswords {
            mail: Some("hunter$2".to_owned().into()),
            ldap: Some("hunter 3".to_owned().into()),
        },
        saml: Some(crate::hosts::SamlFiles {
            idp_certificate: "PEM".to_owned(),
            own: Some(("PEM".to_owned(), "hunter4".to_owned().into())),
        }),
        ..(*facts.payload).clone()
    };
    facts.payload = Arc::new(payload);
    let bundle = render(&spec, "app-1".parse().unwrap(), Stage::Configure, &facts).unwrap();
    let environment = file(&bundle, VARIABLES);
    for one in CONNECTION_SETTINGS {
        let name = crate::spec::setting_variable(one.section, one.key);
        assert!(variable(&environment, &name).is_some(), "{name}");
    }
    for (name, value) in [
        ("MM_EMAILSETTINGS_SMTPPASSWORD", "\"hunter\\$2\""),
        ("MM_EMAILSETTINGS_SMTPPORT", "587"),
        ("MM_EMAILSETTINGS_FEEDBACKNAME", "\"Chat & more\""),
        ("MM_EMAILSETTINGS_REPLYTOADDRESS", "chat@example.com"),
        ("MM_LDAPSETTINGS_BASEDN", "\"dc=example,dc=com\""),
        ("MM_LDAPSETTINGS_CONNECTIONSECURITY", "TLS"),
        ("MM_SAMLSETTINGS_PRIVATEKEYFILE", "loadrig-saml.key"),
        (
            "MM_SAMLSETTINGS_ASSERTIONCONSUMERSERVICEURL",
            "http://10.20.0.10/login/sso/saml",
        ),
        ("MM_SAMLSETTINGS_IDATTRIBUTE", ""),
    ] {
        let found = variable(&environment, name).unwrap();
        assert_eq!(found.trim_matches('"'), value.trim_matches('"'), "{name}");
    }
    let names: Vec<&str> = bundle.steps().iter().map(BundleStep::name).collect();
    let at = |name| names.iter().position(|one| *one == name).unwrap();
    assert!(at("database-files") < at("mattermost"), "{names:?}");
    let step = &bundle.steps()[at("database-files")];
    assert!(step.input().unwrap().expose_secret().contains("hunter4"));
    // The server keeps addresses in lower case.
    let step = &bundle.steps()[at("administrator")];
    let account = step.input().unwrap().expose_secret();
    let account: serde_json::Value = serde_json::from_str(account).unwrap();
    assert_eq!(account["email"], "operations@example.com");
    let shown = shown(&bundle);
    assert!(!shown.contains("hunter"), "{shown}");
    let given = "administrator sysadmin 'operations@example.com'";
    assert!(shown.contains(given), "{shown}");
}

#[test]
fn a_setting_of_the_environment_is_a_variable_and_its_change_restarts_the_server() {
    let with = |users: i64| {
        let mut spec = spec();
        let keys = [("MaxUsersPerTeam".to_owned(), users.into())];
        let section = ("TeamSettings".to_owned(), keys.into());
        spec.mattermost.config = [section].into();
        render(
            &spec,
            "app-1".parse().unwrap(),
            Stage::Configure,
            &facts(&spec),
        )
        .unwrap()
    };
    let (old, new) = (with(500), with(600));
    let environment = file(&new, VARIABLES);
    let users = variable(&environment, "MM_TEAMSETTINGS_MAXUSERSPERTEAM");
    assert_eq!(users, Some("600"));
    let changed: Vec<&str> = old
        .steps()
        .iter()
        .zip(new.steps())
        .filter(|(old, new)| old.digest() != new.digest())
        .map(|(old, _)| old.name())
        .collect();
    assert_eq!(changed, ["environment", "mattermost"]);
}

#[test]
fn a_new_configuration_starts_with_the_settings_of_the_purpose() {
    let of = |purpose| {
        let mut spec = spec();
        spec.purpose = purpose;
        let facts = facts(&spec);
        let bundle = render(&spec, "app-1".parse().unwrap(), Stage::Configure, &facts);
        let text = file(&bundle.unwrap(), "/etc/mattermost/defaults.json");
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let rig = of(Purpose::Rig);
    assert_eq!(rig["TeamSettings"]["EnableOpenServer"], true);
    assert_eq!(rig["ServiceSettings"]["AllowCorsFrom"], "*");
    assert_eq!(rig["TeamSettings"]["SiteName"], "demo");
    let gold_standard = of(Purpose::GoldStandard);
    assert_eq!(gold_standard["TeamSettings"]["EnableOpenServer"], false);
    assert_eq!(gold_standard["ServiceSettings"]["AllowCorsFrom"], "");
    assert_eq!(gold_standard["ServiceSettings"]["IdleTimeout"], 300);
    let tutorial = gold_standard["ServiceSettings"].get("EnableTutorial");
    assert_eq!(tutorial, None);
}

#[test]
fn the_first_administrator_is_made_once_and_its_password_is_in_no_file() {
    let password = facts(&spec()).secrets.admin_password();
    let password = password.expose_secret();
    let bundle = rendered("app-1", Stage::Configure);
    let mut steps = bundle.steps().iter();
    let step = steps.find(|step| step.name() == "administrator").unwrap();
    assert!(step.written().is_empty());
    let account = step.input().unwrap().expose_secret();
    let account: serde_json::Value = serde_json::from_str(account).unwrap();
    assert_eq!(account["password"], password);
    let everything = shown(&bundle);
    assert!(!everything.contains(password), "{everything}");
    // The runner asks the server over its local socket.
    assert!(everything.contains("MM_SERVICESETTINGS_ENABLELOCALMODE=true"));
    let other = rendered("app-2", Stage::Configure);
    assert!(
        other
            .steps()
            .iter()
            .all(|step| step.name() != "administrator")
    );
    let directory = tempfile::tempdir().unwrap();
    bundle.write_to(directory.path()).unwrap();
    let input = std::fs::read_to_string(directory.path().join("inputs/administrator")).unwrap();
    assert!(input.contains("<administrator-password>"), "{input}");
}

#[test]
fn a_renewed_license_restarts_the_server_and_nothing_else_changes() {
    let spec = spec();
    let with = |users: i64| {
        let mut facts = facts(&spec);
        let payload = Payload {
            license: Some(license(users)),
            ..(*facts.payload).clone()
        };
        facts.payload = Arc::new(payload);
        render(&spec, "app-1".parse().unwrap(), Stage::Configure, &facts).unwrap()
    };
    let (old, new) = (with(30), with(60));
    let changed: Vec<&str> = old
        .steps()
        .iter()
        .zip(new.steps())
        .filter(|(old, new)| old.digest() != new.digest())
        .map(|(old, _)| old.name())
        .collect();
    assert_eq!(changed, ["environment", "mattermost"]);
}

#[test]
fn without_a_license_nothing_is_asked_of_the_server_that_needs_one() {
    let mut spec = spec();
    spec.mattermost.license = LicenseSource::Unlicensed;
    let of = |host: &str| {
        let bundle = render(
            &spec,
            host.parse().unwrap(),
            Stage::Configure,
            &facts(&spec),
        );
        shown(&bundle.unwrap())
    };
    let server = of("app-1");
    assert!(!server.contains("MM_LICENSE"), "{server}");
    for disabled in [
        "MM_CLUSTERSETTINGS_ENABLE=false\n",
        "MM_METRICSSETTINGS_ENABLE=false\n",
    ] {
        assert!(server.contains(disabled), "{server}");
    }
    let metrics = of("metrics-1");
    assert!(
        !metrics.contains("8067") && metrics.contains("9100"),
        "{metrics}"
    );
}

#[test]
fn a_cache_is_used_when_the_spec_has_one() {
    let mut spec = spec();
    spec.cache.nodes = 1;
    let bundle = render(
        &spec,
        "app-1".parse().unwrap(),
        Stage::Configure,
        &facts(&spec),
    )
    .unwrap();
    let text = shown(&bundle);
    assert!(text.contains("MM_CACHESETTINGS_REDISADDRESS=demo.cache.amazonaws.com:6379\n"));
    assert!(text.contains("MM_CACHESETTINGS_CACHETYPE=redis\n"));
}

#[test]
fn an_existing_database_is_used_as_named_and_never_shown() {
    let spec = spec();
    let mut facts = facts(&spec);
    facts.database = None;
    let secret = |text: &str| SecretString::from(text.to_owned());
    let mut payload = (*facts.payload).clone();
    payload.database = Some(crate::hosts::Dsns {
        writer: secret("postgres://mm:hunter2@db.example.com/chat"),
        readers: vec![secret("postgres://mm:hunter$3@replica.example.com/chat")],
    });
    facts.payload = Arc::new(payload);
    let host = "app-1".parse().unwrap();
    let bundle = render(&spec, host, Stage::Configure, &facts).unwrap();
    let environment = file(&bundle, VARIABLES);
    let value = |name: &str| variable(&environment, name).map(str::to_owned);
    assert_eq!(
        value("MM_CONFIG").as_deref(),
        Some("postgres://mm:hunter2@db.example.com/chat")
    );
    assert_eq!(value("MM_SQLSETTINGS_DATASOURCE"), value("MM_CONFIG"));
    assert_eq!(
        value("MM_SQLSETTINGS_DATASOURCEREPLICAS").as_deref(),
        Some("\"postgres://mm:hunter\\$3@replica.example.com/chat\"")
    );
    let shown = shown(&bundle);
    assert!(!shown.contains("hunter"), "{shown}");
}
