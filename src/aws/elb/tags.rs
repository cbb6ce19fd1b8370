//! Tags as Elastic Load Balancing takes them.

use aws_sdk_elasticloadbalancingv2::types::Tag;

use crate::aws::tags;
use crate::engine::Request;

/// The tags of a request as Elastic Load Balancing takes them.
pub(in crate::aws) fn elb_tags(request: &Request<'_>) -> Vec<Tag> {
    tags::of(request)
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
