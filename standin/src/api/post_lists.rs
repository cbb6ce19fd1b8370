//! Messages, listed and found.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::channels::existing;
use super::extract::{Auth, Json, Page, own_user};
use super::{etag, named};
use crate::app::{App, Server};
use crate::db::{PostCursor, PostQuery, SINCE_LIMIT};
use crate::error::{AppError, OrInternal, chain};
use crate::id::is_valid_id;
use crate::model::{Metadata, Post, PostList, UserSession, VERSION};

const FAILED: &str = "app.post.get_posts.app_error";
/// Most results of a search in the database.
const MAX_HITS: i64 = 100;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/api/v4/channels/{channel}/posts",
            named("getPostsForChannel", get(of_channel)),
        )
        .route(
            "/api/v4/users/{user}/channels/{channel}/posts/unread",
            named("getPostsForChannelAroundLastUnread", get(around_unread)),
        )
        .route(
            "/api/v4/teams/{team}/posts/search",
            named("searchPostsInTeam", post(search_in_team)),
        )
        .route(
            "/api/v4/posts/search",
            named("searchPostsInAllTeams", post(search_everywhere)),
        )
        .route(
            "/api/v4/teams/{team}/files/search",
            named("searchFilesInTeam", post(search_files)),
        )
}

/// Adds the files and reactions of posts.
pub(super) async fn add_metadata(app: &Server, posts: &mut [Post]) -> Result<(), AppError> {
    for post in posts.iter_mut() {
        post.metadata = Some(Metadata::default());
    }
    let ids = |wanted: fn(&Post) -> bool| -> Vec<String> {
        let with = posts.iter().filter(|post| wanted(post));
        with.map(|post| post.id.clone()).collect()
    };
    let with_files = ids(|post| !post.file_ids.is_empty());
    let with_reactions = ids(|post| post.has_reactions);
    if !with_files.is_empty() {
        let files = app.store.files_of_posts(&with_files).await;
        for file in files.or_internal("app.file_info.get_for_post.app_error")? {
            let owner = posts.iter_mut().find(|post| post.id == file.post_id);
            if let Some(post) = owner {
                post.metadata.get_or_insert_default().files.push(file);
            }
        }
    }
    if !with_reactions.is_empty() {
        let reactions = app.store.reactions(&with_reactions).await;
        for reaction in reactions.or_internal("app.reaction.bulk_get_for_post_ids.app_error")? {
            let owner = posts.iter_mut().find(|post| post.id == reaction.post_id);
            if let Some(post) = owner {
                post.metadata
                    .get_or_insert_default()
                    .reactions
                    .push(reaction);
            }
        }
    }
    Ok(())
}

