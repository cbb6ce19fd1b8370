//! The rules of IAM, Parameter Store and S3, where names are unique.

use super::account::{Account, Fault, Texts, fault};

impl Account {
    /// Makes what is named uniquely.
    fn create_named(
        &mut self,
        sort: &'static str,
        tags: Texts,
        name: &str,
        exists: &'static str,
    ) -> Result<(), Fault> {
        if self.living(sort, name).is_some() {
            return fault(exists, format!("`{name}` exists"));
        }
        self.put(sort, name.to_owned(), tags);
        Ok(())
    }

    pub fn create_role(&mut self, tags: Texts, name: &str) -> Result<(), Fault> {
        self.create_named("role", tags, name, "EntityAlreadyExists")
    }

    pub fn put_policy(&mut self, role: &str, policy: &str) -> Result<(), Fault> {
        let role = self.known_mut("role", role, "NoSuchEntity")?;
        role.attrs.insert("policy".into(), policy.into());
        Ok(())
    }

    pub fn delete_policy(&mut self, role: &str) -> Result<(), Fault> {
        let role = self.known_mut("role", role, "NoSuchEntity")?;
        match role.attrs.remove("policy") {
            Some(_) => Ok(()),
            None => fault("NoSuchEntity", "no such policy"),
        }
    }

    pub fn delete_role(&mut self, name: &str) -> Result<(), Fault> {
        let role = self.known("role", name, "NoSuchEntity")?;
        if role.attrs.contains_key("policy") || !self.users(name).is_empty() {
            return fault("DeleteConflict", "the role is still used");
        }
        self.end("role", name);
        Ok(())
    }

    pub fn create_profile(&mut self, tags: Texts, name: &str) -> Result<(), Fault> {
        self.create_named("profile", tags, name, "EntityAlreadyExists")
    }

    pub fn add_role(&mut self, profile: &str, role: &str) -> Result<(), Fault> {
        self.known("role", role, "NoSuchEntity")?;
        let profile = self.known_mut("profile", profile, "NoSuchEntity")?;
        if !profile.attr("role").is_empty() {
            return fault("LimitExceeded", "a profile holds one role");
        }
        profile.attrs.insert("role".into(), role.into());
        profile.needs.insert(role.into());
        Ok(())
    }

    pub fn remove_role(&mut self, profile: &str, role: &str) -> Result<(), Fault> {
        let profile = self.known_mut("profile", profile, "NoSuchEntity")?;
        if profile.attr("role") != role {
            return fault("NoSuchEntity", "the profile has no such role");
        }
        profile.attrs.remove("role");
        profile.needs.clear();
        Ok(())
    }

    pub fn delete_profile(&mut self, name: &str) -> Result<(), Fault> {
        let profile = self.known("profile", name, "NoSuchEntity")?;
        if !profile.attr("role").is_empty() {
            return fault("DeleteConflict", "the profile still holds a role");
        }
        self.end("profile", name);
        Ok(())
    }

    /// Allowed to a service once for each account; it outlives every environment.
    pub fn create_service_role(&mut self, service: &str) -> Result<(), Fault> {
        if self.living("service-role", service).is_some() {
            return fault("InvalidInput", "the service role name has been taken");
        }
        self.put("service-role", service.to_owned(), Texts::new());
        Ok(())
    }

    pub fn put_parameter(&mut self, tags: Texts, name: &str, value: &str) -> Result<(), Fault> {
        self.create_named("parameter", tags, name, "ParameterAlreadyExists")?;
        if let Some(parameter) = self.living_mut("parameter", name) {
            parameter.attrs.insert("value".into(), value.into());
        }
        Ok(())
    }

    pub fn delete_parameter(&mut self, name: &str) -> Result<(), Fault> {
        self.known("parameter", name, "ParameterNotFound")?;
        self.end("parameter", name);
        Ok(())
    }

    /// In the first region the creation of a bucket that one has succeeds; elsewhere it is
    /// refused. A name is not free for some seconds after its bucket went.
    pub fn create_bucket(&mut self, tags: Texts, name: &str) -> Result<(), Fault> {
        let lately = self.things.iter().any(|t| {
            t.sort == "bucket" && t.id == name && t.gone.is_some_and(|gone| self.now < gone + 5_000)
        });
        if lately {
            return fault("OperationAborted", "a conflicting operation is in progress");
        }
        self.create_named("bucket", tags, name, "BucketAlreadyOwnedByYou")
    }

    pub fn set_bucket(&mut self, name: &str, key: &str, value: &str) -> Result<(), Fault> {
        let bucket = self.known_mut("bucket", name, "NoSuchBucket")?;
        bucket.attrs.insert(key.into(), value.into());
        Ok(())
    }

    pub fn tag_bucket(&mut self, name: &str, tags: Texts) -> Result<(), Fault> {
        self.known_mut("bucket", name, "NoSuchBucket")?.tags = tags;
        Ok(())
    }

    pub fn empty_bucket(&mut self, name: &str) -> Result<(), Fault> {
        let bucket = self.known_mut("bucket", name, "NoSuchBucket")?;
        bucket.attrs.remove("objects");
        Ok(())
    }

    pub fn delete_bucket(&mut self, name: &str) -> Result<(), Fault> {
        let bucket = self.known("bucket", name, "NoSuchBucket")?;
        if bucket.attrs.contains_key("objects") {
            return fault("BucketNotEmpty", "the bucket is not empty");
        }
        self.end("bucket", name);
        Ok(())
    }
}
