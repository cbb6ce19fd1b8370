//! Emoji on posts.

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
use crate::model::{Post, Reaction, UserSession};

/// Longest name of an emoji in bytes.
const MAX_NAME: usize = 64;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/reactions", named("saveReaction", post(save)))
        .route(
            "/api/v4/posts/{post}/reactions",
            named("getReactions", get(list)),
        )
        .route(
            "/api/v4/users/{user}/posts/{post}/reactions/{emoji}",
            named("deleteReaction", delete(remove)),
        )
}

/// The post of a reaction, in a channel of the user's.
async fn reacted(app: &Server, session: &UserSession, id: &str) -> Result<Post, AppError> {
    let post = app.store.post(id).await;
    let post = post.or_internal("app.post.get.app_error")?;
    // One answer for "is not there" and "is not yours", as in Mattermost.
    let post = post.ok_or_else(AppError::forbidden)?;
    app.require_channel(session, &post.channel_id).await?;
    Ok(post)
}

/// `POST /reactions`.
async fn save(
    State(app): State<App>,
    Auth(session): Auth,
    JsonObject(new): JsonObject<Reaction>,
) -> Result<axum::Json<Reaction>, AppError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
    let name = &new.emoji_name;
    let valid = !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(plain);
    if !is_valid_id(&new.user_id) || !is_valid_id(&new.post_id) || !valid {
        let id = "api.reaction.save_reaction.invalid.app_error";
        return Err(AppError::new(
            StatusCode::BAD_REQUEST,
            id,
            "Reaction is not valid.",
        ));
    }
    if new.user_id != session.user_id {
        let id = "api.reaction.save_reaction.user_id.app_error";
        let message = "You cannot save reaction for the other user.";
        return Err(AppError::new(StatusCode::FORBIDDEN, id, message));
    }
    let post = reacted(&app, &session, &new.post_id).await?;
    let now = now_ms();
    let reaction = Reaction {
        create_at: now,
        update_at: now,
        delete_at: 0,
        channel_id: post.channel_id,
        remote_id: String::new(),
        ..new
    };
    let saved = app.store.save_reaction(&reaction).await;
    saved.or_internal("app.reaction.save.save.app_error")?;
    announce(&app, "reaction_added", &reaction);
    Ok(axum::Json(reaction))
}

/// `GET /posts/{post}/reactions`.
async fn list(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Vec<Reaction>>, AppError> {
    let post = reacted(&app, &session, &id).await?;
    let reactions = app.store.reactions(&[post.id]).await;
    Ok(axum::Json(
        reactions.or_internal("app.reaction.get_for_post.app_error")?,
    ))
}

/// `DELETE /users/{user}/posts/{post}/reactions/{emoji}`.
async fn remove(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, id, emoji_name)): Path<(String, String, String)>,
) -> Result<axum::Json<Value>, AppError> {
    let user_id = own_user(&user, &session)?;
    let post = reacted(&app, &session, &id).await?;
    let reaction = Reaction {
        user_id,
        post_id: post.id,
        emoji_name,
        delete_at: now_ms(),
        channel_id: post.channel_id,
        ..Reaction::default()
    };
    let deleted = app.store.delete_reaction(&reaction).await;
    deleted.or_internal("app.reaction.delete_all_with_emoji_name.get_reactions.app_error")?;
    announce(&app, "reaction_removed", &reaction);
    Ok(ok())
}

fn announce(app: &Server, event: &str, reaction: &Reaction) {
    let text = serde_json::to_string(reaction).unwrap_or_default();
    app.publish_to_channel(event, &reaction.channel_id, json!({"reaction": text}));
}
