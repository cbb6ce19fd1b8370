//! The commercial regions of AWS: the one list of them.
//!
//! AWS opens new ones, so a region that is not in the list is not wrong. What cannot be one is
//! told at once, with the one that was probably meant.

use super::suggest;

/// AWS General Reference, "Regions and zones", 2026-11.
const REGIONS: [&str; 34] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// The partition that loadrig supports: AWS's commercial regions.
pub const PARTITION: &str = "aws";

/// The partition that a region is in, by the patterns of AWS's own list (`partitions.json` of
/// botocore 1.43).
#[must_use]
pub fn partition_of(region: &str) -> &'static str {
    match region.split('-').collect::<Vec<_>>().as_slice() {
        ["cn", ..] => "aws-cn",
        ["us", "gov", ..] => "aws-us-gov",
        ["us", "iso", ..] => "aws-iso",
        ["us", "isob", ..] => "aws-iso-b",
        ["eu", "isoe", ..] => "aws-iso-e",
        ["us", "isof", ..] => "aws-iso-f",
        ["eusc", ..] => "aws-eusc",
        _ => PARTITION,
    }
}

/// Why a region cannot be used although AWS has it: it is in another partition.
#[must_use]
pub fn unsupported_partition(region: &str) -> Option<String> {
    let partition = partition_of(region);
    (partition != PARTITION).then(|| {
        format!(
            "region `{region}` is in the partition `{partition}`, which is not supported: \
             Debian's images, service endpoints and prices are known for commercial regions only"
        )
    })
}

/// The part of a region's name that says where in its country or continent it is.
const DIRECTIONS: [&str; 9] = [
    "central",
    "east",
    "north",
    "northeast",
    "northwest",
    "south",
    "southeast",
    "southwest",
    "west",
];

/// Whether the region is in the list.
#[must_use]
pub fn is_known_region(region: &str) -> bool {
    REGIONS.contains(&region)
}

/// The region that was probably meant, if one is near enough to say so.
#[must_use]
pub fn nearest_region(region: &str) -> Option<&'static str> {
    suggest::nearest(region, REGIONS)
}

/// Whether text has the shape of a region, like `eu-central-1`.
pub(crate) fn is_region_shaped(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.as_slice() {
        [words @ .., direction, number] => {
            (1..=2).contains(&words.len())
                && words.iter().all(is_word)
                && DIRECTIONS.contains(direction)
                && number.len() == 1
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_known_by_shape() {
        assert!(REGIONS.iter().all(|region| is_region_shaped(region)));
        assert!(REGIONS.is_sorted());
        // One that AWS may open yet.
        assert!(is_region_shaped("ap-southeast-8"));
        for wrong in [
            "",
            "us-east",
            "useast1",
            "us-east-1a",
            "US-EAST-1",
            "us_east_1",
            "eu-cental-1",
            "1",
        ] {
            assert!(!is_region_shaped(wrong), "{wrong}");
        }
    }

    #[test]
    fn regions_of_other_partitions_are_unsupported() {
        for (region, partition) in [
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition_of(region), partition);
            let text = unsupported_partition(region).expect("unsupported");
            assert!(text.contains(partition), "{text}");
        }
        assert_eq!(unsupported_partition("us-west-2"), None);
        assert_eq!(unsupported_partition("eu-south-2"), None);
    }

    #[test]
    fn a_mistyped_region_gets_a_suggestion() {
        assert_eq!(nearest_region("eu-cental-1"), Some("eu-central-1"));
        assert_eq!(nearest_region("us-esat-1"), Some("us-east-1"));
        assert_eq!(nearest_region("the moon"), None);
    }
}
