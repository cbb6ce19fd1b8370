pub use crate::types::_service_software_options::ServiceSoftwareOptions;

pub use crate::types::_cluster_config::ClusterConfig;

pub use crate::types::_ebs_options::EbsOptions;

pub use crate::types::_ip_address_type::IpAddressType;

pub use crate::types::_snapshot_options::SnapshotOptions;

pub use crate::types::_vpc_options::VpcOptions;

pub use crate::types::_cognito_options::CognitoOptions;

pub use crate::types::_encryption_at_rest_options::EncryptionAtRestOptions;

pub use crate::types::_node_to_node_encryption_options::NodeToNodeEncryptionOptions;

pub use crate::types::_domain_endpoint_options::DomainEndpointOptions;

pub use crate::types::_advanced_security_options_input::AdvancedSecurityOptionsInput;

pub use crate::types::_identity_center_options_input::IdentityCenterOptionsInput;

pub use crate::types::_auto_tune_options_input::AutoTuneOptionsInput;

pub use crate::types::_off_peak_window_options::OffPeakWindowOptions;

pub use crate::types::_software_update_options::SoftwareUpdateOptions;

pub use crate::types::_aiml_options_input::AimlOptionsInput;

pub use crate::types::_deployment_strategy_options::DeploymentStrategyOptions;

pub use crate::types::_automated_snapshot_pause_request_options::AutomatedSnapshotPauseRequestOptions;

pub use crate::types::_domain_use_case::DomainUseCase;

pub use crate::types::_engine_mode::EngineMode;

pub use crate::types::_domain_status::DomainStatus;

pub use crate::types::_vpc_endpoint::VpcEndpoint;

pub use crate::types::_domain_config::DomainConfig;

pub use crate::types::_dry_run_progress_status::DryRunProgressStatus;

pub use crate::types::_dry_run_results::DryRunResults;

pub use crate::types::_open_search_partition_instance_type::OpenSearchPartitionInstanceType;

pub use crate::types::_engine_type::EngineType;

pub use crate::types::_auto_tune_options::AutoTuneOptions;

pub use crate::types::_dry_run_mode::DryRunMode;

pub use crate::types::_change_progress_details::ChangeProgressDetails;

pub use crate::types::_tag::Tag;

pub use crate::types::_deployment_status::DeploymentStatus;

pub use crate::types::_zone_awareness_config::ZoneAwarenessConfig;

pub use crate::types::_open_search_warm_partition_instance_type::OpenSearchWarmPartitionInstanceType;

pub use crate::types::_cold_storage_options::ColdStorageOptions;

pub use crate::types::_volume_type::VolumeType;

pub use crate::types::_encryption_mode::EncryptionMode;

pub use crate::types::_log_type::LogType;

pub use crate::types::_log_publishing_option::LogPublishingOption;

pub use crate::types::_tls_security_policy::TlsSecurityPolicy;

pub use crate::types::_master_user_options::MasterUserOptions;

pub use crate::types::_saml_options_input::SamlOptionsInput;

pub use crate::types::_jwt_options_input::JwtOptionsInput;

pub use crate::types::_iam_federation_options_input::IamFederationOptionsInput;

pub use crate::types::_subject_key_id_c_option::SubjectKeyIdCOption;

pub use crate::types::_roles_key_id_c_option::RolesKeyIdCOption;

pub use crate::types::_auto_tune_desired_state::AutoTuneDesiredState;

pub use crate::types::_off_peak_window::OffPeakWindow;

pub use crate::types::_natural_language_query_generation_options_input::NaturalLanguageQueryGenerationOptionsInput;

pub use crate::types::_s3_vectors_engine::S3VectorsEngine;

pub use crate::types::_serverless_vector_acceleration::ServerlessVectorAcceleration;

pub use crate::types::_deployment_strategy::DeploymentStrategy;

pub use crate::types::_vpc_derived_info::VpcDerivedInfo;

pub use crate::types::_advanced_security_options::AdvancedSecurityOptions;

pub use crate::types::_identity_center_options::IdentityCenterOptions;

pub use crate::types::_auto_tune_options_output::AutoTuneOptionsOutput;

pub use crate::types::_domain_processing_status_type::DomainProcessingStatusType;

