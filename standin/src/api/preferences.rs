//! A user's preferences.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use serde_json::{Value, json};

use super::extract::{Auth, Json, own_user};
use super::named;
use super::system::ok;
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};
use crate::model::Preference;

/// Most preferences of one change.
const LIMIT: usize = 100;

pub(super) fn routes() -> Router<App> {
    let base = "/api/v4/users/{user}/preferences";
    Router::new()
        .route(base, named("getPreferences", get(all)))
        .route(base, named("updatePreferences", put(update)))
        .route(
            &format!("{base}/delete"),
            named("deletePreferences", post(delete)),
        )
        .route(
            &format!("{base}/{{category}}"),
            named("getPreferencesByCategory", get(of_category)),
        )
        .route(
            &format!("{base}/{{category}}/name/{{name}}"),
            named("getPreferenceByCategoryAndName", get(one)),
        )
}

/// `GET /users/{user}/preferences`.
async fn all(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
) -> Result<axum::Json<Vec<Preference>>, AppError> {
    let user_id = own_user(&user, &session)?;
    read(&app, &user_id, None, None).await.map(axum::Json)
}

async fn of_category(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, category)): Path<(String, String)>,
) -> Result<axum::Json<Vec<Preference>>, AppError> {
    let user_id = own_user(&user, &session)?;
    let found = read(&app, &user_id, Some(&category), None).await?;
    if found.is_empty() {
        let id = "api.preference.preferences_category.get.app_error";
        return Err(AppError::not_found(id));
    }
    Ok(axum::Json(found))
}

async fn one(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, category, name)): Path<(String, String, String)>,
) -> Result<axum::Json<Preference>, AppError> {
    let user_id = own_user(&user, &session)?;
    let found = read(&app, &user_id, Some(&category), Some(&name)).await?;
    // Mattermost does not tell a missing one from a failure here.
    let missing = || {
        let message = "We encountered an error while finding preferences.";
        AppError::new(
            StatusCode::BAD_REQUEST,
            "app.preference.get.app_error",
            message,
        )
    };
    Ok(axum::Json(found.into_iter().next().ok_or_else(missing)?))
}

async fn read(
    app: &Server,
    user_id: &str,
    category: Option<&str>,
    name: Option<&str>,
) -> Result<Vec<Preference>, AppError> {
    let found = app.store.preferences(user_id, category, name).await;
    found.or_internal("app.preference.get_all.app_error")
}

/// `PUT /users/{user}/preferences`.
async fn update(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
    Json(preferences): Json<Vec<Preference>>,
) -> Result<axum::Json<Value>, AppError> {
    let user_id = own_user(&user, &session)?;
    let refused = "api.preference.update_preferences.set.app_error";
    check(&preferences, &user_id, refused)?;
    let saved = app.store.save_preferences(&preferences).await;
    saved.or_internal("app.preference.save.updating.app_error")?;
    announce(&app, "preferences_changed", &user_id, &preferences);
    Ok(ok())
}

/// `POST /users/{user}/preferences/delete`.
async fn delete(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
    Json(preferences): Json<Vec<Preference>>,
) -> Result<axum::Json<Value>, AppError> {
    let user_id = own_user(&user, &session)?;
    let refused = "api.preference.delete_preferences.delete.app_error";
    check(&preferences, &user_id, refused)?;
    for one in &preferences {
        let deleted = app.store.delete_preference(one).await;
        deleted.or_internal("app.preference.delete.app_error")?;
    }
    announce(&app, "preferences_deleted", &user_id, &preferences);
    Ok(ok())
}

fn check(preferences: &[Preference], user_id: &str, refused: &'static str) -> Result<(), AppError> {
    if preferences.is_empty() || preferences.len() > LIMIT {
        return Err(AppError::invalid_body("preferences"));
    }
    if preferences.iter().any(|one| one.user_id != user_id) {
        let message = "Unable to set preferences for another user.";
        return Err(AppError::new(StatusCode::FORBIDDEN, refused, message));
    }
    let long = |one: &&Preference| {
        one.category.is_empty()
            || one.category.len() > 32
            || one.name.len() > 32
            || one.value.chars().count() > 20_000
    };
    if preferences.iter().find(long).is_some() {
        let message = "A category or name is longer than 32 bytes, or a value is too long.";
        return Err(AppError::new(
            StatusCode::BAD_REQUEST,
            "model.preference.is_valid.category.app_error",
            message,
        ));
    }
    Ok(())
}

fn announce(app: &Server, event: &str, user_id: &str, preferences: &[Preference]) {
    app.publish_to_user("sidebar_category_updated", user_id, json!({}));
    let text = serde_json::to_string(preferences).unwrap_or_default();
    app.publish_to_user(event, user_id, json!({"preferences": text}));
}
