//! The in-memory cloud makes data services, call by call as in `src/aws`.

use loadrig::blueprint::{Address, DatabaseRole, Desired, kinds};
use loadrig::engine::{CloudError, FailureClass, Observed, Request};
use loadrig::identity::names::Names;

use super::account::Texts;
use super::data::Service;
use super::judge::{Judge, Seen, found_or, needed, needed_ids, tags, visible, wanted};
use super::memory::Memory;
use super::wire::foreign;

impl Memory {
    pub(super) async fn create_database_subnets(
        &self,
        request: &Request<'_>,
        subnets: &[Address],
    ) -> Seen {
        let name = Names::of(request.environment).database_subnets();
        let (tags, named) = (tags(request), name.clone());
        let subnets = needed_ids(request, subnets)?;
        let created = self
            .wire
            .call("rds:CreateDBSubnetGroup", &name, move |a| {
                let exists = "DBSubnetGroupAlreadyExists";
                a.create_data_group("db-subnets", tags, &named, &subnets, exists)
            })
            .await
            .or_done(&["DBSubnetGroupAlreadyExists"])
            .or_soon()?;
        let found = self.database_subnets(request.environment).await?;
        found_or(found, created.is_some(), "rds:CreateDBSubnetGroup", &name)
    }

    pub(super) async fn create_cache_subnets(
        &self,
        request: &Request<'_>,
        subnets: &[Address],
    ) -> Seen {
        let name = Names::of(request.environment).cache_subnets();
        let (tags, named) = (tags(request), name.clone());
        let subnets = needed_ids(request, subnets)?;
        let created = self
            .wire
            .call("elasticache:CreateCacheSubnetGroup", &name, move |a| {
                let exists = "CacheSubnetGroupAlreadyExists";
                a.create_data_group("cache-subnets", tags, &named, &subnets, exists)
            })
            .await
            .or_done(&["CacheSubnetGroupAlreadyExists"])
            .or_soon()?;
        let found = self.cache_subnets(request.environment).await?;
        found_or(
            found,
            created.is_some(),
            "elasticache:CreateCacheSubnetGroup",
            &name,
        )
    }

    pub(super) async fn create_database_parameters(
        &self,
        request: &Request<'_>,
        reader: bool,
        family: &str,
        parameters: &Texts,
    ) -> Seen {
        let name = Names::of(request.environment).database_parameters(reader);
        let (tags, named, family) = (tags(request), name.clone(), family.to_owned());
        let created = self
            .wire
            .call("rds:CreateDBParameterGroup", &name, move |a| {
                let exists = "DBParameterGroupAlreadyExists";
                a.create_data_group("db-parameters", tags, &named, &[], exists)?;
                if let Some(group) = a.living_mut("db-parameters", &named) {
                    group.attrs.insert("family".into(), family);
                }
                Ok(())
            })
            .await
            .or_done(&["DBParameterGroupAlreadyExists"])?;
        if created.is_none()
            && self
                .database_parameters(request.environment, reader)
                .await?
                .is_none()
        {
            return Err(foreign("rds:CreateDBParameterGroup", &name));
        }
        self.update_database_parameters(request, reader, parameters)
            .await
    }

    pub(super) async fn update_database_parameters(
        &self,
        request: &Request<'_>,
        reader: bool,
        parameters: &Texts,
    ) -> Seen {
        let name = Names::of(request.environment).database_parameters(reader);
        let set = self.set_parameters(&name).await?;
        if set != *parameters {
            self.wire
                .call("rds:DescribeDBParameters", &name, |_| Ok(()))
                .await?;
            let (named, wanted) = (name.clone(), parameters.clone());
            self.wire
                .call("rds:ModifyDBParameterGroup", &name, move |a| {
                    a.set_parameters(&named, &wanted)
                })
                .await
                .or_soon()?;
        }
        let found = self
            .database_parameters(request.environment, reader)
            .await?;
        visible(found.into_iter().collect(), &name)
    }

