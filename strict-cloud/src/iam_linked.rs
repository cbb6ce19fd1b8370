//! Service-linked roles are not changed or deleted as other roles are: "Edit a service-linked role"
//! (IAM User Guide), `UnmodifiableEntity`.

use crate::call::Call;
use crate::cloud::Core;
use crate::errors::AwsError;
use crate::xml;

const PATH: &str = "/aws-service-role/";

/// Refuses what is for the service to do.
pub(crate) async fn check_change(core: &Core, call: &Call) -> Result<(), AwsError> {
    let Some(name) = call
        .get("RoleName")
        .filter(|name| name.starts_with("AWSServiceRoleFor"))
    else {
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
