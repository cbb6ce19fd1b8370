//! The rules of RDS, OpenSearch and ElastiCache: names are unique, states decide what is
//! allowed, and their network interfaces outlive them.

use std::collections::BTreeSet;

use super::account::{Account, Fault, Texts, fault};

/// What a database, domain or cache is made of.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Tags.
    pub tags: Texts,
    /// What it tells of itself.
    pub attrs: Texts,
    /// Groups that it uses, by sort and name.
    pub groups: Vec<(&'static str, String)>,
    /// Subnets that its interfaces are in.
    pub subnets: Vec<String>,
    /// Its security group.
    pub group: String,
}

impl Account {
    /// A subnet or parameter group.
    pub fn create_data_group(
        &mut self,
        sort: &'static str,
        tags: Texts,
        name: &str,
        subnets: &[String],
        exists: &'static str,
    ) -> Result<(), Fault> {
        if self.living(sort, name).is_some() {
            return fault(exists, format!("`{name}` exists"));
        }
        for subnet in subnets {
            self.known("subnet", subnet, "InvalidSubnet")?;
        }
        let thing = self.put(sort, name.to_owned(), tags);
        thing.attrs.insert("subnets".into(), subnets.join(" "));
        Ok(())
    }

    pub fn set_parameters(&mut self, name: &str, parameters: &Texts) -> Result<(), Fault> {
        let group = self.known_mut("db-parameters", name, "DBParameterGroupNotFound")?;
        group.attrs.retain(|key, _| !key.starts_with("p:"));
        for (key, value) in parameters {
            group.attrs.insert(format!("p:{key}"), value.clone());
        }
        Ok(())
    }

    pub fn delete_data_group(
        &mut self,
        sort: &'static str,
        name: &str,
        missing: &'static str,
        used: &'static str,
    ) -> Result<(), Fault> {
        self.known(sort, name, missing)?;
        if !self.users(name).is_empty() {
            return fault(used, format!("`{name}` is in use"));
        }
        self.end(sort, name);
        Ok(())
    }

    /// A database, domain or cache, with its interfaces.
    fn create_service(
        &mut self,
        sort: &'static str,
        service: &Service,
        exists: &'static str,
    ) -> Result<(), Fault> {
        if self.living(sort, &service.name).is_some() {
            return fault(exists, format!("`{}` exists", service.name));
        }
        for (group, name) in &service.groups {
            let missing = match *group {
                "db-parameters" => "DBParameterGroupNotFound",
                "db-subnets" => "DBSubnetGroupNotFoundFault",
                _ => "CacheSubnetGroupNotFoundFault",
            };
            self.known(group, name, missing)?;
        }
        self.known("security-group", &service.group, "InvalidGroup.NotFound")?;
        let subnets = self.subnets_of(service);
        for subnet in &subnets {
            self.known("subnet", subnet, "InvalidSubnetID.NotFound")?;
        }
        let thing = self.put(sort, service.name.clone(), service.tags.clone());
        thing.attrs = service.attrs.clone();
        thing.needs = service
            .groups
            .iter()
            .map(|(_, name)| name.clone())
            .collect::<BTreeSet<String>>();
        let requester = match sort {
            "db" => "amazon-rds",
            "domain" => "amazon-opensearch",
            _ => "amazon-elasticache",
        };
        for subnet in &subnets {
            self.put_interface(
                &Texts::new(),
                &service.name,
                subnet,
                &service.group,
                &format!("{sort} {}", service.name),
                requester,
            );
        }
        Ok(())
    }

    /// Where the interfaces go: into the subnets named, or into those of the subnet group.
    fn subnets_of(&self, service: &Service) -> Vec<String> {
        if !service.subnets.is_empty() {
            return service.subnets.clone();
        }
        service
            .groups
            .iter()
            .filter_map(|(sort, name)| self.living(sort, name))
            .flat_map(|group| group.attr("subnets").split_whitespace())
            .map(str::to_owned)
            .collect()
    }

    pub fn create_db(&mut self, service: &Service) -> Result<(), Fault> {
        self.create_service("db", service, "DBInstanceAlreadyExists")
    }

    /// Only a database that rests can be copied.
    pub fn create_replica(&mut self, service: &Service, source: &str) -> Result<(), Fault> {
        let writer = self.known("db", source, "DBInstanceNotFound")?;
        if writer.leaving() || self.now < writer.ready {
            return fault(
                "InvalidDBInstanceState",
                format!("`{source}` is not available"),
            );
        }
        let mut service = service.clone();
        let group = writer.attr("subnet_group").to_owned();
        service.groups.push(("db-subnets", group));
        self.create_db(&service)?;
        if let Some(replica) = self.living_mut("db", &service.name) {
            replica.attrs.insert("source".into(), source.to_owned());
        }
        Ok(())
    }

    pub fn modify_db(&mut self, id: &str, changes: &Texts) -> Result<(), Fault> {
        let now = self.now;
        let db = self.known_mut("db", id, "DBInstanceNotFound")?;
        if db.leaving() || now < db.ready {
            return fault("InvalidDBInstanceState", format!("`{id}` is not available"));
        }
        db.attrs.extend(changes.clone());
        db.ready = now + 40_000;
        Ok(())
    }

    /// What is still being made cannot be removed, nor can what is being copied.
    pub fn delete_db(&mut self, id: &str) -> Result<(), Fault> {
        let copied = self.things.iter().any(|t| {
            t.sort == "db" && t.alive(self.now) && self.now < t.ready && t.attr("source") == id
        });
        let db = self.known("db", id, "DBInstanceNotFound")?;
        if db.leaving() {
            return fault(
                "InvalidDBInstanceState",
                format!("`{id}` is already being deleted"),
            );
        }
        if self.now < db.ready || copied {
            return fault("InvalidDBInstanceState", format!("`{id}` is not available"));
        }
        self.end("db", id);
        Ok(())
    }

    /// A domain in a VPC needs OpenSearch's own role, which an account gets once.
    pub fn create_domain(&mut self, service: &Service) -> Result<(), Fault> {
        let role = "opensearchservice.amazonaws.com";
        if self.living("service-role", role).is_none() {
            return fault(
                "ValidationException",
                "Before you can proceed, you must enable a service-linked role",
            );
        }
        self.create_service("domain", service, "ResourceAlreadyExistsException")
    }

    pub fn update_domain(&mut self, id: &str, changes: &Texts) -> Result<(), Fault> {
        let now = self.now;
        let domain = self.known_mut("domain", id, "ResourceNotFoundException")?;
        if domain.leaving() {
            return fault("ConflictException", format!("`{id}` is being deleted"));
        }
        domain.attrs.extend(changes.clone());
        domain.ready = domain.ready.max(now + 60_000);
        Ok(())
    }

    pub fn delete_domain(&mut self, id: &str) -> Result<(), Fault> {
        self.known("domain", id, "ResourceNotFoundException")?;
        self.end("domain", id);
        Ok(())
    }

    pub fn create_cache(&mut self, service: &Service) -> Result<(), Fault> {
        self.create_service("cache", service, "ReplicationGroupAlreadyExists")
    }

    pub fn delete_cache(&mut self, id: &str) -> Result<(), Fault> {
        let cache = self.known("cache", id, "ReplicationGroupNotFoundFault")?;
        if cache.leaving() || self.now < cache.ready {
            return fault(
                "InvalidReplicationGroupState",
                format!("`{id}` is not available"),
            );
        }
        self.end("cache", id);
        Ok(())
    }
}
