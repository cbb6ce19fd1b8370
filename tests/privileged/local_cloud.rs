//! The local cloud end to end: what the API reports is really there, and nothing of it
//! stays. Needs Linux, root and the packages that `loadrig local prepare` names; the
//! tests take turns, as there is one local cloud on a machine.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use loadrig::localcloud::{self, Entered, Running};
use serde_json::{Value, json};
use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

/// How long anything here may take to come or go.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running local cloud; the calling thread is inside it.
struct RunningCloud {
    running: Running,
    entered: Option<Entered>,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    directory: tempfile::TempDir,
    _turn: File,
}

impl RunningCloud {
    fn start() -> Self {
        let turn = File::create(std::env::temp_dir().join("loadrig-local-cloud-tests")).unwrap();
        turn.lock().unwrap();
        assert!(
            localcloud::status().is_none(),
            "a local cloud runs already; these tests would stop it: `loadrig local stop`"
        );
        loadrig(&["local", "start"]);
        Self::enter(turn)
    }

    fn enter(turn: File) -> Self {
        let running = localcloud::status().expect("the cloud runs").running;
        let entered = Some(localcloud::enter(&running).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        Self {
            running,
            entered,
            runtime,
            client,
            directory,
            _turn: turn,
        }
    }

    /// One call of a service with forms and XML.
    fn call(&self, service: &str, action: &str, fields: &[(&str, &str)]) -> String {
        let mut form = vec![("Action", action), ("Version", version(service))];
        form.extend_from_slice(fields);
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let request = self
            .client
            .post(&self.running.endpoint)
            .header("authorization", authorization(service))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish());
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(status.is_success(), "{action}: {status} {text}");
            text
        })
    }

    fn ec2(&self, action: &str, fields: &[(&str, &str)]) -> String {
        self.call("ec2", action, fields)
    }

    /// One call of OpenSearch.
    fn search(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let url = format!("{}/2021-01-01/opensearch/{path}", self.running.endpoint);
        let mut request = self
            .client
            .request(method, url)
            .header("authorization", authorization("es"));
        if !body.is_null() {
            request = request.json(body);
        }
        self.runtime
            .block_on(async { request.send().await.unwrap().json().await.unwrap() })
    }

    /// A VPC with two subnets in two zones and a group that lets the operator in by SSH.
    fn network(&self, prefix: &str) -> CloudNetwork {
        let vpc = one(
            &self.ec2("CreateVpc", &[("CidrBlock", &format!("{prefix}.0.0/16"))]),
            "vpcId",
        );
        let subnet = |number: u8, zone: &str| {
            let range = format!("{prefix}.{number}.0/24");
            let fields = [
                ("VpcId", vpc.as_str()),
                ("CidrBlock", &range),
                ("AvailabilityZone", zone),
            ];
            one(&self.ec2("CreateSubnet", &fields), "subnetId")
        };
        let subnets = [subnet(1, "us-east-1a"), subnet(2, "us-east-1b")];
        let network = CloudNetwork {
            group: String::new(),
            vpc,
            subnets,
        };
        let group = self.group(&network, "hosts");
        let operator = format!("{}/32", self.running.operator);
        self.permit(
            &group,
            22,
            &[("IpPermissions.1.IpRanges.1.CidrIp", &operator)],
        );
        CloudNetwork { group, ..network }
    }

    fn group(&self, network: &CloudNetwork, name: &str) -> String {
        let fields = [
            ("GroupName", name),
            ("GroupDescription", name),
            ("VpcId", network.vpc.as_str()),
        ];
        one(&self.ec2("CreateSecurityGroup", &fields), "groupId")
    }

    fn permit(&self, group: &str, port: u16, peer: &[(&str, &str)]) {
        let port = port.to_string();
        let mut fields = vec![
            ("GroupId", group),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", &port),
            ("IpPermissions.1.ToPort", &port),
        ];
        fields.extend_from_slice(peer);
        self.ec2("AuthorizeSecurityGroupIngress", &fields);
    }

    /// Starts an instance whose host key is known, and waits until it answers by SSH.
    fn instance(&self, network: &CloudNetwork, user_data: Value) -> Host {
        let host_key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).unwrap();
        let public = host_key.public_key().to_openssh().unwrap();
        let mut document = user_data;
        document["ssh_keys"] = json!({
            "ed25519_private": host_key.to_openssh(LineEnding::LF).unwrap().to_string(),
            "ed25519_public": public,
        });
        document["ssh_authorized_keys"] = json!([self.operator_key()]);
        let user_data = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            format!("#cloud-config\n{document}"),
        );
        let image = one(
            &self.ec2("DescribeImages", &[("Owner.1", "136693071363")]),
            "imageId",
        );
        let started = self.ec2(
            "RunInstances",
            &[
                ("ImageId", image.as_str()),
                ("InstanceType", "c7i.large"),
                ("MinCount", "1"),
                ("MaxCount", "1"),
                ("SubnetId", network.subnets[0].as_str()),
                ("SecurityGroupId.1", network.group.as_str()),
                ("UserData", user_data.as_str()),
            ],
        );
        let host = Host {
            id: one(&started, "instanceId"),
            address: one(&started, "privateIpAddress").parse().unwrap(),
            known: self
                .directory
                .path()
                .join(format!("known-{}", one(&started, "instanceId"))),
        };
        std::fs::write(&host.known, format!("{} {public}\n", host.address)).unwrap();
        self.until("the instance answers by SSH", || {
            self.ssh(&host, "true").status.success()
        });
        host
    }

    /// The operator's key; made on first use.
    fn operator_key(&self) -> String {
        let path = self.directory.path().join("key");
        if !path.exists() {
            let key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).unwrap();
            key.write_openssh_file(&path, LineEnding::LF).unwrap();
        }
        PrivateKey::read_openssh_file(&path)
            .unwrap()
            .public_key()
            .to_openssh()
            .unwrap()
    }

    fn ssh(&self, host: &Host, command: &str) -> Output {
        Command::new("ssh")
            .args([
                "-F",
                "none",
                "-o",
                "StrictHostKeyChecking=yes",
                "-o",
                "ConnectTimeout=2",
            ])
            .args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"])
            .arg(self.directory.path().join("key"))
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", host.known.display()))
            .arg(format!("admin@{}", host.address))
            .arg(command)
            .output()
            .unwrap()
    }

    /// What a command on a host prints; the command must succeed.
    fn on(&self, host: &Host, command: &str) -> String {
        let output = self.ssh(host, command);
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(
            output.status.success(),
            "`{command}`: {text} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    fn state(&self, id: &str) -> String {
        let text = self.ec2("DescribeInstances", &[("InstanceId.1", id)]);
        let state = text.split_once("<instanceState>").unwrap().1;
        one(state, "name")
    }

    fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for RunningCloud {
    fn drop(&mut self) {
        self.entered = None;
        let stopped = Command::new(env!("CARGO_BIN_EXE_loadrig"))
            .args(["local", "stop", "--yes"])
            .output();
        if !std::thread::panicking() {
            let stopped = stopped.unwrap();
            assert!(
                stopped.status.success(),
                "{}",
                String::from_utf8_lossy(&stopped.stderr)
            );
            assert_eq!(localcloud::find_leftovers().unwrap(), []);
        }
    }
}

struct CloudNetwork {
    vpc: String,
    subnets: [String; 2],
    group: String,
}

struct Host {
    id: String,
    address: Ipv4Addr,
    known: PathBuf,
}

#[test]
fn an_instance_is_a_running_host_until_it_is_terminated() {
    let cloud = RunningCloud::start();
    let network = cloud.network("10.20");
    let host = cloud.instance(
        &network,
        json!({
            "hostname": "first",
            "write_files": [{"path": "/etc/marker", "content": "from user data\n", "owner": "admin:admin", "permissions": "0600"}],
            "runcmd": ["echo late > /root/late"],
            "packages": ["nothing"],
        }),
    );
    assert_eq!(
        cloud.on(
            &host,
            "hostname; cat /etc/marker; stat -c '%U %a' /etc/marker"
        ),
        "first\nfrom user data\nadmin 600"
    );
    cloud.until("the host is up", || {
        cloud.on(&host, "systemctl is-system-running || true") == "running"
    });
    assert_eq!(cloud.on(&host, "sudo cat /root/late"), "late");
    assert!(
        cloud
            .on(&host, "sudo cat /var/log/cloud-init.log")
            .contains("`packages`")
    );
    assert_eq!(
        cloud.on(
            &host,
            "curl -s -o /dev/null -w '%{http_code}' http://169.254.169.254/latest/meta-data/"
        ),
        "401"
    );
    assert_eq!(
        cloud.on(
            &host,
            "curl -sS https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem | head -1"
        ),
        "-----BEGIN CERTIFICATE-----"
    );
    cloud.on(
        &host,
        "sudo apt-get -q update && sudo apt-get -qq -y install jq && jq --version",
    );

    // It keeps its disk over a reboot from within, and over a stop.
    let boot = "cat /proc/sys/kernel/random/boot_id; sudo cat /proc/1/stat | cut -d' ' -f22";
    let before = cloud.on(&host, boot);
    let _ = cloud.ssh(&host, "echo kept > kept; sudo systemctl reboot");
    cloud.until("the host is back", || {
        let output = cloud.ssh(&host, boot);
        output.status.success() && String::from_utf8_lossy(&output.stdout).trim() != before
    });
    assert_eq!(
        cloud.on(&host, "cat kept; hostname; sudo cat /root/late"),
        "kept\nfirst\nlate"
    );
    cloud.ec2("StopInstances", &[("InstanceId.1", &host.id)]);
    cloud.until("the host is off", || {
        !cloud.ssh(&host, "true").status.success()
    });
    cloud.ec2("StartInstances", &[("InstanceId.1", &host.id)]);
    cloud.until("the host is on", || {
        cloud.ssh(&host, "true").status.success()
    });
    assert_eq!(cloud.on(&host, "cat kept"), "kept");
    assert_eq!(cloud.state(&host.id), "running");

    cloud.ec2("TerminateInstances", &[("InstanceId.1", &host.id)]);
    cloud.until("nothing of the host is left", || {
        !localcloud::find_leftovers()
            .unwrap()
            .iter()
            .any(|trace| trace.what.contains(&host.id))
    });
}

#[test]
fn security_groups_restrict_traffic() {
    let cloud = RunningCloud::start();
    let (network, other) = (cloud.network("10.30"), cloud.network("10.31"));
    let [one, two] = [
        cloud.instance(&network, json!({})),
        cloud.instance(&network, json!({})),
    ];
    let stranger = cloud.instance(&other, json!({}));
    // SSH itself is the service that the others try to reach.
    let reaches = |from: &Host, to: &Host| {
        cloud
            .ssh(
                from,
                &format!("timeout 2 bash -c 'exec 3<>/dev/tcp/{}/22'", to.address),
            )
            .status
            .success()
    };
    assert!(!reaches(&one, &two), "nothing permits it");
    cloud.permit(
        &network.group,
        22,
        &[("IpPermissions.1.Groups.1.GroupId", &network.group)],
    );
    cloud.until("the group's members reach each other", || {
        reaches(&one, &two)
    });
    cloud.permit(
        &network.group,
        22,
        &[("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/8")],
    );
    assert!(reaches(&one, &two));
    assert!(
        !reaches(&stranger, &two),
        "another VPC is another network, whatever the groups say"
    );
    // A host cannot borrow the operator's address, nor leave the cloud.
    cloud.on(&stranger, "sudo ip addr add 10.30.1.77/32 dev lo");
    let borrowed = format!(
        "curl -s -m 2 --interface 10.30.1.77 telnet://{}:22 </dev/null",
        two.address
    );
    assert!(!cloud.ssh(&stranger, &borrowed).status.success());
    assert!(
        !cloud
            .ssh(&one, "curl -s -m 2 http://192.0.2.1/")
            .status
            .success()
    );
}

#[test]
fn databases_replicate_and_domains_answer_over_verified_tls() {
    let cloud = RunningCloud::start();
    let network = cloud.network("10.40");
    let host = cloud.instance(&network, json!({}));
    let services = cloud.group(&network, "services");
    for port in [5432, 443] {
        cloud.permit(
            &services,
            port,
            &[("IpPermissions.1.Groups.1.GroupId", &network.group)],
        );
    }
    let [first, second] = &network.subnets;
    cloud.call(
        "rds",
        "CreateDBSubnetGroup",
        &[
            ("DBSubnetGroupName", "group"),
            ("DBSubnetGroupDescription", "group"),
            ("SubnetIds.SubnetIdentifier.1", first),
            ("SubnetIds.SubnetIdentifier.2", second),
        ],
    );
    let made = cloud.call(
        "rds",
        "CreateDBInstance",
        &[
            ("DBInstanceIdentifier", "writer"),
            ("DBInstanceClass", "db.r6g.large"),
            ("Engine", "postgres"),
            ("AllocatedStorage", "20"),
            ("MasterUsername", "mmuser"),
            ("MasterUserPassword", "it's+a+secret"),
            ("DBName", "mattermost"),
            ("DBSubnetGroupName", "group"),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.1", &services),
        ],
    );
    assert_eq!(one(&made, "DBInstanceStatus"), "creating");
    cloud.call(
        "rds",
        "CreateDBInstanceReadReplica",
        &[
            ("DBInstanceIdentifier", "reader"),
            ("SourceDBInstanceIdentifier", "writer"),
        ],
    );
    // Domains in a VPC need the role of their service.
    cloud.call(
        "iam",
        "CreateServiceLinkedRole",
        &[("AWSServiceName", "opensearchservice.amazonaws.com")],
    );
    cloud.search(
        reqwest::Method::POST,
        "domain",
        &json!({"DomainName": "find", "VPCOptions": {"SubnetIds": [first], "SecurityGroupIds": [services]}}),
    );
    let endpoint = |id: &str| {
        let mut found = String::new();
        cloud.until("the database is available", || {
            found = cloud.call(
                "rds",
                "DescribeDBInstances",
                &[("DBInstanceIdentifier", id)],
            );
            one(&found, "DBInstanceStatus") == "available"
        });
        one(&found, "Address")
    };
    let (writer, reader) = (endpoint("writer"), endpoint("reader"));
    cloud.on(
        &host,
        "sudo apt-get -qq -y install postgresql-client >/dev/null",
    );
    let sql = |server: &str, statement: &str| {
        let command = format!(
            "PGPASSWORD=\"it's+a+secret\" psql -At 'host={server} user=mmuser dbname=mattermost sslmode=verify-full \
             sslrootcert=/etc/ssl/certs/ca-certificates.crt connect_timeout=3' -c '{statement}'"
        );
        let output = cloud.ssh(&host, &command);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(sql(&writer, "create table t as select 42 as x"), "SELECT 1");
    cloud.until("the reader has what the writer wrote", || {
        sql(&reader, "select x from t") == "42"
    });
    assert_eq!(sql(&reader, "select pg_is_in_recovery()"), "t");

    let mut domain = Value::Null;
    cloud.until("the domain has an endpoint", || {
        domain = cloud.search(reqwest::Method::GET, "domain/find", &Value::Null)["DomainStatus"]["Endpoints"]["vpc"].clone();
        domain.is_string()
    });
    let url = format!("https://{}", domain.as_str().unwrap());
    let health = |more: &str| cloud.on(&host, &format!("curl -sS {more} {url}/_cluster/health"));
    // Its policy admits nobody yet, and nobody knows this signature.
    let refused = health("");
    assert!(
        refused.contains("anonymous is not authorized to perform: es:ESHttpGet"),
        "{refused}"
    );
    let unknown = health("--user test:test --aws-sigv4 aws:amz:us-east-1:es");
    assert!(
        unknown.contains("security token included in the request is invalid"),
        "{unknown}"
    );
    let open = json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "es:ESHttp*"}]});
    cloud.search(
        reqwest::Method::POST,
        "domain/find/config",
        &json!({"AccessPolicies": open.to_string()}),
    );
    cloud.until("the policy is in effect", || health("").contains("green"));

    cloud.call(
        "rds",
        "DeleteDBInstance",
        &[
            ("DBInstanceIdentifier", "reader"),
            ("SkipFinalSnapshot", "true"),
        ],
    );
    cloud.until("the reader is gone", || {
        !localcloud::find_leftovers()
            .unwrap()
            .iter()
            .any(|trace| trace.what.contains("db-reader"))
    });
    assert!(sql(&reader, "select 1").is_empty());
}

