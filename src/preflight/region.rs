//! Whether the environment's region is one that is known.

use crate::spec::regions::{is_known_region, nearest_region};
use crate::spec::{CloudTarget, Spec};

use super::findings::{Finding, FindingVerdict};

/// Warns of a region that has a region's shape and is in no list: AWS opens new ones, so only a
/// connection to AWS shows that there is none of that name.
#[must_use]
pub fn evaluate_region(spec: &Spec) -> Option<Finding> {
    if spec.cloud != CloudTarget::Aws || is_known_region(&spec.region) {
        return None;
    }
    let detail = format!(
        "`{}` is not among the regions that this version knows",
        spec.region
    );
    let remedy = match nearest_region(&spec.region) {
        Some(near) => {
            format!("did you mean `{near}`? Correct `region`, unless AWS opened it lately")
        }
        None => "correct `region`, unless AWS opened it lately".to_owned(),
    };
    Some(Finding::new("region", FindingVerdict::Warn, detail).with_remedies([remedy]))
}

#[cfg(test)]
mod tests {
    use crate::spec::Library;

    use super::*;

    #[test]
    fn a_region_that_is_not_known_is_warned_of() {
        let finding = |yaml: &str| {
            let library = Library::new(Some("no-such-directory".into()));
            let yaml = format!("architecture: 1k\n{yaml}\n");
            evaluate_region(&library.load_text("test", &yaml).unwrap())
        };
        assert_eq!(finding("region: us-east-1"), None);
        assert_eq!(finding("cloud: local"), None);
        let found = finding("region: us-east-9").unwrap();
        assert_eq!(found.verdict, FindingVerdict::Warn);
        assert!(found.detail.contains("us-east-9"), "{found:?}");
        assert!(
            found.remedies[0].starts_with("did you mean `us-east-"),
            "{found:?}"
        );
    }
}
