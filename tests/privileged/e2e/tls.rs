//! A rig with a cache whose proxy speaks TLS with a certificate of the environment's own authority: agents and checks
//! connect by its name, which no DNS knows, and trust that authority alone.

use std::path::Path;
use std::process::Command;

use super::rig::{Home, LocalCloud, steps};
use super::{CHANGES, broken, down, settings, verify};

/// Makes a certificate for the proxies, and the authority that signed it.
const OWN_CERTIFICATE: &str = "set -e
new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $new -days 90 -subj /CN=Own -keyout ca.key -out ca.pem
openssl req $new -subj /CN=chat.example.com -keyout key.pem -out leaf.csr
printf 'subjectAltName=DNS:chat.example.com\nextendedKeyUsage=serverAuth\n' >leaf.ext
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -extfile leaf.ext -out chain.pem
";

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

    let authority = home.path().join("authority.pem");
    let file = authority.to_str().unwrap();
    home.run(&["credentials", "secure", "--authority", file])
        .code(0);
    assert!(tunnelled_ping(home, &authority).contains("\"status\":\"OK\""));

    // A certificate of an authority of the operator takes its place.
    let own = home.path().join("environments/own");
    std::fs::create_dir(&own).unwrap();
    let mut make = Command::new("sh");
    make.args(["-c", OWN_CERTIFICATE]).current_dir(&own);
    assert!(make.status().unwrap().success());
    let tls = "tls: { host_name: chat.example.com, certificate_file: own/chain.pem, \
               key_file: own/key.pem, authority_file: own/ca.pem }\n";
    home.write("environments/secure.yaml", format!("{yaml}\n{tls}{cache}"));
    home.run(&["up", "secure", "--yes"]).code(0);
    verify(home, "secure").says(&["TLS for chat.example.com"]);
    assert!(tunnelled_ping(home, &own.join("ca.pem")).contains("\"status\":\"OK\""));
    assert!(tunnelled_ping(home, &authority).contains("curl: (60)"));
    down(home, "secure");
    cloud.finish();
}

/// What the server says through a tunnel to somebody who trusts this authority alone, or why it was not asked.
fn tunnelled_ping(home: &Home, authority: &Path) -> String {
    settings::through_tunnel(home, "secure", "mattermost", |address| {
        let port = address.rsplit(':').next().unwrap();
        let asked = Command::new("curl")
            .args(["-sS", "--cacert"])
            .arg(authority)
            .args(["--resolve", &format!("chat.example.com:{port}:127.0.0.1")])
            .arg(format!(
                "https://chat.example.com:{port}/api/v4/system/ping"
            ))
            .output()
            .unwrap();
        String::from_utf8([asked.stdout, asked.stderr].concat()).unwrap()
    })
}