/// A request of S3 from a host, signed; it must succeed.
fn s3(cloud: &RunningCloud, host: &Host, method: &str, url: &str, body: &str) -> String {
    cloud.on(
        host,
        &format!(
            "curl -sS --fail-with-body -X {method} --data-binary '{body}' --user test:test \
             --aws-sigv4 aws:amz:us-east-1:s3 -H 'content-type: text/plain' '{url}'"
        ),
    )
}

#[test]
fn every_name_of_a_service_answers_hosts_with_a_certificate_for_it() {
    let cloud = RunningCloud::start();
    let network = cloud.network("10.60");
    let host = cloud.instance(&network, json!({}));
    let s3_hosts = [
        "s3.us-east-1.amazonaws.com",
        "s3.dualstack.us-east-1.amazonaws.com",
        "s3-us-east-1.amazonaws.com",
        "s3.amazonaws.com",
    ];
    s3(&cloud, &host, "PUT", "https://s3.amazonaws.com/names", "");
    // What is stored by one name is found by all others: with the bucket in the path, and in
    // the name.
    let urls: Vec<String> = s3_hosts
        .iter()
        .flat_map(|name| {
            [
                format!("https://{name}/names"),
                format!("https://names.{name}"),
            ]
        })
        .collect();
    for (number, url) in urls.iter().enumerate() {
        let text = format!("by name {number}");
        s3(&cloud, &host, "PUT", &format!("{url}/object"), &text);
        for other in &urls {
            let read = s3(&cloud, &host, "GET", &format!("{other}/object"), "");
            assert_eq!(read, text, "stored by {url}, read by {other}");
        }
    }
    for name in [
        "sts.amazonaws.com",
        "sts.us-east-1.amazonaws.com",
        "ssm.us-east-1.amazonaws.com",
        "ec2.us-east-1.amazonaws.com",
    ] {
        cloud.on(&host, &format!("curl -sS -o /dev/null https://{name}/"));
    }
    let unknown = cloud.ssh(&host, "getent hosts s3.dualstack.eu-north-1.amazonaws.com");
    assert!(!unknown.status.success(), "{unknown:?}");
}

