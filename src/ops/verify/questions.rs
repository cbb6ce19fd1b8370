//! What hosts are asked over SSH, by role.

use crate::blueprint::{Address, DatabaseRole, Group};
use crate::hosts::script_command;
use crate::ops::payload::{CACHE, endpoint};
use crate::plan::{EntrancePlace, Inventory};
use crate::spec::{HostName, LoginGate, ProxyTls, Purpose, Role, Spec};

use super::certificate;

/// What curl prints of an answer.
const HTTP: &str = "HTTP %{http_code} after %{time_total} s";

/// How long a port that should be closed is tried, seconds. Within one network an open port
/// answers in milliseconds; what is dropped never does, so this is what the check costs.
const CLOSED_PORT_SECONDS: &str = "0.5";

/// Looks on a proxy for the nodes that get requests.
const NODES: &str = include_str!("../../../templates/proxy/nodes.sh");

/// Counts the samples of the server itself.
const JOB_METRICS: &str = "text=$(curl -fsS -m 10 http://localhost:8067/metrics) && \
    samples=$(echo \"$text\" | grep -c ^mattermost_) && echo \"$samples samples\"";

/// Whether apt installs security updates by itself, and is asked to every day.
const SECURITY_UPDATES: &str = include_str!("../../../templates/common/security-updates.sh");

/// The timers that have apt follow its settings.
const APT_TIMERS: &str = "apt-daily.timer apt-daily-upgrade.timer";

/// Asks for the cache on an application node.
const CACHE_ANSWERS: &str = include_str!("../../../templates/app/cache.sh");

/// A command on a host that succeeds when all is well; its last line is the detail, or after `warning: `
/// what somebody should look at.
pub(super) struct Probe {
    /// What is asked of the host, such as `has the load program`.
    pub(super) subject: String,
    pub(super) command: String,
    pub(super) remedy: String,
    /// The service without which there is no answer.
    pub(super) needs: Option<&'static str>,
    pub(super) subject_is: ProbeSubject,
}

/// What the answer to a probe is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeSubject {
    /// Whether the host's own service serves.
    Service,
    /// Whether a proxy lets requests through to the application nodes.
    Entrance,
    /// Something without which an application node keeps no promise, although it answers.
    Dependency,
    /// The application nodes as well.
    Nodes,
    /// Something else of the host.
    Host,
}

