//! Logins and logouts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::Value;

use super::extract::{Auth, Json, TOKEN_COOKIE, own_user, token};
use super::named;
use super::system::ok;
use crate::app::{App, Server};
use crate::cluster::Message;
use crate::db::StoredAccount;
use crate::error::{AppError, OrInternal, REQUEST_ID};
use crate::id::{new_id, now_ms};
use crate::model::{User, UserSession};

const MS_PER_HOUR: i64 = 3_600_000;
const PATH: &str = "/api/v4/users/login";

/// Errors of a login that its client is told; all others look like a wrong password.
const TOLD: [&str; 2] = [
    "api.user.login.blank_pwd.app_error",
    "api.user.check_user_login_attempts.too_many.app_error",
];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(PATH, named("login", post(login)))
        .route("/api/v4/users/logout", named("logout", post(logout)))
        .route(
            "/api/v4/users/{user}/sessions/revoke/all",
            named("revokeAllSessionsForUser", post(revoke_all_of_user)),
        )
        .route(
            "/api/v4/users/sessions/revoke/all",
            named("revokeAllSessionsAllUsers", post(revoke_all)),
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Credentials {
    id: String,
    login_id: String,
    password: String,
}

/// Says that the client waits for its answer, until it is dropped.
#[derive(Debug)]
struct ClientWaits(Arc<AtomicBool>);

impl Drop for ClientWaits {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// `POST /users/login`. Costs what Mattermost's costs: audit rows, the account, a hash in this
/// node's turn, the counter, the session, the team memberships and the time of the login.
///
/// It goes on when the client hangs up, as in Mattermost: what waits for its turn is hashed for
/// whether anybody waits for the answer or not.
async fn login(
    State(app): State<App>,
    headers: HeaderMap,
    Json(credentials): Json<Credentials>,
) -> Result<Response, AppError> {
    let waits = Arc::new(AtomicBool::new(true));
    let _client = ClientWaits(Arc::clone(&waits));
    let request_id = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
    let work = async move {
        let result = try_login(&app, &headers, credentials, &waits).await;
        match &result {
            Ok(_) => app.metrics.logins.inc(),
            Err(_) => app.metrics.logins_failed.inc(),
        }
        result.map_err(|error| mask(&app, error))
    };
    let task = tokio::spawn(REQUEST_ID.scope(request_id, work));
    task.await
        .or_internal("api.user.login.interrupted.app_error")?
}

/// What the client is told of an error: a failure of the database looks like a wrong password.
fn mask(app: &Server, error: AppError) -> AppError {
    if TOLD.contains(&error.id) {
        return error;
    }
    let config = app.config();
    let settings = &config.email_settings;
    let (id, message) = match (
        settings.enable_sign_in_with_username,
        settings.enable_sign_in_with_email,
    ) {
        (true, false) => (
            "api.user.login.invalid_credentials_username",
            "Enter a valid username and/or password.",
        ),
        (false, true) => (
            "api.user.login.invalid_credentials_email",
            "Enter a valid email and/or password.",
        ),
        _ => (
            "api.user.login.invalid_credentials_email_username",
            "Enter a valid email or username and/or password.",
        ),
    };
    AppError::new(StatusCode::UNAUTHORIZED, id, message)
}

async fn try_login(
    app: &Server,
    headers: &HeaderMap,
    credentials: Credentials,
    waits: &AtomicBool,
) -> Result<Response, AppError> {
    let login_id = if credentials.login_id.is_empty() {
        credentials.id
    } else {
        credentials.login_id.to_lowercase()
    };
    let address = client_address(headers);
    let audit = |user: String, detail: String| {
        let address = address.clone();
        async move {
            let written = app.store.audit(&user, PATH, &detail, &address).await;
            written.or_internal("app.audit.save.app_error")
        }
    };
    audit(String::new(), format!("attempt - login_id={login_id}")).await?;
    let checked = check(app, &login_id, credentials.password, waits).await;
    let user = match checked {
        Ok(user) => user,
        Err(error) => {
            audit(String::new(), format!("failure - login_id={login_id}")).await?;
            return Err(error);
        }
    };
    audit(user.id.clone(), "authenticated".to_owned()).await?;
    let session = start_session(app, &user).await?;
    audit(user.id.clone(), "success".to_owned()).await?;
    Ok(logged_in(app, headers, user, &session))
}

/// The account behind a name or address, if the password is its own.
async fn check(
    app: &Server,
    login_id: &str,
    password: String,
    waits: &AtomicBool,
) -> Result<User, AppError> {
    if password.is_empty() {
        return Err(AppError::new(
            StatusCode::BAD_REQUEST,
            "api.user.login.blank_pwd.app_error",
            "Password field must not be blank",
        ));
    }
    let account = app.store.account_for_login(login_id).await;
    let account = account.or_internal("app.user.get.app_error")?;
    let account = account.ok_or_else(wrong_credentials)?;
    check_password(app, &account, password, waits).await?;
    Ok(account.user)
}

/// Compares the password and keeps count of the failures. With logins one after the other that
/// all is one turn; side by side the attempt is counted before it is made, and taken back when
/// it was right.
async fn check_password(
    app: &Server,
    account: &StoredAccount,
    given: String,
    waits: &AtomicBool,
) -> Result<(), AppError> {
    let counter = "app.user.update_failed_pwd_attempts.app_error";
    let limit = app.config().service_settings.maximum_login_attempts;
    let user_id = &account.user.id;
    let turn = app.passwords.turn(&app.metrics.logins_waiting).await;
    let serial = app.passwords.is_serial();
    let attempts = if serial {
        app.store.failed_attempts(user_id).await
    } else {
        app.store.claim_attempt(user_id, limit).await
    };
    if attempts.or_internal(counter)?.is_none_or(|n| n >= limit) {
        return Err(AppError::new(
            StatusCode::UNAUTHORIZED,
            "api.user.check_user_login_attempts.too_many.app_error",
            "Your account is locked because of too many failed password attempts.",
        ));
    }
    let stored = account.password_hash.clone();
    let right = app.passwords.verify(Some(&turn), given, stored).await;
    if !waits.load(Ordering::Relaxed) {
        app.metrics.logins_abandoned.inc();
    }
    if right.or_internal("api.user.check_user_password.invalid_hash.app_error")? {
        let reset = app.store.reset_failed_attempts(user_id).await;
        return reset.or_internal(counter);
    }
    if serial {
        let counted = app.store.count_failed_attempt(user_id).await;
        counted.or_internal(counter)?;
    }
    Err(wrong_credentials())
}

async fn start_session(app: &Server, user: &User) -> Result<UserSession, AppError> {
    let now = now_ms();
    let hours = app.config().service_settings.session_length_web_in_hours;
    let teams = app.store.team_ids_of_user(&user.id).await;
    let session = UserSession {
        id: new_id(),
        token: new_id(),
        create_at: now,
        expires_at: now.saturating_add(hours.saturating_mul(MS_PER_HOUR)),
        user_id: user.id.clone(),
        roles: user.roles.clone(),
        csrf: new_id(),
        teams: teams.or_internal("app.team.get_members.app_error")?,
    };
    app.store
        .create_session(&session)
        .await
        .or_internal("app.session.save.app_error")?;
    let updated = app.store.update_last_login(&user.id, now).await;
    updated.or_internal("app.login.doLogin.updateLastLogin.error")?;
    app.sessions
        .put(&session.token, session.clone(), Instant::now());
    Ok(session)
}

fn logged_in(app: &Server, headers: &HeaderMap, user: User, session: &UserSession) -> Response {
    let user = User {
        failed_attempts: 0,
        ..user
    };
    let mut response = axum::Json(&user).into_response();
    if let Ok(token) = HeaderValue::from_str(&session.token) {
        response.headers_mut().insert("token", token);
    }
    let from_browser = headers
        .get("x-requested-with")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"XMLHttpRequest"));
    if from_browser {
        let age = app.config().service_settings.session_length_web_in_hours * 3600;
        let secure = headers
            .get("x-forwarded-proto")
            .is_some_and(|v| v == "https");
        let secure = if secure { "; Secure" } else { "" };
        let cookies = [
            format!(
                "{TOKEN_COOKIE}={}; Path=/; Max-Age={age}; HttpOnly{secure}",
                session.token
            ),
            format!("MMUSERID={}; Path=/; Max-Age={age}{secure}", user.id),
            format!("MMCSRF={}; Path=/; Max-Age={age}{secure}", session.csrf),
        ];
        for cookie in cookies
            .iter()
            .filter_map(|text| HeaderValue::from_str(text).ok())
        {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

fn wrong_credentials() -> AppError {
    AppError::new(
        StatusCode::UNAUTHORIZED,
        "api.user.check_user_password.invalid.app_error",
        "Login failed because of invalid password.",
    )
}

/// Where a request comes from, as the first proxy saw it.
fn client_address(headers: &HeaderMap) -> String {
    let forwarded = headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok());
    let first = forwarded
        .and_then(|list| list.split(',').next())
        .unwrap_or_default();
    first.trim().to_owned()
}

/// `POST /users/logout`, also without a session.
async fn logout(State(app): State<App>, headers: HeaderMap) -> Result<Response, AppError> {
    if let Some(token) = token(&headers) {
        app.store
            .delete_session(&token)
            .await
            .or_internal("app.session.remove.app_error")?;
        end_session(&app, token);
    }
    let mut response = ok().into_response();
    for (name, attributes) in [
        (TOKEN_COOKIE, "; HttpOnly"),
        ("MMUSERID", ""),
        ("MMCSRF", ""),
    ] {
        let gone = format!("{name}=; Path=/; Max-Age=0{attributes}");
        if let Ok(cookie) = HeaderValue::from_str(&gone) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

fn end_session(app: &Server, token: String) {
    app.sessions.remove(&token);
    app.cluster.send(&Message::SessionEnded { token });
}

/// `POST /users/{user}/sessions/revoke/all`.
async fn revoke_all_of_user(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
) -> Result<axum::Json<Value>, AppError> {
    let user_id = own_user(&user, &session)?;
    let ended = app.store.delete_sessions(Some(&user_id)).await;
    for token in ended.or_internal("app.session.remove.app_error")? {
        end_session(&app, token);
    }
    Ok(ok())
}

/// `POST /users/sessions/revoke/all`: everybody has to log in again.
async fn revoke_all(
    State(app): State<App>,
    Auth(session): Auth,
) -> Result<axum::Json<Value>, AppError> {
    if !session.is_admin() {
        return Err(AppError::forbidden());
    }
    let ended = app.store.delete_sessions(None).await;
    for token in ended.or_internal("app.session.remove_all_sessions_for_team.app_error")? {
        end_session(&app, token);
    }
    Ok(ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_address_is_the_first_forwarded_one() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-forwarded-for",
            HeaderValue::from_static("10.0.0.9, 10.0.0.1"),
        );
        assert_eq!(client_address(&headers), "10.0.0.9");
    }
}