    pub(super) async fn create_database(&self, request: &Request<'_>, role: DatabaseRole) -> Seen {
        let Desired::Database(kinds::DatabaseInstance {
            subnets,
            parameters,
            group,
            ..
        }) = request.desired
        else {
            unreachable!("a database");
        };
        let id = Names::of(request.environment).database(role);
        let subnet_group = needed(request, subnets)?.id.clone();
        let mut attrs = wanted(request);
        attrs.insert("subnet_group".into(), subnet_group.clone());
        let mut service = Service {
            name: id.clone(),
            tags: tags(request),
            attrs,
            groups: vec![("db-parameters", needed(request, parameters)?.id.clone())],
            subnets: vec![],
            group: needed(request, group)?.id.clone(),
        };
        let created = match role {
            DatabaseRole::Writer => {
                service.groups.push(("db-subnets", subnet_group));
                self.wire
                    .call("rds:CreateDBInstance", &id, move |a| a.create_db(&service))
                    .await
            }
            DatabaseRole::Reader(_) => {
                let writer = needed(request, &Address::database(DatabaseRole::Writer))?;
                let source = writer.id.clone();
                self.wire
                    .call("rds:CreateDBInstanceReadReplica", &id, move |a| {
                        a.create_replica(&service, &source)
                    })
                    .await
            }
        }
        .or_done(&["DBInstanceAlreadyExists"])
        .or_soon()?;
        let found = self.read_database(request.environment, &id).await?;
        found_or(found, created.is_some(), "rds:CreateDBInstance", &id)
    }

    pub(super) async fn update_database(&self, request: &Request<'_>, existing: &Observed) -> Seen {
        let changes = wanted(request);
        let id = existing.id.clone();
        self.wire
            .call("rds:ModifyDBInstance", &existing.id, move |a| {
                a.modify_db(&id, &changes)
            })
            .await?;
        let found = self
            .read_database(request.environment, &existing.id)
            .await?;
        visible(found.into_iter().collect(), &existing.id)
    }

    pub(super) async fn create_search(&self, request: &Request<'_>) -> Seen {
        let Desired::Search(kinds::SearchDomain { subnets, group, .. }) = request.desired else {
            unreachable!("a domain");
        };
        self.who().await?;
        let name = Names::of(request.environment).search();
        let service = Service {
            name: name.clone(),
            tags: tags(request),
            attrs: wanted(request),
            groups: vec![],
            subnets: needed_ids(request, subnets)?,
            group: needed(request, group)?.id.clone(),
        };
        let created = self
            .wire
            .call("es:CreateDomain", &name, move |a| a.create_domain(&service))
            .await
            .or_done(&["ResourceAlreadyExistsException"])
            .or_soon();
        let created = match created {
            Err(error) if error.message.contains("service-linked role") => {
                self.wire
                    .call("iam:CreateServiceLinkedRole", &name, |a| {
                        a.create_service_role("opensearchservice.amazonaws.com")
                    })
                    .await
                    .or_done(&["InvalidInput"])?;
                return Err(CloudError {
                    class: FailureClass::Converging,
                    ..error
                });
            }
            other => other?,
        };
        let found = self.domain(request.environment).await?;
        found_or(found, created.is_some(), "es:CreateDomain", &name)
    }

    pub(super) async fn update_search(&self, request: &Request<'_>, existing: &Observed) -> Seen {
        let changes: Texts = wanted(request);
        let id = existing.id.clone();
        self.wire
            .call("es:UpdateDomainConfig", &existing.id, move |a| {
                a.update_domain(&id, &changes)
            })
            .await?;
        let found = self.domain(request.environment).await?;
        visible(found.into_iter().collect(), &existing.id)
    }

    pub(super) async fn create_cache(&self, request: &Request<'_>) -> Seen {
        let Desired::Cache(kinds::CacheGroup { subnets, group, .. }) = request.desired else {
            unreachable!("a cache");
        };
        let id = Names::of(request.environment).cache();
        let service = Service {
            name: id.clone(),
            tags: tags(request),
            attrs: wanted(request),
            groups: vec![("cache-subnets", needed(request, subnets)?.id.clone())],
            subnets: vec![],
            group: needed(request, group)?.id.clone(),
        };
        let created = self
            .wire
            .call("elasticache:CreateReplicationGroup", &id, move |a| {
                a.create_cache(&service)
            })
            .await
            .or_done(&["ReplicationGroupAlreadyExists"])
            .or_soon()?;
        let found = self.cache(request.environment).await?;
        found_or(
            found,
            created.is_some(),
            "elasticache:CreateReplicationGroup",
            &id,
        )
    }
}
