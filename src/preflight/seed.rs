//! Who can read the secrets of an environment, as far as its YAML decides it.

use crate::spec::{CloudTarget, Purpose, Spec};

use super::findings::{Finding, FindingVerdict};

/// Refuses a key of another region than the environment's, `region`, which cannot encrypt its seed.
/// Warns where a deployment that people rely on leaves its seed to AWS's own key: every principal
/// with `ssm:GetParameter` can read it then (docs/aws.md, "Who can read what").
#[must_use]
pub fn evaluate_seed(spec: &Spec, region: &str) -> Option<Finding> {
    if spec.cloud != CloudTarget::Aws {
        return None;
    }
    if let Some(key) = spec.access.seed_key.as_deref() {
        // arn:aws:kms:REGION:ACCOUNT:key/ID
        let elsewhere = key.split(':').nth(3).filter(|of_key| *of_key != region)?;
        let detail =
            format!("`access.seed_key` is in {elsewhere}, and the environment in {region}");
        let finding = Finding::new("seed", FindingVerdict::Refuse, detail);
        return Some(finding.with_remedies([format!("a KMS key of {region}")]));
    }
    let relied_on = spec.purpose == Purpose::GoldStandard;
    if !relied_on {
        return None;
    }
    let detail = "every principal of the account with `ssm:GetParameter` on it can read the seed, and \
                  so log in to the hosts and the database; AWS's policy `AmazonSSMManagedInstanceCore` \
                  grants that to instance roles";
    let finding = Finding::new("seed", FindingVerdict::Warn, detail);
    Some(finding.with_remedies([
        "a KMS key of yours in `access.seed_key`, before the first `up` (docs/aws.md, \"Who can read \
         what\")"
            .to_owned(),
    ]))
}

#[cfg(test)]
mod tests {
    use crate::spec::Library;

    use super::*;

    fn finding(text: &str) -> Option<Finding> {
        let spec = Library::new(None).load_text("test", text).unwrap();
        evaluate_seed(&spec, "us-east-1")
    }

    #[test]
    fn only_a_deployment_without_a_key_of_its_own_is_warned() {
        let rig = "architecture: 1k\nmattermost: {release: 11.7.9, license_env: L}\n";
        assert_eq!(finding(rig), None);
        let relied_on = format!(
            "{rig}purpose: gold-standard\ntls: {{host_name: chat.example.com, issuer: private}}\n"
        );
        let found = finding(&relied_on).unwrap();
        assert_eq!(found.verdict, FindingVerdict::Warn);
        assert!(found.remedies[0].contains("access.seed_key"), "{found:?}");
        let key = "access: {seed_key: alias/operators}\n";
        assert_eq!(finding(&format!("{relied_on}{key}")), None);
    }

    #[test]
    fn a_key_of_another_region_is_refused() {
        let with = |region: &str| {
            let key = "1234abcd-12ab-34cd-56ef-1234567890ab";
            finding(&format!(
                "architecture: 1k\nmattermost: {{release: 11.7.9, unlicensed: accept}}\naccess: {{seed_key: \
                 'arn:aws:kms:{region}:123456789012:key/{key}'}}\n"
            ))
        };
        assert_eq!(with("us-east-1"), None);
        let found = with("eu-west-1").unwrap();
        assert_eq!(found.verdict, FindingVerdict::Refuse);
    }
}
