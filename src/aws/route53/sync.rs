//! Asks whether the name servers have a change.

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::route53::changes::Look;
use crate::blueprint::Kind;
use crate::engine::{CloudError, Observed};

impl Aws {
    /// The zone or its records while a change of them is on its way.
    pub(in crate::aws) async fn unsynced(
        &self,
        environment: &str,
        kind: Kind,
    ) -> Result<Option<Observed>, CloudError> {
        let change = match self.zone_changes.next_look(environment, kind) {
            Look::Synced => return Ok(None),
            Look::Unsynced(seen) => return Ok(Some(seen)),
            Look::Ask(change) => change,
        };
        let answer = self.route53.get_change().id(&change).send().await;
        let answer = answer
            .context("route53:GetChange", &change)
            .ok_if_not_found()?;
        let info = answer.and_then(|answer| answer.change_info);
        Ok(self.zone_changes.answered(environment, kind, info.as_ref()))
    }
}
