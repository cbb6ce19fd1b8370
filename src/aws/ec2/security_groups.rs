//! Security groups, and their ingress rules as a resource of its own.
//!
//! Groups refer to each other, so the rules are created when all groups exist and are deleted
//! before any group is. They are compared as text, a line for each rule, so rules that
//! somebody added by hand show. Every group that exists is listed with its rules, also when
//! it has none, so that a group that shall have none is as planned; but rules that are read
//! one by one are gone when none is left, which is what their removal waits for.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, SecurityGroup,
    SecurityGroupRule, UserIdGroupPair,
};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, foreign_resource, incomplete};
use crate::aws::request::{dependency, require_listed};
use crate::aws::tags::{self, Select, filter, observed, pairs, specification};
use crate::blueprint::kinds::SecurityRules;
use crate::blueprint::{Address, AttributeValue, Group, Kind, Peer, Rule, kinds};
use crate::engine::{CloudError, Observed, Request, State};
use crate::identity::names::Names;

/// Group ids in one filter.
const FILTER_VALUES: usize = 200;

impl Aws {
    pub(in crate::aws) async fn create_security_group(
        &self,
        request: &Request<'_>,
        group: &kinds::SecurityGroup,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:CreateSecurityGroup";
        let vpc = dependency(request, operation, &Address::vpc())?;
        let name = Names::of(request.environment).security_group(group.group);
        let created = self
            .ec2
            .create_security_group()
            .group_name(&name)
            .description(&group.description)
            .vpc_id(&vpc.id)
            .tag_specifications(specification(request, ResourceType::SecurityGroup))
            .send()
            .await
            .context(operation, request.address)
            .ok_if_code(&["InvalidGroup.Duplicate"])
            .retry_if_not_found()?;
        if let Some(answer) = created {
            let id = answer
                .group_id
                .ok_or_else(|| incomplete(operation, request.address, "group id"))?;
            return Ok(observe_group(request.address.clone(), id, Some(&vpc.id)));
        }
        let found = self
            .ec2
            .describe_security_groups()
            .filters(filter("vpc-id", [&vpc.id]))
            .filters(filter("group-name", [&name]))
            .send()
            .await
            .context("ec2:DescribeSecurityGroups", &name)?
            .security_groups
            .unwrap_or_default();
        let Some(group) = found.first() else {
            return require_listed(vec![], operation, &name);
        };
        match (
            tags::address(pairs(group.tags()), request.environment),
            group.group_id(),
        ) {
            (Some(address), Some(id)) => Ok(observe_group(address, id, group.vpc_id())),
            _ => Err(foreign_resource(operation, &name, request.environment)),
        }
    }

    pub(in crate::aws) async fn security_groups(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let found = self.raw_security_groups(select).await?;
        Ok(found
            .iter()
            .filter_map(|group| {
                let address = tags::address(pairs(group.tags()), select.environment())?;
                Some(observe_group(address, group.group_id()?, group.vpc_id()))
            })
            .collect())
    }

