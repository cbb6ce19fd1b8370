//! A strict cloud of a test's own, and calls to it as they go over the wire.

use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::time::Duration;

use strict_cloud::{Emulator, StrictCloud, StrictOptions};
use tokio::net::TcpListener;

use crate::common::Moto;

/// Debian's image in the emulator's list.
pub const IMAGE: &str = "ami-0aaaaaaaaaaaaaaa1";

/// One emulator for the whole file; tests keep apart by region, and by name where a
/// service has no regions.
fn emulator() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let (sender, receiver) = channel();
        // The emulator ends with the thread that started it: this one never does.
        std::thread::spawn(move || {
            let moto = Moto::start();
            sender.send(moto.endpoint().to_owned()).unwrap();
            loop {
                std::thread::park();
            }
        });
        receiver.recv().unwrap()
    })
}

/// By then, in seconds, other services know what is new.
pub const PROPAGATION: u64 = 11;

/// What came back.
#[derive(Debug)]
pub struct WireAnswer {
    pub status: u16,
    pub text: String,
    /// Headers of S3: the version, the expiration and the location of what the answer is about.
    pub version: Option<String>,
    pub expiration: Option<String>,
    pub location: Option<String>,
}

impl WireAnswer {
    async fn read(answer: reqwest::Response) -> Result<Self, reqwest::Error> {
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let [version, expiration, location] =
            ["x-amz-version-id", "x-amz-expiration", "location"].map(header);
        Ok(Self {
            status: answer.status().as_u16(),
            version,
            expiration,
            location,
            text: answer.text().await?,
        })
    }

    /// The code of a refusal, in any service's shape.
    pub fn code(&self) -> &str {
        self.between("<Code>", "</Code>")
            .or_else(|| self.between("\"__type\":\"", "\""))
            .or_else(|| self.between("\"__type\": \"", "\""))
            .unwrap_or_default()
    }

    pub fn between(&self, start: &str, end: &str) -> Option<&str> {
        Some(self.text.split_once(start)?.1.split_once(end)?.0)
    }

    /// The text of the first element of this name.
    pub fn first(&self, name: &str) -> String {
        self.between(&format!("<{name}>"), &format!("</{name}>"))
            .unwrap_or_else(|| panic!("no `{name}` in {}", self.text))
            .to_owned()
    }

    /// How often an element of this name and text occurs.
    pub fn count(&self, name: &str, text: &str) -> usize {
        self.text
            .matches(&format!("<{name}>{text}</{name}>"))
            .count()
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.status < 300, "{} {}", self.status, self.text);
        self
    }

    /// Refused with this code and status.
    #[track_caller]
    pub fn refused(self, code: &str, status: u16) -> Self {
        assert_eq!((self.code(), self.status), (code, status), "{}", self.text);
        self
    }
}

/// A strict cloud in a region.
pub struct TestCloud {
    pub region: &'static str,
    pub endpoint: String,
    pub strict: StrictCloud,
    pub client: reqwest::Client,
    pub key: String,
}

impl TestCloud {
    /// Rules alone.
    pub async fn instant(region: &'static str) -> Self {
        Self::with(region, |_| ()).await
    }

    /// A cloud whose options a test has changed.
    pub async fn with(region: &'static str, change: impl FnOnce(&mut StrictOptions)) -> Self {
        let emulator = tokio::task::spawn_blocking(emulator).await.unwrap();
        let mut options = StrictOptions::instant(Emulator::new(emulator).unwrap());
        change(&mut options);
        let strict = StrictCloud::new(options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(strict.clone().serve(listener));
        Self {
            region,
            endpoint,
            strict,
            client: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_mins(1))
                .build()
                .unwrap(),
            key: "AKIDTEST".to_owned(),
        }
    }

