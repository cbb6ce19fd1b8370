//! Messages, changed and deleted.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{post, put};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Auth, Json};
use super::named;
use super::post_lists::add_metadata;
use super::posts::check_message;
use super::system::ok;
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};
use crate::id::now_ms;
use crate::model::{Post, UserSession};

pub(super) fn routes() -> Router<App> {
    let one = "/api/v4/posts/{post}";
    Router::new()
        .route(one, named("updatePost", put(update)))
        .route(one, named("deletePost", axum::routing::delete(delete)))
        .route(&format!("{one}/patch"), named("patchPost", put(patch)))
        .route(&format!("{one}/pin"), named("pinPost", post(pin)))
        .route(&format!("{one}/unpin"), named("unpinPost", post(unpin)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PostPatch {
    is_pinned: Option<bool>,
    message: Option<String>,
    props: Option<Value>,
    file_ids: Option<Vec<String>>,
}

/// `PUT /posts/{post}/patch`.
async fn patch(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
    Json(patch): Json<PostPatch>,
) -> Result<axum::Json<Post>, AppError> {
    change(&app, &session, &id, patch).await.map(axum::Json)
}

/// `PUT /posts/{post}`: a whole post, of which text, properties and pin count.
async fn update(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
    Json(new): Json<Post>,
) -> Result<axum::Json<Post>, AppError> {
    if new.id != id {
        return Err(AppError::invalid_body("id"));
    }
    let patch = PostPatch {
        is_pinned: Some(new.is_pinned),
        message: Some(new.message),
        props: new.props.is_object().then_some(new.props),
        file_ids: None,
    };
    change(&app, &session, &id, patch).await.map(axum::Json)
}

/// `POST /posts/{post}/pin`.
async fn pin(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, AppError> {
    set_pinned(&app, &session, &id, true).await
}

/// `POST /posts/{post}/unpin`.
async fn unpin(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, AppError> {
    set_pinned(&app, &session, &id, false).await
}

async fn set_pinned(
    app: &Server,
    session: &UserSession,
    id: &str,
    pinned: bool,
) -> Result<axum::Json<Value>, AppError> {
    let old = changeable(app, session, id).await?;
    let new = Post {
        is_pinned: pinned,
        ..old.clone()
    };
    save(app, &old, new).await?;
    Ok(ok())
}

/// A post in a channel of the user's, with one answer for "is not there" and "is not yours".
async fn changeable(app: &Server, session: &UserSession, id: &str) -> Result<Post, AppError> {
    let post = app.store.post(id).await;
    let post = post.or_internal("app.post.get.app_error")?;
    let post = post.ok_or_else(AppError::forbidden)?;
    app.require_channel(session, &post.channel_id).await?;
    Ok(post)
}

async fn change(
    app: &Server,
    session: &UserSession,
    id: &str,
    patch: PostPatch,
) -> Result<Post, AppError> {
    let old = changeable(app, session, id).await?;
    if old.user_id != session.user_id && !session.is_admin() {
        return Err(AppError::forbidden());
    }
    let limit = app.config().service_settings.post_edit_time_limit;
    if patch.message.is_some() && limit >= 0 && now_ms() > old.create_at + limit * 1000 {
        let id = "api.post.update_post.permissions_time_limit.app_error";
        let message = format!("Post edit is only allowed for {limit} seconds.");
        return Err(AppError::new(StatusCode::BAD_REQUEST, id, message));
    }
    let new = Post {
        is_pinned: patch.is_pinned.unwrap_or(old.is_pinned),
        message: patch.message.unwrap_or_else(|| old.message.clone()),
        props: patch.props.unwrap_or_else(|| old.props.clone()),
        file_ids: patch.file_ids.unwrap_or_else(|| old.file_ids.clone()),
        ..old.clone()
    };
    check_message(&new)?;
    save(app, &old, new).await
}

async fn save(app: &Server, old: &Post, new: Post) -> Result<Post, AppError> {
    let now = now_ms();
    let edited = new.message != old.message || new.file_ids != old.file_ids;
    let mut new = Post {
        update_at: now,
        edit_at: if edited { now } else { old.edit_at },
        ..new
    };
    let saved = app.store.update_post(old, &new).await;
    saved.or_internal("app.post.update.app_error")?;
    add_metadata(app, std::slice::from_mut(&mut new)).await?;
    app.search.index(&new);
    let text = serde_json::to_string(&new).or_internal("api.post.marshal.app_error")?;
    app.publish_to_channel("post_edited", &new.channel_id, json!({"post": text}));
    Ok(new)
}

/// `DELETE /posts/{post}`, with its replies.
async fn delete(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, AppError> {
    let post = changeable(&app, &session, &id).await?;
    if post.user_id != session.user_id && !session.is_admin() {
        return Err(AppError::forbidden());
    }
    let now = now_ms();
    let deleted = app.store.delete_post(&post, now).await;
    deleted.or_internal("app.post.delete.app_error")?;
    let gone = Post {
        delete_at: now,
        update_at: now,
        ..post
    };
    let text = serde_json::to_string(&gone).or_internal("api.post.marshal.app_error")?;
    let data = json!({"post": text, "delete_by": session.user_id});
    app.publish_to_channel("post_deleted", &gone.channel_id, data);
    Ok(ok())
}