pub use crate::types::_aiml_options_output::AimlOptionsOutput;

pub use crate::types::_automated_snapshot_pause_options::AutomatedSnapshotPauseOptions;

pub use crate::types::_vpc_endpoint_status::VpcEndpointStatus;

pub use crate::types::_config_change_status::ConfigChangeStatus;

pub use crate::types::_initiated_by::InitiatedBy;

pub use crate::types::_version_status::VersionStatus;

pub use crate::types::_cluster_config_status::ClusterConfigStatus;

pub use crate::types::_ebs_options_status::EbsOptionsStatus;

pub use crate::types::_access_policies_status::AccessPoliciesStatus;

pub use crate::types::_ip_address_type_status::IpAddressTypeStatus;

pub use crate::types::_snapshot_options_status::SnapshotOptionsStatus;

pub use crate::types::_vpc_derived_info_status::VpcDerivedInfoStatus;

pub use crate::types::_cognito_options_status::CognitoOptionsStatus;

pub use crate::types::_encryption_at_rest_options_status::EncryptionAtRestOptionsStatus;

pub use crate::types::_node_to_node_encryption_options_status::NodeToNodeEncryptionOptionsStatus;

pub use crate::types::_advanced_options_status::AdvancedOptionsStatus;

pub use crate::types::_log_publishing_options_status::LogPublishingOptionsStatus;

pub use crate::types::_domain_endpoint_options_status::DomainEndpointOptionsStatus;

pub use crate::types::_advanced_security_options_status::AdvancedSecurityOptionsStatus;

pub use crate::types::_identity_center_options_status::IdentityCenterOptionsStatus;

pub use crate::types::_auto_tune_options_status::AutoTuneOptionsStatus;

pub use crate::types::_off_peak_window_options_status::OffPeakWindowOptionsStatus;

pub use crate::types::_software_update_options_status::SoftwareUpdateOptionsStatus;

pub use crate::types::_aiml_options_status::AimlOptionsStatus;

pub use crate::types::_deployment_strategy_options_status::DeploymentStrategyOptionsStatus;

pub use crate::types::_automated_snapshot_pause_options_status::AutomatedSnapshotPauseOptionsStatus;

pub use crate::types::_use_case_status::UseCaseStatus;

pub use crate::types::_engine_mode_status::EngineModeStatus;

pub use crate::types::_limits::Limits;

pub use crate::types::_vpc_endpoint_error::VpcEndpointError;

pub use crate::types::_domain_info::DomainInfo;

pub use crate::types::_instance_type_details::InstanceTypeDetails;

pub use crate::types::_rollback_on_disable::RollbackOnDisable;

pub use crate::types::_node_option::NodeOption;

pub use crate::types::_saml_idp::SamlIdp;

pub use crate::types::_auto_tune_maintenance_schedule::AutoTuneMaintenanceSchedule;

pub use crate::types::_window_start_time::WindowStartTime;

pub use crate::types::_natural_language_query_generation_desired_state::NaturalLanguageQueryGenerationDesiredState;

pub use crate::types::_saml_options_output::SamlOptionsOutput;

pub use crate::types::_jwt_options_output::JwtOptionsOutput;

pub use crate::types::_iam_federation_options_output::IamFederationOptionsOutput;

pub use crate::types::_auto_tune_state::AutoTuneState;

pub use crate::types::_modifying_properties::ModifyingProperties;

pub use crate::types::_natural_language_query_generation_options_output::NaturalLanguageQueryGenerationOptionsOutput;

pub use crate::types::_pause_state::PauseState;

pub use crate::types::_validation_failure::ValidationFailure;

pub use crate::types::_option_status::OptionStatus;

pub use crate::types::_auto_tune_status::AutoTuneStatus;

pub use crate::types::_instance_limits::InstanceLimits;

pub use crate::types::_vpc_endpoint_error_code::VpcEndpointErrorCode;

pub use crate::types::_node_options_node_type::NodeOptionsNodeType;

pub use crate::types::_node_config::NodeConfig;

pub use crate::types::_duration::Duration;

pub use crate::types::_property_value_type::PropertyValueType;

pub use crate::types::_natural_language_query_generation_current_state::NaturalLanguageQueryGenerationCurrentState;

