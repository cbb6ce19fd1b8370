//! EC2's rules: network, security groups, keys, instances.
//!
//! From the API reference: what is refused, with which code. `DependencyViolation` on every
//! removal of what is still used; one gateway for each VPC; no two subnets of one range; group
//! names unique in a VPC; client tokens for launches, remembered after the instance is gone.

use super::account::{Account, Fault, RuleRow, Texts, Thing, fault};

/// What a launch asks for.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Client token.
    pub token: String,
    /// Type.
    pub instance_type: String,
    /// Root volume, GiB.
    pub disk: String,
    /// What it tells of itself.
    pub attrs: Texts,
    /// Subnet id.
    pub subnet: String,
    /// Security group id.
    pub group: String,
    /// Key pair name.
    pub key: String,
    /// Instance profile name.
    pub profile: String,
    /// Tags.
    pub tags: Texts,
}

/// EC2 needs this long to learn of a new instance profile, milliseconds (5 to 10 s measured).
const PROFILE_LAG: u64 = 5_000;

impl Account {
    pub fn create_vpc(&mut self, tags: Texts, cidr: &str) -> Result<String, Fault> {
        let id = self.new_id("vpc");
        let vpc = self.put("vpc", id.clone(), tags);
        vpc.attrs.insert("cidr".into(), cidr.into());
        vpc.attrs.insert("dns_hostnames".into(), "false".into());
        vpc.attrs.insert("dns_support".into(), "false".into());
        Ok(id)
    }

    pub fn modify_vpc(&mut self, id: &str, attribute: &str) -> Result<(), Fault> {
        let vpc = self.known_mut("vpc", id, "InvalidVpcID.NotFound")?;
        if attribute == "dns_hostnames" && vpc.attr("dns_support") != "true" {
            return fault("InvalidParameterValue", "DNS support is off");
        }
        vpc.attrs.insert(attribute.into(), "true".into());
        Ok(())
    }

    /// Removes a part of a network that nothing uses any more.
    pub fn delete_network(
        &mut self,
        sort: &'static str,
        id: &str,
        missing: &'static str,
    ) -> Result<(), Fault> {
        self.known(sort, id, missing)?;
        let users: Vec<String> = self.users(id).iter().map(|t| t.id.clone()).collect();
        let referred = self
            .rules
            .iter()
            .any(|rule| rule.from == id && rule.group != id);
        if !users.is_empty() || referred {
            return fault(
                "DependencyViolation",
                format!("`{id}` has dependencies and cannot be deleted"),
            );
        }
        self.rules.retain(|rule| rule.group != id);
        self.end(sort, id);
        Ok(())
    }

    pub fn create_gateway(&mut self, tags: Texts) -> Result<String, Fault> {
        let id = self.new_id("igw");
        self.put("igw", id.clone(), tags);
        Ok(id)
    }

    pub fn attach_gateway(&mut self, id: &str, vpc: &str) -> Result<(), Fault> {
        self.known("vpc", vpc, "InvalidVpcID.NotFound")?;
        let has_one = self
            .things
            .iter()
            .any(|t| t.sort == "igw" && t.id != id && t.alive(self.now) && t.attr("vpc") == vpc);
        let gateway = self.known_mut("igw", id, "InvalidInternetGatewayID.NotFound")?;
        if !gateway.attr("vpc").is_empty() {
            return fault(
                "Resource.AlreadyAssociated",
                format!("`{id}` is already attached"),
            );
        }
        if has_one {
            return fault(
                "InvalidParameterValue",
                format!("network `{vpc}` already has an internet gateway attached"),
            );
        }
        gateway.attrs.insert("vpc".into(), vpc.into());
        gateway.needs.insert(vpc.into());
        Ok(())
    }

    pub fn detach_gateway(&mut self, id: &str, vpc: &str) -> Result<(), Fault> {
        self.known("igw", id, "InvalidInternetGatewayID.NotFound")?;
        let mapped = self
            .things
            .iter()
            .filter(|t| t.sort == "instance" || t.sort == "nat")
            .any(|t| t.alive(self.now) && t.attr("vpc") == vpc);
        if mapped {
            return fault(
                "DependencyViolation",
                format!("network `{vpc}` has some mapped public address(es)"),
            );
        }
        let gateway = self.known_mut("igw", id, "InvalidInternetGatewayID.NotFound")?;
        if gateway.attr("vpc") != vpc {
            return fault("Gateway.NotAttached", format!("`{id}` is not attached"));
        }
        gateway.attrs.remove("vpc");
        gateway.needs.clear();
        Ok(())
    }

