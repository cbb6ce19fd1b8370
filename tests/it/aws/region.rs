//! A region that an account has not turned on: AWS refuses its credentials there as unknown.

use std::sync::Arc;

use axum::http::{Response, StatusCode};
use bytes::Bytes;
use futures::future::BoxFuture;
use loadrig::engine::{Cloud as _, FailureClass};
use strict_cloud::Call;

use crate::connector::{Answers, connect};

/// STS as it answers in a region that is off, and EC2 elsewhere, which knows that.
struct RegionIsOff(&'static str);

impl Answers for RegionIsOff {
    fn answer(&self, call: Call) -> BoxFuture<'_, Option<Response<Bytes>>> {
        let (status, body) = match call.action.as_str() {
            "GetCallerIdentity" => (
                StatusCode::FORBIDDEN,
                "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>\
                 The security token included in the request is invalid</Message></Error>\
                 <RequestId>r-1</RequestId></ErrorResponse>"
                    .to_owned(),
            ),
            "DescribeRegions" => {
                assert_eq!(call.region, "us-east-1", "asked where it is on");
                let status = self.0;
                let body = format!(
                    "<DescribeRegionsResponse><regionInfo><item><regionName>me-south-1</regionName>\
                     <optInStatus>{status}</optInStatus></item></regionInfo></DescribeRegionsResponse>"
                );
                (StatusCode::OK, body)
            }
            other => panic!("{other}"),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        Box::pin(async { Some(response) })
    }
}

#[tokio::test]
async fn a_region_that_is_off_is_named_as_such() {
    let aws = connect(
        "me-south-1",
        "AKIDTEST",
        Arc::new(RegionIsOff("not-opted-in")),
    )
    .await;
    let error = aws.account().await.unwrap_err();
    assert_eq!(error.code, "RegionNotEnabled", "{error}");
    assert_eq!(error.class, FailureClass::Denied);
    assert!(error.message.contains("enable-region"), "{error}");
}

#[tokio::test]
async fn credentials_that_are_wrong_stay_wrong_where_the_region_is_on() {
    let aws = connect("me-south-1", "AKIDTEST", Arc::new(RegionIsOff("opted-in"))).await;
    let error = aws.account().await.unwrap_err();
    assert_eq!(error.code, "InvalidClientTokenId", "{error}");
}