/// A list of posts with what hangs on them.
pub(super) async fn listed(app: &Server, mut posts: Vec<Post>) -> Result<PostList, AppError> {
    add_metadata(app, &mut posts).await?;
    Ok(PostList::new(posts))
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct PostsQuery {
    /// Milliseconds since 1970.
    since: i64,
    before: String,
    after: String,
    include_deleted: bool,
    #[serde(rename = "skipFetchThreads")]
    skip_fetch_threads: bool,
    #[serde(rename = "collapsedThreads")]
    collapsed_threads: bool,
    limit_before: Option<i64>,
    limit_after: Option<i64>,
}

/// `GET /channels/{channel}/posts`: a page, those before or after one, or those changed since a
/// time.
async fn of_channel(
    State(app): State<App>,
    Auth(session): Auth,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<PostsQuery>,
    page: Page,
) -> Result<Response, AppError> {
    for (id, name) in [(&query.before, "before"), (&query.after, "after")] {
        if !id.is_empty() && !is_valid_id(id) {
            return Err(AppError::invalid_body(name));
        }
    }
    if query.include_deleted && !session.is_admin() {
        return Err(AppError::forbidden());
    }
    let channel = existing(app.store.channel(&id).await)?;
    app.require_read(&session, &channel).await?;
    let cursor = if query.since > 0 {
        PostCursor::Since(query.since)
    } else if !query.after.is_empty() {
        PostCursor::After(query.after.clone(), page.offset)
    } else if !query.before.is_empty() {
        PostCursor::Before(query.before.clone(), page.offset)
    } else {
        PostCursor::Newest(page.offset)
    };
    let tag = if query.since > 0 {
        None
    } else {
        let tag = channel_tag(&app, &id, query.collapsed_threads).await?;
        if etag::is_known(&headers, &tag) {
            return Ok(etag::not_modified(&tag));
        }
        Some(tag)
    };
    let wanted = PostQuery {
        channel_id: id,
        user_id: session.user_id,
        collapsed: query.collapsed_threads,
        include_deleted: query.include_deleted,
        cursor,
        limit: page.limit,
    };
    let list = read(&app, &wanted, &query).await?;
    let response = axum::Json(list).into_response();
    Ok(match tag {
        Some(tag) => etag::with_tag(response, &tag),
        None => response,
    })
}

/// Changes with any of a channel's posts.
async fn channel_tag(app: &Server, id: &str, collapsed: bool) -> Result<String, AppError> {
    let changed = app.store.last_change(id).await.or_internal(FAILED)?;
    Ok(format!("{VERSION}.{changed}.{collapsed}"))
}

async fn read(app: &Server, wanted: &PostQuery, query: &PostsQuery) -> Result<PostList, AppError> {
    let posts = app.store.channel_posts(wanted).await.or_internal(FAILED)?;
    let ends = (posts.first().cloned(), posts.last().cloned());
    let context = if query.collapsed_threads || query.skip_fetch_threads || posts.is_empty() {
        Vec::new()
    } else {
        let threads = app.store.threads_of_posts(&wanted.user_id, &posts).await;
        threads.or_internal(FAILED)?
    };
    let mut list = listed(app, posts).await?;
    list.add_context(context);
    let (Some(newest), Some(oldest)) = ends else {
        return Ok(list);
    };
    let collapsed = wanted.collapsed;
    let newest_is_last = match wanted.cursor {
        PostCursor::Newest(offset) => offset == 0,
        PostCursor::Since(_) => (list.order.len() as i64) < SINCE_LIMIT,
        PostCursor::Before(..) | PostCursor::After(..) => false,
    };
    if !newest_is_last {
        let next = app.store.neighbour(&newest, true, collapsed).await;
        list.next_post_id = next.or_internal(FAILED)?;
    }
    let before = app.store.neighbour(&oldest, false, collapsed).await;
    list.prev_post_id = before.or_internal(FAILED)?;
    Ok(list)
}

/// `GET /users/{user}/channels/{channel}/posts/unread`: around the oldest post that the user has
/// not seen, or the newest ones when there is none.
async fn around_unread(
    State(app): State<App>,
    Auth(session): Auth,
    headers: HeaderMap,
    Path((user, id)): Path<(String, String)>,
    Query(query): Query<PostsQuery>,
) -> Result<Response, AppError> {
    let user_id = own_user(&user, &session)?;
    let channel = existing(app.store.channel(&id).await)?;
    app.require_read(&session, &channel).await?;
    let limit = |given: Option<i64>| given.unwrap_or(60).clamp(0, 200);
    let (before, after) = (limit(query.limit_before), limit(query.limit_after));
    if after == 0 {
        return Err(AppError::invalid_url("limit_after"));
    }
    let member = app.store.channel_member(&id, &user_id).await;
    let member = member.or_internal("app.channel.get_member.app_error")?;
    let missing = || AppError::not_found("app.channel.get_member.missing.app_error");
    let viewed = member.ok_or_else(missing)?.last_viewed_at;
    let collapsed = query.collapsed_threads;
    let first = if viewed == 0 {
        None
    } else {
        let first = app.store.first_post_after(&id, viewed, collapsed).await;
        first.or_internal(FAILED)?
    };
    let wanted = |cursor, limit| PostQuery {
        channel_id: id.clone(),
        user_id: session.user_id.clone(),
        collapsed,
        include_deleted: false,
        cursor,
        limit,
    };
    let Some(first) = first else {
        let tag = channel_tag(&app, &id, collapsed).await?;
        if etag::is_known(&headers, &tag) {
            return Ok(etag::not_modified(&tag));
        }
        let list = read(&app, &wanted(PostCursor::Newest(0), before), &query).await?;
        return Ok(etag::with_tag(axum::Json(list).into_response(), &tag));
    };
    let older = wanted(PostCursor::Before(first.clone(), 0), before);
    let newer = wanted(PostCursor::After(first.clone(), 0), after - 1);
    let (older, this, newer) = tokio::try_join!(
        app.store.channel_posts(&older),
        app.store
            .posts_by_ids(&session.user_id, std::slice::from_ref(&first)),
        app.store.channel_posts(&newer),
    )
    .or_internal(FAILED)?;
    let posts: Vec<Post> = newer.into_iter().chain(this).chain(older).collect();
    let ends = (posts.first().cloned(), posts.last().cloned());
    let mut list = listed(&app, posts).await?;
    if let (Some(newest), Some(oldest)) = ends {
        let next = app.store.neighbour(&newest, true, collapsed).await;
        list.next_post_id = next.or_internal(FAILED)?;
        let before = app.store.neighbour(&oldest, false, collapsed).await;
        list.prev_post_id = before.or_internal(FAILED)?;
    }
    Ok(axum::Json(list).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SearchTerms {
    terms: String,
    is_or_search: bool,
}

/// `POST /teams/{team}/posts/search`.
async fn search_in_team(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    Json(search): Json<SearchTerms>,
) -> Result<axum::Json<Value>, AppError> {
    app.require_team(&session, &team_id)?;
    find(&app, &session, &team_id, &search).await
}

/// `POST /posts/search`.
async fn search_everywhere(
    State(app): State<App>,
    Auth(session): Auth,
    Json(search): Json<SearchTerms>,
) -> Result<axum::Json<Value>, AppError> {
    find(&app, &session, "", &search).await
}

/// Asks the search server. Without one, or when it fails, the database searches as in Mattermost,
/// unless that is switched off: then nothing is found.
async fn find(
    app: &Server,
    session: &UserSession,
    team_id: &str,
    search: &SearchTerms,
) -> Result<axum::Json<Value>, AppError> {
    if search.terms.trim().is_empty() {
        return Err(AppError::invalid_body("terms"));
    }
    app.metrics.searches.inc();
    let channels = searchable(app, session, team_id).await?;
    let (terms, any) = (&search.terms, search.is_or_search);
    let from_server = if app.search.active_backend().is_some() {
        let found = app.search.find(terms, any, &channels).await;
        found
            .inspect_err(|error| {
                tracing::error!(
                    error = chain(error),
                    "search server failed; falling through"
                );
            })
            .ok()
    } else {
        None
    };
    let by_server = from_server.is_some();
    let user_id = &session.user_id;
    let posts = match from_server {
        Some(ids) => app.store.posts_by_ids(user_id, &ids).await,
        None if app.config().sql_settings.disable_database_search => Ok(Vec::new()),
        None => {
            app.store
                .search_posts(user_id, &channels, terms, any, MAX_HITS)
                .await
        }
    };
    let list = listed(app, posts.or_internal("app.post.search.app_error")?).await?;
    // The database does not say what it found in a post.
    let matches = by_server.then(|| {
        let found = list.order.iter().map(|id| (id.clone(), json!([terms])));
        found.collect::<Map<String, Value>>()
    });
    let matches = json!(matches);
    let mut body = serde_json::to_value(&list).or_internal("api.marshal_error")?;
    body["matches"] = matches;
    Ok(axum::Json(body))
}

async fn searchable(
    app: &Server,
    session: &UserSession,
    team_id: &str,
) -> Result<Vec<String>, AppError> {
    let channels = app
        .store
        .searchable_channel_ids(team_id, &session.user_id)
        .await;
    channels.or_internal("app.channel.get_channels.get.app_error")
}

/// `POST /teams/{team}/files/search`, by name.
async fn search_files(
    State(app): State<App>,
    Auth(session): Auth,
    Path(team_id): Path<String>,
    Json(search): Json<SearchTerms>,
) -> Result<axum::Json<Value>, AppError> {
    app.require_team(&session, &team_id)?;
    if search.terms.trim().is_empty() {
        return Err(AppError::invalid_body("terms"));
    }
    let channels = searchable(&app, &session, &team_id).await?;
    let files = app
        .store
        .search_files(&channels, &search.terms, MAX_HITS)
        .await;
    let files = files.or_internal("app.file_info.search.app_error")?;
    let order: Vec<&str> = files.iter().map(|file| file.id.as_str()).collect();
    let infos: BTreeMap<&str, Value> = files
        .iter()
        .map(|file| (file.id.as_str(), json!(file)))
        .collect();
    Ok(axum::Json(json!({
        "order": order,
        "file_infos": infos,
        "next_file_info_id": "",
        "prev_file_info_id": "",
        "first_inaccessible_file_time": 0,
    })))
}