    pub(in crate::aws) async fn raw_security_groups(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<SecurityGroup>, CloudError> {
        self.ec2
            .describe_security_groups()
            .set_filters(select.filters("group-id"))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeSecurityGroups", select)
    }

    pub(in crate::aws) async fn delete_security_group(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<(), CloudError> {
        let operation = "ec2:DeleteSecurityGroup";
        let delete = || async {
            let answer = self.ec2.delete_security_group().group_id(id).send().await;
            answer.context(operation, id).ok_if_not_found().map(|_| ())
        };
        match delete().await {
            Err(error) if error.code == "DependencyViolation" => {
                // Either something still uses it, or rules of other groups refer to it.
                self.revoke_references(environment, id).await?;
                delete().await
            }
            other => other,
        }
    }

    /// The groups with a rule that names this one, by id; only those that `filters` admit.
    pub(in crate::aws) async fn groups_that_refer_to(
        &self,
        id: &str,
        filters: Option<Vec<Filter>>,
    ) -> Result<BTreeMap<String, SecurityGroup>, CloudError> {
        let mut groups = BTreeMap::new();
        for by in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
            let found: Vec<SecurityGroup> = self
                .ec2
                .describe_security_groups()
                .set_filters(filters.clone())
                .filters(filter(by, [id]))
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .context("ec2:DescribeSecurityGroups", id)?;
            let named = found
                .into_iter()
                .filter_map(|group| Some((group.group_id.clone()?, group)));
            groups.extend(named);
        }
        Ok(groups)
    }

    /// Takes a group out of the rules of the environment's other groups, those for what goes out
    /// included.
    async fn revoke_references(&self, environment: &str, id: &str) -> Result<(), CloudError> {
        let own = Select::Environment(environment).filters("group-id");
        let referring = self.groups_that_refer_to(id, own).await?;
        let ids: Vec<&str> = referring.keys().map(String::as_str).collect();
        for rule in self.rules(&ids).await? {
            let refers = rule
                .referenced_group_info()
                .and_then(|info| info.group_id());
            if refers != Some(id) {
                continue;
            }
            match rule.is_egress() == Some(true) {
                true => self.revoke_egress(&rule).await?,
                false => self.revoke(&[&rule]).await?,
            }
        }
        Ok(())
    }

    async fn revoke_egress(&self, rule: &SecurityGroupRule) -> Result<(), CloudError> {
        let id = rule.group_id().unwrap_or_default();
        self.ec2
            .revoke_security_group_egress()
            .group_id(id)
            .ip_permissions(permission_of(rule))
            .send()
            .await
            .context("ec2:RevokeSecurityGroupEgress", id)
            .ok_if_not_found()?;
        Ok(())
    }

    /// Brings the rules of a group to what is desired: what is missing first, then what is
    /// too many, so that no connection is cut that may stay.
    pub(in crate::aws) async fn set_security_rules(
        &self,
        request: &Request<'_>,
        wanted: &SecurityRules,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:AuthorizeSecurityGroupIngress";
        let SecurityRules { group, rules } = wanted;
        let group = *group;
        let id = &dependency(request, operation, &Address::security_group(group))?.id;
        let groups = self.groups_by_id(request.environment).await?;
        let existing = self.ingress_rules(&[id]).await?;
        let public = public_addresses(&Address::security_group(group), request.inventory.iter());

        let wanted: BTreeSet<String> = rules.iter().map(Rule::to_string).collect();
        let mut kept: BTreeSet<String> = BTreeSet::new();
        let mut surplus: Vec<&SecurityGroupRule> = Vec::new();
        for rule in &existing {
            let line = describe(rule, &groups, &public);
            if !wanted.contains(&line) || !kept.insert(line) {
                surplus.push(rule);
            }
        }
        let mut missing: Vec<IpPermission> = Vec::new();
        for rule in rules {
            if !kept.contains(&rule.to_string()) {
                missing.push(permission(request, operation, rule)?);
            }
        }
        if !missing.is_empty() {
            self.ec2
                .authorize_security_group_ingress()
                .group_id(id)
                .set_ip_permissions(Some(missing))
                .tag_specifications(specification(request, ResourceType::SecurityGroupRule))
                .send()
                .await
                .context(operation, request.address)
                .retry_if_not_found()?;
        }
        self.revoke(&surplus).await?;
        Ok(observe_rules(Address::security_rules(group), id, wanted))
    }

    pub(in crate::aws) async fn delete_security_rules(&self, id: &str) -> Result<(), CloudError> {
        let existing = self.ingress_rules(&[id]).await?;
        self.revoke(&existing.iter().collect::<Vec<_>>()).await
    }

    async fn groups_by_id(
        &self,
        environment: &str,
    ) -> Result<BTreeMap<String, String>, CloudError> {
        let groups = self
            .security_groups(Select::Environment(environment))
            .await?;
        Ok(by_id(&groups))
    }

    async fn ingress_rules(&self, ids: &[&str]) -> Result<Vec<SecurityGroupRule>, CloudError> {
        let mut rules = self.rules(ids).await?;
        rules.retain(|rule| rule.is_egress() != Some(true));
        Ok(rules)
    }

    async fn rules(&self, ids: &[&str]) -> Result<Vec<SecurityGroupRule>, CloudError> {
        let mut rules = Vec::new();
        for some in ids.chunks(FILTER_VALUES) {
            let found: Vec<SecurityGroupRule> = self
                .ec2
                .describe_security_group_rules()
                .filters(filter("group-id", some.iter().copied()))
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .context("ec2:DescribeSecurityGroupRules", some.join(" "))?;
            rules.extend(found);
        }
        Ok(rules)
    }

    /// Revokes by content, one group at a time: the content names a rule as well as its id.
    async fn revoke(&self, rules: &[&SecurityGroupRule]) -> Result<(), CloudError> {
        let mut by_group: BTreeMap<&str, Vec<IpPermission>> = BTreeMap::new();
        for rule in rules {
            if let Some(id) = rule.group_id() {
                by_group.entry(id).or_default().push(permission_of(rule));
            }
        }
        for (id, permissions) in by_group {
            self.ec2
                .revoke_security_group_ingress()
                .group_id(id)
                .set_ip_permissions(Some(permissions))
                .send()
                .await
                .context("ec2:RevokeSecurityGroupIngress", id)
                .ok_if_not_found()?;
        }
        Ok(())
    }
}

fn observe_group(address: Address, id: impl Into<String>, vpc: Option<&str>) -> Observed {
    observed(
        address,
        Kind::SecurityGroup,
        id,
        (State::Ready, "available"),
        [("vpc", vpc.map(Into::into))],
    )
}

fn observe_rules(address: Address, id: &str, lines: impl IntoIterator<Item = String>) -> Observed {
    observed(
        address,
        Kind::SecurityRules,
        id,
        (State::Ready, "available"),
        [("rules", Some(AttributeValue::lines(lines)))],
    )
}

/// Groups and their rules, which are in the same answer; `known` shows whose a public address
/// is.
pub(in crate::aws) fn observe_security(
    raw: &[SecurityGroup],
    environment: &str,
    known: &[Observed],
) -> Vec<Observed> {
    let mut found: Vec<Observed> = raw
        .iter()
        .filter_map(|group| {
            let address = tags::address(pairs(group.tags()), environment)?;
            Some(observe_group(address, group.group_id()?, group.vpc_id()))
        })
        .collect();
    let names = by_id(&found);
    let rules = raw.iter().filter_map(|group| {
        let address = tags::address(pairs(group.tags()), environment)?;
        let public = public_addresses(&address, known);
        let permissions = group.ip_permissions().iter();
        let lines = permissions.flat_map(|one| inline_rules(one, &names, &public));
        Some(observe_rules(
            rules_address(&address)?,
            group.group_id()?,
            lines,
        ))
    });
    found.extend(rules.collect::<Vec<_>>());
    found
}

/// Public addresses as ranges of one, with what holds them: the rules of the load balancer
/// name those, and no others do.
fn public_addresses<'a>(
    group: &Address,
    known: impl IntoIterator<Item = &'a Observed>,
) -> BTreeMap<String, String> {
    let named = *group == Address::security_group(Group::LoadBalancer);
    let holders = known.into_iter().filter(|one| {
        // A NAT gateway speaks from an elastic address, and that is what rules name.
        let kind = matches!(one.kind, Kind::Instance | Kind::ElasticAddress);
        named && kind && !one.state.is_leaving()
    });
    holders
        .filter_map(|one| {
            Some((
                format!("{}/32", one.text("public_ip")?),
                one.address.to_string(),
            ))
        })
        .collect()
}

