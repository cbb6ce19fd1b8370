//! Who can read the secrets of an environment, as far as its YAML decides it.

use serde_json::{Value, json};

use crate::spec::regions::PARTITION;
use crate::spec::{ACCOUNT_SEED_KEY, CloudTarget, Purpose, Spec};

use super::findings::{Finding, FindingVerdict};

/// Refuses a key of another region than the environment's, `region`, which cannot encrypt its seed,
/// and a deployment that people rely on whose YAML does not say who may read its seed: by default
/// every principal with `ssm:GetParameter` can (docs/aws.md, "Who can read what"). Warns of a rig
/// whose YAML does not say it, and of a deployment whose YAML says that this is wanted.
#[must_use]
pub fn evaluate_seed(spec: &Spec, region: &str) -> Option<Finding> {
    if spec.cloud != CloudTarget::Aws {
        return None;
    }
    let relied_on = spec.purpose == Purpose::GoldStandard;
    let (verdict, remedy) = match spec.access.seed_key.as_deref() {
        None => (
            match relied_on {
                true => FindingVerdict::Refuse,
                false => FindingVerdict::Warn,
            },
            format!(
                "a KMS key of yours in `access.seed_key`; `loadrig iam-policy {} --seed-key --operator ARN` prints its policy. \
                 `access.seed_key: {ACCOUNT_SEED_KEY}` accepts it as it is",
                spec.name
            ),
        ),
        Some(ACCOUNT_SEED_KEY) if !relied_on => return None,
        Some(ACCOUNT_SEED_KEY) => (
            FindingVerdict::Warn,
            "a KMS key of yours in `access.seed_key`, before the first `up`".to_owned(),
        ),
        Some(key) => return in_another_region(key, region),
    };
    let detail = "every principal of the account with `ssm:GetParameter` on it can read the seed, and \
                  so log in to the hosts and the database; AWS's policy `AmazonSSMManagedInstanceCore` \
                  grants that to instance roles";
    Some(Finding::new("seed", verdict, detail).with_remedies([remedy]))
}

fn in_another_region(key: &str, region: &str) -> Option<Finding> {
    // arn:aws:kms:REGION:ACCOUNT:key/ID
    let elsewhere = key.split(':').nth(3).filter(|of_key| *of_key != region)?;
    let detail = format!("`access.seed_key` is in {elsewhere}, and the environment in {region}");
    let finding = Finding::new("seed", FindingVerdict::Refuse, detail);
    Some(finding.with_remedies([format!("a KMS key of {region}")]))
}

/// The policy of a KMS key for `access.seed_key` that lets `operators` use it, through SSM and for seeds
/// alone, and `administrators` manage it. Both are ARNs of roles or users.
///
/// The usual statement that leaves the decision to IAM is not there: with it every principal that
/// may decrypt with all keys could read the seed. `CreateKey` refuses a policy that would lock out
/// its caller, so whoever creates the key is one of the administrators.
/// Actions: <https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html>,
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>.
#[must_use]
pub fn seed_key_policy(
    account: &str,
    region: &str,
    operators: &[String],
    administrators: &[String],
) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadAndWriteTheSeed",
                "Effect": "Allow",
                "Principal": { "AWS": operators },
                "Action": ["kms:Encrypt", "kms:Decrypt"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": { "kms:ViaService": format!("ssm.{region}.amazonaws.com") },
                    "StringLike": { "kms:EncryptionContext:PARAMETER_ARN": format!(
                        "arn:{PARTITION}:ssm:{region}:{account}:parameter/loadrig/*/seed"
                    ) },
                },
            },
            {
                "Sid": "ManageTheKey",
                "Effect": "Allow",
                "Principal": { "AWS": administrators },
                "Action": [
                    "kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:CreateAlias",
                    "kms:UpdateAlias", "kms:DeleteAlias", "kms:EnableKeyRotation", "kms:TagResource",
                    "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
                ],
                "Resource": "*",
            },
        ],
    })
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
    fn a_deployment_says_who_may_read_its_seed() {
        let rig = "architecture: 1k\nmattermost: {release: 11.7.9, license_env: L}\n";
        let found = finding(rig).unwrap();
        assert_eq!(found.verdict, FindingVerdict::Warn);
        assert!(found.detail.contains("can read the seed"), "{found:?}");
        assert!(
            found.remedies[0].contains("seed_key: alias/aws/ssm"),
            "{found:?}"
        );
        let with = |key: &str| finding(&format!("{rig}access: {{seed_key: {key}}}\n"));
        assert_eq!(with("alias/aws/ssm"), None);
        assert_eq!(with("alias/operators"), None);
        assert_eq!(finding("architecture: 1k\ncloud: local\n"), None);
        let relied_on = format!(
            "{rig}purpose: gold-standard\ntls: {{host_name: chat.example.com, issuer: private}}\n"
        );
        let found = finding(&relied_on).unwrap();
        assert_eq!(found.verdict, FindingVerdict::Refuse);
        assert!(found.remedies[0].contains("access.seed_key"), "{found:?}");
        let with = |key: &str| finding(&format!("{relied_on}access: {{seed_key: {key}}}\n"));
        assert_eq!(with("alias/aws/ssm").unwrap().verdict, FindingVerdict::Warn);
        assert_eq!(with("alias/operators"), None);
    }

    #[test]
    fn the_policy_of_a_key_lets_nobody_else_in() {
        let to = |name: &str| vec![format!("arn:aws:iam::123456789012:role/{name}")];
        let policy = seed_key_policy("123456789012", "eu-west-1", &to("ops"), &to("owner"));
        let statements = policy["Statement"].as_array().unwrap();
        let may_decrypt: Vec<_> = statements
            .iter()
            .filter(|one| one["Action"].to_string().contains("kms:Decrypt"))
            .map(|one| one["Principal"]["AWS"].to_string())
            .collect();
        assert_eq!(may_decrypt, [r#"["arn:aws:iam::123456789012:role/ops"]"#]);
        assert!(!policy.to_string().contains(":root"));
        assert!(!policy.to_string().contains("kms:*"));
        assert_eq!(
            statements[0]["Condition"]["StringEquals"]["kms:ViaService"],
            "ssm.eu-west-1.amazonaws.com"
        );
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
