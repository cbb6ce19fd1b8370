//! A rig with a cache whose proxy speaks TLS with a certificate of the environment's own authority: agents and checks
//! connect by its name, which no DNS knows, and trust that authority alone.

use super::rig::{LocalCloud, steps};
use super::{CHANGES, broken, down, verify};

#[test]
fn a_rig_speaks_tls_with_an_authority_of_its_own() {
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    let yaml = include_str!("../../../environments/demo.yaml");
    let tls = "tls: { host_name: chat.example.com, issuer: private }\n";
    let cache = "sizes: { cache: { nodes: 1 } }\n";
    home.write("environments/secure.yaml", format!("{yaml}\n{tls}{cache}"));

    let log = home.path().join("first.jsonl");
    let first = log.to_str().unwrap();
    home.run(&["up", "secure", "--yes", "--events", first])
        .code(0);
    let done = steps(&log, &CHANGES);
    let place = |step: &str| done.iter().position(|one| one == step).unwrap();
    assert!(
        place("host/app-1/configure") < place("host/proxy-1/configure"),
        "people are let in before the first administrator: {done:?}"
    );
    let log = home.path().join("second.jsonl");
    let log = log.to_str().unwrap();
    home.run(&["up", "secure", "--yes", "--events", log])
        .code(0)
        .says(&["nothing to do"]);
    assert_eq!(steps(log.as_ref(), &CHANGES), [""; 0]);
    verify(home, "secure").says(&["TLS for chat.example.com"]);
    home.run(&["status", "secure"])
        .code(0)
        .says(&["https://chat.example.com"]);

    // Plain HTTP leads there, and nobody else is trusted.
    let on_proxy = |command: &str| {
        home.run(&["ssh", "secure", "proxy-1", "--", command])
            .code(0)
    };
    on_proxy("curl -sI http://localhost/login").says(&[
        "301 Moved Permanently",
        "Location: https://chat.example.com/login",
    ]);
    on_proxy(
        "curl -s --resolve chat.example.com:443:127.0.0.1 https://chat.example.com/; test $? = 60 && echo refused",
    )
    .says(&["refused"]);

    // A stranger who signs up administers nothing; who does is told, and the password is nowhere
    // on the host.
    let stranger =
        r#"{"username":"eve","email":"eve@example.com","password":"Passw0rd!Passw0rd!"}"#;
    on_proxy(&format!(
        "curl -s --cacert /etc/nginx/tls/authority.pem --resolve chat.example.com:443:127.0.0.1 \
         -d '{stranger}' https://chat.example.com/api/v4/users"
    ))
    .says(&["\"roles\":\"system_user\""]);
    home.run(&["credentials", "secure"])
        .code(0)
        .says(&["mattermost at https://chat.example.com", "sysadmin"]);
    let told = home
        .run(&["credentials", "secure", "--show", "--output", "json"])
        .code(0)
        .json();
    let password = told["credentials"][0]["password"].as_str().unwrap();
    let search = format!(
        "sudo grep -rlsF {password} /etc /opt/mattermost /var/lib/loadrig /var/log /var/tmp; true"
    );
    let found = home.run(&["ssh", "secure", "app-1", "--", &search]).code(0);
    assert_eq!(found.out.trim(), "", "{found}");

    let test = home
        .run(&["test", "secure", "smoke", "--output", "json"])
        .code(0);
    assert_eq!(test.json()["scenarios"][0]["passed"], true, "{test}");
    broken::a_changed_file_is_named_and_restored(home, "secure");
    broken::a_lost_cache_is_named(home, "secure");
    broken::a_hung_cache_is_named(home, "secure");
    broken::a_start_that_is_refused_is_named(home, "secure");
    verify(home, "secure");
    down(home, "secure");
    cloud.finish();
}
