pub use crate::types::_db_cluster_parameter_group::DbClusterParameterGroup;

pub use crate::types::_db_cluster_snapshot::DbClusterSnapshot;

pub use crate::types::_db_parameter_group::DbParameterGroup;

pub use crate::types::_db_snapshot::DbSnapshot;

pub use crate::types::_scaling_configuration::ScalingConfiguration;

pub use crate::types::_rds_custom_cluster_configuration::RdsCustomClusterConfiguration;

pub use crate::types::_serverless_v2_scaling_configuration::ServerlessV2ScalingConfiguration;

pub use crate::types::_database_insights_mode::DatabaseInsightsMode;

pub use crate::types::_cluster_scalability_type::ClusterScalabilityType;

pub use crate::types::_master_user_authentication_type::MasterUserAuthenticationType;

pub use crate::types::_db_cluster::DbCluster;

pub use crate::types::_db_instance::DbInstance;

pub use crate::types::_replica_mode::ReplicaMode;

pub use crate::types::_db_subnet_group::DbSubnetGroup;

pub use crate::types::_db_cluster_automated_backup::DbClusterAutomatedBackup;

pub use crate::types::_db_instance_automated_backup::DbInstanceAutomatedBackup;

pub use crate::types::_source_type::SourceType;

pub use crate::types::_activity_stream_status::ActivityStreamStatus;

pub use crate::types::_activity_stream_mode::ActivityStreamMode;

pub use crate::types::_activity_stream_policy_status::ActivityStreamPolicyStatus;

pub use crate::types::_cloudwatch_logs_export_configuration::CloudwatchLogsExportConfiguration;

pub use crate::types::_automation_mode::AutomationMode;

pub use crate::types::_tag::Tag;

pub use crate::types::_storage_encryption_type::StorageEncryptionType;

pub use crate::types::_tag_specification::TagSpecification;

pub use crate::types::_db_cluster_associated_role::DbClusterAssociatedRole;

pub use crate::types::_upgrade_rollout_order::UpgradeRolloutOrder;

pub use crate::types::_cluster_pending_modified_values::ClusterPendingModifiedValues;

pub use crate::types::_scaling_configuration_info::ScalingConfigurationInfo;

pub use crate::types::_write_forwarding_status::WriteForwardingStatus;

pub use crate::types::_serverless_v2_scaling_configuration_info::ServerlessV2ScalingConfigurationInfo;

pub use crate::types::_master_user_secret::MasterUserSecret;

pub use crate::types::_local_write_forwarding_status::LocalWriteForwardingStatus;

pub use crate::types::_limitless_database::LimitlessDatabase;

pub use crate::types::_certificate_details::CertificateDetails;

pub use crate::types::_processor_feature::ProcessorFeature;

pub use crate::types::_additional_storage_volume::AdditionalStorageVolume;

pub use crate::types::_endpoint::Endpoint;

pub use crate::types::_pending_modified_values::PendingModifiedValues;

pub use crate::types::_restore_window::RestoreWindow;

pub use crate::types::_account_quota::AccountQuota;

pub use crate::types::_filter::Filter;

pub use crate::types::_parameter::Parameter;

pub use crate::types::_event::Event;

pub use crate::types::_orderable_db_instance_option::OrderableDbInstanceOption;

pub use crate::types::_modify_additional_storage_volume::ModifyAdditionalStorageVolume;

pub use crate::types::_db_cluster_option_group_status::DbClusterOptionGroupStatus;

pub use crate::types::_db_cluster_status_info::DbClusterStatusInfo;

pub use crate::types::_db_cluster_member::DbClusterMember;

pub use crate::types::_vpc_security_group_membership::VpcSecurityGroupMembership;

pub use crate::types::_db_cluster_role::DbClusterRole;

pub use crate::types::_pending_cloudwatch_logs_exports::PendingCloudwatchLogsExports;

pub use crate::types::_domain_membership::DomainMembership;

pub use crate::types::_limitless_database_status::LimitlessDatabaseStatus;

pub use crate::types::_db_security_group_membership::DbSecurityGroupMembership;

pub use crate::types::_db_parameter_group_status::DbParameterGroupStatus;

pub use crate::types::_option_group_membership::OptionGroupMembership;

pub use crate::types::_db_instance_status_info::DbInstanceStatusInfo;

pub use crate::types::_db_instance_role::DbInstanceRole;

pub use crate::types::_db_instance_automated_backups_replication::DbInstanceAutomatedBackupsReplication;

pub use crate::types::_additional_storage_volume_output::AdditionalStorageVolumeOutput;

pub use crate::types::_subnet::Subnet;

pub use crate::types::_apply_method::ApplyMethod;

pub use crate::types::_available_processor_feature::AvailableProcessorFeature;

pub use crate::types::_availability_zone::AvailabilityZone;

pub use crate::types::_outpost::Outpost;

pub use crate::types::_available_additional_storage_volumes_option::AvailableAdditionalStorageVolumesOption;

mod _account_quota;

mod _activity_stream_mode;

mod _activity_stream_policy_status;

mod _activity_stream_status;

mod _additional_storage_volume;

mod _additional_storage_volume_output;

mod _apply_method;

mod _automation_mode;

mod _availability_zone;

mod _available_additional_storage_volumes_option;

mod _available_processor_feature;

mod _certificate_details;

mod _cloudwatch_logs_export_configuration;

mod _cluster_pending_modified_values;

mod _cluster_scalability_type;

mod _database_insights_mode;

mod _db_cluster;

mod _db_cluster_associated_role;

mod _db_cluster_automated_backup;

mod _db_cluster_member;

mod _db_cluster_option_group_status;

mod _db_cluster_parameter_group;

mod _db_cluster_role;

mod _db_cluster_snapshot;

mod _db_cluster_status_info;

mod _db_instance;

mod _db_instance_automated_backup;

mod _db_instance_automated_backups_replication;

mod _db_instance_role;

mod _db_instance_status_info;

mod _db_parameter_group;

mod _db_parameter_group_status;

mod _db_security_group_membership;

mod _db_snapshot;

mod _db_subnet_group;

mod _domain_membership;

mod _endpoint;

mod _event;

mod _filter;

mod _limitless_database;

mod _limitless_database_status;

mod _local_write_forwarding_status;

mod _master_user_authentication_type;

mod _master_user_secret;

mod _modify_additional_storage_volume;

mod _option_group_membership;

mod _orderable_db_instance_option;

mod _outpost;

mod _parameter;

mod _pending_cloudwatch_logs_exports;

mod _pending_modified_values;

mod _processor_feature;

mod _rds_custom_cluster_configuration;

mod _replica_mode;

mod _restore_window;

mod _scaling_configuration;

mod _scaling_configuration_info;

mod _serverless_v2_scaling_configuration;

mod _serverless_v2_scaling_configuration_info;

mod _source_type;

mod _storage_encryption_type;

mod _subnet;

mod _tag;

mod _tag_specification;

mod _upgrade_rollout_order;

mod _vpc_security_group_membership;

mod _write_forwarding_status;

pub mod builders;

pub mod error;
