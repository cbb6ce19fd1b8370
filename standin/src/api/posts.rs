//! Messages: written, listed and found.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Auth, Json, Page};
use crate::app::{App, Server, object};
use crate::db::DbError;
use crate::error::{AppError, OrInternal};
use crate::hub::{Broadcast, HubEvent};
use crate::id::{is_valid_id, new_id, now_ms};
use crate::model::{Channel, Metadata, Post, PostList, UserSession};
use crate::search::SearchError;

/// Longest message in characters.
pub(super) const MAX_MESSAGE: usize = 16_383;
/// Most files of one post.
const MAX_FILES: usize = 10;

/// `POST /posts`: written, published to every node's websockets, and queued
/// for the search index.
pub(super) async fn create(
    State(app): State<App>,
    Auth(session): Auth,
    Json(new): Json<Post>,
) -> Result<(StatusCode, axum::Json<Post>), AppError> {
    let mut post = check(new, &session)?;
    let channel = app.store.channel(&post.channel_id).await;
    let channel = channel.or_internal("app.channel.get.find.app_error")?;
    // One answer for "is not there" and "is not yours", as in Mattermost.
    let channel = channel.ok_or_else(AppError::forbidden)?;
    app.require_channel(&session, &channel.id).await?;
    if !post.root_id.is_empty() {
        check_root(&app, &post).await?;
    }
    let saved = app.store.create_post(&post).await;
    saved.or_internal("app.post.save.app_error")?;
    app.metrics.posts.inc();
    app.metrics
        .post_file_attachments
        .add(post.file_ids.len() as u64);
    post.metadata = metadata(&app, &post).await?;
    app.search.index(&post);
    announce(&app, &post, &channel).await?;
    app.set_online(&session.user_id).await;
    Ok((StatusCode::CREATED, axum::Json(post)))
}

fn check(new: Post, session: &UserSession) -> Result<Post, AppError> {
    if !is_valid_id(&new.channel_id) {
        return Err(AppError::invalid_body("channel_id"));
    }
    if new.message.trim().is_empty() && new.file_ids.is_empty() {
        return Err(AppError::invalid_body("message"));
    }
    if new.message.chars().count() > MAX_MESSAGE {
        let message = format!("The message is longer than {MAX_MESSAGE} characters.");
        let id = "model.post.is_valid.message_length.app_error";
        return Err(AppError::new(StatusCode::BAD_REQUEST, id, message));
    }
    if new.file_ids.len() > MAX_FILES || !new.file_ids.iter().all(|id| is_valid_id(id)) {
        return Err(AppError::invalid_body("file_ids"));
    }
    // Only administrators choose the time of a post.
    let create_at = if session.is_admin() && new.create_at > 0 {
        new.create_at
    } else {
        now_ms()
    };
    Ok(Post {
        id: new_id(),
        create_at,
        update_at: create_at,
        user_id: session.user_id.clone(),
        channel_id: new.channel_id,
        root_id: new.root_id,
        message: new.message,
        props: if new.props.is_object() {
            new.props
        } else {
            json!({})
        },
        file_ids: new.file_ids,
        pending_post_id: new.pending_post_id,
        ..Post::default()
    })
}

async fn check_root(app: &Server, post: &Post) -> Result<(), AppError> {
    let root = app
        .store
        .post(&post.root_id)
        .await
        .or_internal("app.post.get.app_error")?;
    if root.is_some_and(|root| root.channel_id == post.channel_id && root.root_id.is_empty()) {
        return Ok(());
    }
    let id = "api.post.create_post.root_id.app_error";
    Err(AppError::new(
        StatusCode::BAD_REQUEST,
        id,
        "Invalid RootId parameter.",
    ))
}

async fn metadata(app: &Server, post: &Post) -> Result<Metadata, AppError> {
    let mut files = Vec::with_capacity(post.file_ids.len());
    for id in &post.file_ids {
        let file = app
            .store
            .file_info(id)
            .await
            .or_internal("app.file_info.get.app_error")?;
        files.extend(file);
    }
    Ok(Metadata { files })
}

async fn announce(app: &Server, post: &Post, channel: &Channel) -> Result<(), AppError> {
    let sender = app
        .store
        .user(&post.user_id)
        .await
        .or_internal("app.user.get.app_error")?;
    let sender = sender.map_or_else(String::new, |user| format!("@{}", user.username));
    let text = serde_json::to_string(post).or_internal("api.post.marshal.app_error")?;
    app.publish(&HubEvent {
        event: "posted".to_owned(),
        data: object(json!({
            "channel_display_name": channel.display_name,
            "channel_name": channel.name,
            "channel_type": channel.kind,
            "sender_name": sender,
            "team_id": channel.team_id,
            "set_online": true,
            "post": text,
        })),
        broadcast: Broadcast {
            channel_id: post.channel_id.clone(),
            ..Broadcast::default()
        },
    });
    Ok(())
}

