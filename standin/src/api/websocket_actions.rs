//! What clients say on their websockets, and what they are answered.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::statuses;
use crate::app::{Server, object};
use crate::error::AppError;
use crate::hub::{Broadcast, HubEvent};
use crate::id::{is_valid_id, now_ms};
use crate::model::{UserSession, UserStatus, VERSION};

/// What a client sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClientAction {
    pub seq: i64,
    pub action: String,
    pub data: Value,
}

/// Does what a client asks for.
pub(super) async fn answer(app: &Server, session: &UserSession, action: &ClientAction) -> Value {
    let error =
        |status, id, message: &str| failure(action.seq, &AppError::new(status, id, message));
    if action.action.is_empty() {
        let id = "api.web_socket_router.no_action.app_error";
        return error(StatusCode::BAD_REQUEST, id, "No websocket action.");
    }
    if action.seq <= 0 {
        let id = "api.web_socket_router.bad_seq.app_error";
        return error(
            StatusCode::BAD_REQUEST,
            id,
            "Invalid sequence for websocket message.",
        );
    }
    match perform(app, session, action).await {
        Ok(data) => success(action.seq, data),
        Err(refused) => failure(action.seq, &refused),
    }
}

async fn perform(
    app: &Server,
    session: &UserSession,
    action: &ClientAction,
) -> Result<Option<Value>, AppError> {
    match action.action.as_str() {
        "ping" => Ok(Some(json!({
            "text": "pong",
            "version": VERSION,
            "server_time": now_ms(),
            "node_id": "",
        }))),
        "user_typing" => typing(app, session, &action.data).await,
        "user_update_active_status" => {
            let active = action.data["user_is_active"].as_bool();
            let active = active.ok_or_else(|| invalid("user_is_active"))?;
            let status = if active { "online" } else { "away" };
            app.set_presence(&session.user_id, status).await;
            Ok(None)
        }
        "get_statuses" => {
            let own = [session.user_id.clone()];
            let found = statuses::read(app, &own).await?;
            Ok(Some(by_user(found)))
        }
        "get_statuses_by_ids" => {
            let ids: Option<Vec<String>> =
                serde_json::from_value(action.data["user_ids"].clone()).ok();
            let ids = ids.ok_or_else(|| invalid("user_ids"))?;
            let found = statuses::read(app, &ids).await?;
            Ok(Some(by_user(found)))
        }
        // A client that came with a token may still send the challenge.
        "authentication_challenge" | "presence" | "posted_notify_ack" => Ok(None),
        _ => Err(AppError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "api.web_socket_router.bad_action.app_error",
            "Unknown websocket action.",
        )),
    }
}

fn invalid(name: &str) -> AppError {
    AppError::new(
        StatusCode::BAD_REQUEST,
        "api.websocket_handler.invalid_param.app_error",
        format!("Invalid {name} parameter."),
    )
}

async fn typing(
    app: &Server,
    session: &UserSession,
    data: &Value,
) -> Result<Option<Value>, AppError> {
    let channel_id = data["channel_id"].as_str().unwrap_or_default();
    let in_channel = || app.require_channel(session, channel_id);
    if !is_valid_id(channel_id) || in_channel().await.is_err() {
        return Err(invalid("channel_id"));
    }
    let parent_id = data["parent_id"].as_str().unwrap_or_default();
    announce_typing(app, &session.user_id, channel_id, parent_id);
    Ok(None)
}

/// Tells a channel that a user writes there.
pub(super) fn announce_typing(app: &Server, user_id: &str, channel_id: &str, parent_id: &str) {
    if !app.config().service_settings.enable_user_typing_messages {
        return;
    }
    app.publish(&HubEvent {
        event: "typing".to_owned(),
        data: object(json!({"parent_id": parent_id, "user_id": user_id})),
        broadcast: Broadcast {
            omit_users: Some([(user_id.to_owned(), true)].into()),
            channel_id: channel_id.to_owned(),
            ..Broadcast::default()
        },
    });
}

fn by_user(statuses: Vec<UserStatus>) -> Value {
    let pairs: Map<String, Value> = statuses
        .into_iter()
        .map(|status| (status.user_id, status.status.into()))
        .collect();
    Value::Object(pairs)
}

/// The answer to an action that was done.
pub(super) fn success(seq: i64, data: Option<Value>) -> Value {
    let mut reply = json!({"status": "OK", "seq_reply": seq});
    if let Some(data) = data {
        reply["data"] = data;
    }
    reply
}

/// The answer to an action that was refused.
pub(super) fn failure(seq: i64, error: &AppError) -> Value {
    json!({"status": "FAIL", "seq_reply": seq, "error": error.to_json()})
}
