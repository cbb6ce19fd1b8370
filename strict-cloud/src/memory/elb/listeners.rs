//! Listeners: one for each port of a load balancer.

use crate::errors::AwsError;

use super::super::account::{AwsAccount, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::writer::XmlWriter;
use super::{Elb, members};

#[derive(Debug, Clone, Hash)]
pub(super) struct ListenerRecord {
    pub(super) balancer: String,
    protocol: String,
    port: u32,
    policy: Option<String>,
    certificate: Option<String>,
    /// The target group that it forwards to.
    pub(super) forwards_to: String,
    /// What it was created with.
    settings: String,
    pub(super) tags: TagMap,
}

impl Elb {
    pub(super) fn listener_mut(&mut self, arn: &str) -> Result<&mut ListenerRecord, AwsError> {
        self.listeners.get_mut(arn).ok_or_else(|| no_listener(arn))
    }

    /// The load balancers that forward to a target group.
    pub(super) fn forwarding(&self, group: &str) -> impl Iterator<Item = &str> {
        let listeners = self.listeners.values();
        let forwarding = listeners.filter(move |one| one.forwards_to == group);
        forwarding.map(|one| one.balancer.as_str())
    }
}

fn no_listener(arn: &str) -> AwsError {
    AwsError::new("ListenerNotFound", format!("Listener '{arn}' not found"))
}

/// What a call says of a listener; what it leaves out is none.
struct ListenerRequest<'a> {
    protocol: Option<&'a str>,
    port: Option<u32>,
    policy: Option<&'a str>,
    certificate: Option<&'a str>,
    forwards_to: Option<&'a str>,
}

fn read<'a>(elb: &Elb, form: &QueryForm<'a>) -> Result<ListenerRequest<'a>, AwsError> {
    let action = form.part("DefaultActions.member.1");
    if let Some(kind) = action.get("Type").filter(|kind| *kind != "forward") {
        return Err(AwsError::new(
            "ValidationError",
            format!("Actions of type '{kind}' are not known here"),
        ));
    }
    let asked = ListenerRequest {
        protocol: form.get("Protocol"),
        port: form.number("Port"),
        policy: form.get("SslPolicy"),
        certificate: form.get("Certificates.member.1.CertificateArn"),
        forwards_to: action.get("TargetGroupArn"),
    };
    if let Some(group) = asked.forwards_to {
        elb.group(group)?;
    }
    if asked.protocol == Some("HTTPS") && asked.certificate.is_none() {
        return Err(AwsError::new(
            "CertificateNotFound",
            "A certificate must be specified for HTTPS listeners",
        ));
    }
    Ok(asked)
}

pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let balancer = form.required("LoadBalancerArn")?;
    let asked = read(&account.elb, form)?;
    let tags = form.tags("Tags.member");
    let settings = form.fingerprint(&["Action", "Version"]);
    account.elb.balancer(balancer)?;
    let port = asked.port.unwrap_or(80);
    let mut all = account.elb.listeners.iter();
    let existing = all.find(|(_, one)| one.balancer == balancer && one.port == port);
    if let Some((arn, existing)) = existing {
        return match existing.settings == settings {
            true => Ok(members("Listeners", [(arn, existing)], write)),
            false => Err(AwsError::new(
                "DuplicateListener",
                "A listener already exists on this port for this load balancer",
            )),
        };
    }
    let listener = ListenerRecord {
        balancer: balancer.to_owned(),
        protocol: asked.protocol.unwrap_or("HTTP").to_owned(),
        port,
        policy: asked.policy.map(str::to_owned),
        certificate: asked.certificate.map(str::to_owned),
        forwards_to: asked.forwards_to.unwrap_or_default().to_owned(),
        settings,
        tags,
    };
    let start = balancer.replace(":loadbalancer/", ":listener/");
    let arn = format!("{start}/{:016x}", account.next_id());
    let answer = members("Listeners", [(&arn, &listener)], write);
    let group = listener.forwards_to.clone();
    account.elb.listeners.insert(arn, listener);
    super::targets::check_health(account, &group);
    Ok(answer)
}

fn write(xml: &mut XmlWriter, (arn, one): (&String, &ListenerRecord)) {
    xml.text("ListenerArn", arn);
    xml.text("LoadBalancerArn", &one.balancer);
    xml.text("Protocol", &one.protocol);
    xml.value("Port", one.port);
    xml.maybe("SslPolicy", one.policy.as_ref());
    xml.list("Certificates", "member", &one.certificate, |xml, arn| {
        xml.text("CertificateArn", arn);
    });
    xml.node("DefaultActions", |xml| {
        xml.node("member", |xml| {
            xml.text("Type", "forward");
            xml.text("TargetGroupArn", &one.forwards_to);
        });
    });
}

pub(super) fn describe(elb: &Elb, form: &QueryForm<'_>) -> QueryResult {
    let arns = form.list("ListenerArns.member");
    let balancer = form.get("LoadBalancerArn");
    if let Some(arn) = balancer {
        elb.balancer(arn)?;
    }
    if let Some(arn) = arns.iter().find(|arn| !elb.listeners.contains_key(**arn)) {
        return Err(no_listener(arn));
    }
    let found = elb.listeners.iter().filter(|(arn, one)| {
        balancer.is_none_or(|balancer| one.balancer == balancer)
            && (arns.is_empty() || arns.contains(&arn.as_str()))
    });
    Ok(members("Listeners", found, write))
}

/// ModifyListener: "Any properties that you do not specify remain unchanged. Changing the protocol
/// from HTTPS to HTTP, or from TLS to TCP, removes the security policy and default certificate
/// properties."
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html>).
pub(super) fn modify(elb: &mut Elb, form: &QueryForm<'_>) -> QueryResult {
    let arn = form.required("ListenerArn")?;
    let asked = read(elb, form)?;
    let listener = elb.listener_mut(arn)?;
    let owned = |asked: Option<&str>| asked.map(str::to_owned);
    listener.protocol = owned(asked.protocol).unwrap_or_else(|| listener.protocol.clone());
    listener.port = asked.port.unwrap_or(listener.port);
    listener.forwards_to = owned(asked.forwards_to).unwrap_or_else(|| listener.forwards_to.clone());
    if listener.protocol == "HTTP" {
        (listener.policy, listener.certificate) = (None, None);
    } else {
        listener.policy = owned(asked.policy).or_else(|| listener.policy.take());
        listener.certificate = owned(asked.certificate).or_else(|| listener.certificate.take());
    }
    let listener = listener.clone();
    Ok(members("Listeners", [(&arn.to_owned(), &listener)], write))
}

pub(super) fn delete(elb: &mut Elb, form: &QueryForm<'_>) -> QueryResult {
    let arn = form.required("ListenerArn")?;
    match elb.listeners.remove(arn) {
        Some(_) => Ok(String::new()),
        None => Err(no_listener(arn)),
    }
}
