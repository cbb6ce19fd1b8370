pub use crate::types::_replication_group::ReplicationGroup;

pub use crate::types::_snapshot::Snapshot;

pub use crate::types::_network_type::NetworkType;

pub use crate::types::_ip_discovery::IpDiscovery;

pub use crate::types::_cache_cluster::CacheCluster;

pub use crate::types::_cache_subnet_group::CacheSubnetGroup;

pub use crate::types::_transit_encryption_mode::TransitEncryptionMode;

pub use crate::types::_cluster_mode::ClusterMode;

pub use crate::types::_durability::Durability;

pub use crate::types::_authentication_mode::AuthenticationMode;

pub use crate::types::_authentication::Authentication;

pub use crate::types::_source_type::SourceType;

pub use crate::types::_auth_token_update_strategy_type::AuthTokenUpdateStrategyType;

pub use crate::types::_scale_config::ScaleConfig;

pub use crate::types::_tag::Tag;

pub use crate::types::_global_replication_group_info::GlobalReplicationGroupInfo;

pub use crate::types::_replication_group_pending_modified_values::ReplicationGroupPendingModifiedValues;

pub use crate::types::_automatic_failover_status::AutomaticFailoverStatus;

pub use crate::types::_multi_az_status::MultiAzStatus;

pub use crate::types::_endpoint::Endpoint;

pub use crate::types::_storage_encryption_type::StorageEncryptionType;

pub use crate::types::_data_tiering_status::DataTieringStatus;

pub use crate::types::_effective_durability::EffectiveDurability;

pub use crate::types::_log_delivery_configuration_request::LogDeliveryConfigurationRequest;

pub use crate::types::_pending_modified_values::PendingModifiedValues;

pub use crate::types::_notification_configuration::NotificationConfiguration;

pub use crate::types::_cache_parameter_group_status::CacheParameterGroupStatus;

pub use crate::types::_node_group_configuration::NodeGroupConfiguration;

pub use crate::types::_input_authentication_type::InputAuthenticationType;

pub use crate::types::_authentication_type::AuthenticationType;

pub use crate::types::_configure_shard::ConfigureShard;

pub use crate::types::_event::Event;

pub use crate::types::_pending_automatic_failover_status::PendingAutomaticFailoverStatus;

pub use crate::types::_resharding_status::ReshardingStatus;

pub use crate::types::_auth_token_update_status::AuthTokenUpdateStatus;

pub use crate::types::_user_groups_update_status::UserGroupsUpdateStatus;

pub use crate::types::_node_group::NodeGroup;

pub use crate::types::_log_delivery_configuration::LogDeliveryConfiguration;

pub use crate::types::_node_snapshot::NodeSnapshot;

pub use crate::types::_log_type::LogType;

pub use crate::types::_destination_type::DestinationType;

pub use crate::types::_destination_details::DestinationDetails;

pub use crate::types::_log_format::LogFormat;

pub use crate::types::_cache_security_group_membership::CacheSecurityGroupMembership;

pub use crate::types::_cache_node::CacheNode;

pub use crate::types::_security_group_membership::SecurityGroupMembership;

pub use crate::types::_subnet::Subnet;

pub use crate::types::_slot_migration::SlotMigration;

pub use crate::types::_pending_log_delivery_configuration::PendingLogDeliveryConfiguration;

pub use crate::types::_log_delivery_configuration_status::LogDeliveryConfigurationStatus;

pub use crate::types::_cloud_watch_logs_destination_details::CloudWatchLogsDestinationDetails;

pub use crate::types::_kinesis_firehose_destination_details::KinesisFirehoseDestinationDetails;

pub use crate::types::_availability_zone::AvailabilityZone;

pub use crate::types::_subnet_outpost::SubnetOutpost;

pub use crate::types::_node_group_member::NodeGroupMember;

mod _auth_token_update_status;

mod _auth_token_update_strategy_type;

mod _authentication;

mod _authentication_mode;

mod _authentication_type;

mod _automatic_failover_status;

mod _availability_zone;

mod _cache_cluster;

mod _cache_node;

mod _cache_parameter_group_status;

mod _cache_security_group_membership;

mod _cache_subnet_group;

mod _cloud_watch_logs_destination_details;

mod _cluster_mode;

mod _configure_shard;

mod _data_tiering_status;

mod _destination_details;

mod _destination_type;

mod _durability;

mod _effective_durability;

mod _endpoint;

mod _event;

mod _global_replication_group_info;

mod _input_authentication_type;

mod _ip_discovery;

mod _kinesis_firehose_destination_details;

mod _log_delivery_configuration;

mod _log_delivery_configuration_request;

mod _log_delivery_configuration_status;

mod _log_format;

mod _log_type;

mod _multi_az_status;

mod _network_type;

mod _node_group;

mod _node_group_configuration;

mod _node_group_member;

mod _node_snapshot;

mod _notification_configuration;

mod _pending_automatic_failover_status;

mod _pending_log_delivery_configuration;

mod _pending_modified_values;

mod _replication_group;

mod _replication_group_pending_modified_values;

mod _resharding_status;

mod _scale_config;

mod _security_group_membership;

mod _slot_migration;

mod _snapshot;

mod _source_type;

mod _storage_encryption_type;

mod _subnet;

mod _subnet_outpost;

mod _tag;

mod _transit_encryption_mode;

mod _user_groups_update_status;

pub mod builders;

pub mod error;
