//! Security groups and their rules.
//!
//! `DeleteSecurityGroup`: a group that an interface is in, or that a rule of another group names,
//! is refused with `DependencyViolation`; a default group cannot be deleted.

use crate::errors::AwsError;

use super::super::account::{AwsAccount, NUMBER, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::writer::{XmlWriter, xml};
use super::listing::{Listed, filters, matches_any};
use super::{Ec2, dependency, done, not_found, tags_for, write_tags};

/// A security group.
#[derive(Debug, Clone, Hash)]
pub(super) struct GroupRecord {
    pub(super) name: String,
    description: String,
    pub(super) vpc: String,
    rules: Vec<RuleRecord>,
    pub(super) tags: TagMap,
}

/// One rule: one protocol and range of ports, one peer.
#[derive(Debug, Clone, Hash)]
struct RuleRecord {
    id: String,
    egress: bool,
    content: RuleContent,
    tags: TagMap,
}

/// What two rules are compared by.
#[derive(Debug, Clone, Hash, PartialEq, Eq)]
struct RuleContent {
    protocol: String,
    ports: Option<(i32, i32)>,
    peer: RulePeer,
}

/// Who a rule admits.
#[derive(Debug, Clone, Hash, PartialEq, Eq)]
enum RulePeer {
    Range(String),
    Range6(String),
    List(String),
    Group(String),
}

impl Ec2 {
    pub(super) fn group(&self, id: &str) -> Result<&GroupRecord, AwsError> {
        let found = self.groups.get(id);
        found.ok_or_else(|| not_found("InvalidGroup.NotFound", "security group", id))
    }
}

/// Everything may go out: what a group begins with.
fn all_out(account: &mut AwsAccount) -> RuleRecord {
    RuleRecord {
        id: account.new_id("sgr"),
        egress: true,
        content: RuleContent {
            protocol: "-1".to_owned(),
            ports: None,
            peer: RulePeer::Range("0.0.0.0/0".to_owned()),
        },
        tags: TagMap::new(),
    }
}

/// The group that comes with a VPC: its members reach each other.
pub(super) fn create_default(account: &mut AwsAccount, vpc: &str) {
    let id = account.new_id("sg");
    let mut rules = vec![all_out(account)];
    rules.push(RuleRecord {
        id: account.new_id("sgr"),
        egress: false,
        content: RuleContent {
            protocol: "-1".to_owned(),
            ports: None,
            peer: RulePeer::Group(id.clone()),
        },
        tags: TagMap::new(),
    });
    let group = GroupRecord {
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        vpc: vpc.to_owned(),
        rules,
        tags: TagMap::new(),
    };
    account.ec2.groups.insert(id, group);
}

pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let (name, vpc) = (form.required("GroupName")?, form.required("VpcId")?);
    let description = form.required("GroupDescription")?;
    let tags = tags_for(form, "security-group")?;
    account.ec2.vpc(vpc)?;
    if account
        .ec2
        .groups
        .values()
        .any(|one| one.vpc == vpc && one.name == name)
    {
        return Err(AwsError::new(
            "InvalidGroup.Duplicate",
            format!("The security group '{name}' already exists for VPC '{vpc}'"),
        ));
    }
    let id = account.new_ec2_id("sg");
    let group = GroupRecord {
        name: name.to_owned(),
        description: description.to_owned(),
        vpc: vpc.to_owned(),
        rules: vec![all_out(account)],
        tags,
    };
    account.ec2.groups.insert(id.clone(), group);
    Ok(xml(|xml| xml.text("groupId", &id)))
}