/// `GET /posts/{id}`.
pub(super) async fn get(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Post>, AppError> {
    let post = app
        .store
        .post(&id)
        .await
        .or_internal("app.post.get.app_error")?;
    let mut post = post.ok_or_else(|| AppError::not_found("app.post.get.app_error"))?;
    app.require_channel(&session, &post.channel_id).await?;
    post.metadata = metadata(&app, &post).await?;
    Ok(axum::Json(post))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PostsQuery {
    /// Milliseconds since 1970.
    since: i64,
}

/// `GET /channels/{id}/posts`: a page, or those changed since a time.
pub(super) async fn of_channel(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
    since: Query<PostsQuery>,
    page: Page,
) -> Result<axum::Json<PostList>, AppError> {
    app.require_channel(&session, &id).await?;
    let posts = if since.since > 0 {
        app.store.posts_since(&id, since.since).await
    } else {
        app.store
            .posts_of_channel(&id, page.offset, page.limit)
            .await
    };
    listed(&app, posts).await.map(axum::Json)
}

async fn listed(app: &Server, posts: Result<Vec<Post>, DbError>) -> Result<PostList, AppError> {
    let mut posts = posts.or_internal("app.post.get_posts.app_error")?;
    for post in posts.iter_mut().filter(|post| !post.file_ids.is_empty()) {
        post.metadata = metadata(app, post).await?;
    }
    Ok(PostList::new(posts))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SearchTerms {
    terms: String,
    is_or_search: bool,
}

/// `POST /teams/{id}/posts/search`, by the search server alone: if it fails,
/// so does the request.
pub(super) async fn search(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    Json(search): Json<SearchTerms>,
) -> Result<axum::Json<Value>, AppError> {
    if search.terms.trim().is_empty() {
        return Err(AppError::invalid_body("terms"));
    }
    app.require_team(&session, &team_id).await?;
    app.metrics.searches.inc();
    let channels = app
        .store
        .searchable_channel_ids(&team_id, &session.user_id)
        .await;
    let channels = channels.or_internal("app.channel.get_channels.get.app_error")?;
    let ids = match app
        .search
        .find(&search.terms, search.is_or_search, &channels)
        .await
    {
        Err(SearchError::Disabled) => {
            return Err(AppError::new(
                StatusCode::NOT_IMPLEMENTED,
                "store.sql_post.search.disabled",
                SearchError::Disabled.to_string(),
            ));
        }
        other => other.or_internal("ent.elasticsearch.search_posts.search_failed")?,
    };
    let list = listed(&app, app.store.posts_by_ids(&ids).await).await?;
    let matches: Value = list
        .order
        .iter()
        .map(|id| (id.clone(), json!([search.terms])))
        .collect();
    let mut body = serde_json::to_value(list).or_internal("api.marshal_error")?;
    body["matches"] = matches;
    Ok(axum::Json(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new() -> Post {
        Post {
            channel_id: "c".repeat(26),
            message: "hello".to_owned(),
            user_id: "someone".to_owned(),
            create_at: 5,
            ..Post::default()
        }
    }

    #[test]
    fn author_and_time_are_the_servers_choice() {
        let session = UserSession {
            user_id: "me".to_owned(),
            ..UserSession::default()
        };
        let post = check(new(), &session).expect("valid");
        assert_eq!(post.user_id, "me");
        assert!(post.create_at > 5);
        let admin = UserSession {
            roles: "system_admin".to_owned(),
            ..session
        };
        assert_eq!(check(new(), &admin).expect("valid").create_at, 5);
    }

    #[test]
    fn empty_and_endless_messages_are_refused() {
        let session = UserSession::default();
        let empty = Post {
            message: " ".to_owned(),
            ..new()
        };
        assert!(check(empty, &session).is_err());
        let endless = Post {
            message: "é".repeat(MAX_MESSAGE + 1),
            ..new()
        };
        assert!(check(endless, &session).is_err());
        let longest = Post {
            message: "é".repeat(MAX_MESSAGE),
            ..new()
        };
        assert!(check(longest, &session).is_ok());
    }
}
