//! Messages, written and read.

use std::time::Instant;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::channel_members::mark;
use super::extract::{Auth, Json, JsonObject};
use super::post_lists::{add_metadata, listed};
use super::{etag, named};
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};
use crate::id::{is_valid_id, new_id, now_ms};
use crate::model::{Channel, FileInfo, Post, UserSession, VERSION};

/// Longest message in characters.
pub(super) const MAX_MESSAGE: usize = 16_383;
/// Most files of one post.
const MAX_FILES: usize = 10;
/// Most posts of one request by id.
const MAX_IDS: usize = 1000;

pub(super) fn routes() -> Router<App> {
    let one = "/api/v4/posts/{post}";
    Router::new()
        .route("/api/v4/posts", named("createPost", post(create)))
        .route("/api/v4/posts/ids", named("getPostsByIds", post(by_ids)))
        .route(one, named("getPost", get(get_one)))
        .route(
            &format!("{one}/thread"),
            named("getPostThread", get(thread)),
        )
        .route(
            &format!("{one}/files/info"),
            named("getFileInfosForPost", get(files)),
        )
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct CreateQuery {
    set_online: bool,
}

impl Default for CreateQuery {
    fn default() -> Self {
        Self { set_online: true }
    }
}

/// `POST /posts`: written, published to every node's websockets, and queued
/// for the search index. A post that a client sends again is answered with the first one.
async fn create(
    State(app): State<App>,
    Auth(session): Auth,
    query: Query<CreateQuery>,
    JsonObject(new): JsonObject<Post>,
) -> Result<(StatusCode, axum::Json<Post>), AppError> {
    let pending = new.pending_post_id.clone();
    if !pending.is_empty() {
        match app.pending_posts.get(&pending, Instant::now()).as_deref() {
            None => app
                .pending_posts
                .put(&pending, String::new(), Instant::now()),
            Some("") => {
                let id = "api.post.deduplicate_create_post.pending";
                let message = "Rejected post since another client is making the same request.";
                return Err(AppError::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    id,
                    message,
                ));
            }
            Some(first) => {
                let post = readable(&app, &session, first).await?;
                return Ok((StatusCode::CREATED, axum::Json(post)));
            }
        }
    }
    let created = write(&app, &session, new, query.set_online).await;
    if !pending.is_empty() {
        match &created {
            Ok(post) => app
                .pending_posts
                .put(&pending, post.id.clone(), Instant::now()),
            Err(_) => app.pending_posts.remove(&pending),
        }
    }
    Ok((StatusCode::CREATED, axum::Json(created?)))
}

async fn write(
    app: &Server,
    session: &UserSession,
    new: Post,
    set_online: bool,
) -> Result<Post, AppError> {
    let mut post = check(new, session)?;
    let channel = app.store.channel(&post.channel_id).await;
    let channel = channel.or_internal("app.channel.get.find.app_error")?;
    // One answer for "is not there" and "is not yours", as in Mattermost.
    let channel = channel.ok_or_else(AppError::forbidden)?;
    app.require_channel(session, &channel.id).await?;
    if channel.delete_at != 0 {
        let id = "api.post.create_post.can_not_post_to_deleted.error";
        let message = "Can not post to deleted channel.";
        return Err(AppError::new(StatusCode::BAD_REQUEST, id, message));
    }
    if !post.root_id.is_empty() {
        check_root(app, &post).await?;
    }
    let names = mentioned_names(&post.message);
    let saved = app.store.create_post(&post, &channel, &names).await;
    let mentioned = saved.or_internal("app.post.save.app_error")?;
    app.metrics.posts.inc();
    app.metrics
        .post_file_attachments
        .add(post.file_ids.len() as u64);
    add_metadata(app, std::slice::from_mut(&mut post)).await?;
    app.search.index(&post);
    announce(app, &post, &channel, &mentioned, set_online).await?;
    mark(app, &session.user_id, &[post.channel_id.clone()]).await?;
    if set_online {
        app.set_online(&session.user_id).await;
    }
    Ok(post)
}

/// The user names that a message addresses with `@`.
fn mentioned_names(message: &str) -> Vec<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut names: Vec<String> = message
        .split(|c: char| !plain(c) && c != '@')
        .filter_map(|word| word.strip_prefix('@'))
        .map(|name| name.trim_end_matches(['.', '-', '_']).to_lowercase())
        .filter(|name| !name.is_empty() && name.chars().all(plain))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

pub(super) fn check_message(post: &Post) -> Result<(), AppError> {
    if post.message.chars().count() > MAX_MESSAGE {
        let message = format!("The message is longer than {MAX_MESSAGE} characters.");
        let id = "model.post.is_valid.message_length.app_error";
        return Err(AppError::new(StatusCode::BAD_REQUEST, id, message));
    }
    Ok(())
}