/// The rules in a call, one for each peer.
fn contents(form: &QueryForm<'_>) -> Vec<RuleContent> {
    let mut contents = Vec::new();
    for permission in form.items("IpPermissions") {
        let protocol = permission.get("IpProtocol").unwrap_or("-1").to_owned();
        let port = |name| permission.get(name).and_then(|text| text.parse().ok());
        let ports = port("FromPort").zip(port("ToPort"));
        let ranges = permission.items("IpRanges").into_iter();
        let ranges = ranges.filter_map(|one| one.get("CidrIp").map(str::to_owned));
        let ranges6 = permission.items("Ipv6Ranges").into_iter();
        let ranges6 = ranges6.filter_map(|one| one.get("CidrIpv6").map(str::to_owned));
        let lists = permission.items("PrefixListIds").into_iter();
        let lists = lists.filter_map(|one| one.get("PrefixListId").map(str::to_owned));
        let groups = permission.items("Groups").into_iter().filter_map(|one| {
            one.accept(&["UserId"]);
            one.get("GroupId").map(str::to_owned)
        });
        let peers = (ranges.map(RulePeer::Range))
            .chain(ranges6.map(RulePeer::Range6))
            .chain(lists.map(RulePeer::List))
            .chain(groups.map(RulePeer::Group));
        contents.extend(peers.map(|peer| RuleContent {
            protocol: protocol.clone(),
            ports,
            peer,
        }));
    }
    contents
}

pub(super) fn authorize(
    account: &mut AwsAccount,
    form: &QueryForm<'_>,
    egress: bool,
) -> QueryResult {
    let id = form.required("GroupId")?;
    let tags = tags_for(form, "security-group-rule")?;
    let contents = contents(form);
    let group = account.ec2.group(id)?;
    for content in &contents {
        if let RulePeer::Group(peer) = &content.peer {
            account.ec2.group(peer)?;
        }
        if group
            .rules
            .iter()
            .any(|rule| rule.egress == egress && rule.content == *content)
        {
            return Err(AwsError::new(
                "InvalidPermission.Duplicate",
                "the specified rule already exists",
            ));
        }
    }
    let mut rules = Vec::new();
    for content in contents {
        rules.push(RuleRecord {
            id: account.new_id("sgr"),
            egress,
            content,
            tags: tags.clone(),
        });
    }
    let answer = xml(|xml| {
        xml.text("return", "true");
        xml.list("securityGroupRuleSet", "item", &rules, |xml, rule| {
            write_rule(rule, id, xml);
        });
    });
    if let Some(group) = account.ec2.groups.get_mut(id) {
        group.rules.extend(rules);
    }
    Ok(answer)
}

pub(super) fn revoke(account: &mut AwsAccount, form: &QueryForm<'_>, egress: bool) -> QueryResult {
    let id = form.required("GroupId")?;
    let contents = contents(form);
    let group = account.ec2.group(id)?;
    for content in &contents {
        if !group
            .rules
            .iter()
            .any(|rule| rule.egress == egress && rule.content == *content)
        {
            return Err(AwsError::new(
                "InvalidPermission.NotFound",
                "The specified rule does not exist in this security group.",
            ));
        }
    }
    if let Some(group) = account.ec2.groups.get_mut(id) {
        group
            .rules
            .retain(|rule| rule.egress != egress || !contents.contains(&rule.content));
    }
    done()
}

pub(super) fn describe_rules(account: &AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    form.accept(&["MaxResults"]);
    let filters = filters(form, &["group-id", "security-group-rule-id"])?;
    let groups = account.ec2.groups.iter();
    let all = groups.flat_map(|(id, group)| group.rules.iter().map(move |rule| (id, rule)));
    let admitted = all.filter(|(id, rule)| {
        filters
            .iter()
            .all(|(name, wanted)| match name.strip_prefix("tag:") {
                Some(key) => rule
                    .tags
                    .get(key)
                    .is_some_and(|value| matches_any(wanted, value)),
                None if *name == "tag-key" => rule.tags.keys().any(|key| matches_any(wanted, key)),
                None if *name == "group-id" => matches_any(wanted, id),
                None => matches_any(wanted, &rule.id),
            })
    });
    Ok(xml(|xml| {
        xml.list(
            "securityGroupRuleSet",
            "item",
            admitted,
            |xml, (id, rule)| {
                write_rule(rule, id, xml);
            },
        );
    }))
}

