//! Whether the server is ready for logins through an identity provider. That somebody can log in is the
//! provider's to say.

use reqwest::Method;
use serde::Deserialize;

use crate::loadtest::api::{Api, ApiSession};

use super::{Promise, PromisePlan};

const SAML: &str = "saml: the server has its files and tells its metadata";

/// Which files the server finds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FilesFound {
    #[serde(rename = "idp_certificate_file")]
    idp_certificate: bool,
    #[serde(rename = "public_certificate_file")]
    certificate: bool,
    #[serde(rename = "private_key_file")]
    key: bool,
}

/// Asks for the files and the metadata, through the entrance.
pub(super) async fn saml(plan: &PromisePlan, entrance: &Api, session: &ApiSession) -> Promise {
    let remedy = format!(
        "`loadrig ssh {} app-1 -- sudo journalctl -u mattermost` shows the server's log",
        plan.environment
    );
    match ready(plan, entrance, session).await {
        Ok(detail) => Promise::kept(SAML, detail),
        Err(detail) => Promise::broken(SAML, detail).remedy(remedy),
    }
}

async fn ready(plan: &PromisePlan, entrance: &Api, session: &ApiSession) -> Result<String, String> {
    let files: Result<FilesFound, _> = entrance.get("/saml/certificate/status", session).await;
    let files = files.map_err(|error| error.to_string())?;
    let own = plan.saml == Some(true);
    let wanted = [
        (true, files.idp_certificate, "the provider's certificate"),
        (own, files.certificate, "its own certificate"),
        (own, files.key, "the key of its own certificate"),
    ];
    let missing: Vec<&str> = wanted
        .into_iter()
        .filter(|(wanted, found, _)| *wanted && !found)
        .map(|(.., what)| what)
        .collect();
    if !missing.is_empty() {
        return Err(format!("the server does not find {}", missing.join(", ")));
    }
    let told = entrance.call(Method::GET, "/saml/metadata", session).await;
    let (_, metadata) = told.map_err(|error| format!("metadata: {error}"))?;
    let text = String::from_utf8_lossy(&metadata);
    let id = text
        .split_once("entityID=\"")
        .and_then(|(_, rest)| rest.split('"').next());
    match id {
        Some(id) => Ok(format!("it is `{id}`")),
        None => Err("its metadata names no `entityID`".to_owned()),
    }
}
