//! The in-memory cloud removes, call by call as in `src/aws`.

use loadrig::blueprint::Kind;
use loadrig::engine::{Blocker, CloudError, Observed};

use super::account::{Account, Fault, Thing};
use super::judge::{Judge, address_of};
use super::memory::Memory;

impl Memory {
    pub(super) async fn remove(&self, env: &str, existing: &Observed) -> Result<(), CloudError> {
        let id = existing.id.clone();
        match existing.kind {
            Kind::Vpc => {
                self.go("ec2:DeleteVpc", id, |a, id| {
                    a.delete_network("vpc", id, "InvalidVpcID.NotFound")
                })
                .await
            }
            Kind::InternetGateway => self.remove_gateway(env, id).await,
            Kind::Subnet => {
                self.go("ec2:DeleteSubnet", id, |a, id| {
                    a.delete_network("subnet", id, "InvalidSubnetID.NotFound")
                })
                .await
            }
            Kind::ElasticAddress => {
                self.go("ec2:ReleaseAddress", id, Account::release_address)
                    .await
            }
            Kind::NatGateway => {
                self.go("ec2:DeleteNatGateway", id, Account::delete_nat)
                    .await
            }
            Kind::RouteTable => self.remove_route_table(id).await,
            Kind::SecurityGroup => self.remove_group(env, id).await,
            Kind::SecurityRules => {
                let rows = self.rows(std::slice::from_ref(&id)).await?;
                self.revoke(rows).await
            }
            Kind::Seed => {
                self.go("ssm:DeleteParameter", id, Account::delete_parameter)
                    .await
            }
            Kind::KeyPair => {
                self.go("ec2:DeleteKeyPair", id, |a, id| {
                    a.end("key-pair", id);
                    Ok(())
                })
                .await
            }
            Kind::Role => self.remove_role_itself(id).await,
            Kind::InstanceProfile => self.remove_profile(id).await,
            Kind::Bucket => self.remove_bucket(id).await,
            Kind::DatabaseSubnets => {
                self.go("rds:DeleteDBSubnetGroup", id, |a, id| {
                    let missing = "DBSubnetGroupNotFoundFault";
                    let used = "InvalidDBSubnetGroupStateFault";
                    a.delete_data_group("db-subnets", id, missing, used)
                })
                .await
            }
            Kind::DatabaseParameters => {
                self.go("rds:DeleteDBParameterGroup", id, |a, id| {
                    let missing = "DBParameterGroupNotFound";
                    let used = "InvalidDBParameterGroupState";
                    a.delete_data_group("db-parameters", id, missing, used)
                })
                .await
            }
            Kind::DatabaseCluster | Kind::DatabaseClusterParameters => {
                panic!("this account has no Aurora")
            }
            Kind::Database => {
                self.go_unless_leaving("rds:DeleteDBInstance", "db", id, Account::delete_db)
                    .await
            }
            Kind::Search => self.go("es:DeleteDomain", id, Account::delete_domain).await,
            Kind::CacheSubnets => {
                self.go("elasticache:DeleteCacheSubnetGroup", id, |a, id| {
                    let missing = "CacheSubnetGroupNotFoundFault";
                    a.delete_data_group("cache-subnets", id, missing, "CacheSubnetGroupInUse")
                })
                .await
            }
            Kind::Cache => {
                let operation = "elasticache:DeleteReplicationGroup";
                self.go_unless_leaving(operation, "cache", id, Account::delete_cache)
                    .await
            }
            Kind::Instance => {
                self.go("ec2:TerminateInstances", id, Account::terminate)
                    .await
            }
            other => panic!("{other:?} is not kept in memory"),
        }
    }

    /// Interfaces and foreign things that use what is to go, and groups that name it.
    pub(super) async fn find_blockers(
        &self,
        env: &str,
        existing: &Observed,
    ) -> Result<Vec<Blocker>, CloudError> {
        let (env, id) = (env.to_owned(), existing.id.clone());
        self.wire
            .call("ec2:DescribeNetworkInterfaces", &existing.id, move |a| {
                let mut found: Vec<Blocker> = Vec::new();
                for user in a.users(&id) {
                    let ours = address_of(&user.tags, &env).is_some();
                    let requester = user.attr("requester");
                    if user.sort != "eni" && ours {
                        continue;
                    }
                    found.push(Blocker {
                        what: format!(
                            "{} {} `{}` of {}",
                            user.sort,
                            user.id,
                            user.attr("description"),
                            if requester.is_empty() {
                                user.attr("of")
                            } else {
                                requester
                            },
                        ),
                        passing: ours || !requester.is_empty(),
                    });
                }
                for rule in a.rules.iter().filter(|r| r.from == id && r.group != id) {
                    let ours = a
                        .living("security-group", &rule.group)
                        .is_some_and(|group| address_of(&group.tags, &env).is_some());
                    found.push(Blocker {
                        what: format!("a rule of security group {} names it", rule.group),
                        passing: ours,
                    });
                }
                Ok(found)
            })
            .await
    }

    /// One removal; success when it is gone already.
    async fn go(
        &self,
        operation: &'static str,
        id: String,
        effect: impl FnOnce(&mut Account, &str) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), CloudError> {
        let target = id.clone();
        self.wire
            .call(operation, &target, move |a| effect(a, &id))
            .await
            .or_gone()?;
        Ok(())
    }

