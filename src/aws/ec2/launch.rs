//! What every launch of a host asks for: dry runs ask for the same.

use aws_sdk_ec2::types::{
    EbsBlockDevice, HttpTokensState, InstanceMetadataOptionsRequest, VolumeType,
};

/// The root volume, gp3 and encrypted.
pub(in crate::aws) fn root_disk(gib: u32) -> EbsBlockDevice {
    EbsBlockDevice::builder()
        .volume_type(VolumeType::Gp3)
        .volume_size(i32::try_from(gib).unwrap_or(i32::MAX))
        .encrypted(true)
        .delete_on_termination(true)
        .build()
}

/// Version 2 alone. One hop: nothing that runs in a container can reach the host's credentials.
pub(in crate::aws) fn metadata_options() -> InstanceMetadataOptionsRequest {
    InstanceMetadataOptionsRequest::builder()
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build()
}