pub(super) fn delete(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let id = form.required("GroupId")?;
    let ec2 = &mut account.ec2;
    if ec2.group(id)?.name == "default" {
        return Err(AwsError::new(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    let names = |rule: &RuleRecord| rule.content.peer == RulePeer::Group(id.to_owned());
    let mut others = ec2.groups.iter().filter(|(other, _)| *other != id);
    if ec2
        .interfaces
        .values()
        .any(|one| one.groups.iter().any(|group| group == id))
        || others.any(|(_, group)| group.rules.iter().any(names))
    {
        return Err(dependency(format!("resource {id} has a dependent object")));
    }
    ec2.groups.remove(id);
    done()
}

fn write_ports(content: &RuleContent, all: Option<i32>, xml: &mut XmlWriter) {
    xml.text("ipProtocol", &content.protocol);
    xml.maybe("fromPort", content.ports.map(|(from, _)| from).or(all));
    xml.maybe("toPort", content.ports.map(|(_, to)| to).or(all));
}

fn write_rule(rule: &RuleRecord, group: &str, xml: &mut XmlWriter) {
    xml.text("securityGroupRuleId", &rule.id);
    xml.text("groupId", group);
    xml.text("groupOwnerId", NUMBER);
    xml.value("isEgress", rule.egress);
    // All ports are told as -1.
    write_ports(&rule.content, Some(-1), xml);
    match &rule.content.peer {
        RulePeer::Range(range) => xml.text("cidrIpv4", range),
        RulePeer::Range6(range) => xml.text("cidrIpv6", range),
        RulePeer::List(list) => xml.text("prefixListId", list),
        RulePeer::Group(peer) => xml.node("referencedGroupInfo", |xml| {
            xml.text("groupId", peer);
            xml.text("userId", NUMBER);
        }),
    }
    write_tags(xml, &rule.tags);
}

/// A rule as the group itself tells it.
fn write_permission(rule: &RuleRecord, xml: &mut XmlWriter) {
    write_ports(&rule.content, None, xml);
    let peer = &rule.content.peer;
    let one = |xml: &mut XmlWriter, set: &str, write: &dyn Fn(&mut XmlWriter)| {
        xml.node(set, |xml| xml.node("item", write));
    };
    match peer {
        RulePeer::Group(peer) => one(xml, "groups", &|xml| {
            xml.text("userId", NUMBER);
            xml.text("groupId", peer);
        }),
        RulePeer::Range(range) => one(xml, "ipRanges", &|xml| xml.text("cidrIp", range)),
        RulePeer::Range6(range) => one(xml, "ipv6Ranges", &|xml| xml.text("cidrIpv6", range)),
        RulePeer::List(list) => one(xml, "prefixListIds", &|xml| xml.text("prefixListId", list)),
    }
}

impl Listed for GroupRecord {
    const ID_FIELD: &'static str = "GroupId";
    const MISSING: (&'static str, &'static str) = ("InvalidGroup.NotFound", "security group");
    const TYPE: &'static str = "security-group";
    const FILTERS: &'static [&'static str] = &[
        "group-id",
        "group-name",
        "vpc-id",
        "ip-permission.group-id",
        "egress.ip-permission.group-id",
    ];

    fn tags(&self) -> &TagMap {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut TagMap {
        &mut self.tags
    }

    fn values(&self, filter: &str, id: &str, _: &Ec2) -> Vec<String> {
        let named = |egress: bool| {
            let rules = self.rules.iter().filter(move |rule| rule.egress == egress);
            let peers = rules.filter_map(|rule| match &rule.content.peer {
                RulePeer::Group(peer) => Some(peer.clone()),
                _ => None,
            });
            peers.collect()
        };
        match filter {
            "group-id" => vec![id.to_owned()],
            "group-name" => vec![self.name.clone()],
            "vpc-id" => vec![self.vpc.clone()],
            "ip-permission.group-id" => named(false),
            _ => named(true),
        }
    }

    fn write(&self, id: &str, _: &Ec2, xml: &mut XmlWriter) {
        xml.text("ownerId", NUMBER);
        xml.text("groupId", id);
        xml.text("groupName", &self.name);
        xml.text("groupDescription", &self.description);
        xml.text("vpcId", &self.vpc);
        for (set, egress) in [("ipPermissions", false), ("ipPermissionsEgress", true)] {
            let rules = self.rules.iter().filter(|rule| rule.egress == egress);
            xml.list(set, "item", rules, |xml, rule| write_permission(rule, xml));
        }
        write_tags(xml, &self.tags);
    }
}
