//! The machine image that hosts start from.

use aws_sdk_ec2::types::Image as ListedImage;

use crate::aws::error::{CallContext, refused};
use crate::aws::tags::filter;
use crate::engine::CloudError;

/// Debian's account. Filtering by owner matters: anybody may publish an image of this name.
const OWNER: &str = "136693071363";
const NAME: &str = "debian-12-amd64-*";

/// An image and what has to be repeated of it to change its root volume.
#[derive(Clone, Debug)]
pub(in crate::aws) struct Image {
    pub(in crate::aws) id: String,
    pub(in crate::aws) root_device: String,
}

/// The newest Debian 12 image of a region.
pub(in crate::aws) async fn newest_image(
    ec2: &aws_sdk_ec2::Client,
    region: &str,
) -> Result<Image, CloudError> {
    let operation = "ec2:DescribeImages";
    let found: Vec<ListedImage> = ec2
        .describe_images()
        .owners(OWNER)
        .filters(filter("name", [NAME]))
        .filters(filter("architecture", ["x86_64"]))
        .filters(filter("state", ["available"]))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .context(operation, NAME)?;
    newest(&found).ok_or_else(|| {
        let message = format!("region `{region}` has no such image of account {OWNER}");
        refused(operation, NAME, "NoImage", message)
    })
}

fn newest(images: &[ListedImage]) -> Option<Image> {
    // Creation dates are RFC 3339 in UTC, so they sort as text.
    let image = images.iter().max_by_key(|image| image.creation_date())?;
    Some(Image {
        id: image.image_id()?.to_owned(),
        root_device: image.root_device_name()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_image_is_taken() {
        let image = |id: &str, date: &str| {
            ListedImage::builder()
                .image_id(id)
                .creation_date(date)
                .root_device_name("/dev/xvda")
                .build()
        };
        let images = [
            image("ami-1", "2025-01-01T00:00:00.000Z"),
            image("ami-3", "2026-02-01T00:00:00.000Z"),
            image("ami-2", "2026-01-31T00:00:00.000Z"),
        ];
        assert_eq!(
            newest(&images).map(|image| image.id).as_deref(),
            Some("ami-3")
        );
        assert!(newest(&[]).is_none());
    }
}