    fn signature(&self, service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={}/20250101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.key, self.region
        )
    }

    /// Lets the account's role for caches be created, and other services know what is new.
    pub async fn know_caches(&self) {
        let role = ["AWSServiceName=elasticache.amazonaws.com"];
        // The emulator is shared, and has the role from the second time on.
        self.call("iam", "CreateServiceLinkedRole", &role).await;
        self.pass(PROPAGATION);
    }

    /// Lets the account's role for search domains in networks be created, as `know_caches`.
    pub async fn search_role(&self) {
        let role = ["AWSServiceName=opensearchservice.amazonaws.com"];
        self.call("iam", "CreateServiceLinkedRole", &role).await;
    }

    /// Sends a form; `fields` are `Name=value`.
    pub async fn send(
        &self,
        service: &str,
        action: &str,
        fields: &[&str],
    ) -> Result<WireAnswer, reqwest::Error> {
        let pairs = fields.iter().map(|field| field.split_once('=').unwrap());
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", version(service))
            .extend_pairs(pairs)
            .finish();
        let answer = self
            .client
            .post(&self.endpoint)
            .header("authorization", self.signature(service))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await?;
        WireAnswer::read(answer).await
    }

    pub async fn call(&self, service: &str, action: &str, fields: &[&str]) -> WireAnswer {
        self.send(service, action, fields).await.unwrap()
    }

    pub async fn ec2(&self, action: &str, fields: &[&str]) -> WireAnswer {
        self.call("ec2", action, fields).await
    }

    pub async fn rds(&self, action: &str, fields: &[&str]) -> WireAnswer {
        self.call("rds", action, fields).await
    }

    /// Sends to a path.
    pub async fn rest(&self, service: &str, method: &str, path: &str, body: &str) -> WireAnswer {
        let answer = self
            .client
            .request(method.parse().unwrap(), format!("{}{path}", self.endpoint))
            .header("authorization", self.signature(service))
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        WireAnswer::read(answer).await.unwrap()
    }

    /// A network with two subnets in two zones.
    pub async fn network(&self, start: &str) -> TestNetwork {
        let vpc = self
            .ec2("CreateVpc", &[&format!("CidrBlock={start}.0.0/16")])
            .await
            .ok()
            .first("vpcId");
        let mut subnets = Vec::new();
        for (number, zone) in ["a", "b"].into_iter().enumerate() {
            let made = self
                .ec2(
                    "CreateSubnet",
                    &[
                        &format!("VpcId={vpc}"),
                        &format!("CidrBlock={start}.{number}.0/24"),
                        &format!("AvailabilityZone={}{zone}", self.region),
                    ],
                )
                .await;
            subnets.push(made.ok().first("subnetId"));
        }
        TestNetwork { vpc, subnets }
    }

    pub async fn group(&self, vpc: &str, name: &str) -> String {
        let (vpc, name) = (format!("VpcId={vpc}"), format!("GroupName={name}"));
        let fields = [vpc.as_str(), &name, "GroupDescription=test"];
        self.ec2("CreateSecurityGroup", &fields)
            .await
            .ok()
            .first("groupId")
    }

    /// Launches one instance; more fields may follow.
    pub async fn launch(&self, subnet: &str, group: &str, more: &[&str]) -> WireAnswer {
        let image = format!("ImageId={IMAGE}");
        let subnet = format!("SubnetId={subnet}");
        let group = format!("SecurityGroupId.1={group}");
        let mut fields = vec![
            image.as_str(),
            "InstanceType=t3.small",
            "MinCount=1",
            "MaxCount=1",
            &subnet,
            &group,
        ];
        for field in more {
            let name = field.split_once('=').unwrap().0;
            fields.retain(|one| one.split_once('=').unwrap().0 != name);
            fields.push(field);
        }
        self.ec2("RunInstances", &fields).await
    }

    pub async fn terminate(&self, id: &str) {
        self.ec2("TerminateInstances", &[&format!("InstanceId.1={id}")])
            .await
            .ok();
    }
}

/// What broke its service's model without a test saying so fails it.
impl Drop for TestCloud {
    fn drop(&mut self) {
        let violations = self.strict.take_violations();
        if !std::thread::panicking() {
            assert!(violations.is_empty(), "{}", violations.join("\n"));
        }
    }
}

/// A VPC with subnets in two zones.
pub struct TestNetwork {
    pub vpc: String,
    pub subnets: Vec<String>,
}

fn version(service: &str) -> &'static str {
    match service {
        "ec2" => "2016-11-15",
        "rds" => "2014-10-31",
        "iam" => "2010-05-08",
        "elasticache" => "2015-02-02",
        "elasticloadbalancing" => "2015-12-01",
        _ => "2011-06-15",
    }
}
