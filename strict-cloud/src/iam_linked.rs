//! Service-linked roles: each service names its own, allows one, and IAM changes and deletes none as
//! other roles.
//!
//! "Create a service-linked role", "Edit a service-linked role" (IAM User Guide), `UnmodifiableEntity`;
//! CreateServiceLinkedRole (IAM API Reference). The names are those of each service's page "Using
//! service-linked roles". The words were recorded on AWS by LocalStack's tests (test_iam.py, 2025).

use http::StatusCode;
use serde_json::json;

use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::errors::{AwsError, Reply};
use crate::xml;

const PATH: &str = "/aws-service-role/";

/// What every such role's name begins with.
const PREFIX: &str = "AWSServiceRoleFor";

/// The rest of the name by the service's principal.
const ROLES: &[(&str, &str)] = &[
    ("autoscaling.amazonaws.com", "AutoScaling"),
    ("backup.amazonaws.com", "Backup"),
    ("batch.amazonaws.com", "Batch"),
    ("cloudtrail.amazonaws.com", "CloudTrail"),
    ("config.amazonaws.com", "Config"),
    ("ecs.amazonaws.com", "ECS"),
    ("eks-nodegroup.amazonaws.com", "AmazonEKSNodegroup"),
    ("eks.amazonaws.com", "AmazonEKS"),
    ("elasticache.amazonaws.com", "ElastiCache"),
    ("elasticbeanstalk.amazonaws.com", "ElasticBeanstalk"),
    ("elasticfilesystem.amazonaws.com", "AmazonElasticFileSystem"),
    ("elasticloadbalancing.amazonaws.com", "ElasticLoadBalancing"),
    ("es.amazonaws.com", "AmazonElasticsearchService"),
    ("guardduty.amazonaws.com", "AmazonGuardDuty"),
    ("opensearchservice.amazonaws.com", "AmazonOpenSearchService"),
    ("organizations.amazonaws.com", "Organizations"),
    ("rds.amazonaws.com", "RDS"),
    ("spot.amazonaws.com", "EC2Spot"),
    ("spotfleet.amazonaws.com", "EC2SpotFleet"),
    ("ssm.amazonaws.com", "AmazonSSM"),
    ("support.amazonaws.com", "Support"),
    ("trustedadvisor.amazonaws.com", "TrustedAdvisor"),
];

/// Services that allow several roles, which suffixes tell apart.
const WITH_SUFFIX: &[&str] = &["autoscaling.amazonaws.com"];

/// CreateServiceLinkedRole, with the role's own name. Services that are not listed are named by the
/// emulator.
pub(crate) async fn create(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    let service = call.get("AWSServiceName").unwrap_or_default();
    let Some((_, name)) = ROLES.iter().find(|(known, _)| *known == service) else {
        return Ok(Ruling::Forward);
    };
    let name = match call.get("CustomSuffix") {
        Some(_) if !WITH_SUFFIX.contains(&service) => {
            return Err(AwsError::new(
                "InvalidInput",
                format!("Custom suffix is not allowed for {service}"),
            ));
        }
        Some(suffix) => format!("{PREFIX}{name}_{suffix}"),
        None => format!("{PREFIX}{name}"),
    };
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": { "Service": service },
        }],
    });
    let (trust, path) = (trust.to_string(), format!("{PATH}{service}/"));
    let mut fields = vec![
        ("RoleName", name.as_str()),
        ("Path", &path),
        ("AssumeRolePolicyDocument", &trust),
    ];
    fields.extend(call.get("Description").map(|text| ("Description", text)));
    let mut reply = core
        .upstream
        .ask(call, "iam", "CreateRole", &fields)
        .await?;
    if reply.status == StatusCode::CONFLICT {
        return Err(taken(&name));
    }
    let renamed = reply
        .text()
        .replace("CreateRoleRe", "CreateServiceLinkedRoleRe");
    reply.set_text(renamed);
    Ok(Ruling::Answer(reply))
}

/// A role that the emulator named exists.
pub(crate) fn say_taken(call: &Call, reply: &mut Reply) {
    let exists = xml::first(reply.text(), "Code").as_deref() == Some("EntityAlreadyExists");
    if call.action == "CreateServiceLinkedRole" && exists {
        let message = xml::first(reply.text(), "Message").unwrap_or_default();
        let name = message.split(' ').find(|word| word.starts_with(PREFIX));
        *reply = Reply::refused(call, &taken(name.unwrap_or_default()));
    }
}

fn taken(name: &str) -> AwsError {
    AwsError::new(
        "InvalidInput",
        format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        ),
    )
}

/// Refuses what is for the service to do.
pub(crate) async fn check_change(core: &Core, call: &Call) -> Result<(), AwsError> {
    let Some(name) = call.get("RoleName").filter(|name| name.starts_with(PREFIX)) else {
        return Ok(());
    };
    let fields = [("RoleName", name)];
    let role = core.upstream.ask(call, "iam", "GetRole", &fields).await?;
    let path = xml::first(role.text(), "Path").unwrap_or_default();
    if role.is_success() && path.starts_with(PATH) {
        return Err(AwsError::new(
            "UnmodifiableEntity",
            format!(
                "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            ),
        ));
    }
    Ok(())
}
