pub use crate::types::_service_software_options::ServiceSoftwareOptionsBuilder;

pub use crate::types::_cluster_config::ClusterConfigBuilder;

pub use crate::types::_ebs_options::EbsOptionsBuilder;

pub use crate::types::_snapshot_options::SnapshotOptionsBuilder;

pub use crate::types::_vpc_options::VpcOptionsBuilder;

pub use crate::types::_cognito_options::CognitoOptionsBuilder;

pub use crate::types::_encryption_at_rest_options::EncryptionAtRestOptionsBuilder;

pub use crate::types::_node_to_node_encryption_options::NodeToNodeEncryptionOptionsBuilder;

pub use crate::types::_domain_endpoint_options::DomainEndpointOptionsBuilder;

pub use crate::types::_advanced_security_options_input::AdvancedSecurityOptionsInputBuilder;

pub use crate::types::_identity_center_options_input::IdentityCenterOptionsInputBuilder;

pub use crate::types::_auto_tune_options_input::AutoTuneOptionsInputBuilder;

pub use crate::types::_off_peak_window_options::OffPeakWindowOptionsBuilder;

pub use crate::types::_software_update_options::SoftwareUpdateOptionsBuilder;

pub use crate::types::_aiml_options_input::AimlOptionsInputBuilder;

pub use crate::types::_deployment_strategy_options::DeploymentStrategyOptionsBuilder;

pub use crate::types::_automated_snapshot_pause_request_options::AutomatedSnapshotPauseRequestOptionsBuilder;

pub use crate::types::_domain_status::DomainStatusBuilder;

pub use crate::types::_vpc_endpoint::VpcEndpointBuilder;

pub use crate::types::_domain_config::DomainConfigBuilder;

pub use crate::types::_dry_run_progress_status::DryRunProgressStatusBuilder;

pub use crate::types::_dry_run_results::DryRunResultsBuilder;

pub use crate::types::_auto_tune_options::AutoTuneOptionsBuilder;

pub use crate::types::_change_progress_details::ChangeProgressDetailsBuilder;

pub use crate::types::_tag::TagBuilder;

pub use crate::types::_zone_awareness_config::ZoneAwarenessConfigBuilder;

pub use crate::types::_cold_storage_options::ColdStorageOptionsBuilder;

pub use crate::types::_log_publishing_option::LogPublishingOptionBuilder;

pub use crate::types::_master_user_options::MasterUserOptionsBuilder;

pub use crate::types::_saml_options_input::SamlOptionsInputBuilder;

pub use crate::types::_jwt_options_input::JwtOptionsInputBuilder;

pub use crate::types::_iam_federation_options_input::IamFederationOptionsInputBuilder;

pub use crate::types::_off_peak_window::OffPeakWindowBuilder;

pub use crate::types::_natural_language_query_generation_options_input::NaturalLanguageQueryGenerationOptionsInputBuilder;

pub use crate::types::_s3_vectors_engine::S3VectorsEngineBuilder;

pub use crate::types::_serverless_vector_acceleration::ServerlessVectorAccelerationBuilder;

pub use crate::types::_vpc_derived_info::VpcDerivedInfoBuilder;

pub use crate::types::_advanced_security_options::AdvancedSecurityOptionsBuilder;

pub use crate::types::_identity_center_options::IdentityCenterOptionsBuilder;

pub use crate::types::_auto_tune_options_output::AutoTuneOptionsOutputBuilder;

pub use crate::types::_aiml_options_output::AimlOptionsOutputBuilder;

pub use crate::types::_automated_snapshot_pause_options::AutomatedSnapshotPauseOptionsBuilder;

pub use crate::types::_version_status::VersionStatusBuilder;

pub use crate::types::_cluster_config_status::ClusterConfigStatusBuilder;

pub use crate::types::_ebs_options_status::EbsOptionsStatusBuilder;

pub use crate::types::_access_policies_status::AccessPoliciesStatusBuilder;

pub use crate::types::_ip_address_type_status::IpAddressTypeStatusBuilder;

pub use crate::types::_snapshot_options_status::SnapshotOptionsStatusBuilder;

pub use crate::types::_vpc_derived_info_status::VpcDerivedInfoStatusBuilder;

pub use crate::types::_cognito_options_status::CognitoOptionsStatusBuilder;

pub use crate::types::_encryption_at_rest_options_status::EncryptionAtRestOptionsStatusBuilder;

pub use crate::types::_node_to_node_encryption_options_status::NodeToNodeEncryptionOptionsStatusBuilder;

pub use crate::types::_advanced_options_status::AdvancedOptionsStatusBuilder;

pub use crate::types::_log_publishing_options_status::LogPublishingOptionsStatusBuilder;

pub use crate::types::_domain_endpoint_options_status::DomainEndpointOptionsStatusBuilder;

pub use crate::types::_advanced_security_options_status::AdvancedSecurityOptionsStatusBuilder;

pub use crate::types::_identity_center_options_status::IdentityCenterOptionsStatusBuilder;

pub use crate::types::_auto_tune_options_status::AutoTuneOptionsStatusBuilder;

pub use crate::types::_off_peak_window_options_status::OffPeakWindowOptionsStatusBuilder;

pub use crate::types::_software_update_options_status::SoftwareUpdateOptionsStatusBuilder;

pub use crate::types::_aiml_options_status::AimlOptionsStatusBuilder;

pub use crate::types::_deployment_strategy_options_status::DeploymentStrategyOptionsStatusBuilder;

pub use crate::types::_automated_snapshot_pause_options_status::AutomatedSnapshotPauseOptionsStatusBuilder;

pub use crate::types::_use_case_status::UseCaseStatusBuilder;

pub use crate::types::_engine_mode_status::EngineModeStatusBuilder;

pub use crate::types::_limits::LimitsBuilder;

pub use crate::types::_vpc_endpoint_error::VpcEndpointErrorBuilder;

pub use crate::types::_domain_info::DomainInfoBuilder;

pub use crate::types::_instance_type_details::InstanceTypeDetailsBuilder;

pub use crate::types::_node_option::NodeOptionBuilder;

pub use crate::types::_saml_idp::SamlIdpBuilder;

pub use crate::types::_auto_tune_maintenance_schedule::AutoTuneMaintenanceScheduleBuilder;

pub use crate::types::_window_start_time::WindowStartTimeBuilder;

pub use crate::types::_saml_options_output::SamlOptionsOutputBuilder;

pub use crate::types::_jwt_options_output::JwtOptionsOutputBuilder;

pub use crate::types::_iam_federation_options_output::IamFederationOptionsOutputBuilder;

pub use crate::types::_modifying_properties::ModifyingPropertiesBuilder;

pub use crate::types::_natural_language_query_generation_options_output::NaturalLanguageQueryGenerationOptionsOutputBuilder;

pub use crate::types::_validation_failure::ValidationFailureBuilder;

pub use crate::types::_option_status::OptionStatusBuilder;

pub use crate::types::_auto_tune_status::AutoTuneStatusBuilder;

pub use crate::types::_instance_limits::InstanceLimitsBuilder;

pub use crate::types::_node_config::NodeConfigBuilder;

pub use crate::types::_duration::DurationBuilder;

pub use crate::types::_storage_type::StorageTypeBuilder;

pub use crate::types::_instance_count_limits::InstanceCountLimitsBuilder;

pub use crate::types::_additional_limit::AdditionalLimitBuilder;

pub use crate::types::_storage_type_limit::StorageTypeLimitBuilder;
