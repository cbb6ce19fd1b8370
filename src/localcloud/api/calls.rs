//! What the API has to know of a call: whether hosts follow from it, and which password
//! it sets. Pure.

use strict_cloud::Call;

/// Whether hosts may have to follow.
pub(super) fn changes_hosts(call: &Call) -> bool {
    matches!(
        call.service.as_str(),
        "ec2" | "rds" | "iam" | "es" | "elasticache"
    ) && !call.reads()
}

/// Whether the emulator's answer may claim what is not so yet.
pub(super) fn is_rewritten(call: &Call) -> bool {
    match call.service.as_str() {
        "ec2" => call.action.starts_with("DescribeInstance"),
        "rds" => call.action.contains("DBInstance"),
        "elasticache" => call.action.contains("ReplicationGroup"),
        "es" => true,
        _ => false,
    }
}

/// The database and its new master password, if this call sets one.
pub(super) fn master_password(call: &Call) -> Option<(&str, &str)> {
    if call.service != "rds" {
        return None;
    }
    Some((
        call.get("DBInstanceIdentifier")?,
        call.get("MasterUserPassword")?,
    ))
}

/// The database that a call restarts, if it does.
pub(super) fn rebooted_database(call: &Call) -> Option<&str> {
    let is_reboot = call.service == "rds" && call.action == "RebootDBInstance";
    is_reboot
        .then(|| call.get("DBInstanceIdentifier"))
        .flatten()
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, Request, header};
    use bytes::Bytes;

    use super::*;

    fn call(method: Method, path: &str, service: &str, body: &str) -> Call {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=AKIA/20250101/us-east-1/{service}/aws4_request, Signature=x"
        );
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, scope)
            .body(Bytes::from(body.to_owned()))
            .unwrap();
        Call::parse(request)
    }

    #[test]
    fn a_master_password_is_read_with_its_special_characters() {
        let call = call(
            Method::POST,
            "/",
            "rds",
            "Action=CreateDBInstance&DBInstanceIdentifier=demo-db&MasterUserPassword=a%2Bb+c%26%C3%A9",
        );
        assert_eq!(master_password(&call), Some(("demo-db", "a+b c&é")));
        assert!(changes_hosts(&call));
    }

    #[test]
    fn a_restart_names_its_database() {
        let reboot = "Action=RebootDBInstance&DBInstanceIdentifier=demo-db";
        let reboot = call(Method::POST, "/", "rds", reboot);
        assert_eq!(rebooted_database(&reboot), Some("demo-db"));
        let describe = "Action=DescribeDBInstances&DBInstanceIdentifier=demo-db";
        let describe = call(Method::POST, "/", "rds", describe);
        assert_eq!(rebooted_database(&describe), None);
    }

    #[test]
    fn reads_change_no_hosts() {
        let describe = call(Method::POST, "/", "ec2", "Action=DescribeInstances");
        assert!(!changes_hosts(&describe));
        let search = |method, path| call(method, path, "es", "{}");
        let domains = "/2021-01-01/opensearch/domain-info";
        assert!(!changes_hosts(&search(Method::POST, domains)));
        let versions = "/2021-01-01/opensearch/versions";
        assert!(!changes_hosts(&search(Method::GET, versions)));
        let create = "/2021-01-01/opensearch/domain";
        assert!(changes_hosts(&search(Method::POST, create)));
        let terminate = call(Method::POST, "/", "ec2", "Action=TerminateInstances");
        assert!(changes_hosts(&terminate));
        let cache = call(
            Method::POST,
            "/",
            "elasticache",
            "Action=CreateReplicationGroup",
        );
        assert!(changes_hosts(&cache) && is_rewritten(&cache));
    }

    #[test]
    fn an_upload_changes_no_hosts() {
        let upload = call(Method::PUT, "/bucket/key", "s3", "Action=RunInstances");
        assert!(!changes_hosts(&upload));
    }
}
