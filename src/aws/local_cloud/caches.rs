//! Caches, as the API reports them: its network interfaces tell where their nodes are and who
//! may reach them, which the emulator forgets.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{Filter, NetworkInterface};
use aws_sdk_elasticache::types::{Endpoint, ReplicationGroup};
use futures::future::try_join_all;

use super::failed::failed;
use crate::localcloud::{CacheView, CloudReadError};

/// Reads the caches of the cloud behind an endpoint.
#[derive(Debug, Clone)]
pub(super) struct CacheReader {
    elasticache: aws_sdk_elasticache::Client,
    ec2: aws_sdk_ec2::Client,
}

impl CacheReader {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self {
            elasticache: aws_sdk_elasticache::Client::new(config),
            ec2: aws_sdk_ec2::Client::new(config),
        }
    }

    /// Every cache that is not on its way out.
    pub(super) async fn read(&self) -> Result<Vec<CacheView>, CloudReadError> {
        let pages = self
            .elasticache
            .describe_replication_groups()
            .into_paginator()
            .items()
            .send();
        let found: Vec<ReplicationGroup> = pages
            .try_collect()
            .await
            .map_err(failed("DescribeReplicationGroups"))?;
        let there = found
            .iter()
            .filter(|group| group.status() != Some("deleting"));
        try_join_all(there.map(|group| self.cache(group))).await
    }

    async fn cache(&self, group: &ReplicationGroup) -> Result<CacheView, CloudReadError> {
        let id = group.replication_group_id().unwrap_or_default();
        let of_nodes = Filter::builder()
            .name("description")
            .values(format!("ElastiCache {id}"))
            .build();
        let answer = self
            .ec2
            .describe_network_interfaces()
            .filters(of_nodes)
            .send()
            .await
            .map_err(failed("DescribeNetworkInterfaces"))?;
        let interfaces = answer.network_interfaces();
        Ok(CacheView {
            id: id.to_owned(),
            endpoints: endpoints(group),
            encrypted: group.transit_encryption_enabled() == Some(true),
            subnets: distinct(interfaces.iter().filter_map(NetworkInterface::subnet_id)),
            groups: distinct(
                interfaces
                    .iter()
                    .flat_map(NetworkInterface::groups)
                    .filter_map(|group| group.group_id()),
            ),
        })
    }
}

/// The host names of a group: for writing, for reading, and of each node.
fn endpoints(group: &ReplicationGroup) -> Vec<String> {
    let nodes = group.node_groups().iter();
    let named = nodes.flat_map(|nodes| {
        let members = nodes.node_group_members.iter().flatten();
        [nodes.primary_endpoint(), nodes.reader_endpoint.as_ref()]
            .into_iter()
            .chain(members.map(|member| member.read_endpoint.as_ref()))
            .flatten()
            .filter_map(Endpoint::address)
    });
    distinct(named)
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let set: BTreeSet<&str> = texts.collect();
    set.into_iter().map(str::to_owned).collect()
}