/// What one host is asked; `authority` is that of the load balancer's certificate, PEM, where systems do not
/// trust it.
pub(super) fn probes(
    spec: &Spec,
    inventory: &Inventory,
    host: HostName,
    authority: Option<&str>,
) -> Vec<Probe> {
    let env = &spec.name;
    let logs = |unit: &str| {
        format!(
            "`loadrig ssh {env} {host} -- sudo journalctl -u {unit}` shows its log; `loadrig up {env}` starts a service \
             that does not run, `loadrig ssh {env} {host} -- sudo systemctl restart {unit}` one that hangs"
        )
    };
    let unit = unit(host.role);
    let probe = |subject: &str, command: String, remedy: String| Probe {
        subject: subject.to_owned(),
        command,
        remedy,
        needs: unit,
        subject_is: ProbeSubject::Host,
    };
    let through_nodes = |probe: Probe| Probe {
        subject_is: ProbeSubject::Nodes,
        ..probe
    };
    let mut probes = Vec::new();
    if let Some((what, command)) = service_probe(inventory, host) {
        let command = match (&spec.tls, host.role) {
            (Some(tls), Role::Proxy) => certificate::answers(tls),
            _ => command,
        };
        let remedy = match unit {
            Some(unit) => logs(unit),
            None => format!("`loadrig up {env}` installs it again"),
        };
        let subject_is = match host.role {
            Role::Proxy => ProbeSubject::Entrance,
            _ => ProbeSubject::Service,
        };
        probes.push(Probe {
            subject_is,
            ..probe(what, command, remedy)
        });
    }
    if let (Some(tls), Role::Proxy) = (&spec.tls, host.role) {
        probes.push(probe(
            "its certificate lasts",
            certificate::lasts(tls),
            certificate::renewal(tls, env, host, &inventory.proxy_addresses(spec)),
        ));
    }
    if host.role == Role::Proxy
        && let Some(command) = nodes_command(spec, inventory, host)
    {
        probes.push(through_nodes(probe(
            "sends requests to every application node",
            command,
            format!("`loadrig up {env}` brings them back, once they are ready"),
        )));
    }
    if host.role == LoginGate::place(spec) {
        probes.push(Probe {
            needs: Some("nginx"),
            ..probe(
                "the login gate is as planned",
                gate_command(&LoginGate::of(spec)),
                format!(
                    "`loadrig up {env}` configures it; `loadrig plan {env}` shows its rate and why"
                ),
            )
        });
    }
    if host.role == Role::Job && spec.mattermost.license.is_licensed() {
        probes.push(probe(
            "metrics answer",
            JOB_METRICS.to_owned(),
            logs("mattermost-jobserver"),
        ));
    }
    if host.role == Role::App
        && spec.cache.nodes > 0
        && let Some(cache) = endpoint(inventory, &Address::cache(), CACHE)
    {
        probes.push(Probe {
            subject_is: ProbeSubject::Dependency,
            ..probe(
                "uses the cache",
                script_command(CACHE_ANSWERS, &[cache.host, cache.port.to_string()]),
                format!(
                    "`loadrig ssh {env} {host} -- sudo journalctl -u mattermost` shows whether the server reaches it; `loadrig plan {env}` shows a cache that is not ready"
                ),
            )
        });
    }
    if host.role == Role::App
        && let Some(push) = &spec.mattermost.connections.push
    {
        probes.push(Probe {
            needs: None,
            ..probe(
                "reaches the push proxy",
                push_command(push),
                "check `mattermost.push`: it has to admit the application nodes' addresses, and they to trust who \
                 signed its certificate"
                    .to_owned(),
            )
        });
    }
    if spec.purpose == Purpose::GoldStandard {
        probes.push(Probe {
            needs: None,
            ..probe(
                "security updates are installed every day",
                script_command(SECURITY_UPDATES, &[]),
                format!(
                    "`loadrig ssh {env} {host} -- 'sudo systemctl unmask {APT_TIMERS} && sudo systemctl start {APT_TIMERS}'` \
                     lets the timers run; `loadrig up {env}` restores the settings"
                ),
            )
        });
    }
    if host.role == Role::Agent
        && spec.load_balancer.alb().is_some()
        && let Some(entrance) = inventory.outer_entrance(spec)
    {
        probes.push(through_nodes(probe(
            "reaches the application nodes through the load balancer",
            through_balancer(&entrance, authority),
            format!("`loadrig plan {env}` shows a listener or rules that were changed"),
        )));
    }
    if host.role == Role::Agent
        && spec.database.readers > 0
        && let Some(endpoint) = inventory.endpoint(&Address::database(DatabaseRole::Writer))
    {
        // What the security groups promise: an agent has no business with the database.
        probes.push(probe(
            &format!("security group `{}` keeps it out", Group::Database.as_str()),
            format!(
                "if timeout {CLOSED_PORT_SECONDS} bash -c '</dev/tcp/{endpoint}/5432' 2>/dev/null; then echo 'port 5432 is open'; false; else echo 'port 5432 is closed'; fi"
            ),
            format!("`loadrig plan {env}` shows rules that were changed manually"),
        ));
    }
    probes
}

/// Looks for the nodes that a proxy really sends requests to.
fn nodes_command(spec: &Spec, inventory: &Inventory, proxy: HostName) -> Option<String> {
    let (url, resolve) = match &spec.tls {
        Some(ProxyTls { host_name, .. }) => (
            format!("https://{host_name}"),
            format!("{host_name}:443:127.0.0.1"),
        ),
        None => ("http://localhost".to_owned(), String::new()),
    };
    let mut words = vec![proxy.to_string(), url, resolve];
    for node in spec.hosts_of(Role::App) {
        words.push(format!("{node}={}", inventory.private_address(node)?));
    }
    Some(script_command(NODES, &words))
}

/// Asks a push proxy for anything: whatever it answers, it is reached, and has a certificate that is trusted.
fn push_command(url: &str) -> String {
    let script = format!("curl -sS -m 10 -o /dev/null -w '{HTTP}' \"$1\"");
    script_command(&script, &[url.to_owned()])
}

/// Asks the server through the load balancer, at its own name: the one of its certificate may lead nowhere yet.
fn through_balancer(entrance: &EntrancePlace, authority: Option<&str>) -> String {
    let there = match &entrance.connect_to {
        Some(name) => format!("--connect-to ::{name}: "),
        None => String::new(),
    };
    let url = &entrance.url;
    let ask = format!("curl -fsS -m 10 -o /dev/null -w '{HTTP}' {there}{url}/api/v4/system/ping");
    match authority {
        Some(authority) => {
            let script = format!("printf '%s\\n' \"$1\" | {ask} --cacert /dev/stdin");
            script_command(&script, &[authority.to_owned()])
        }
        None => ask,
    }
}

/// Compares what the running nginx says of its login gate with the plan: a configuration that nginx
/// did not load is not answered from.
fn gate_command(gate: &LoginGate) -> String {
    let url = "http://127.0.0.1:8099/login-gate";
    match gate.limits() {
        Some(limits) => {
            let planned = limits.as_configured();
            format!(
                "seen=$(curl -fsS -m 10 {url}) && if [ \"$seen\" = '{planned}' ]; then echo \"$seen\"; \
                 else echo \"nginx has '$seen', planned is '{planned}'\" >&2; false; fi"
            )
        }
        None => format!(
            "if seen=$(curl -fsS -m 10 {url} 2>/dev/null); then echo \"nginx has '$seen', planned is none\" >&2; \
             false; else echo 'none, as planned'; fi"
        ),
    }
}

