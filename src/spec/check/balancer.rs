//! The load balancer: whether it fits network, proxies and agents.

use std::net::IpAddr;

use super::{Around, Checker, Origin};
use crate::spec::shape::{AlbShape, EnvironmentFile, Nodes};
use crate::spec::{
    Alb, BalancerKind, Certificate, CloudTarget, Layout, LoadBalancer, Problem, Scheme,
};

/// Seconds: longer than the server's pings, shorter than it keeps idle connections.
const IDLE_TIMEOUT: u32 = 75;
/// A security group has room for sixty rules, and each agent with a public address of its
/// own needs one.
const MOST_PUBLIC_AGENTS: u32 = 40;

impl Checker<'_> {
    /// Checks the settings of the load balancer by themselves.
    pub(super) fn load_balancer(
        &mut self,
        file: &EnvironmentFile,
        region: Option<&str>,
        origin: &Origin<'_>,
    ) -> Option<LoadBalancer> {
        match (file.load_balancer.unwrap_or_default(), &file.alb) {
            (BalancerKind::Nginx, None) => Some(LoadBalancer::Nginx),
            (BalancerKind::Nginx, Some(_)) => {
                let problem = self.key_place(&["alb"]).problem(
                    "`alb` without an application load balancer",
                    "expected `load_balancer: alb` beside them",
                );
                self.report(problem);
                None
            }
            (BalancerKind::Alb, shape) => {
                let shape = shape.clone().unwrap_or_default();
                let real = self.is_real(file);
                let certificate = self.certificate(&shape, region, origin);
                Some(LoadBalancer::Alb(Alb {
                    scheme: shape.scheme.unwrap_or_default(),
                    idle_timeout: shape.idle_timeout_seconds.unwrap_or(IDLE_TIMEOUT),
                    certificate: real.then_some(certificate)??,
                }))
            }
        }
    }

    /// The local cloud's API knows load balancers, but nothing stands behind them.
    fn is_real(&mut self, file: &EnvironmentFile) -> bool {
        if file.cloud != Some(CloudTarget::Local) {
            return true;
        }
        let problem = self.place(&["load_balancer"]).problem(
            "the local cloud does not run load balancers",
            "expected `nginx`, or `cloud: aws`",
        );
        self.report(problem);
        false
    }

    fn certificate(
        &mut self,
        shape: &AlbShape,
        region: Option<&str>,
        origin: &Origin<'_>,
    ) -> Option<Option<Certificate>> {
        let (arn, host_name) = match (&shape.certificate_arn, &shape.host_name) {
            (None, None) if shape.authority_file.is_some() => {
                let problem = self.key_place(&["alb", "authority_file"]).problem(
                    "`authority_file` without `certificate_arn`",
                    "expected `certificate_arn` and `host_name` beside it",
                );
                self.report(problem);
                return None;
            }
            (None, None) => return Some(None),
            (Some(arn), Some(name)) => (arn, name),
            (Some(_), None) => {
                let problem = self.key_place(&["alb", "certificate_arn"]).problem(
                    "`certificate_arn` without `host_name`",
                    "expected `host_name` beside it",
                );
                let hint = "clients connect by that name: the certificate does not cover the name that AWS assigns";
                self.report(problem.hint(hint));
                return None;
            }
            (None, Some(_)) => {
                let problem = self.key_place(&["alb", "host_name"]).problem(
                    "`host_name` without `certificate_arn`",
                    "expected `certificate_arn` beside it",
                );
                self.report(problem);
                return None;
            }
        };
        let parts: Vec<&str> = arn.split(':').collect();
        let known = matches!(parts.as_slice(), ["arn", _, "acm", _, _, rest] if rest.starts_with("certificate/"));
        let place = self.place(&["alb", "certificate_arn"]);
        let problem = if !known {
            place.problem(
                format!("`{arn}` is not a certificate"),
                "expected an ARN like `arn:aws:acm:REGION:ACCOUNT:certificate/ID`",
            )
        } else if region.is_some_and(|region| parts.get(3) != Some(&region)) {
            place.problem(
                "the certificate is in another region",
                format!("expected a certificate in `{}`", region.unwrap_or_default()),
            )
        } else if let Some(problem) = self.name_problem(&["alb", "host_name"], host_name) {
            problem
        } else {
            let authority = match &shape.authority_file {
                Some(path) => Some(self.file(&["alb", "authority_file"], path, origin)?),
                None => None,
            };
            return Some(Some(Certificate {
                arn: arn.clone(),
                host_name: host_name.clone(),
                authority,
            }));
        };
        self.report(problem);
        None
    }

    /// What is wrong with the name that a certificate is for.
    pub(super) fn name_problem(&self, path: &[&str], name: &str) -> Option<Problem> {
        let expected = "expected something like `chat.example.com`";
        // Browsers and libraries take whatever ends in a number for an address (URL standard, 3.5).
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || name.parse::<IpAddr>().is_ok() {
            let problem = self
                .place(path)
                .problem(format!("`{name}` is an address, not a host name"), expected);
            return Some(problem.hint(
                "certificates are for the name that people type; your own DNS leads it to the address",
            ));
        }
        let problem = self
            .place(path)
            .problem(format!("`{name}` is not a host name"), expected);
        (!is_host_name(name)).then_some(problem)
    }

    /// Checks whether hosts fit what stands in front of them.
    pub(super) fn in_front(&mut self, nodes: &Nodes, around: &Around) {
        let Some(scheme) = around.alb else { return };
        let count = |shape: &Option<crate::spec::shape::NodeSizes>| {
            shape.as_ref().and_then(|group| group.count).unwrap_or(0)
        };
        if count(&nodes.proxy) > 0 {
            let place = self
                .overridden(&["nodes", "proxy", "count"])
                .unwrap_or_else(|| self.place(&["load_balancer"]));
            let problem = place.problem(
                "proxies beside an application load balancer",
                "expected `sizes: {nodes: {proxy: {count: 0}}}`, or `load_balancer: nginx`",
            );
            self.report(problem);
        }
        if scheme == Scheme::Internal {
            return;
        }
        if !around.public_subnets {
            let problem = self.place(&["load_balancer"]).problem(
                "a public load balancer without public subnets",
                "expected `alb: {scheme: internal}`, or `network.existing.public_subnets`",
            );
            self.report(problem);
        }
        // Agents reach public addresses from outside: each of theirs needs a rule.
        let agents = count(&nodes.agent);
        let (message, expected) = if around.existing && around.layout != Layout::Public {
            (
                "the public addresses of the agents are unknown",
                "expected `alb: {scheme: internal}`, or no agents",
            )
        } else if around.layout == Layout::Public && agents > MOST_PUBLIC_AGENTS {
            (
                "more agents than the load balancer's security group has rules for",
                "expected at most 40, `alb: {scheme: internal}`, or another `network.layout`",
            )
        } else {
            return;
        };
        if agents > 0 {
            let place = self.place(&["load_balancer"]);
            self.report(place.problem(message, expected).hint(
                "agents reach a public load balancer over the internet, from their own \
                 addresses or their NAT gateway's",
            ));
        }
    }
}

pub(super) fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}