/// The address of the rules of the group at an address.
fn rules_address(group: &Address) -> Option<Address> {
    let name = group.as_str().strip_prefix("security-group/")?;
    Some(Address::parse(&format!("security-rules/{name}")))
}

fn by_id(groups: &[Observed]) -> BTreeMap<String, String> {
    groups
        .iter()
        .map(|group| (group.id.clone(), group.address.to_string()))
        .collect()
}

/// A rule as the blueprint writes it; what the blueprint has no words for is spelled
/// alike, so that it can never be taken for a desired rule.
fn describe(
    rule: &SecurityGroupRule,
    groups: &BTreeMap<String, String>,
    public: &BTreeMap<String, String>,
) -> String {
    let group = rule
        .referenced_group_info()
        .and_then(|info| info.group_id());
    let from = match group {
        Some(id) => groups.get(id).map_or(id, String::as_str),
        None => rule
            .cidr_ipv4()
            .map(|range| public.get(range).map_or(range, String::as_str))
            .or_else(|| rule.cidr_ipv6())
            .or_else(|| rule.prefix_list_id())
            .unwrap_or("unknown"),
    };
    let ports = (rule.from_port(), rule.to_port());
    line(rule.ip_protocol(), ports, from)
}

/// The rules of a group's own answer, one for each source.
fn inline_rules(
    permission: &IpPermission,
    groups: &BTreeMap<String, String>,
    public: &BTreeMap<String, String>,
) -> Vec<String> {
    let group = |pair: &UserIdGroupPair| {
        let id = pair.group_id().unwrap_or("unknown");
        groups.get(id).cloned().unwrap_or_else(|| id.to_owned())
    };
    let text = |value: Option<&str>| value.unwrap_or("unknown").to_owned();
    let range = |value: Option<&str>| {
        let range = text(value);
        public.get(&range).cloned().unwrap_or(range)
    };
    let sources = (permission.user_id_group_pairs().iter().map(group))
        .chain(permission.ip_ranges().iter().map(|r| range(r.cidr_ip())))
        .chain(permission.ipv6_ranges().iter().map(|r| text(r.cidr_ipv6())))
        .chain(
            permission
                .prefix_list_ids()
                .iter()
                .map(|list| text(list.prefix_list_id())),
        );
    let ports = (permission.from_port(), permission.to_port());
    sources
        .map(|from| line(permission.ip_protocol(), ports, &from))
        .collect()
}

