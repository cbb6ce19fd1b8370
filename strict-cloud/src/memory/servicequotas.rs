//! Service Quotas: every quota is large.

use serde_json::json;

use crate::call::Call;
use crate::errors::{AwsError, Reply};

use super::account::unknown;

/// Answers a call.
pub(super) fn answer(call: &Call) -> Result<Reply, AwsError> {
    match call.action.as_str() {
        "GetServiceQuota" | "GetAWSDefaultServiceQuota" => {
            let asked = call.json();
            let quota = json!({ "Quota": {
                "ServiceCode": asked["ServiceCode"],
                "QuotaCode": asked["QuotaCode"],
                "Value": 10_000.0,
            } });
            Ok(Reply::done(call, quota.to_string()))
        }
        _ => Err(unknown(call)),
    }
}
