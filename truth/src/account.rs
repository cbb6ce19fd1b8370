//! The accounts that facts are compared with: the strict cloud before moto, and the account in
//! memory. Each replay has a fresh one.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use strict_cloud::model::{read_answer, write_request};
use strict_cloud::{
    AwsAccount, Call, CallOutcome, Emulator, FaultPlan, StrictCloud, StrictOptions, Timing,
};

/// Where calls go that name no region.
pub(crate) const REGION: &str = "us-east-1";

/// An account that answers.
pub(crate) enum TestAccount {
    Emulated(StrictCloud),
    Memory(Box<AwsAccount>),
}

/// What was answered, in names of the model.
#[derive(Debug)]
pub(crate) enum Answer {
    Response(Value),
    Refusal {
        code: String,
        message: String,
        status: u16,
    },
}

impl TestAccount {
    /// The strict cloud before an emulator that has forgotten everything.
    pub(crate) async fn emulated(moto: &str, slow: bool, faults: &str) -> Result<Self, String> {
        let emulator = Emulator::new(moto).map_err(|error| error.to_string())?;
        let mut options = StrictOptions::instant(emulator);
        if slow {
            options.timing = Timing::Aws;
        }
        if !faults.is_empty() {
            options.faults = Some(FaultPlan::parse(0, faults, REGION)?);
        }
        let cloud = StrictCloud::new(options);
        let reset = Request::post("/moto-api/reset").body(Bytes::new());
        let reset = Call::parse(reset.map_err(|error| error.to_string())?);
        match cloud.answer(reset).await {
            CallOutcome::Answered(answer) if answer.status().is_success() => {
                Ok(Self::Emulated(cloud))
            }
            _ => Err("the emulator does not forget".to_owned()),
        }
    }

    pub(crate) fn memory(slow: bool) -> Self {
        let scale = if slow { 1.0 } else { 0.0 };
        Self::Memory(Box::new(AwsAccount::new(REGION, scale)))
    }

    /// Lets AWS's time pass.
    pub(crate) fn pass(&mut self, seconds: u64) {
        match self {
            Self::Emulated(cloud) => cloud.pass(Duration::from_secs(seconds)),
            Self::Memory(account) => {
                let until = account.now().checked_add(Duration::from_secs(seconds));
                if let Ok(until) = until {
                    account.pass_until(until);
                }
            }
        }
    }

    /// Calls it. An error says why the call cannot be made or its answer not be read.
    pub(crate) async fn call(
        &mut self,
        service: &str,
        action: &str,
        parameters: &Value,
        region: &str,
    ) -> Result<Answer, String> {
        let call = Call::parse(write_request(service, action, parameters, region)?);
        let (status, headers, body) = match self {
            Self::Emulated(cloud) => match cloud.answer(call).await {
                CallOutcome::Answered(response) => {
                    let (parts, body) = response.into_parts();
                    let body = strict_cloud::to_bytes(body, usize::MAX).await;
                    (parts.status, parts.headers, body.unwrap_or_default())
                }
                CallOutcome::Cut => return Err("the connection was cut".to_owned()),
            },
            Self::Memory(account) => {
                let response = account.answer(account.now(), &call);
                let (parts, body) = response.into_parts();
                (parts.status, parts.headers, body)
            }
        };
        if !status.is_success() {
            return Ok(refusal(action, status, &headers, &body));
        }
        let (value, _) = read_answer(service, action, &headers, &body)
            .ok_or_else(|| format!("there is no model of {service}:{action}"))?;
        Ok(Answer::Response(value))
    }
}

impl Answer {
    /// As an earlier answer for references.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Response(value) => value.clone(),
            Self::Refusal { code, message, .. } => {
                json!({ "Error": { "Code": code, "Message": message } })
            }
        }
    }
}

fn refusal(action: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(body);
    let (mut code, mut message) = (String::new(), String::new());
    if let Ok(value) = serde_json::from_str::<Value>(&text) {
        let name = headers
            .get("x-amzn-errortype")
            .and_then(|name| name.to_str().ok());
        let name = name
            .or_else(|| value["__type"].as_str())
            .unwrap_or_default();
        code = name
            .rsplit('#')
            .next()
            .unwrap_or_default()
            .split(':')
            .next()
            .unwrap_or_default()
            .to_owned();
        let said = value["message"]
            .as_str()
            .or_else(|| value["Message"].as_str());
        message = said.unwrap_or_default().to_owned();
    } else if let Ok(document) = roxmltree::Document::parse(&text) {
        let first = |name: &str| {
            let found = document
                .descendants()
                .find(|node| node.tag_name().name() == name);
            found
                .and_then(|node| node.text())
                .unwrap_or_default()
                .to_owned()
        };
        (code, message) = (first("Code"), first("Message"));
    }
    if code.is_empty() && action.starts_with("Head") {
        // Without a body an SDK goes by the status.
        code = status.as_u16().to_string();
        message = status.canonical_reason().unwrap_or_default().to_owned();
    }
    Answer::Refusal {
        code,
        message,
        status: status.as_u16(),
    }
}
