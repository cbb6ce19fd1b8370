//! What the policies of an organisation deny, whoever asks: a call that breaks a guardrail is
//! refused before its service looks at it.
//!
//! The words are those of "Troubleshoot access denied error messages" (IAM User Guide). EC2 adds its
//! own before and after (aws/karpenter-provider-aws#7370); RDS (provider-upjet-aws#1668), IAM
//! (terraform-aws-eks#2517) and others answer `AccessDenied`, services that speak JSON
//! `AccessDeniedException`. Which calls: the examples of the AWS Organizations and IAM User Guides
//! that each guardrail names.

use http::StatusCode;

use crate::call::{Call, WireProtocol};
use crate::errors::AwsError;

/// Who is refused: the caller of every account here.
const CALLER: &str = "arn:aws:iam::123456789012:user/operator";

/// Something that an organisation forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guardrail {
    /// Every call to the region, apart from those of global services (AWS Organizations User
    /// Guide, "Deny access to AWS based on the requested AWS Region").
    Region,
    /// Every call that is not signed with the credentials of a session: those of long-term keys
    /// bear no second factor (IAM User Guide, "AWS: Allows MFA-authenticated IAM users to manage
    /// their own credentials", `DenyAllExceptListedIfNoMFA`).
    NoSecondFactor,
    /// Every call, which comes from an address that is not the company's (IAM User Guide, "AWS:
    /// Denies access to AWS based on the source IP").
    SourceAddress,
    /// Instances and volumes without this tag (AWS Organizations User Guide, "Require a tag on
    /// specified created resources").
    Untagged(&'static str),
    /// Instances with a public address (condition key `ec2:AssociatePublicIpAddress`, Service
    /// Authorization Reference).
    PublicAddresses,
    /// Internet gateways (AWS Organizations User Guide, "Prevent any VPC that doesn't already have
    /// internet access from getting it").
    InternetGateways,
    /// Volumes and databases that are not encrypted (condition keys `ec2:Encrypted` and
    /// `rds:StorageEncrypted`; aws-iam-permissions-guardrails#11).
    Unencrypted,
    /// Instances whose metadata can be read without a session (AWS Organizations User Guide,
    /// "Require the use of IMDSv2"; runs-on#22).
    MetadataWithoutSession,
    /// Roles that no permissions boundary bounds (IAM User Guide, "Delegating responsibility to
    /// others using permissions boundaries"; chalice#1716).
    UnboundedRoles,
    /// Service-linked roles that this account does not have yet: an SCP without exceptions on
    /// `iam:CreateServiceLinkedRole`.
    ServiceRoles,
}

/// What is denied: the action and resource in words of IAM, and the policy that does it.
struct Denial {
    resource: String,
    policy: &'static str,
}

const ORGANISATION: &str = "a service control policy";
const IDENTITY: &str = "an identity-based policy";

/// Services without regions.
const GLOBAL: &[&str] = &["iam", "sts", "route53"];

/// Refuses a call that breaks one of some guardrails.
pub(crate) fn check(guardrails: &[Guardrail], call: &Call) -> Result<(), AwsError> {
    // Nobody needs a permission for it, and no policy takes it away (STS API Reference).
    if call.name() == "sts:GetCallerIdentity" || call.service.is_empty() {
        return Ok(());
    }
    let mut denials = guardrails.iter().filter_map(|one| one.denial(call));
    match denials.next() {
        Some(denial) => Err(refusal(call, &denial)),
        None => Ok(()),
    }
}

impl Guardrail {
    /// Whether a simulation of policies tells that an action is denied. It leaves service control
    /// policies with conditions out (IAM User Guide, "IAM policy testing with the IAM policy
    /// simulator"), and most have some.
    pub(crate) fn simulated(self, action: &str) -> bool {
        match self {
            Self::InternetGateways => {
                matches!(
                    action,
                    "ec2:CreateInternetGateway" | "ec2:AttachInternetGateway"
                )
            }
            Self::ServiceRoles => action == "iam:CreateServiceLinkedRole",
            _ => false,
        }
    }