    /// The same for what refuses a second removal: a look tells whether somebody was first.
    async fn go_unless_leaving(
        &self,
        operation: &'static str,
        sort: &'static str,
        id: String,
        effect: impl FnOnce(&mut Account, &str) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), CloudError> {
        let Err(error) = self.go(operation, id.clone(), effect).await else {
            return Ok(());
        };
        let one = id.clone();
        let staying = self
            .wire
            .call("Describe", &id, move |a| {
                Ok(a.living(sort, &one).is_some_and(|t| !t.leaving()))
            })
            .await?;
        if staying { Err(error) } else { Ok(()) }
    }

    async fn remove_gateway(&self, env: &str, id: String) -> Result<(), CloudError> {
        let found = self
            .raw("ec2:DescribeInternetGateways", "igw", env, None, Some(&id))
            .await?;
        for vpc in found.iter().map(|g| g.attr("vpc").to_owned()) {
            if vpc.is_empty() {
                continue;
            }
            let gateway = id.clone();
            self.wire
                .call("ec2:DetachInternetGateway", &id, move |a| {
                    a.detach_gateway(&gateway, &vpc)
                })
                .await
                .or_done(&["Gateway.NotAttached"])
                .or_gone()?;
        }
        self.go("ec2:DeleteInternetGateway", id, Account::delete_gateway)
            .await
    }

    async fn remove_route_table(&self, id: String) -> Result<(), CloudError> {
        let table = id.clone();
        let with = self
            .wire
            .call("ec2:DescribeRouteTables", &id, move |a| {
                Ok(a.associations(&table))
            })
            .await?;
        for (association, _) in with {
            self.go(
                "ec2:DisassociateRouteTable",
                association,
                Account::disassociate,
            )
            .await?;
        }
        self.go("ec2:DeleteRouteTable", id, |a, id| {
            a.delete_network("route-table", id, "InvalidRouteTableID.NotFound")
        })
        .await
    }

    async fn remove_group(&self, env: &str, id: String) -> Result<(), CloudError> {
        let delete = || {
            self.go("ec2:DeleteSecurityGroup", id.clone(), |a, id| {
                a.delete_network("security-group", id, "InvalidGroup.NotFound")
            })
        };
        match delete().await {
            Err(error) if error.code == "DependencyViolation" => {
                let (name, to) = (env.to_owned(), id.clone());
                let referring = self
                    .wire
                    .call("ec2:DescribeSecurityGroups", &id, move |a| {
                        let ours = a.describe("security-group", &name, None, None);
                        let refers =
                            |t: &&Thing| a.rules.iter().any(|r| r.group == t.id && r.from == to);
                        Ok(ours
                            .iter()
                            .filter(refers)
                            .map(|t| t.id.clone())
                            .collect::<Vec<String>>())
                    })
                    .await?;
                let rows = self.rows(&referring).await?;
                let rows = rows.into_iter().filter(|row| row.from == id).collect();
                self.revoke(rows).await?;
                delete().await
            }
            other => other,
        }
    }

    async fn remove_role_itself(&self, name: String) -> Result<(), CloudError> {
        let role = name.clone();
        let profiles = self
            .wire
            .call("iam:ListInstanceProfilesForRole", &name, move |a| {
                a.known("role", &role, "NoSuchEntity")?;
                Ok(a.users(&role)
                    .iter()
                    .map(|t| t.id.clone())
                    .collect::<Vec<_>>())
            })
            .await
            .or_gone()?;
        let Some(profiles) = profiles else {
            return Ok(());
        };
        for profile in profiles {
            self.detach(&profile, &name).await?;
        }
        let role = name.clone();
        let has_policy = self
            .wire
            .call("iam:ListRolePolicies", &name, move |a| {
                let role = a.known("role", &role, "NoSuchEntity")?;
                Ok(role.attrs.contains_key("policy"))
            })
            .await
            .or_gone()?;
        if has_policy == Some(true) {
            self.go("iam:DeleteRolePolicy", name.clone(), Account::delete_policy)
                .await?;
        }
        self.go("iam:DeleteRole", name, Account::delete_role).await
    }

    async fn remove_profile(&self, name: String) -> Result<(), CloudError> {
        let Some(profile) = self.get_profile(&name).await? else {
            return Ok(());
        };
        if !profile.attr("role").is_empty() {
            self.detach(&name, profile.attr("role")).await?;
        }
        self.go("iam:DeleteInstanceProfile", name, Account::delete_profile)
            .await
    }

    async fn remove_bucket(&self, name: String) -> Result<(), CloudError> {
        let id = name.clone();
        let exists = self
            .wire
            .call("s3:ListBucket", &name, move |a| {
                Ok(a.living("bucket", &id).is_some())
            })
            .await?;
        if !exists {
            return Ok(());
        }
        let look = |operation| self.wire.call(operation, &name, |_| Ok(()));
        look("s3:ListBucketMultipartUploads").await?;
        look("s3:ListBucketVersions").await?;
        self.go("s3:DeleteObject", name.clone(), Account::empty_bucket)
            .await?;
        self.go("s3:DeleteBucket", name, Account::delete_bucket)
            .await
    }
}
