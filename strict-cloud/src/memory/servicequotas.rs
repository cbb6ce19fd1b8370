//! Service Quotas: every quota is large.
//!
//! GetServiceQuota: "Retrieves the applied quota value for the specified account-level or
//! resource-level quota." (<https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html>).
//! GetAWSDefaultServiceQuota: "Retrieves the default value for the specified quota."
//! (<https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetAWSDefaultServiceQuota.html>).

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