/// Whether a host does what its role is for.
fn service_probe(inventory: &Inventory, host: HostName) -> Option<(&'static str, String)> {
    let get = |url: &str| format!("curl -fsS -m 10 -o /dev/null -w '{HTTP}' '{url}'");
    match host.role {
        Role::App => Some((
            "answers, with database and file store",
            get("http://localhost:8065/api/v4/system/ping?get_server_status=true"),
        )),
        Role::Proxy => Some((
            "forwards to the application nodes",
            get("http://localhost/api/v4/system/ping"),
        )),
        Role::SearchProxy => inventory.private_address(host).map(|address| {
            (
                "signs and forwards requests to the search domain",
                get(&format!("http://{address}:9200/")),
            )
        }),
        Role::Metrics => Some((
            "Prometheus is ready",
            "curl -fsS -m 10 http://localhost:9090/-/ready".to_owned(),
        )),
        // It serves nothing; whether it takes jobs is asked through the entrance.
        Role::Job | Role::Bastion => None,
        Role::Agent => Some((
            "has the load program",
            "/opt/loadrig/bin/loadrig --version".to_owned(),
        )),
    }
}

/// The service that a role is for.
pub(super) fn unit(role: Role) -> Option<&'static str> {
    match role {
        Role::App => Some("mattermost"),
        Role::Job => Some("mattermost-jobserver"),
        Role::Proxy => Some("nginx"),
        Role::SearchProxy => Some("loadrig-search-proxy"),
        Role::Metrics => Some("prometheus"),
        Role::Bastion => Some("ssh"),
        Role::Agent => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        let library = crate::spec::Library::new(Some("no-such-directory".into()));
        library.architecture("1k").unwrap().example()
    }

    /// curl is asked for a name that nobody knows, at a server of this test.
    #[test]
    fn an_agent_finds_the_load_balancer_before_dns_knows_its_certificates_name() {
        use std::io::{Read as _, Write as _};

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            stream.write_all(answer).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let place = EntrancePlace {
            url: format!("http://chat.invalid:{port}"),
            connect_to: Some("localhost".to_owned()),
        };
        let command = through_balancer(&place, None);
        let shell = std::process::Command::new("sh")
            .args(["-c", &command])
            .output();
        let told = String::from_utf8(shell.unwrap().stdout).unwrap();
        assert!(told.starts_with("HTTP 200"), "{told}");
        let request = served.join().unwrap();
        assert!(
            request.contains(&format!("Host: chat.invalid:{port}\r\n")),
            "{request}"
        );
    }

    /// A load balancer whose certificate is from an authority that no system knows.
    #[test]
    fn an_agent_trusts_the_authority_of_the_load_balancers_certificate_alone() {
        use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
        use std::io::{Read as _, Write as _};

        let authority = || {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            // One that has the server's name would be the server's own.
            params
                .distinguished_name
                .push(DnType::CommonName, "authority");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let pem = params.self_signed(&key).unwrap().pem();
            (pem, Issuer::new(params, key))
        };
        let (own, issuer) = authority();
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["chat.invalid".to_owned()]).unwrap();
        let chain = server.signed_by(&key, &issuer).unwrap().pem();
        let config = rustls::ServerConfig::builder_with_provider(std::sync::Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
        )
        .unwrap();
        let config = std::sync::Arc::new(config);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let tls = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut stream = rustls::StreamOwned::new(tls, stream.unwrap());
                // A client that does not trust it hangs up.
                if stream.read(&mut [0; 4096]).is_ok() {
                    let answer =
                        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
                    stream.write_all(answer).unwrap();
                    stream.conn.send_close_notify();
                    stream.flush().unwrap();
                }
            }
        });
        let place = EntrancePlace {
            url: format!("https://chat.invalid:{port}"),
            connect_to: Some("localhost".to_owned()),
        };
        for (trusted, is_reached) in [
            (Some(own.as_str()), true),
            (Some(authority().0.as_str()), false),
            (None, false),
        ] {
            let command = through_balancer(&place, trusted);
            let shell = std::process::Command::new("sh")
                .args(["-c", &command])
                .output()
                .unwrap();
            assert_eq!(shell.status.success(), is_reached, "{shell:?}");
            let told = String::from_utf8(shell.stdout).unwrap();
            assert_eq!(told.starts_with("HTTP 200"), is_reached, "{told}");
        }
    }

    #[test]
    fn a_closed_port_costs_less_than_a_second() {
        let seconds: f64 = CLOSED_PORT_SECONDS.parse().unwrap();
        assert!(seconds < 1.0, "`verify` waits for it");
        assert!(
            spec().database.readers > 0,
            "the probe has something to try"
        );
    }
}
