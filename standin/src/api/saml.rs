//! Logging in through an identity provider, as far as it is set up: nobody can log in that way here.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use mattermost_license::Feature;
use serde_json::{Value, json};

use super::administration::require_admin;
use super::extract::Auth;
use super::named;
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/api/v4/saml/certificate/status",
            named("getSamlCertificateStatus", get(status)),
        )
        .route(
            "/api/v4/saml/metadata",
            named("getSamlMetadata", get(metadata)),
        )
}

async fn has_file(app: &Server, name: &str) -> Result<bool, AppError> {
    if name.is_empty() {
        return Ok(false);
    }
    let found = app.store.has_configuration_file(name).await;
    found.or_internal("api.admin.saml.not_available.app_error")
}

/// `GET /saml/certificate/status`: which of the files that the settings name are there.
async fn status(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Value>, AppError> {
    require_admin(&session)?;
    let saml = app.config().saml_settings.clone();
    Ok(axum::Json(json!({
        "idp_certificate_file": has_file(&app, &saml.idp_certificate_file).await?,
        "private_key_file": has_file(&app, &saml.private_key_file).await?,
        "public_certificate_file": has_file(&app, &saml.public_certificate_file).await?,
    })))
}

/// `GET /saml/metadata`: what an identity provider is told, where there is all that a login needs.
async fn metadata(State(app): State<App>) -> Result<Response, AppError> {
    let saml = app.config().saml_settings.clone();
    let licensed = app.licensing.has(Feature::Saml);
    if !saml.enable || !licensed || !has_file(&app, &saml.idp_certificate_file).await? {
        let message = "SAML 2.0 is not configured or supported on this server.";
        let id = "api.admin.saml.not_available.app_error";
        return Err(AppError::new(StatusCode::NOT_IMPLEMENTED, id, message));
    }
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('<', "&lt;")
    };
    let text = format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\">\
         <SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"{}\" \
         index=\"0\"/></SPSSODescriptor></EntityDescriptor>",
        escaped(&saml.service_provider_identifier),
        escaped(&saml.assertion_consumer_service_url),
    );
    Ok(([(header::CONTENT_TYPE, "application/xml")], text).into_response())
}