    /// A gateway that is still attached cannot be removed, though nothing needs it.
    pub fn delete_gateway(&mut self, id: &str) -> Result<(), Fault> {
        let gateway = self.known("igw", id, "InvalidInternetGatewayID.NotFound")?;
        if !gateway.attr("vpc").is_empty() {
            return fault("DependencyViolation", format!("`{id}` is attached"));
        }
        self.end("igw", id);
        Ok(())
    }

    pub fn create_subnet(
        &mut self,
        tags: Texts,
        vpc: &str,
        zone: &str,
        cidr: &str,
    ) -> Result<String, Fault> {
        self.known("vpc", vpc, "InvalidVpcID.NotFound")?;
        let conflict =
            |t: &&Thing| t.sort == "subnet" && t.attr("vpc") == vpc && t.attr("cidr") == cidr;
        if self
            .things
            .iter()
            .filter(conflict)
            .any(|t| t.alive(self.now))
        {
            return fault(
                "InvalidSubnet.Conflict",
                format!("`{cidr}` conflicts with another subnet"),
            );
        }
        let id = self.new_id("subnet");
        let subnet = self.put("subnet", id.clone(), tags);
        subnet.needs.insert(vpc.into());
        subnet.attrs = [
            ("vpc", vpc),
            ("zone", zone),
            ("cidr", cidr),
            ("public_addresses", "false"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        Ok(id)
    }

    pub fn modify_subnet(&mut self, id: &str, public: bool) -> Result<(), Fault> {
        let subnet = self.known_mut("subnet", id, "InvalidSubnetID.NotFound")?;
        subnet
            .attrs
            .insert("public_addresses".into(), public.to_string());
        Ok(())
    }

    pub fn create_route_table(&mut self, tags: Texts, vpc: &str) -> Result<String, Fault> {
        self.known("vpc", vpc, "InvalidVpcID.NotFound")?;
        let id = self.new_id("rtb");
        let table = self.put("route-table", id.clone(), tags);
        table.needs.insert(vpc.into());
        table.attrs.insert("vpc".into(), vpc.into());
        Ok(id)
    }

    pub fn create_route(&mut self, id: &str, gateway: &str, replace: bool) -> Result<(), Fault> {
        let attached = match gateway.starts_with("nat-") {
            true => self.known("nat", gateway, "InvalidNatGatewayID.NotFound")?,
            false => self.known("igw", gateway, "InvalidGatewayID.NotFound")?,
        };
        let attached = attached.attr("vpc").to_owned();
        let table = self.known_mut("route-table", id, "InvalidRouteTableID.NotFound")?;
        if attached != table.attr("vpc") {
            return fault(
                "InvalidParameterValue",
                format!("`{id}` and `{gateway}` belong to different networks"),
            );
        }
        if !replace && table.attrs.contains_key("route") {
            return fault("RouteAlreadyExists", "the route exists");
        }
        table.attrs.insert("route".into(), gateway.into());
        Ok(())
    }

    pub fn associate(&mut self, id: &str, subnet: &str) -> Result<(), Fault> {
        self.known("subnet", subnet, "InvalidSubnetID.NotFound")?;
        let taken = self
            .things
            .iter()
            .any(|t| t.sort == "association" && t.alive(self.now) && t.attr("subnet") == subnet);
        if taken {
            return fault("Resource.AlreadyAssociated", "the subnet has a table");
        }
        self.known("route-table", id, "InvalidRouteTableID.NotFound")?;
        let association = self.new_id("rtbassoc");
        let association = self.put("association", association, Texts::new());
        association.attrs.insert("of".into(), subnet.into());
        association.attrs.insert("subnet".into(), subnet.into());
        association.attrs.insert("table".into(), id.into());
        association.needs.insert(id.into());
        Ok(())
    }

    pub fn allocate_address(&mut self, tags: Texts) -> Result<String, Fault> {
        let id = self.new_id("eipalloc");
        self.put("eip", id.clone(), tags);
        Ok(id)
    }

    pub fn release_address(&mut self, id: &str) -> Result<(), Fault> {
        self.known("eip", id, "InvalidAllocationID.NotFound")?;
        if !self.users(id).is_empty() {
            return fault("InvalidIPAddress.InUse", format!("`{id}` is in use"));
        }
        self.end("eip", id);
        Ok(())
    }

    /// The same token gives the same gateway, dead or alive.
    pub fn create_nat(
        &mut self,
        tags: Texts,
        token: &str,
        subnet: &str,
        address: &str,
    ) -> Result<Thing, Fault> {
        if let Some((_, id)) = self.tokens.get(token)
            && let Some(thing) = self.things.iter().find(|t| t.id == *id)
        {
            return Ok(thing.clone());
        }
        let vpc = self.known("subnet", subnet, "InvalidSubnetID.NotFound")?;
        let vpc = vpc.attr("vpc").to_owned();
        self.known("eip", address, "InvalidAllocationID.NotFound")?;
        if !self.users(address).is_empty() {
            return fault(
                "Resource.AlreadyAssociated",
                format!("`{address}` is in use"),
            );
        }
        let attached = self
            .things
            .iter()
            .any(|t| t.sort == "igw" && t.alive(self.now) && t.attr("vpc") == vpc);
        if !attached {
            return fault("Gateway.NotAttached", "the network has no gateway");
        }
        let id = self.new_id("nat");
        let gateway = self.put("nat", id.clone(), tags);
        gateway.needs = [subnet.to_owned(), address.to_owned()].into();
        gateway.attrs.insert("vpc".into(), vpc);
        let gateway = gateway.clone();
        self.tokens.insert(token.to_owned(), (String::new(), id));
        Ok(gateway)
    }

    pub fn delete_nat(&mut self, id: &str) -> Result<(), Fault> {
        self.known("nat", id, "NatGatewayNotFound")?;
        self.end("nat", id);
        Ok(())
    }

    pub fn associations(&self, table: &str) -> Vec<(String, String)> {
        self.things
            .iter()
            .filter(|t| t.sort == "association" && t.alive(self.now) && t.attr("table") == table)
            .map(|t| (t.id.clone(), t.attr("subnet").to_owned()))
            .collect()
    }

    pub fn disassociate(&mut self, association: &str) -> Result<(), Fault> {
        self.known("association", association, "InvalidAssociationID.NotFound")?;
        self.end("association", association);
        Ok(())
    }

    pub fn create_group(&mut self, tags: Texts, vpc: &str, name: &str) -> Result<String, Fault> {
        self.known("vpc", vpc, "InvalidVpcID.NotFound")?;
        let named = |t: &&Thing| {
            t.sort == "security-group" && t.attr("vpc") == vpc && t.attr("name") == name
        };
        if self.things.iter().filter(named).any(|t| t.alive(self.now)) {
            return fault("InvalidGroup.Duplicate", format!("`{name}` exists"));
        }
        let id = self.new_id("sg");
        let group = self.put("security-group", id.clone(), tags);
        group.needs.insert(vpc.into());
        group.attrs.insert("vpc".into(), vpc.into());
        group.attrs.insert("name".into(), name.into());
        Ok(id)
    }

    pub fn rules_of(&self, groups: &[String]) -> Vec<RuleRow> {
        self.rules
            .iter()
            .filter(|rule| groups.contains(&rule.group))
            .cloned()
            .collect()
    }

    pub fn authorize(&mut self, group: &str, rules: &[RuleRow]) -> Result<(), Fault> {
        self.known("security-group", group, "InvalidGroup.NotFound")?;
        for rule in rules {
            if rule.from.starts_with("sg-") {
                self.known("security-group", &rule.from, "InvalidGroup.NotFound")?;
            }
            if self.rules.contains(rule) {
                return fault("InvalidPermission.Duplicate", "the rule exists");
            }
        }
        self.rules.extend(rules.iter().cloned());
        Ok(())
    }

    pub fn revoke(&mut self, group: &str, rules: &[RuleRow]) -> Result<(), Fault> {
        self.known("security-group", group, "InvalidGroup.NotFound")?;
        if rules.iter().any(|rule| !self.rules.contains(rule)) {
            return fault("InvalidPermission.NotFound", "there is no such rule");
        }
        self.rules.retain(|rule| !rules.contains(rule));
        Ok(())
    }

    pub fn import_key(&mut self, tags: Texts, name: &str) -> Result<(), Fault> {
        if self.living("key-pair", name).is_some() {
            return fault("InvalidKeyPair.Duplicate", format!("`{name}` exists"));
        }
        self.put("key-pair", name.to_owned(), tags);
        Ok(())
    }

    /// Launches one instance. The same token gives the same instance, dead or alive.
    pub fn run_instance(&mut self, launch: &Launch) -> Result<Thing, Fault> {
        let asked = format!(
            "{} {} {} {} {} {}",
            launch.instance_type,
            launch.disk,
            launch.subnet,
            launch.group,
            launch.key,
            launch.profile
        );
        if let Some((parameters, id)) = self.tokens.get(&launch.token) {
            if *parameters != asked {
                return fault(
                    "IdempotentParameterMismatch",
                    "the token was used with other parameters",
                );
            }
            if let Some(thing) = self.things.iter().find(|t| t.id == *id) {
                return Ok(thing.clone());
            }
        }
        let subnet = self
            .known("subnet", &launch.subnet, "InvalidSubnetID.NotFound")?
            .clone();
        self.known("security-group", &launch.group, "InvalidGroup.NotFound")?;
        self.known("key-pair", &launch.key, "InvalidKeyPair.NotFound")?;
        let usable = self
            .living("profile", &launch.profile)
            .is_some_and(|p| !p.attr("role").is_empty() && self.now >= p.made + PROFILE_LAG);
        if !usable {
            return fault(
                "InvalidParameterValue",
                format!(
                    "Value ({}) for parameter iamInstanceProfile.name is invalid. \
                     Invalid IAM Instance Profile name",
                    launch.profile
                ),
            );
        }
        let zone = subnet.attr("zone").to_owned();
        if self
            .scarce
            .iter()
            .any(|(kind, at)| *kind == launch.instance_type && (at.is_empty() || *at == zone))
        {
            return fault("InsufficientInstanceCapacity", "no capacity");
        }
        let id = self.new_id("i");
        let number = self.things.len();
        let instance = self.put("instance", id.clone(), launch.tags.clone());
        instance.attrs = [
            ("vpc", subnet.attr("vpc")),
            ("zone", &zone),
            (
                "private_ip",
                &format!("10.9.{}.{}", number / 250, number % 250),
            ),
            ("public_ip", &format!("192.0.2.{}", number % 250)),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        instance.attrs.extend(launch.attrs.clone());
        // The root volume is a thing of its own.
        instance.attrs.remove("disk_gib");
        let instance = instance.clone();
        self.put_interface(&launch.tags, &id, &launch.subnet, &launch.group, "", "");
        let volume = self.new_id("vol");
        let volume = self.put("volume", volume, launch.tags.clone());
        volume.attrs.insert("of".into(), id.clone());
        volume.attrs.insert("size".into(), launch.disk.clone());
        self.tokens.insert(launch.token.clone(), (asked, id));
        Ok(instance)
    }

    /// An interface of something, in a subnet and a group.
    pub fn put_interface(
        &mut self,
        tags: &Texts,
        of: &str,
        subnet: &str,
        group: &str,
        description: &str,
        requester: &str,
    ) -> String {
        let id = self.new_id("eni");
        let interface = self.put("eni", id.clone(), tags.clone());
        interface.needs = [subnet.to_owned(), group.to_owned()].into();
        interface.attrs = [
            ("of", of),
            ("subnet", subnet),
            ("description", description),
            ("requester", requester),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        id
    }

    pub fn terminate(&mut self, id: &str) -> Result<(), Fault> {
        self.known("instance", id, "InvalidInstanceID.NotFound")?;
        self.end("instance", id);
        Ok(())
    }
}