fn line(protocol: Option<&str>, ports: (Option<i32>, Option<i32>), from: &str) -> String {
    let ports = match ports {
        (Some(from), Some(to)) if from == to && from >= 0 => from.to_string(),
        (Some(from), Some(to)) if from >= 0 => format!("{from}-{to}"),
        _ => "all".to_owned(),
    };
    let protocol = match protocol {
        Some("-1") | None => "all",
        Some(protocol) => protocol,
    };
    format!("{protocol}/{ports} from {from}")
}

fn permission(
    request: &Request<'_>,
    operation: &str,
    rule: &Rule,
) -> Result<IpPermission, CloudError> {
    let permission = IpPermission::builder()
        .ip_protocol(rule.protocol.as_str())
        .from_port(i32::from(rule.port))
        .to_port(i32::from(rule.port));
    Ok(match rule.from {
        Peer::Operator => {
            return Err(incomplete(operation, request.address, "operator address"));
        }
        Peer::Range(range) => {
            permission.ip_ranges(IpRange::builder().cidr_ip(range.to_string()).build())
        }
        Peer::Host(_) | Peer::Nat(_) => {
            let holder = rule.from.public_address_of();
            let holder = holder.unwrap_or_else(Address::vpc);
            let public = dependency(request, operation, &holder)?.text("public_ip");
            let public = public.ok_or_else(|| incomplete(operation, &holder, "public address"))?;
            permission.ip_ranges(IpRange::builder().cidr_ip(format!("{public}/32")).build())
        }
        Peer::Group(group) => {
            let id = &dependency(request, operation, &Address::security_group(group))?.id;
            permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(id).build())
        }
    }
    .build())
}

/// An existing rule in the form that revoking takes.
fn permission_of(rule: &SecurityGroupRule) -> IpPermission {
    // "All" is reported as -1 and must be left out again.
    let port = |value: Option<i32>| value.filter(|port| *port >= 0);
    let mut permission = IpPermission::builder()
        .ip_protocol(rule.ip_protocol().unwrap_or("-1"))
        .set_from_port(port(rule.from_port()))
        .set_to_port(port(rule.to_port()));
    if let Some(range) = rule.cidr_ipv4() {
        permission = permission.ip_ranges(IpRange::builder().cidr_ip(range).build());
    }
    if let Some(range) = rule.cidr_ipv6() {
        permission = permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(range).build());
    }
    if let Some(list) = rule.prefix_list_id() {
        permission =
            permission.prefix_list_ids(PrefixListId::builder().prefix_list_id(list).build());
    }
    if let Some(info) = rule.referenced_group_info() {
        permission = permission.user_id_group_pairs(
            UserIdGroupPair::builder()
                .set_group_id(info.group_id().map(Into::into))
                .set_user_id(info.user_id().map(Into::into))
                .build(),
        );
    }
    permission.build()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::ReferencedSecurityGroup;

    use super::*;
    use crate::blueprint::Protocol;
    use crate::spec::Role;

    fn groups() -> BTreeMap<String, String> {
        [("sg-1".to_owned(), "security-group/app".to_owned())].into()
    }

    #[test]
    fn observed_rules_read_like_desired_ones() {
        let from_group = SecurityGroupRule::builder()
            .ip_protocol("tcp")
            .from_port(5432)
            .to_port(5432)
            .referenced_group_info(ReferencedSecurityGroup::builder().group_id("sg-1").build())
            .build();
        let desired = Rule {
            protocol: Protocol::Tcp,
            port: 5432,
            from: Peer::Group(Group::Hosts(Role::App)),
        };
        assert_eq!(
            describe(&from_group, &groups(), &BTreeMap::new()),
            desired.to_string()
        );

        let from_range = SecurityGroupRule::builder()
            .ip_protocol("udp")
            .from_port(8074)
            .to_port(8074)
            .cidr_ipv4("203.0.113.7/32")
            .build();
        let desired = Rule {
            protocol: Protocol::Udp,
            port: 8074,
            from: Peer::Range("203.0.113.7/32".parse().unwrap()),
        };
        assert_eq!(
            describe(&from_range, &groups(), &BTreeMap::new()),
            desired.to_string()
        );
    }

    #[test]
    fn manual_rules_are_never_taken_for_desired_ones() {
        let open = SecurityGroupRule::builder()
            .ip_protocol("-1")
            .from_port(-1)
            .to_port(-1)
            .cidr_ipv4("0.0.0.0/0")
            .build();
        assert_eq!(
            describe(&open, &groups(), &BTreeMap::new()),
            "all/all from 0.0.0.0/0"
        );
        let range = SecurityGroupRule::builder()
            .ip_protocol("tcp")
            .from_port(1)
            .to_port(65535)
            .cidr_ipv6("::/0")
            .build();
        assert_eq!(
            describe(&range, &groups(), &BTreeMap::new()),
            "tcp/1-65535 from ::/0"
        );
    }
}
