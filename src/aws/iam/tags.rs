//! The path of our roles and profiles, and tags as IAM takes them.

use aws_sdk_iam::types::Tag;

use crate::aws::error::built;
use crate::aws::tags::{self, Pair};
use crate::engine::{CloudError, Request};

/// Lets administrators confine loadrig's permissions to its own roles.
pub(in crate::aws) const PATH: &str = "/loadrig/";

pub(in crate::aws) fn iam_tags(
    request: &Request<'_>,
    operation: &str,
) -> Result<Vec<Tag>, CloudError> {
    tags::of(request)
        .into_iter()
        .map(|(key, value)| {
            built(
                Tag::builder().key(key).value(value).build(),
                operation,
                request.address,
            )
        })
        .collect()
}

pub(in crate::aws) fn iam_pairs(tags: &[Tag]) -> impl Iterator<Item = Pair<'_>> {
    tags.iter().map(|tag| (Some(tag.key()), Some(tag.value())))
}
