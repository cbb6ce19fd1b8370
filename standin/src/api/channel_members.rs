//! Who is in a channel, and what they have seen of it.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use mattermost_license::Feature;
use serde::Deserialize;
use serde_json::{Value, json};

use super::channels::existing;
use super::extract::{Auth, Json, Page, own_user, user_or_me};
use super::named;
use super::system::ok;
use crate::app::{App, Server};
use crate::db::{ChannelRole, DbError};
use crate::error::{AppError, OrInternal};
use crate::id::{is_valid_id, now_ms};
use crate::model::{ChannelMembership, ChannelStats, ChannelUnread, TeamUnread};

const FAILED: &str = "app.channel.get_members.app_error";
/// Memberships that are read at once for a list of all.
const BATCH: i64 = 100;

pub(super) fn routes() -> Router<App> {
    let members = "/api/v4/channels/{channel}/members";
    let member = format!("{members}/{{user}}");
    let user = "/api/v4/users/{user}";
    Router::new()
        .route(members, named("addChannelMember", post(add)))
        .route(members, named("getChannelMembers", get(page_of)))
        .route(
            &format!("{members}/ids"),
            named("getChannelMembersByIds", post(by_ids)),
        )
        .route(&member, named("getChannelMember", get(get_one)))
        .route(
            &member,
            named("removeChannelMember", axum::routing::delete(remove)),
        )
        .route(
            "/api/v4/channels/{channel}/stats",
            named("getChannelStats", get(stats)),
        )
        .route(
            "/api/v4/channels/members/{user}/view",
            named("viewChannel", post(view)),
        )
        .route(
            "/api/v4/channels/members/{user}/mark_read",
            named("readMultipleChannels", post(mark_read)),
        )
        .route(
            &format!("{user}/channel_members"),
            named("getChannelMembersForUser", get(all_of_user)),
        )
        .route(
            &format!("{user}/teams/{{team}}/channels/members"),
            named("getChannelMembersForTeamForUser", get(in_team)),
        )
        .route(
            &format!("{user}/channels/{{channel}}/unread"),
            named("getChannelUnread", get(unread)),
        )
        .route(
            &format!("{user}/teams/unread"),
            named("getTeamsUnreadForUser", get(teams_unread)),
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NewChannelMember {
    user_id: String,
    user_ids: Vec<String>,
}

/// `POST /channels/{channel}/members`: oneself into a public channel of one's team,
/// or other members of the team by a member of the channel.
async fn add(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
    Json(new): Json<NewChannelMember>,
) -> Result<(StatusCode, axum::Json<Value>), AppError> {
    let one = new.user_ids.is_empty();
    let ids = if one { vec![new.user_id] } else { new.user_ids };
    if ids.len() > 1000 || !ids.iter().all(|id| is_valid_id(id)) {
        return Err(AppError::invalid_body("user_id"));
    }
    let channel = existing(app.store.channel(&id).await)?;
    if channel.is_direct_or_group() {
        return Err(AppError::invalid_url("channel_id"));
    }
    let joins_public = channel.kind == "O" && ids.iter().all(|id| *id == session.user_id);
    if joins_public {
        if let Err(refused) = app.require_team(&session, &channel.team_id) {
            // A member of the cluster is told who joined a team, and may be asked before it hears it.
            let told = app.licensing.has(Feature::Cluster);
            let member = app.store.team_member(&channel.team_id, &session.user_id);
            if !told || !matches!(member.await, Ok(Some(_))) {
                return Err(refused);
            }
        }
    } else {
        app.require_channel(&session, &id).await?;
    }
    let mut added = Vec::with_capacity(ids.len());
    for user_id in &ids {
        let member = app.store.team_member(&channel.team_id, user_id).await;
        let member = member.or_internal("app.team.get_member.app_error")?;
        member.ok_or_else(|| AppError::not_found("app.team.get_member.missing.app_error"))?;
        let joined = app
            .join_channel(&id, &channel.team_id, user_id, ChannelRole::Member)
            .await;
        joined.or_internal("app.channel.save_member.app_error")?;
        added.push(found(app.store.channel_member(&id, user_id).await)?);
    }
    let body = if one {
        json!(added.first())
    } else {
        json!(added)
    };
    Ok((StatusCode::CREATED, axum::Json(body)))
}

fn found(
    member: Result<Option<ChannelMembership>, DbError>,
) -> Result<ChannelMembership, AppError> {
    let member = member.or_internal("app.channel.get_member.app_error")?;
    member.ok_or_else(|| AppError::not_found("app.channel.get_member.missing.app_error"))
}

/// `DELETE /channels/{channel}/members/{user}`: oneself, or others by a member.
async fn remove(
    State(app): State<App>,
    Auth(session): Auth,
    Path((id, user)): Path<(String, String)>,
) -> Result<axum::Json<Value>, AppError> {
    let channel = existing(app.store.channel(&id).await)?;
    if channel.is_direct_or_group() || channel.name == "town-square" {
        let id = "api.channel.remove_channel_member.type.app_error";
        let message = "Unable to remove a user from this channel.";
        return Err(AppError::new(StatusCode::BAD_REQUEST, id, message));
    }
    app.require_channel(&session, &id).await?;
    let user_id = user_or_me(&user, &session);
    let left = app.leave_channel(&id, &user_id, &session.user_id).await;
    left.or_internal("app.channel.remove_member.app_error")?;
    Ok(ok())
}

/// `GET /channels/{channel}/members`, a page of them.
async fn page_of(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
    page: Page,
) -> Result<axum::Json<Vec<ChannelMembership>>, AppError> {
    app.require_channel(&session, &id).await?;
    let members = app
        .store
        .channel_members(&id, page.offset, page.limit)
        .await;
    Ok(axum::Json(members.or_internal(FAILED)?))
}

/// `POST /channels/{channel}/members/ids`.
async fn by_ids(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
    Json(ids): Json<Vec<String>>,
) -> Result<axum::Json<Vec<ChannelMembership>>, AppError> {
    if ids.is_empty() {
        return Err(AppError::invalid_body("user_ids"));
    }
    app.require_channel(&session, &id).await?;
    let members = app.store.channel_members_by_ids(&id, &ids).await;
    Ok(axum::Json(members.or_internal(FAILED)?))
}

/// `GET /channels/{channel}/members/{user}`.
async fn get_one(
    State(app): State<App>,
    Auth(session): Auth,
    Path((id, user)): Path<(String, String)>,
) -> Result<axum::Json<ChannelMembership>, AppError> {
    app.require_channel(&session, &id).await?;
    let user_id = user_or_me(&user, &session);
    found(app.store.channel_member(&id, &user_id).await).map(axum::Json)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatsQuery {
    exclude_files_count: bool,
}

/// `GET /channels/{channel}/stats`.
async fn stats(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
    query: Query<StatsQuery>,
) -> Result<axum::Json<ChannelStats>, AppError> {
    app.require_channel(&session, &id).await?;
    let stats = app.store.channel_stats(&id, !query.exclude_files_count);
    Ok(axum::Json(
        stats
            .await
            .or_internal("app.channel.get_member_count.app_error")?,
    ))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct View {
    channel_id: String,
    prev_channel_id: String,
}

/// `POST /channels/members/{user}/view`. An empty channel id says that the
/// client lost the focus.
async fn view(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
    Json(view): Json<View>,
) -> Result<axum::Json<Value>, AppError> {
    let user_id = own_user(&user, &session)?;
    for (id, name) in [
        (&view.channel_id, "channel_view.channel_id"),
        (&view.prev_channel_id, "channel_view.prev_channel_id"),
    ] {
        if !id.is_empty() && !is_valid_id(id) {
            return Err(AppError::invalid_body(name));
        }
    }
    let ids: Vec<String> = [view.channel_id, view.prev_channel_id]
        .into_iter()
        .filter(|id| !id.is_empty())
        .collect();
    let times = mark(&app, &user_id, &ids).await?;
    app.set_online(&session.user_id).await;
    Ok(axum::Json(
        json!({"status": "OK", "last_viewed_at_times": times}),
    ))
}

/// `POST /channels/members/{user}/mark_read`.
async fn mark_read(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
    Json(ids): Json<Vec<String>>,
) -> Result<axum::Json<Value>, AppError> {
    if ids.is_empty() {
        return Err(AppError::invalid_body("channel_ids"));
    }
    let user_id = own_user(&user, &session)?;
    let times = mark(&app, &user_id, &ids).await?;
    Ok(axum::Json(
        json!({"status": "OK", "last_viewed_at_times": times}),
    ))
}

/// Notes that a user has seen all of these channels and tells the user's other clients.
pub(super) async fn mark(
    app: &Server,
    user_id: &str,
    ids: &[String],
) -> Result<BTreeMap<String, i64>, AppError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let times = app.store.view_channels(ids, user_id, now_ms()).await;
    let times = times.or_internal("app.channel.update_last_viewed_at.app_error")?;
    let times: BTreeMap<String, i64> = times.into_iter().collect();
    if !times.is_empty() && app.config().service_settings.enable_channel_viewed_messages {
        let data = json!({"channel_times": times});
        app.publish_to_user("multiple_channels_viewed", user_id, data);
    }
    Ok(times)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MembershipsQuery {
    page: i64,
    per_page: Option<i64>,
}

/// `GET /users/{user}/channel_members`: a page, or with `page=-1` all of them, one JSON object
/// on each line.
async fn all_of_user(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
    query: Query<MembershipsQuery>,
) -> Result<Response, AppError> {
    let user_id = own_user(&user, &session)?;
    if query.page != -1 {
        let page = Page::new(Some(query.page), query.per_page);
        let members = app
            .store
            .memberships_after(&user_id, "", page.offset, page.limit)
            .await;
        return Ok(axum::Json(members.or_internal(FAILED)?).into_response());
    }
    let mut lines = String::new();
    let mut after = String::new();
    loop {
        let batch = app
            .store
            .memberships_after(&user_id, &after, 0, BATCH)
            .await;
        let batch = batch.or_internal(FAILED)?;
        for one in &batch {
            lines.push_str(&serde_json::to_string(one).or_internal("api.marshal_error")?);
            lines.push('\n');
        }
        match batch.last() {
            Some(last) if batch.len() as i64 == BATCH => {
                after.clone_from(&last.member.channel_id);
            }
            _ => break,
        }
    }
    let mut response = Body::from(lines).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    Ok(response)
}

/// `GET /users/{user}/teams/{team}/channels/members`.
async fn in_team(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id)): Path<(String, String)>,
) -> Result<axum::Json<Vec<ChannelMembership>>, AppError> {
    app.require_team(&session, &team_id)?;
    let user_id = own_user(&user, &session)?;
    let members = app.store.memberships_in_team(&team_id, &user_id).await;
    Ok(axum::Json(members.or_internal(FAILED)?))
}

/// `GET /users/{user}/channels/{channel}/unread`.
async fn unread(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, id)): Path<(String, String)>,
) -> Result<axum::Json<ChannelUnread>, AppError> {
    let user_id = own_user(&user, &session)?;
    app.require_channel(&session, &id).await?;
    let unread = app.store.channel_unread(&id, &user_id).await;
    let unread = unread.or_internal("app.channel.get_unread.app_error")?;
    let missing = || AppError::not_found("app.channel.get_unread.app_error");
    Ok(axum::Json(unread.ok_or_else(missing)?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TeamsUnreadQuery {
    exclude_team: String,
    include_collapsed_threads: bool,
}

/// `GET /users/{user}/teams/unread`.
async fn teams_unread(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
    query: Query<TeamsUnreadQuery>,
) -> Result<axum::Json<Vec<TeamUnread>>, AppError> {
    let user_id = own_user(&user, &session)?;
    let failed = "app.team.get_unread.app_error";
    let channels = app.store.channel_unreads(&user_id, &query.exclude_team);
    let mut teams: BTreeMap<String, TeamUnread> = BTreeMap::new();
    for channel in channels.await.or_internal(failed)? {
        let team = teams.entry(channel.team_id.clone()).or_default();
        team.team_id = channel.team_id;
        team.mention_count += channel.mention_count;
        team.mention_count_root += channel.mention_count_root;
        let muted = channel.notify_props.get("mark_unread");
        if muted.is_none_or(|value| value != "mention") {
            team.msg_count += channel.msg_count;
            team.msg_count_root += channel.msg_count_root;
        }
    }
    let mut teams: Vec<TeamUnread> = teams.into_values().collect();
    let threads = app.config().service_settings.collapsed_threads != "disabled";
    if query.include_collapsed_threads && threads {
        let added = app.store.add_unread_threads(&user_id, &mut teams).await;
        added.or_internal(failed)?;
    }
    Ok(axum::Json(teams))
}
