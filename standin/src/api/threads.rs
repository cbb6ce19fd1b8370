//! The threads that a user follows.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Auth, Page, own_user};
use super::named;
use super::system::ok;
use crate::app::{App, Server};
use crate::db::ThreadQuery;
use crate::error::{AppError, OrInternal};
use crate::id::now_ms;
use crate::model::{ThreadList, UserSession, UserThread};

const FAILED: &str = "app.user.get_threads_for_user.app_error";

pub(super) fn routes() -> Router<App> {
    let base = "/api/v4/users/{user}/teams/{team}/threads";
    Router::new()
        .route(base, named("getThreadsForUser", get(list)))
        .route(
            &format!("{base}/read"),
            named("updateReadStateAllThreadsByUser", put(read_all)),
        )
        .route(
            &format!("{base}/{{thread}}"),
            named("getThreadForUser", get(get_one)),
        )
        .route(
            &format!("{base}/{{thread}}/read/{{time}}"),
            named("updateReadStateThreadByUser", put(read_one)),
        )
        .route(
            &format!("{base}/{{thread}}/following"),
            named("followThreadByUser", put(follow).delete(unfollow)),
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ThreadsQuery {
    since: i64,
    before: String,
    after: String,
    unread: bool,
    extended: bool,
    totals_only: bool,
    threads_only: bool,
}

/// `GET …/threads`: the totals, a page of threads, or both.
async fn list(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id)): Path<(String, String)>,
    query: Query<ThreadsQuery>,
    page: Page,
) -> Result<axum::Json<ThreadList>, AppError> {
    let user_id = reader(&app, &session, &user, &team_id)?;
    let refused = |id| {
        AppError::new(
            StatusCode::BAD_REQUEST,
            id,
            "Two parameters exclude each other.",
        )
    };
    if !query.before.is_empty() && !query.after.is_empty() {
        return Err(refused("api.getThreadsForUser.bad_params"));
    }
    if query.totals_only && query.threads_only {
        return Err(refused("api.getThreadsForUser.bad_only_params"));
    }
    let mut list = if query.threads_only {
        ThreadList::default()
    } else {
        let totals = app.store.thread_totals(&user_id, &team_id).await;
        totals.or_internal(FAILED)?
    };
    if query.unread {
        list.total = list.total_unread_threads;
    }
    if !query.totals_only {
        let wanted = ThreadQuery {
            user_id,
            team_id,
            since: query.since,
            before: query.before.clone(),
            after: query.after.clone(),
            unread: query.unread,
            limit: page.limit,
        };
        let mut threads = app.store.threads(&wanted).await.or_internal(FAILED)?;
        if query.extended {
            add_participants(&app, &mut threads).await?;
        }
        list.threads = Some(threads);
    }
    Ok(axum::Json(list))
}

/// Whose threads are read, by the user or an administrator.
fn reader(
    app: &Server,
    session: &UserSession,
    user: &str,
    team_id: &str,
) -> Result<String, AppError> {
    let user_id = own_user(user, session)?;
    app.require_team(session, team_id)?;
    Ok(user_id)
}

/// Replaces the ids of those who take part with their accounts.
async fn add_participants(app: &Server, threads: &mut [UserThread]) -> Result<(), AppError> {
    let ids: Vec<String> = threads
        .iter()
        .flat_map(|thread| thread.participants.iter().map(|user| user.id.clone()))
        .collect();
    let users = app.store.users_by_ids(&ids, 0).await.or_internal(FAILED)?;
    let known = |id: &str| users.iter().find(|user| user.id == id).cloned();
    for thread in threads {
        let participants = std::mem::take(&mut thread.participants);
        thread.participants = participants
            .into_iter()
            .filter_map(|user| known(&user.id))
            .map(|user| user.for_others(false))
            .collect();
    }
    Ok(())
}

/// `GET …/threads/{thread}`.
async fn get_one(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id, id)): Path<(String, String, String)>,
    query: Query<ThreadsQuery>,
) -> Result<axum::Json<UserThread>, AppError> {
    let user_id = reader(&app, &session, &user, &team_id)?;
    let mut thread = followed(&app, &user_id, &id).await?;
    if query.extended {
        add_participants(&app, std::slice::from_mut(&mut thread)).await?;
    }
    Ok(axum::Json(thread))
}

async fn followed(app: &Server, user_id: &str, id: &str) -> Result<UserThread, AppError> {
    let thread = app.store.thread(user_id, id).await.or_internal(FAILED)?;
    let missing = "app.user.get_thread_membership_for_user.not_found";
    thread.ok_or_else(|| AppError::not_found(missing))
}

/// `PUT …/threads/read`.
async fn read_all(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id)): Path<(String, String)>,
) -> Result<axum::Json<Value>, AppError> {
    let user_id = reader(&app, &session, &user, &team_id)?;
    let now = now_ms();
    let read = app
        .store
        .read_threads(&user_id, &team_id, "", now, now)
        .await;
    read.or_internal("app.user.update_threads_read_for_user.app_error")?;
    let data = json!({"team_id": team_id, "timestamp": now});
    app.publish_to_user("thread_read_changed", &user_id, data);
    Ok(ok())
}

/// `PUT …/threads/{thread}/read/{time}`.
async fn read_one(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id, id, time)): Path<(String, String, String, i64)>,
) -> Result<axum::Json<UserThread>, AppError> {
    let user_id = reader(&app, &session, &user, &team_id)?;
    let before = followed(&app, &user_id, &id).await?;
    let read = app
        .store
        .read_threads(&user_id, &team_id, &id, time, now_ms())
        .await;
    read.or_internal("app.user.update_thread_read_for_user.app_error")?;
    let thread = UserThread {
        last_viewed_at: time,
        unread_mentions: 0,
        unread_replies: if time >= before.last_reply_at {
            0
        } else {
            before.unread_replies
        },
        ..before.clone()
    };
    let data = json!({
        "team_id": team_id,
        "thread_id": id,
        "timestamp": time,
        "unread_mentions": thread.unread_mentions,
        "unread_replies": thread.unread_replies,
        "previous_unread_mentions": before.unread_mentions,
        "previous_unread_replies": before.unread_replies,
        "channel_id": thread.post.channel_id,
    });
    app.publish_to_user("thread_read_changed", &user_id, data);
    Ok(axum::Json(thread))
}

/// `PUT …/threads/{thread}/following`.
async fn follow(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id, id)): Path<(String, String, String)>,
) -> Result<axum::Json<Value>, AppError> {
    set_following(&app, &session, (&user, &team_id, &id), true).await
}

/// `DELETE …/threads/{thread}/following`.
async fn unfollow(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id, id)): Path<(String, String, String)>,
) -> Result<axum::Json<Value>, AppError> {
    set_following(&app, &session, (&user, &team_id, &id), false).await
}

async fn set_following(
    app: &Server,
    session: &UserSession,
    (user, team_id, id): (&str, &str, &str),
    following: bool,
) -> Result<axum::Json<Value>, AppError> {
    let user_id = reader(app, session, user, team_id)?;
    let post = app.store.post(id).await.or_internal(FAILED)?;
    let post = post.ok_or_else(AppError::forbidden)?;
    app.require_channel(session, &post.channel_id).await?;
    let set = app
        .store
        .follow_thread(&user_id, id, following, now_ms())
        .await;
    set.or_internal("app.user.update_thread_follow_for_user.app_error")?;
    let data = json!({"thread_id": id, "state": following, "reply_count": post.reply_count});
    app.publish_to_user("thread_follow_changed", &user_id, data);
    Ok(ok())
}
