//! Security groups as nftables rules in the cloud's namespace, where no host can
//! touch them. The text is a pure function of what exists; loading it is one
//! atomic transaction that leaves open connections alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::Ipv4Addr;

use super::cloud_view::{SecurityGroupView, TrafficPeer, TrafficProtocol, TrafficRule};
use super::command::run_with_input;
use super::error::Result;
use super::state::{METADATA, OUTSIDE, RESOLVER, SERVICES};

/// Something with an address that security groups apply to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FirewallMember {
    /// Its private address.
    pub address: Ipv4Addr,
    /// Its public address, translated to the private one.
    pub public: Option<Ipv4Addr>,
    pub vpc: String,
    /// Ids of its security groups.
    pub groups: Vec<String>,
}

/// A connection that the cloud itself makes between two of its parts, beside the
/// security groups: a replica to the database that it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReplicationLink {
    /// Who connects.
    pub from: Ipv4Addr,
    /// To whom.
    pub to: Ipv4Addr,
    /// To which TCP port.
    pub port: u16,
}

/// The whole rule set.
pub(crate) fn ruleset(
    groups: &[SecurityGroupView],
    members: &[FirewallMember],
    links: &[ReplicationLink],
) -> String {
    let mut text =
        String::from("table inet loadrig {}\ndelete table inet loadrig\ntable inet loadrig {\n");
    let mut vpcs: BTreeMap<&str, BTreeSet<Ipv4Addr>> = BTreeMap::new();
    let mut memberships: BTreeMap<&str, BTreeSet<Ipv4Addr>> = BTreeMap::new();
    for member in members {
        vpcs.entry(&member.vpc).or_default().insert(member.address);
        for group in &member.groups {
            memberships.entry(group).or_default().insert(member.address);
        }
    }
    for (vpc, addresses) in &vpcs {
        set(&mut text, &name("vpc", vpc), addresses);
    }
    for group in groups {
        let empty = BTreeSet::new();
        let addresses = memberships.get(group.id.as_str()).unwrap_or(&empty);
        set(&mut text, &name("group", &group.id), addresses);
    }
    let known: BTreeSet<&str> = groups.iter().map(|group| group.id.as_str()).collect();
    for group in groups {
        chain(
            &mut text,
            &name("in", &group.id),
            &group.ingress,
            "saddr",
            "accept",
            &known,
        );
        chain(
            &mut text,
            &name("out", &group.id),
            &group.egress,
            "daddr",
            "meta mark set 1 return",
            &known,
        );
    }
    for member in members {
        member_chains(&mut text, member, &known);
    }
    base_chains(&mut text, &vpcs, members, links);
    text.push_str("}\n");
    text
}

/// Loads a rule set.
///
/// # Errors
/// When `nft` refuses it.
pub(crate) fn load(ruleset: &str) -> Result<()> {
    run_with_input("load the security groups", "nft", &["-f", "-"], ruleset)?;
    Ok(())
}

/// What an address may receive and send, over all its groups.
fn member_chains(text: &mut String, member: &FirewallMember, known: &BTreeSet<&str>) {
    let groups = || {
        member
            .groups
            .iter()
            .filter(|group| known.contains(group.as_str()))
    };
    let _ = writeln!(
        text,
        "  chain {} {{",
        name("to", &member.address.to_string())
    );
    for group in groups() {
        let _ = writeln!(text, "    jump {}", name("in", group));
    }
    // A mark tells which packets some group lets out: `accept` would end the
    // evaluation before the receiver's own groups are asked.
    let _ = writeln!(
        text,
        "    drop\n  }}\n  chain {} {{",
        name("from", &member.address.to_string())
    );
    text.push_str("    meta mark set 0\n");
    for group in groups() {
        let _ = writeln!(text, "    jump {}", name("out", group));
    }
    text.push_str("    meta mark != 1 drop\n  }\n");
}

/// The chains that the kernel calls.
fn base_chains(
    text: &mut String,
    vpcs: &BTreeMap<&str, BTreeSet<Ipv4Addr>>,
    members: &[FirewallMember],
    links: &[ReplicationLink],
) {
    let known = "    ct state established,related accept\n    ct state invalid drop\n";
    let to = verdicts("daddr", "to", members);
    let from = verdicts("saddr", "from", members);

    let _ = write!(
        text,
        "  chain forward {{\n    type filter hook forward priority 0; policy drop;\n{known}"
    );
    for link in links {
        let _ = writeln!(
            text,
            "    ip saddr {} ip daddr {} tcp dport {} accept",
            link.from, link.to, link.port
        );
    }
    text.push_str(&from);
    // Only inside one VPC: others are other networks, even with open groups.
    for vpc in vpcs.keys() {
        let vpc = name("vpc", vpc);
        let _ = writeln!(text, "    ip saddr @{vpc} ip daddr @{vpc} goto receive");
    }
    let _ = write!(text, "  }}\n  chain receive {{\n{to}    drop\n  }}\n");

    let _ = write!(
        text,
        "  chain output {{\n    type filter hook output priority 0; policy accept;\n{known}"
    );
    text.push_str("    oif lo accept\n");
    let _ = writeln!(text, "{to}  }}");

    let _ = write!(
        text,
        "  chain input {{\n    type filter hook input priority 0; policy drop;\n    iif lo accept\n{known}"
    );
    let _ = writeln!(
        text,
        "    ip daddr {RESOLVER} udp dport 53 accept\n    ip daddr {RESOLVER} tcp dport 53 accept"
    );
    let _ = writeln!(text, "    ip daddr {METADATA} tcp dport 80 accept");
    text.push_str(&from);
    let _ = writeln!(text, "    ip daddr {OUTSIDE} tcp dport 1-65535 accept");
    let _ = writeln!(
        text,
        "    ip daddr {SERVICES} tcp dport {{ 80, 443 }} accept\n  }}"
    );

    let public: Vec<String> = members
        .iter()
        .filter_map(|member| Some(format!("{} : {}", member.public?, member.address)))
        .collect();
    if !public.is_empty() {
        let public = public.join(", ");
        for hook in ["prerouting", "output"] {
            let _ = writeln!(
                text,
                "  chain public_{hook} {{\n    type nat hook {hook} priority -100;\n    \
                 dnat ip to ip daddr map {{ {public} }}\n  }}"
            );
        }
    }
}

