//! Certificates by ACME on the local cloud, from `pebble`, the small server that Let's Encrypt tests
//! clients with: `LOADRIG_PEBBLE` names its program, which `scripts/pebble.sh` builds where Go is.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::outside::{OUTSIDE, Signed, inside, name};
use super::rig::{CommandOutcome, Home, LocalCloud};
use super::{down, verify};

/// The VPC's DNS server.
const RESOLVER: &str = "169.254.169.253:53";
/// The server's name, and the deployment's.
const SERVER: &str = "acme.corp.internal";
const NAME: &str = "chat.corp.internal";

/// Two proxies, which both have to answer the server's challenges.
const RIG: &str = "\
architecture: 1k
cloud: local
access: { address: private }
sizes:
  nodes:
    app: { count: 1 }
    proxy: { count: 2 }
    search-proxy: { count: 0 }
    metrics: { count: 0 }
    agent: { count: 0 }
  database: { readers: 0 }
  search: { nodes: 0 }
";

fn pebble() -> Option<PathBuf> {
    let program = std::env::var_os("LOADRIG_PEBBLE").map(PathBuf::from);
    if program.is_none() {
        // Past the capture of the test's output: a test that did not run must not look as if.
        let told = writeln!(
            std::io::stderr(),
            "not run: set LOADRIG_PEBBLE to the program that scripts/pebble.sh builds"
        );
        assert!(told.is_ok());
    }
    program
}

/// An ACME server that runs; ended when dropped.
struct AcmeServer {
    child: Child,
    /// The authorities of the server and of what it issues.
    authority: PathBuf,
}

impl Drop for AcmeServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl AcmeServer {
    fn start(home: &Home, program: &Path) -> Self {
        let signed = Signed::of(&[SERVER]);
        let own = signed.authority;
        let certificate = home.write("acme.pem", signed.certificate);
        let key = home.write("acme.key", signed.key);
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("{OUTSIDE}:14000"),
            "managementListenAddress": "127.0.0.1:15000",
            "certificate": certificate,
            "privateKey": key,
            "httpPort": 80,
            "tlsPort": 443,
            "profiles": { "default": { "description": "90 days", "validityPeriod": 7_776_000 } },
        } });
        let config = home.write("pebble.json", config.to_string());
        let log = std::fs::File::create(home.path().join("pebble.log")).unwrap();
        let mut command = inside(program.to_str().unwrap(), &["-config"]);
        command
            .arg(config)
            .args(["-dnsserver", RESOLVER])
            .env("PEBBLE_VA_NOSLEEP", "1")
            // It refuses some requests without a fault of theirs, more than certbot asks again.
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            // Valid authorizations are not reused: each proxy has to answer for itself.
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command.spawn().unwrap();
        let mut server = Self {
            child,
            authority: home.write("own.pem", &own),
        };
        let root = server.root(home);
        server.authority = home.write("authority.pem", format!("{own}{root}"));
        server
    }

    /// The authority that the server issues with, which it makes when it starts.
    fn root(&self, home: &Home) -> String {
        let since = Instant::now();
        loop {
            let mut ask = inside("curl", &["-fsS", "--resolve"]);
            ask.arg(format!("{SERVER}:15000:127.0.0.1"));
            ask.arg("--cacert").arg(&self.authority);
            ask.arg(format!("https://{SERVER}:15000/roots/0"));
            let answer = ask.output().unwrap();
            if answer.status.success() {
                return String::from_utf8(answer.stdout).unwrap();
            }
            if since.elapsed() > Duration::from_secs(30) {
                let log = std::fs::read_to_string(home.path().join("pebble.log"));
                panic!("pebble does not start: {answer:?}\n{log:?}");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn check<'a>(verified: &'a Value, name: &str) -> &'a Value {
    let checks = verified["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {verified}"))
}

/// Requests to a proxy over TLS, whoever its certificate is from, until it is dropped.
struct Requests {
    child: Child,
}

impl Requests {
    fn to(address: &str, home: &Home) -> Self {
        let log = std::fs::File::create(home.path().join("requests.log")).unwrap();
        let script = format!(
            "while :; do curl -sk -m 10 -o /dev/null -w '%{{http_code}} %{{errormsg}}\\n' --resolve {NAME}:443:{address} \
             https://{NAME}/api/v4/system/ping; done"
        );
        let child = inside("sh", &["-c", &script]).stdout(log).spawn().unwrap();
        Self { child }
    }