fn check(new: Post, session: &UserSession) -> Result<Post, AppError> {
    // One answer for "cannot be", "is not there" and "is not yours", as in Mattermost.
    if !is_valid_id(&new.channel_id) {
        return Err(AppError::forbidden());
    }
    check_message(&new)?;
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

async fn announce(
    app: &Server,
    post: &Post,
    channel: &Channel,
    mentioned: &[String],
    set_online: bool,
) -> Result<(), AppError> {
    let sender = app
        .store
        .user(&post.user_id)
        .await
        .or_internal("app.user.get.app_error")?;
    let sender = sender.map_or_else(String::new, |user| format!("@{}", user.username));
    let text = serde_json::to_string(post).or_internal("api.post.marshal.app_error")?;
    let mut data = json!({
        "channel_display_name": channel.display_name,
        "channel_name": channel.name,
        "channel_type": channel.kind,
        "sender_name": sender,
        "team_id": channel.team_id,
        "set_online": set_online,
        "post": text,
    });
    if !mentioned.is_empty() {
        data["mentions"] = json!(mentioned).to_string().into();
    }
    if !post.file_ids.is_empty() {
        data["otherFile"] = "true".into();
    }
    app.publish_to_channel("posted", &post.channel_id, data);
    Ok(())
}

/// A post in a channel that the session's user may read.
async fn readable(app: &Server, session: &UserSession, id: &str) -> Result<Post, AppError> {
    if !is_valid_id(id) {
        return Err(AppError::invalid_url("post_id"));
    }
    let post = app
        .store
        .post(id)
        .await
        .or_internal("app.post.get.app_error")?;
    let mut post = post.ok_or_else(|| AppError::not_found("app.post.get.app_error"))?;
    let channel = super::channels::existing(app.store.channel(&post.channel_id).await)?;
    app.require_read(session, &channel).await?;
    add_metadata(app, std::slice::from_mut(&mut post)).await?;
    Ok(post)
}

/// `GET /posts/{post}`.
async fn get_one(
    State(app): State<App>,
    Auth(session): Auth,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let post = readable(&app, &session, &id).await?;
    let tag = format!("{VERSION}.{}.{}", post.id, post.update_at);
    Ok(etag::json(&headers, &tag, &post))
}

/// `POST /posts/ids`: those that the user may read.
async fn by_ids(
    State(app): State<App>,
    Auth(session): Auth,
    Json(ids): Json<Vec<String>>,
) -> Result<axum::Json<Vec<Post>>, AppError> {
    if ids.is_empty() || ids.len() > MAX_IDS {
        return Err(AppError::invalid_body("post_ids"));
    }
    let posts = app.store.posts_by_ids(&session.user_id, &ids).await;
    let mut posts = posts.or_internal("app.post.get_posts_by_ids.app_error")?;
    let own = app.channels_of(&session.user_id).await?;
    posts.retain(|post| own.contains(&post.channel_id));
    add_metadata(&app, &mut posts).await?;
    Ok(axum::Json(posts))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ThreadPostsQuery {
    per_page: usize,
    from_post: String,
    collapsed_threads: bool,
}

/// `GET /posts/{post}/thread`: root and replies from the oldest on, or a page of them.
async fn thread(
    State(app): State<App>,
    Auth(session): Auth,
    headers: HeaderMap,
    Path(id): Path<String>,
    query: Query<ThreadPostsQuery>,
) -> Result<Response, AppError> {
    let post = readable(&app, &session, &id).await?;
    let root = if post.root_id.is_empty() {
        post.id
    } else {
        post.root_id
    };
    let posts = app
        .store
        .thread_posts(&session.user_id, &root, query.collapsed_threads)
        .await;
    let mut posts = posts.or_internal("app.post.get.app_error")?;
    let from = posts.iter().position(|post| post.id == query.from_post);
    if let Some(at) = from.filter(|at| *at > 0) {
        posts.drain(1..=at);
    }
    let more = query.per_page > 0 && posts.len() > query.per_page + 1;
    if more {
        posts.truncate(query.per_page + 1);
    }
    let mut list = listed(&app, posts).await?;
    list.has_next = Some(more);
    let changed = list.posts.values().map(|post| post.update_at).max();
    let tag = format!("{VERSION}.{root}.{}", changed.unwrap_or(0));
    Ok(etag::json(&headers, &tag, &list))
}

/// `GET /posts/{post}/files/info`.
async fn files(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Vec<FileInfo>>, AppError> {
    let post = readable(&app, &session, &id).await?;
    Ok(axum::Json(post.metadata.unwrap_or_default().files))
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
    fn endless_messages_are_refused() {
        let session = UserSession::default();
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

    #[test]
    fn names_after_an_at_sign_are_mentioned_once() {
        let names = mentioned_names("hi @Ann, @bob.smith. and @ann; mail a@example.com @");
        assert_eq!(names, ["ann", "bob.smith"]);
    }
}