#[test]
fn a_cache_is_a_server_at_its_endpoint_until_it_is_deleted() {
    let cloud = RunningCloud::start();
    let network = cloud.network("10.70");
    let host = cloud.instance(&network, json!({}));
    let group = cloud.group(&network, "cache");
    cloud.call(
        "iam",
        "CreateServiceLinkedRole",
        &[("AWSServiceName", "elasticache.amazonaws.com")],
    );
    let [first, second] = &network.subnets;
    cloud.call(
        "elasticache",
        "CreateCacheSubnetGroup",
        &[
            ("CacheSubnetGroupName", "caches"),
            ("CacheSubnetGroupDescription", "caches"),
            ("SubnetIds.SubnetIdentifier.1", first),
            ("SubnetIds.SubnetIdentifier.2", second),
        ],
    );
    let create = || {
        let made = cloud.call(
            "elasticache",
            "CreateReplicationGroup",
            &[
                ("ReplicationGroupId", "quick"),
                ("ReplicationGroupDescription", "quick"),
                ("Engine", "redis"),
                ("CacheNodeType", "cache.m7g.large"),
                ("NumCacheClusters", "2"),
                ("CacheSubnetGroupName", "caches"),
                ("SecurityGroupIds.SecurityGroupId.1", &group),
            ],
        );
        assert_eq!(one(&made, "Status"), "creating");
        let mut found = String::new();
        cloud.until("the cache is available", || {
            found = cloud.call(
                "elasticache",
                "DescribeReplicationGroups",
                &[("ReplicationGroupId", "quick")],
            );
            one(&found, "Status") == "available"
        });
        let primary = found.split_once("<PrimaryEndpoint>").unwrap().1;
        one(primary, "Address")
    };
    let says = |endpoint: &str, commands: &str, bytes: usize| {
        let script = format!(
            "exec 3<>/dev/tcp/{endpoint}/6379; printf '{commands}' >&3; timeout 2 head -c {bytes} <&3"
        );
        let output = cloud.ssh(&host, &format!("timeout 3 bash -c \"{script}\""));
        String::from_utf8_lossy(&output.stdout).replace("\r\n", " ")
    };
    let endpoint = create();
    assert_eq!(says(&endpoint, "PING\\r\\n", 7), "", "nothing permits it");
    cloud.permit(
        &group,
        6379,
        &[("IpPermissions.1.Groups.1.GroupId", &network.group)],
    );
    cloud.until("the members of the group reach the cache", || {
        says(&endpoint, "PING\\r\\n", 7) == "+PONG "
    });
    let stored = says(&endpoint, "SET post 42\\r\\nGET post\\r\\n", 13);
    assert_eq!(stored, "+OK $2 42 ");
    let refused = says(&endpoint, "CONFIG GET save\\r\\n", 19);
    assert_eq!(refused, "-ERR unknown comman");

    let delete = || {
        cloud.call(
            "elasticache",
            "DeleteReplicationGroup",
            &[("ReplicationGroupId", "quick")],
        );
        cloud.until("nothing of the cache is left", || {
            !localcloud::find_leftovers()
                .unwrap()
                .iter()
                .any(|trace| trace.what.contains("cache-quick"))
        });
    };
    delete();
    assert_eq!(says(&endpoint, "PING\\r\\n", 7), "");
    // The name again: an empty cache with another endpoint.
    let again = create();
    assert_ne!(again, endpoint);
    cloud.until("the new cache answers", || {
        says(&again, "GET post\\r\\n", 5) == "$-1 "
    });
    delete();
}

