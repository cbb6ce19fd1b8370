//! Messages that are not sent yet.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use serde_json::{Value, json};

use super::extract::{Auth, JsonObject, own_user};
use super::named;
use super::system::ok;
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};
use crate::id::{is_valid_id, now_ms};
use crate::model::{Draft, UserSession};

pub(super) fn routes() -> Router<App> {
    let in_channel = "/api/v4/users/{user}/channels/{channel}/drafts";
    Router::new()
        .route("/api/v4/drafts", named("upsertDraft", post(save)))
        .route(
            "/api/v4/users/{user}/teams/{team}/drafts",
            named("getDrafts", get(list)),
        )
        .route(in_channel, named("deleteDraft", delete(remove)))
        .route(
            &format!("{in_channel}/{{thread}}"),
            named("deleteDraft", delete(remove_in_thread)),
        )
}

fn require_drafts(app: &Server) -> Result<(), AppError> {
    if app.config().service_settings.allow_synced_drafts {
        return Ok(());
    }
    let message = "Drafts feature is disabled.";
    Err(AppError::new(
        StatusCode::NOT_IMPLEMENTED,
        "api.drafts.disabled.app_error",
        message,
    ))
}

/// `POST /drafts`.
async fn save(
    State(app): State<App>,
    Auth(session): Auth,
    JsonObject(new): JsonObject<Draft>,
) -> Result<(StatusCode, axum::Json<Draft>), AppError> {
    require_drafts(&app)?;
    if !is_valid_id(&new.channel_id) {
        return Err(AppError::forbidden());
    }
    app.require_channel(&session, &new.channel_id).await?;
    let now = now_ms();
    let mut draft = Draft {
        create_at: now,
        update_at: now,
        delete_at: 0,
        user_id: session.user_id,
        props: if new.props.is_object() {
            new.props
        } else {
            json!({})
        },
        ..new
    };
    let saved = app.store.save_draft(&draft).await;
    draft.create_at = saved.or_internal("app.draft.save.app_error")?;
    announce(&app, "draft_updated", &draft);
    Ok((StatusCode::CREATED, axum::Json(draft)))
}

/// `GET /users/{user}/teams/{team}/drafts`, of the session's user whoever is named.
async fn list(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id)): Path<(String, String)>,
) -> Result<axum::Json<Option<Vec<Draft>>>, AppError> {
    require_drafts(&app)?;
    own_user(&user, &session)?;
    app.require_team(&session, &team_id)?;
    let drafts = app.store.drafts(&session.user_id, &team_id).await;
    let drafts = drafts.or_internal("app.draft.get_drafts.app_error")?;
    // Where there are none Mattermost answers with null.
    Ok(axum::Json((!drafts.is_empty()).then_some(drafts)))
}

/// `DELETE /users/{user}/channels/{channel}/drafts`.
async fn remove(
    State(app): State<App>,
    Auth(session): Auth,
    Path((_, channel_id)): Path<(String, String)>,
) -> Result<axum::Json<Value>, AppError> {
    delete_draft(&app, &session, &channel_id, "").await
}

async fn remove_in_thread(
    State(app): State<App>,
    Auth(session): Auth,
    Path((_, channel_id, root_id)): Path<(String, String, String)>,
) -> Result<axum::Json<Value>, AppError> {
    delete_draft(&app, &session, &channel_id, &root_id).await
}

async fn delete_draft(
    app: &Server,
    session: &UserSession,
    channel_id: &str,
    root_id: &str,
) -> Result<axum::Json<Value>, AppError> {
    require_drafts(app)?;
    let deleted = app
        .store
        .delete_draft(&session.user_id, channel_id, root_id)
        .await;
    if let Some(draft) = deleted.or_internal("app.draft.delete.app_error")? {
        announce(app, "draft_deleted", &draft);
    }
    Ok(ok())
}

fn announce(app: &Server, event: &str, draft: &Draft) {
    let text = serde_json::to_string(draft).unwrap_or_default();
    app.publish_to_user(event, &draft.user_id, json!({"draft": text}));
}
