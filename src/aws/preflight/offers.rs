//! What the region's zones offer, for the preflight.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::LocationType;
use aws_sdk_opensearch::types::OpenSearchPartitionInstanceType;
use futures::future::join_all;

use crate::aws::Aws;
use crate::aws::error::{CallContext, incomplete};
use crate::aws::preflight::quotas::{patience, why};
use crate::aws::tags::filter;
use crate::engine::CloudError;
use crate::preflight::{DatabaseOffer, DatabaseWant, Offers, SearchRole, Wants};

impl Aws {
    /// What there is of all that is wanted, side by side.
    pub async fn offers(&self, wants: &Wants) -> Offers {
        let instances = async {
            if wants.instances.is_empty() {
                return (Ok(Vec::new()), None);
            }
            let (offered, image) = futures::join!(
                Box::pin(self.instance_offers(wants)),
                Box::pin(self.image()),
            );
            let image = image.map(|image| image.id.clone());
            (offered, Some(image.map_err(|error| error.message)))
        };
        let databases = join_all(wants.databases.iter().map(|wanted| async move {
            let offer = Box::pin(self.database_offer(wanted)).await;
            (wanted.clone(), offer.map_err(|error| why(&error)))
        }));
        let search = join_all(
            wants
                .search
                .iter()
                .map(|(kind, version, role, _)| async move {
                    let most = Box::pin(self.most_search_nodes(kind, version, *role)).await;
                    let key = (kind.clone(), version.clone(), *role);
                    (key, most.map_err(|error| why(&error)))
                }),
        );
        let types: BTreeSet<(String, String)> = wants
            .search
            .iter()
            .map(|(kind, version, ..)| (kind.clone(), version.clone()))
            .collect();
        let search_zones = join_all(types.into_iter().map(|(kind, version)| async move {
            let zones = Box::pin(self.search_zones(&kind, &version)).await;
            ((kind, version), zones.map_err(|error| why(&error)))
        }));
        let zones = Box::pin(self.usable_zones());
        let (zones, (offered, image), databases, search, search_zones) =
            futures::join!(zones, instances, databases, search, search_zones);
        let zones = zones.map(<[String]>::to_vec);
        // Without the names of the zones nothing can be said about offers in them.
        let offered = match (&zones, offered) {
            (Err(error), _) => Err(why(error)),
            (Ok(_), offered) => offered.map_err(|error| why(&error)),
        };
        Offers {
            zones: zones.map_err(|error| why(&error)),
            instances: wants
                .instances
                .keys()
                .map(|kind| {
                    let zones = offered.clone().map(|list| {
                        list.into_iter()
                            .filter(|(offered, _)| offered == kind)
                            .map(|(_, zone)| zone)
                            .collect::<BTreeSet<_>>()
                    });
                    (kind.clone(), zones)
                })
                .collect(),
            image,
            databases: databases.into_iter().collect(),
            search: search.into_iter().collect(),
            search_zones: search_zones.into_iter().collect(),
        }
    }

    /// Pairs of instance type and zone.
    async fn instance_offers(&self, wants: &Wants) -> Result<Vec<(String, String)>, CloudError> {
        let found: Vec<_> = self
            .ec2
            .describe_instance_type_offerings()
            .location_type(LocationType::AvailabilityZone)
            .filters(filter("instance-type", wants.instances.keys()))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeInstanceTypeOfferings", &self.region)?;
        Ok(found
            .into_iter()
            .filter_map(|offer| Some((offer.instance_type?.as_str().to_owned(), offer.location?)))
            .collect())
    }

    /// The minor versions of a major version that a class can be had with, and where; `None` when AWS
    /// lists nothing at all of the class.
    async fn database_offer(
        &self,
        wanted: &DatabaseWant,
    ) -> Result<Option<DatabaseOffer>, CloudError> {
        let class = &wanted.class;
        let found: Vec<_> = self
            .rds
            .describe_orderable_db_instance_options()
            .engine(wanted.engine)
            .db_instance_class(class)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("rds:DescribeOrderableDBInstanceOptions", class)?;
        let of_version: Vec<_> = found
            .iter()
            .filter_map(|option| Some((option.engine_version()?, option)))
            .filter(|(found, _)| found.split('.').next() == Some(&wanted.version))
            .collect();
        let versions: BTreeSet<&str> = of_version.iter().map(|(version, _)| *version).collect();
        let zones = of_version
            .iter()
            .flat_map(|(_, option)| option.availability_zones())
            .filter_map(|zone| zone.name().map(Into::into));
        Ok((!found.is_empty()).then(|| DatabaseOffer {
            versions: versions.len(),
            zones: zones.collect(),
        }))
    }

    /// The zones in which search nodes of a type can be had.
    async fn search_zones(
        &self,
        kind: &str,
        version: &str,
    ) -> Result<BTreeSet<String>, CloudError> {
        let operation = "es:ListInstanceTypeDetails";
        let answer = self
            .opensearch
            .list_instance_type_details()
            .engine_version(version)
            .instance_type(kind)
            .retrieve_azs(true)
            .customize()
            .config_override(aws_sdk_opensearch::Config::builder().retry_config(patience()))
            .send()
            .await
            .context(operation, kind)?;
        let zones: BTreeSet<String> = answer
            .instance_type_details()
            .iter()
            .filter(|one| {
                one.instance_type()
                    .is_some_and(|found| found.as_str() == kind)
            })
            .flat_map(|one| one.availability_zones())
            .cloned()
            .collect();
        // They are compared with names; ids of zones would mean something else.
        match zones.iter().find(|zone| !zone.starts_with(&self.region)) {
            Some(other) => Err(incomplete(
                operation,
                kind,
                &format!("names of zones of {}, but `{other}`", self.region),
            )),
            None => Ok(zones),
        }
    }

    /// The service itself says which types there are: the enumeration in its API's model, and so
    /// in the SDK, lacks those of the last years, among them `m7g` and `r7g`.
    async fn most_search_nodes(
        &self,
        kind: &str,
        version: &str,
        role: SearchRole,
    ) -> Result<u32, CloudError> {
        let operation = "es:DescribeInstanceTypeLimits";
        let answer = self
            .opensearch
            .describe_instance_type_limits()
            .instance_type(OpenSearchPartitionInstanceType::from(kind))
            .engine_version(version)
            .customize()
            .config_override(aws_sdk_opensearch::Config::builder().retry_config(patience()))
            .send()
            .await
            .context(operation, kind);
        let answer = match answer {
            Err(error) if error.code == "InvalidTypeException" => return Ok(0),
            other => other?,
        };
        let Some(roles) = answer.limits_by_role() else {
            return Err(incomplete(operation, kind, "limits"));
        };
        let Some(limits) = roles.get(role.as_str()) else {
            return Ok(0);
        };
        limits
            .instance_limits()
            .and_then(|limits| limits.instance_count_limits())
            .and_then(|limits| u32::try_from(limits.maximum_instance_count()).ok())
            .ok_or_else(|| incomplete(operation, kind, "limits"))
    }
}