pub use crate::types::_validation_failure_severity::ValidationFailureSeverity;

pub use crate::types::_option_state::OptionState;

pub use crate::types::_storage_type::StorageType;

pub use crate::types::_instance_count_limits::InstanceCountLimits;

pub use crate::types::_additional_limit::AdditionalLimit;

pub use crate::types::_time_unit::TimeUnit;

pub use crate::types::_storage_type_limit::StorageTypeLimit;

mod _access_policies_status;

mod _additional_limit;

mod _advanced_options_status;

mod _advanced_security_options;

mod _advanced_security_options_input;

mod _advanced_security_options_status;

mod _aiml_options_input;

mod _aiml_options_output;

mod _aiml_options_status;

mod _auto_tune_desired_state;

mod _auto_tune_maintenance_schedule;

mod _auto_tune_options;

mod _auto_tune_options_input;

mod _auto_tune_options_output;

mod _auto_tune_options_status;

mod _auto_tune_state;

mod _auto_tune_status;

mod _automated_snapshot_pause_options;

mod _automated_snapshot_pause_options_status;

mod _automated_snapshot_pause_request_options;

mod _change_progress_details;

mod _cluster_config;

mod _cluster_config_status;

mod _cognito_options;

mod _cognito_options_status;

mod _cold_storage_options;

mod _config_change_status;

mod _deployment_status;

mod _deployment_strategy;

mod _deployment_strategy_options;

mod _deployment_strategy_options_status;

mod _domain_config;

mod _domain_endpoint_options;

mod _domain_endpoint_options_status;

mod _domain_info;

mod _domain_processing_status_type;

mod _domain_status;

mod _domain_use_case;

mod _dry_run_mode;

mod _dry_run_progress_status;

mod _dry_run_results;

mod _duration;

mod _ebs_options;

mod _ebs_options_status;

mod _encryption_at_rest_options;

mod _encryption_at_rest_options_status;

mod _encryption_mode;

mod _engine_mode;

mod _engine_mode_status;

mod _engine_type;

mod _iam_federation_options_input;

mod _iam_federation_options_output;

mod _identity_center_options;

mod _identity_center_options_input;

mod _identity_center_options_status;

mod _initiated_by;

mod _instance_count_limits;

mod _instance_limits;

mod _instance_type_details;

mod _ip_address_type;

mod _ip_address_type_status;

mod _jwt_options_input;

mod _jwt_options_output;

mod _limits;

mod _log_publishing_option;

mod _log_publishing_options_status;

mod _log_type;

mod _master_user_options;

mod _modifying_properties;

mod _natural_language_query_generation_current_state;

mod _natural_language_query_generation_desired_state;

mod _natural_language_query_generation_options_input;

mod _natural_language_query_generation_options_output;

mod _node_config;

mod _node_option;

mod _node_options_node_type;

mod _node_to_node_encryption_options;

mod _node_to_node_encryption_options_status;

mod _off_peak_window;

mod _off_peak_window_options;

mod _off_peak_window_options_status;

mod _open_search_partition_instance_type;

mod _open_search_warm_partition_instance_type;

mod _option_state;

mod _option_status;

mod _pause_state;

mod _property_value_type;

mod _roles_key_id_c_option;

mod _rollback_on_disable;

mod _s3_vectors_engine;

mod _saml_idp;

mod _saml_options_input;

mod _saml_options_output;

mod _serverless_vector_acceleration;

mod _service_software_options;

mod _snapshot_options;

mod _snapshot_options_status;

mod _software_update_options;

mod _software_update_options_status;

mod _storage_type;

mod _storage_type_limit;

mod _subject_key_id_c_option;

mod _tag;

mod _time_unit;

mod _tls_security_policy;

mod _use_case_status;

mod _validation_failure;

mod _validation_failure_severity;

mod _version_status;

mod _volume_type;

mod _vpc_derived_info;

mod _vpc_derived_info_status;

mod _vpc_endpoint;

mod _vpc_endpoint_error;

mod _vpc_endpoint_error_code;

mod _vpc_endpoint_status;

mod _vpc_options;

mod _window_start_time;

mod _zone_awareness_config;

pub mod builders;

pub mod error;