    fn denial(self, call: &Call) -> Option<Denial> {
        let name = call.name();
        let by_organisation = |resource: String| Denial {
            resource,
            policy: ORGANISATION,
        };
        let launches = name == "ec2:RunInstances";
        let is = |field: &str, value: &str| call.get(field) == Some(value);
        match self {
            Self::Region => {
                (!GLOBAL.contains(&call.service.as_str())).then(|| by_organisation(arn(call, "*")))
            }
            Self::NoSecondFactor => {
                let session = call.headers().contains_key("x-amz-security-token");
                (!session).then(|| Denial {
                    resource: arn(call, "*"),
                    policy: IDENTITY,
                })
            }
            Self::SourceAddress => Some(Denial {
                resource: arn(call, "*"),
                policy: IDENTITY,
            }),
            Self::Untagged(key) => {
                let missing = |kind: &str| launches && !is_tagged(call, kind, key);
                let mut kinds = ["instance", "volume"].into_iter();
                let kind = kinds.find(|kind| missing(kind))?;
                Some(by_organisation(arn(call, &format!("{kind}/*"))))
            }
            Self::PublicAddresses => {
                let public = call.fields().any(|(field, value)| {
                    field.ends_with(".AssociatePublicIpAddress") && value == "true"
                });
                let resource = || arn(call, "network-interface/*");
                (launches && public).then(|| by_organisation(resource()))
            }
            Self::InternetGateways => self
                .simulated(&name)
                .then(|| by_organisation(arn(call, "internet-gateway/*"))),
            Self::Unencrypted => match name.as_str() {
                "ec2:RunInstances" => {
                    (!is_encrypted(call)).then(|| by_organisation(arn(call, "volume/*")))
                }
                "rds:CreateDBInstance" => (call.get("DBClusterIdentifier").is_none()
                    && !is("StorageEncrypted", "true"))
                .then(|| by_organisation(arn(call, &named("db", call, "DBInstanceIdentifier")))),
                "rds:CreateDBCluster" => (!is("StorageEncrypted", "true")).then(|| {
                    by_organisation(arn(call, &named("cluster", call, "DBClusterIdentifier")))
                }),
                _ => None,
            },
            Self::MetadataWithoutSession => {
                let open = launches && !is("MetadataOptions.HttpTokens", "required");
                open.then(|| by_organisation(arn(call, "instance/*")))
            }
            Self::UnboundedRoles => {
                let unbounded =
                    name == "iam:CreateRole" && call.get("PermissionsBoundary").is_none();
                unbounded.then(|| Denial {
                    resource: format!(
                        "arn:aws:iam::123456789012:role/{}",
                        call.get("RoleName").unwrap_or_default()
                    ),
                    policy: IDENTITY,
                })
            }
            Self::ServiceRoles => (name == "iam:CreateServiceLinkedRole").then(|| {
                let service = call.get("AWSServiceName").unwrap_or_default();
                by_organisation(format!(
                    "arn:aws:iam::123456789012:role/aws-service-role/{service}/*"
                ))
            }),
        }
    }
}

fn named(kind: &str, call: &Call, field: &str) -> String {
    format!("{kind}:{}", call.get(field).unwrap_or_default())
}

/// Whether every volume of a launch is encrypted; that of an image is not, where none is named.
fn is_encrypted(call: &Call) -> bool {
    let fields = || call.fields().map(|(field, _)| field);
    let mut volumes = fields().filter_map(|field| field.split_once(".Ebs.").map(|(of, _)| of));
    let named = fields().any(|field| field.contains(".Ebs."));
    named && volumes.all(|of| call.get(&format!("{of}.Ebs.Encrypted")) == Some("true"))
}

/// Whether a call that creates gives resources of a kind a tag.
fn is_tagged(call: &Call, kind: &str, key: &str) -> bool {
    let specifications = call.fields().filter_map(|(field, value)| {
        let number = field
            .strip_prefix("TagSpecification.")?
            .strip_suffix(".ResourceType")?;
        (value == kind).then_some(number)
    });
    let mut prefixes = specifications.map(|number| format!("TagSpecification.{number}.Tag."));
    prefixes.any(|prefix| {
        call.fields().any(|(field, value)| {
            field.starts_with(&prefix) && field.ends_with(".Key") && value == key
        })
    })
}

fn arn(call: &Call, resource: &str) -> String {
    match call.service.as_str() {
        "s3" => "arn:aws:s3:::*".to_owned(),
        service if GLOBAL.contains(&service) => {
            format!("arn:aws:{service}::123456789012:{resource}")
        }
        service => format!("arn:aws:{service}:{}:123456789012:{resource}", call.region),
    }
}

