//! Logging in from a directory, as far as it is set up: nobody can log in that way here.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use mattermost_license::Feature;
use serde_json::Value;

use super::administration::require_admin;
use super::extract::Auth;
use super::named;
use super::system::ok;
use crate::app::App;
use crate::directory::{self, DirectoryError};
use crate::error::{AppError, chain};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/api/v4/ldap/test", named("testLdap", post(test)))
}

/// `POST /ldap/test`: whether the directory of the settings can be used.
async fn test(State(app): State<App>, Auth(session): Auth) -> Result<axum::Json<Value>, AppError> {
    let none = |id, message| Err(AppError::new(StatusCode::NOT_IMPLEMENTED, id, message));
    if !app.licensing.has(Feature::Ldap) {
        let message = "Your license does not support AD/LDAP.";
        return none("api.ldap_groups.license_error", message);
    }
    require_admin(&session)?;
    let settings = app.config().ldap_settings.clone();
    if !settings.enable && !settings.enable_sync {
        return none("ent.ldap.disabled.app_error", "AD/LDAP disabled.");
    }
    directory::try_out(&settings).await.map_err(|error| {
        let id = match &error {
            DirectoryError::Tls(_) | DirectoryError::Connect(_) => {
                "ent.ldap.do_login.unable_to_connect.app_error"
            }
            DirectoryError::Bind(_) => "ent.ldap.do_login.bind_admin_user.app_error",
            DirectoryError::Search(_) => "ent.ldap.do_login.search_ldap_server.app_error",
        };
        AppError::new(StatusCode::INTERNAL_SERVER_ERROR, id, chain(&error))
    })?;
    Ok(ok())
}
