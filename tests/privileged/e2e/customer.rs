//! A deployment that people rely on, as a company would have it: TLS by name, mail through the company's mail server,
//! its directory, identity provider and push proxy, plugins, files and commands of its own on the hosts.

use std::path::Path;

use serde_json::{Value, json};
use sha2::Digest as _;

use super::outside::{Company, MAILBOX, OUTSIDE, PASSWORD, Signed, plugin};
use super::rig::{CommandOutcome, Home, LocalCloud};
use super::{assert_proof, verify};

const NAME: &str = "chat.corp.internal";
/// What a command of the company's leaves on each application host, once its server works.
const AFTER: &str = "/var/tmp/after";

/// Files of the company on the operator's machine.
struct Files {
    identity_provider: String,
    own_certificate: String,
    own_key: String,
    motd: &'static str,
}

fn write_files(home: &Home, web: &Path) -> Files {
    let provider = Signed::of(&["idp.corp.internal"]);
    let own = Signed::of(&[NAME]);
    let files = Files {
        identity_provider: provider.certificate,
        own_certificate: own.certificate,
        own_key: own.key,
        motd: "This host is the company's.\n",
    };
    for (file, text) in [
        ("idp.pem", files.identity_provider.as_str()),
        ("saml.pem", &files.own_certificate),
        ("saml.key", &files.own_key),
        ("motd", files.motd),
        ("password", PASSWORD),
    ] {
        home.write(&format!("environments/{file}"), text);
    }
    home.write("environments/greeter.tar.gz", plugin("com.example.greeter"));
    std::fs::create_dir_all(web).unwrap();
    std::fs::write(web.join("other.tar.gz"), plugin("com.example.other")).unwrap();
    files
}

fn environment(company: &Company) -> String {
    let authority = company.authority.display();
    let other = hex::encode(sha2::Sha256::digest(plugin("com.example.other")));
    format!(
        "architecture: 1k
cloud: local
purpose: gold-standard
access: {{ address: private }}
tls: {{ host_name: {NAME}, issuer: private }}
sizes:
  nodes:
    app: {{ count: 2 }}
    search-proxy: {{ count: 0 }}
    metrics: {{ count: 0 }}
    agent: {{ count: 0 }}
  database: {{ readers: 0 }}
  search: {{ nodes: 0 }}
mattermost:
  release: standin
  mail:
    server: mail.corp.internal
    username: chat
    password_file: password
    from: chat@corp.internal
    from_name: Company Chat
    administrator: {MAILBOX}
    mailbox: {{ server: {OUTSIDE}, username: operations, password_file: password, authority_file: {authority} }}
  push: {{ server: 'https://push.corp.internal' }}
  ldap:
    server: ldap.corp.internal
    base_dn: 'ou=people,dc=corp,dc=internal'
    bind_username: 'cn=chat,dc=corp,dc=internal'
    bind_password_file: password
    id_attribute: entryUUID
    username_attribute: uid
    email_attribute: mail
  saml:
    idp_url: https://idp.corp.internal/sso/saml
    idp_descriptor_url: https://idp.corp.internal/metadata
    idp_certificate_file: idp.pem
    certificate_file: saml.pem
    key_file: saml.key
    email_attribute: email
    username_attribute: username
  plugins:
    - {{ id: com.example.greeter, file: greeter.tar.gz, settings: {{ greeting: hello }} }}
    - {{ id: com.example.other, url: 'https://plugins.corp.internal/other.tar.gz', sha256: {other} }}
hosts:
  app:
    files:
      - {{ path: /usr/local/share/ca-certificates/corp.crt, source: {authority} }}
      - {{ path: /etc/motd, source: motd, mode: '0640' }}
    before: [update-ca-certificates]
    after: ['systemctl is-active mattermost >{AFTER}']
"
    )
}