/// The permission that a call needs; S3's are not called as its operations are (Service
/// Authorization Reference, "Actions, resources, and condition keys for Amazon S3").
fn permission(call: &Call) -> String {
    if call.service != "s3" {
        return call.name();
    }
    let (verb, part) = call.action.split_once(' ').unwrap_or((&call.action, ""));
    let verb = match verb {
        "GetBucket" => "Get",
        "PUTBucket" => "Put",
        "DELETEBucket" => "Delete",
        other => other,
    };
    let action = match (verb, part) {
        ("ListBuckets", _) => "ListAllMyBuckets".to_owned(),
        ("HeadBucket", _) | ("Get", "list-type" | "prefix") => "ListBucket".to_owned(),
        ("HeadObject", _) => "GetObject".to_owned(),
        ("PostBucket", _) => "DeleteObject".to_owned(),
        ("Get", "versions") => "ListBucketVersions".to_owned(),
        ("Get", "uploads") => "ListBucketMultipartUploads".to_owned(),
        (verb, "encryption" | "lifecycle") => format!("{verb}{}Configuration", capitalised(part)),
        (verb, part) if !part.is_empty() => format!("{verb}Bucket{}", capitalised(part)),
        (verb, _) => verb.to_owned(),
    };
    format!("s3:{action}")
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The refusal in the words of the call's service.
fn refusal(call: &Call, denial: &Denial) -> AwsError {
    let action = permission(call);
    let Denial { resource, policy } = denial;
    let resource = match call.service.as_str() {
        "s3" => format!("\"{resource}\""),
        _ => resource.clone(),
    };
    let message = format!(
        "User: {CALLER} is not authorized to perform: {action} on resource: {resource} with an \
         explicit deny in {policy}"
    );
    let (code, message) = match call.protocol() {
        WireProtocol::Ec2 => (
            "UnauthorizedOperation",
            format!(
                "You are not authorized to perform this operation. {message}. Encoded \
                 authorization failure message: c3RyaWN0"
            ),
        ),
        WireProtocol::Json => ("AccessDeniedException", message),
        _ => ("AccessDenied", message),
    };
    AwsError::with(StatusCode::FORBIDDEN, code, message)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn call(service: &str, action: &str, fields: &[(&str, &str)]) -> Call {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).extend_pairs(fields);
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=KEY/20250101/us-east-1/{service}/aws4_request");
        let request = Request::builder()
            .method("POST")
            .uri("/")
            .header("authorization", scope)
            .body(form.finish().into());
        Call::parse(request.unwrap())
    }

    fn refused(guardrail: Guardrail, call: &Call) -> Option<AwsError> {
        check(&[guardrail], call).err()
    }

    #[test]
    fn denials_name_caller_action_resource_and_policy() {
        let list = call("ec2", "DescribeVpcs", &[]);
        let error = refused(Guardrail::Region, &list).unwrap();
        assert_eq!(error.code, "UnauthorizedOperation");
        for part in [
            "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:",
            "ec2:DescribeVpcs on resource: arn:aws:ec2:us-east-1:123456789012:*",
            "with an explicit deny in a service control policy",
        ] {
            assert!(error.message.contains(part), "{}", error.message);
        }
        let create = call("rds", "CreateDBCluster", &[("DBClusterIdentifier", "c")]);
        let error = refused(Guardrail::Unencrypted, &create).unwrap();
        assert_eq!(
            (error.code.as_str(), error.status),
            ("AccessDenied", StatusCode::FORBIDDEN)
        );
    }

    #[test]
    fn only_what_breaks_a_guardrail_is_denied() {
        let tagged = |kind: &'static str| {
            call(
                "ec2",
                "RunInstances",
                &[
                    ("TagSpecification.1.ResourceType", "instance"),
                    ("TagSpecification.1.Tag.1.Key", "cost-center"),
                    ("TagSpecification.2.ResourceType", kind),
                    ("TagSpecification.2.Tag.7.Key", "cost-center"),
                ],
            )
        };
        let rule = Guardrail::Untagged("cost-center");
        assert!(refused(rule, &tagged("volume")).is_none());
        let error = refused(rule, &tagged("network-interface")).unwrap();
        assert!(error.message.contains(":volume/*"), "{}", error.message);
        let who = call("sts", "GetCallerIdentity", &[]);
        for rule in [
            Guardrail::Region,
            Guardrail::SourceAddress,
            Guardrail::NoSecondFactor,
        ] {
            assert!(refused(rule, &who).is_none());
        }
        let global = call("iam", "CreateRole", &[]);
        assert!(refused(Guardrail::Region, &global).is_none());
        assert!(refused(Guardrail::UnboundedRoles, &global).is_some());
    }
}