    /// How many were answered, how many connections broke before an answer, and other answers.
    fn end(mut self, home: &Home) -> (usize, Vec<String>, Vec<String>) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = std::fs::read_to_string(home.path().join("requests.log")).unwrap();
        let (good, bad): (Vec<&str>, Vec<&str>) =
            log.lines().partition(|line| line.starts_with("200 "));
        let bad = bad.into_iter().map(str::to_owned);
        let (broken, bad) = bad.partition(|line| line.starts_with("000 "));
        (good.len(), broken, bad)
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn proxies_obtain_certificates_and_renew_them_without_downtime() {
    let Some(program) = pebble() else {
        return;
    };
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    let server = AcmeServer::start(home, &program);
    name(SERVER, &[OUTSIDE.to_owned()]);
    let authority = server.authority.display();
    let tls = format!(
        "tls:\n  host_name: {NAME}\n  issuer: acme\n  authority_file: {authority}\n  acme:\n    \
         email: ops@corp.io\n    agree_to_terms: true\n    directory: https://{SERVER}:14000/dir\n"
    );
    home.write("environments/acme.yaml", format!("{RIG}{tls}"));
    home.run(&["validate", "environments/acme.yaml"])
        .code(0)
        .says(&["port 80 of the proxies is open to the internet"]);

    // Nobody knows the proxies' addresses before: the rig comes up, and says what it waits for.
    home.run(&["up", "acme", "--yes"])
        .code(0)
        .says(&["no certificate yet", "chat.corp.internal is not in DNS yet"]);
    let waiting = verify(home, "acme").json();
    let lasts = check(&waiting, "proxy-1: its certificate lasts");
    assert_eq!(lasts["warning"], true, "{lasts}");
    assert!(
        lasts["detail"]
            .as_str()
            .unwrap()
            .contains("until then it is one of the environment's own authority"),
        "{lasts}"
    );

    // The name leads to both proxies, and the server may ask either.
    let on = |host: &str, command: &str| -> CommandOutcome {
        home.run(&["ssh", "acme", host, "--", command]).code(0)
    };
    let address = |host: &str| {
        let said = on(host, "hostname -I").out;
        said.split_whitespace().next().unwrap().to_owned()
    };
    let proxies = ["proxy-1", "proxy-2"];
    let addresses = proxies.map(address);
    let requests = Requests::to(&addresses[0], home);
    name(NAME, &addresses);
    for proxy in proxies {
        let said = on(proxy, "sudo sh /opt/loadrig/bin/certificate.sh first");
        assert_eq!(said.out.trim(), "", "{said}");
    }
    let trusted = |address: &str| {
        let mut ask = inside("curl", &["-fsS", "-o", "/dev/null", "--resolve"]);
        ask.arg(format!("{NAME}:443:{address}"));
        ask.arg("--cacert").arg(&server.authority);
        ask.arg(format!("https://{NAME}/api/v4/system/ping"));
        // Workers of before a reload may take a connection for a moment.
        let since = Instant::now();
        while !ask.output().unwrap().status.success() {
            assert!(since.elapsed() < Duration::from_secs(20), "{ask:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    for address in &addresses {
        trusted(address);
    }
    let verified = verify(home, "acme").json();
    for proxy in proxies {
        let lasts = check(&verified, &format!("{proxy}: its certificate lasts"));
        assert_eq!(lasts["warning"], false, "{lasts}");
        let detail = lasts["detail"].as_str().unwrap();
        assert!(
            detail.contains("Pebble") && detail.contains("renewed by certbot.timer"),
            "{lasts}"
        );
    }
    home.run(&["up", "acme", "--yes"])
        .code(0)
        .says(&["nothing to do"]);

    // A renewal works, and nginx takes it.
    let serial = || {
        let shown = format!(
            "openssl s_client -connect 127.0.0.1:443 -servername {NAME} </dev/null 2>/dev/null | openssl x509 -noout -serial"
        );
        on("proxy-1", &shown).out
    };
    let before = serial();
    on("proxy-1", "sudo sh /opt/loadrig/bin/certificate.sh try")
        .says(&["all simulated renewals succeeded"]);
    assert_eq!(before, serial());
    let force =
        "sudo sed -i 's|-q renew|-q renew --force-renewal|' /lib/systemd/system/certbot.service";
    on(
        "proxy-1",
        &format!("{force} && sudo systemctl daemon-reload && sudo systemctl start certbot.service"),
    );
    let since = Instant::now();
    while serial() == before {
        assert!(since.elapsed() < Duration::from_secs(30), "{before}");
    }
    trusted(&addresses[0]);
    let (good, broken, bad) = requests.end(home);
    println!(
        "{good} requests were answered while certificates changed, not {bad:?} and {broken:?}"
    );
    assert!(
        good > 20 && bad.is_empty(),
        "{good} answered, but for {bad:?}"
    );
    // On a busy machine one connection of many was seen to break; its client can send the request again.
    assert!(
        broken.len() <= 1 + good / 500,
        "{good} answered, but for {broken:?}"
    );
    down(home, "acme");
    drop(server);
    cloud.finish();
}