#[test]
fn a_gold_standard_comes_up_with_what_a_company_has_beside_it() {
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    let web = home.path().join("web");
    let files = write_files(home, &web);
    std::fs::create_dir_all(home.path().join("company")).unwrap();
    let company = Company::start(home, &web);
    home.write("environments/customer.yaml", environment(&company));
    home.run(&["validate", "environments/customer.yaml"])
        .code(0)
        .says(&["the stand-in server, which is not Mattermost"]);

    home.run(&["up", "customer", "--yes"]).code(0);
    let verified = verify(home, "customer");
    let seen = verified.json();
    for (name, details) in [
        (
            "mail: the mail server takes a message",
            &[
                "`mail.corp.internal:587`",
                MAILBOX,
                "over TLS, logged in as `chat`",
            ][..],
        ),
        (
            "mail: the message arrives in its mailbox",
            &["`operations` at 100.64.0.3:993"],
        ),
        (
            "ldap: the server reaches the directory",
            &["`ldap.corp.internal:636`"],
        ),
        (
            "saml: the server has its files and tells its metadata",
            &["https://chat.corp.internal/login/sso/saml"],
        ),
        (
            "plugins: on every application node as planned",
            &["com.example.greeter", "com.example.other"],
        ),
        ("app-1: reaches the push proxy", &["HTTP 200"]),
        (
            "proxy-1: security updates are installed every day",
            &["2 origins; next "],
        ),
    ] {
        let check = check(&seen, name);
        assert_eq!(check["warning"], false, "{check}");
        let told = check["detail"].as_str().unwrap();
        for detail in details {
            assert!(told.contains(detail), "{check}");
        }
    }
    mail_arrived(&company);
    closed_to_strangers(home);
    as_configured(home, &files);
    hosts_are_as_told(home, files.motd);
    refusals_are_told(home, &company);
    removed_only_when_told_twice(home);
    drop(company);
    cloud.finish();
}

fn check<'a>(verified: &'a Value, name: &str) -> &'a Value {
    let checks = verified["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {verified}"))
}

fn on(home: &Home, host: &str, command: &str) -> CommandOutcome {
    home.run(&["ssh", "customer", host, "--", command]).code(0)
}

/// The mail server has what `up` and `verify` had the server send, and how it came.
fn mail_arrived(company: &Company) {
    let mails = company.noted("mail");
    assert!(mails.len() >= 2, "{mails:?}");
    for mail in mails {
        assert_eq!(mail["tls"], true, "{mail}");
        assert_eq!(mail["login"], "chat", "{mail}");
        assert_eq!(mail["sender"], "chat@corp.internal", "{mail}");
        let text = mail["text"].as_str().unwrap();
        let from = "From: \"Company Chat\" <chat@corp.internal>";
        for part in [from, &format!("To: {MAILBOX}"), "Testing Email Settings"] {
            assert!(text.contains(part), "{part}: {mail}");
        }
    }
}

/// Who is no administrator can make no account, through the entrance.
fn closed_to_strangers(home: &Home) {
    let stranger =
        r#"{"username":"eve","email":"eve@example.com","password":"Passw0rd!Passw0rd!"}"#;
    on(
        home,
        "proxy-1",
        &format!(
            "curl -s --cacert /etc/nginx/tls/authority.pem --resolve {NAME}:443:127.0.0.1 -d '{stranger}' \
             https://{NAME}/api/v4/users"
        ),
    )
    .says(&["api.user.create_user.no_open_server"]);
}

/// The server's own answer to what it runs with, and the files of the identity provider where it looks for them.
fn as_configured(home: &Home, files: &Files) {
    let told = home
        .run(&["credentials", "customer", "--show", "--output", "json"])
        .code(0)
        .json();
    let password = told["credentials"][0]["password"].as_str().unwrap();
    let login = json!({"login_id": "sysadmin", "password": password});
    let config = on(
        home,
        "app-2",
        &format!(
            "token=$(curl -s -D - -o /dev/null -d '{login}' http://localhost:8065/api/v4/users/login | tr -d '\\r' | \
             sed -n 's/^token: //Ip') && curl -s -H \"Authorization: Bearer $token\" http://localhost:8065/api/v4/config"
        ),
    )
    .json();
    for (section, key, value) in [
        ("LdapSettings", "LdapServer", json!("ldap.corp.internal")),
        ("LdapSettings", "LdapPort", json!(636)),
        ("LdapSettings", "ConnectionSecurity", json!("TLS")),
        (
            "LdapSettings",
            "BaseDN",
            json!("ou=people,dc=corp,dc=internal"),
        ),
        (
            "EmailSettings",
            "PushNotificationServer",
            json!("https://push.corp.internal"),
        ),
        ("EmailSettings", "ConnectionSecurity", json!("STARTTLS")),
        ("TeamSettings", "EnableOpenServer", json!(false)),
    ] {
        assert_eq!(config[section][key], value, "{section}.{key}");
    }
    let plugin = &config["PluginSettings"]["Plugins"]["com.example.greeter"];
    assert_eq!(plugin["greeting"], "hello", "{plugin}");
    for (name, text) in [
        ("loadrig-saml-idp.crt", &files.identity_provider),
        ("loadrig-saml.crt", &files.own_certificate),
        ("loadrig-saml.key", &files.own_key),
    ] {
        let query = format!("SELECT data FROM configurationfiles WHERE name = '{name}'");
        let found = on(
            home,
            "app-1",
            &format!(
                "sudo sh -c 'sed -n s/^MM_CONFIG=//p /etc/mattermost/environment' >/tmp/dsn && \
                 psql -X -At -d \"$(cat /tmp/dsn)\" -c \"{query}\"; rm /tmp/dsn"
            ),
        );
        assert_eq!(found.out.trim(), text.trim(), "{name}{found}");
    }
}