/// A jump by address into the members' own chains.
fn verdicts(field: &str, prefix: &str, members: &[FirewallMember]) -> String {
    let pairs: BTreeMap<Ipv4Addr, String> = members
        .iter()
        .map(|member| (member.address, name(prefix, &member.address.to_string())))
        .collect();
    if pairs.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(address, chain)| format!("{address} : jump {chain}"))
        .collect();
    format!("    ip {field} vmap {{ {} }}\n", pairs.join(", "))
}

/// One group's rules in one direction.
fn chain(
    text: &mut String,
    chain: &str,
    rules: &[TrafficRule],
    field: &str,
    verdict: &str,
    known: &BTreeSet<&str>,
) {
    let _ = writeln!(text, "  chain {chain} {{");
    for rule in rules {
        let peer = match &rule.peer {
            TrafficPeer::Range(range) if range.prefix_len() == 0 => String::new(),
            TrafficPeer::Range(range) => format!("ip {field} {} ", range.trunc()),
            // A group that no longer exists has no members.
            TrafficPeer::Group(group) if !known.contains(group.as_str()) => continue,
            TrafficPeer::Group(group) => format!("ip {field} @{} ", name("group", group)),
        };
        let traffic = match rule.protocol {
            TrafficProtocol::Any => String::new(),
            TrafficProtocol::Tcp(first, last) => format!("tcp dport {} ", ports(first, last)),
            TrafficProtocol::Udp(first, last) => format!("udp dport {} ", ports(first, last)),
            TrafficProtocol::Icmp => "meta l4proto icmp ".into(),
        };
        let _ = writeln!(text, "    {peer}{traffic}{verdict}");
    }
    text.push_str("  }\n");
}

/// nftables takes no range of one port.
fn ports(first: u16, last: u16) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

fn set(text: &mut String, name: &str, addresses: &BTreeSet<Ipv4Addr>) {
    let _ = write!(text, "  set {name} {{\n    type ipv4_addr\n");
    if !addresses.is_empty() {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "    elements = {{ {} }}", addresses.join(", "));
    }
    text.push_str("  }\n");
}

/// A name that nftables takes, from an id or address.
fn name(prefix: &str, id: &str) -> String {
    let id: String = id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    format!("{prefix}_{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: &str, ingress: Vec<TrafficRule>) -> SecurityGroupView {
        let open = TrafficRule {
            protocol: TrafficProtocol::Any,
            peer: TrafficPeer::Range("0.0.0.0/0".parse().unwrap()),
        };
        SecurityGroupView {
            id: id.into(),
            ingress,
            egress: vec![open],
        }
    }

    fn member(address: &str, vpc: &str, groups: &[&str]) -> FirewallMember {
        FirewallMember {
            address: address.parse().unwrap(),
            public: None,
            vpc: vpc.into(),
            groups: groups.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_reference_to_a_group_means_its_members_addresses() {
        let from_app = TrafficRule {
            protocol: TrafficProtocol::Tcp(5432, 5432),
            peer: TrafficPeer::Group("sg-app".into()),
        };
        let groups = [group("sg-app", vec![]), group("sg-db", vec![from_app])];
        let members = [
            member("10.0.0.4", "vpc-1", &["sg-app"]),
            member("10.0.0.9", "vpc-1", &["sg-db"]),
        ];
        let text = ruleset(&groups, &members, &[]);
        assert!(
            text.contains("set group_sg_app {\n    type ipv4_addr\n    elements = { 10.0.0.4 }"),
            "{text}"
        );
        assert!(
            text.contains("chain in_sg_db {\n    ip saddr @group_sg_app tcp dport 5432 accept\n"),
            "{text}"
        );
        assert!(
            text.contains("chain to_10_0_0_9 {\n    jump in_sg_db\n    drop\n"),
            "{text}"
        );
    }

    #[test]
    fn a_rule_for_a_group_that_is_gone_permits_nothing() {
        let stale = TrafficRule {
            protocol: TrafficProtocol::Any,
            peer: TrafficPeer::Group("sg-gone".into()),
        };
        let text = ruleset(
            &[group("sg-a", vec![stale])],
            &[member("10.0.0.4", "vpc-1", &["sg-a"])],
            &[],
        );
        assert!(text.contains("chain in_sg_a {\n  }\n"), "{text}");
    }

    #[test]
    fn traffic_is_received_only_from_the_same_vpc() {
        let members = [
            member("10.0.0.4", "vpc-1", &[]),
            member("10.1.0.4", "vpc-2", &[]),
        ];
        let text = ruleset(&[], &members, &[]);
        assert!(
            text.contains("ip saddr @vpc_vpc_1 ip daddr @vpc_vpc_1 goto receive"),
            "{text}"
        );
        assert!(
            text.contains("ip saddr @vpc_vpc_2 ip daddr @vpc_vpc_2 goto receive"),
            "{text}"
        );
        assert!(!text.contains("@vpc_vpc_1 ip daddr @vpc_vpc_2"), "{text}");
    }

    #[test]
    fn an_empty_cloud_still_drops_what_is_forwarded() {
        assert!(ruleset(&[], &[], &[]).contains("hook forward priority 0; policy drop;"));
    }
}
