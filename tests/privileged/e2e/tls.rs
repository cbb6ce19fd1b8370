//! A rig whose proxy speaks TLS with a certificate of the environment's own authority: agents and checks
//! connect by its name, which no DNS knows, and trust that authority alone.

use super::rig::{LocalCloud, steps};
use super::{CHANGES, down, verify};

#[test]
fn a_rig_speaks_tls_with_an_authority_of_its_own() {
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    let yaml = include_str!("../../../environments/demo.yaml");
    let tls = "tls: { host_name: chat.example.com, issuer: private }\n";
    home.write("environments/secure.yaml", format!("{yaml}\n{tls}"));

    home.run(&["up", "secure", "--yes"]).code(0);
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

    let test = home
        .run(&["test", "secure", "smoke", "--output", "json"])
        .code(0);
    assert_eq!(test.json()["scenarios"][0]["passed"], true, "{test}");
    down(home, "secure");
    cloud.finish();
}