#[test]
fn a_local_cloud_in_use_is_neither_stopped_nor_another_one_unasked() {
    // This process is in its network.
    let cloud = RunningCloud::start();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_loadrig"))
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = run(&["local", "stop"]);
    assert_eq!(code, Some(2), "{said}");
    let own = format!("(process {})", std::process::id());
    assert!(said.contains(&own) && said.contains("`--yes`"), "{said}");
    let (code, said) = run(&["--region", "eu-west-1", "local", "start"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("for region `us-east-1`"), "{said}");
    assert_eq!(localcloud::status().unwrap().running, cloud.running);
}

#[test]
fn the_next_start_or_stop_cleans_up_after_a_kill() {
    let mut cloud = RunningCloud::start();
    let network = cloud.network("10.50");
    let host = cloud.instance(&network, json!({}));
    let status = localcloud::status().unwrap();
    let mut user = Command::new("nsenter")
        .arg(format!("--net={}", status.running.netns.display()))
        .args(["sleep", "60"])
        .spawn()
        .unwrap();
    cloud.until(
        "a process in the cloud's network is known as a user",
        || {
            localcloud::users()
                .iter()
                .any(|user| user.command == "sleep 60")
        },
    );
    user.kill().unwrap();
    user.wait().unwrap();
    kill(status.daemon);
    cloud.until("the host dies with the daemon", || {
        !cloud.ssh(&host, "true").status.success()
    });
    cloud.entered = None;
    let crashed = Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .args(["local", "status"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&crashed.stdout).into_owned();
    assert_eq!(crashed.status.code(), Some(1), "{said}");
    assert!(said.contains("an earlier local cloud left"), "{said}");
    loadrig(&["local", "start"]);
    assert!(
        !localcloud::find_leftovers()
            .unwrap()
            .iter()
            .any(|trace| trace.what.contains(&host.id))
    );
    let again = localcloud::status().unwrap();
    assert_ne!(again.daemon, status.daemon);
    loadrig(&["local", "start"]);
    assert_eq!(
        localcloud::status().unwrap().daemon,
        again.daemon,
        "a second start finds the first"
    );

    let moto = child_named(again.daemon, "moto_server");
    kill(moto);
    cloud.until("the cloud ends with its API", || {
        localcloud::status().is_none()
    });
    assert!(
        std::fs::read_to_string(&again.log)
            .unwrap()
            .contains("`moto` ended")
    );
}

/// Runs the program; it must succeed.
fn loadrig(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn kill(pid: i32) {
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
}

/// A child process by its program's name.
fn child_named(parent: i32, name: &str) -> i32 {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .find(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.contains(&format!("({name})"))
                && stat.rsplit(')').next().unwrap().split(' ').nth(2) == Some(&parent.to_string())
        })
        .expect("the child exists")
}

/// The text of the first element with this name.
fn one(xml: &str, element: &str) -> String {
    let (_, rest) = xml
        .split_once(&format!("<{element}>"))
        .unwrap_or_else(|| panic!("no `{element}` in {xml}"));
    rest.split_once('<').unwrap().0.trim().to_owned()
}

fn version(service: &str) -> &'static str {
    match service {
        "ec2" => "2016-11-15",
        "iam" => "2010-05-08",
        "elasticache" => "2015-02-02",
        _ => "2014-10-31",
    }
}

fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}