/// Files, commands and security updates, as the hosts themselves see them.
fn hosts_are_as_told(home: &Home, motd: &str) {
    for host in ["app-1", "app-2"] {
        let said = on(
            home,
            host,
            &format!("sudo stat -c '%a %U' /etc/motd; sudo cat /etc/motd {AFTER}"),
        );
        assert_eq!(said.out, format!("640 root\n{motd}active\n"), "{said}");
        on(
            home,
            host,
            "sudo unattended-upgrade --dry-run --verbose 2>&1",
        )
        .says(&[
            "Allowed origins are: origin=Debian,codename=bookworm,label=Debian-Security, \
             origin=Debian,codename=bookworm-security,label=Debian-Security\n",
        ]);
    }
    on(
        home,
        "proxy-1",
        "sudo systemctl mask --now apt-daily-upgrade.timer 2>&1",
    );
    let verified = home
        .run(&["verify", "customer", "--output", "json"])
        .code(1)
        .json();
    let updates = check(
        &verified,
        "proxy-1: security updates are installed every day",
    );
    assert_eq!(updates["pass"], false, "{updates}");
    let told = updates["detail"].as_str().unwrap();
    assert!(told.contains("apt-daily-upgrade.timer is "), "{updates}");
    // As the remedy says.
    let remedy = updates["remedy"].as_str().unwrap();
    let command = remedy.split('\'').nth(1).unwrap();
    assert!(command.starts_with("sudo systemctl unmask "), "{remedy}");
    on(home, "proxy-1", &format!("{command} 2>&1"));
    verify(home, "customer");
}

/// A password that the mail server does not know, and an address that it does not have, are told in its words, through
/// the server.
fn refusals_are_told(home: &Home, company: &Company) {
    let planned = environment(company);
    let other = |from: &str, to: &str| {
        assert!(planned.contains(from), "{planned}");
        home.write("environments/customer.yaml", planned.replacen(from, to, 1));
        let up = home.run(&["up", "customer", "--yes"]);
        up.code(1).says(&["mail: the mail server takes a message"])
    };
    home.write("environments/wrong", "not that");
    other(
        "    password_file: password\n    from:",
        "    password_file: wrong\n    from:",
    )
    .says(&["authentication failed: 535"]);
    let logins = company.noted("login");
    assert!(logins.iter().any(|login| login["known"] == false));
    // The account that is there already is given the address.
    let to = format!("administrator: {MAILBOX}");
    other(&to, "administrator: Nobody@corp.internal")
        .says(&["failed to set the to address: 550 5.1.1 nobody here"]);
    let user = on(
        home,
        "app-1",
        "sudo curl -s --unix-socket /var/tmp/mattermost_local.socket http://localhost/api/v4/users/username/sysadmin",
    );
    assert_eq!(user.json()["email"], "nobody@corp.internal", "{user}");
}

fn removed_only_when_told_twice(home: &Home) {
    home.run(&["down", "customer", "--yes"])
        .code(1)
        .says(&["--lift-protection"]);
    let status = home
        .run(&["status", "customer", "--output", "json"])
        .code(0);
    assert_eq!(status.json()["exists"], true, "{status}");
    let gone = home
        .run(&[
            "down",
            "customer",
            "--yes",
            "--lift-protection",
            "--discard-data",
            "--output",
            "json",
        ])
        .code(0);
    assert_proof(&gone);
}
