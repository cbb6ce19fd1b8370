//! Why a database failed, or a change of one did not happen: RDS says it in events alone.

use aws_sdk_rds::types::{Event, SourceType};

use crate::aws::Aws;
use crate::aws::error::CallContext;
use crate::blueprint::Kind;
use crate::engine::{CloudError, Observed};

/// What RDS writes about a change that it undoes, in lower case. CloudFormation's handlers for RDS
/// fail on these texts (aws-cloudformation-resource-providers-rds 5a410e8, event checkers).
const UNDONE: &[&str] = &[
    "insufficient instance capacity",
    "the storage volume limitation was exceeded",
    "unable to modify the db instance class",
    "unable to modify db instance class",
    "the db engine version upgrade failed",
    "you can't create the db instance",
];

/// The category of "Allocated storage has been exhausted" (RDS-EVENT-0007, "Amazon RDS event categories
/// and event messages", Amazon RDS User Guide).
const LOW_STORAGE: &str = "low storage";

/// Minutes that are looked back, as long as a change may take.
const SINCE: i32 = 180;

impl Aws {
    /// What the latest events of a database or cluster say of failures.
    pub(in crate::aws) async fn database_failures(
        &self,
        existing: &Observed,
    ) -> Result<Vec<String>, CloudError> {
        let source = match existing.kind {
            Kind::Database => SourceType::DbInstance,
            Kind::DatabaseCluster => SourceType::DbCluster,
            _ => return Ok(Vec::new()),
        };
        let answer = self
            .rds
            .describe_events()
            .source_identifier(&existing.id)
            .source_type(source)
            .duration(SINCE)
            .send()
            .await
            .context("rds:DescribeEvents", &existing.id)?;
        let mut texts: Vec<String> = answer
            .events()
            .iter()
            .filter(|event| tells_of_failure(event))
            .filter_map(|event| event.message().map(|text| format!("RDS says: {text}")))
            .collect();
        texts.dedup();
        Ok(texts)
    }
}

fn tells_of_failure(event: &Event) -> bool {
    let text = event.message().unwrap_or_default().to_lowercase();
    let categories = ["failure", LOW_STORAGE];
    let mut of_event = event.event_categories().iter();
    of_event.any(|one| categories.contains(&one.as_str()))
        || UNDONE.iter().any(|known| text.contains(known))
}
