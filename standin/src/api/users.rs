//! Accounts, logins and logouts.

use std::time::Instant;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::extract::{Auth, Json, MaybeAuth, Page, TOKEN_COOKIE, token, user_or_me};
use super::system::ok;
use crate::app::{App, Server};
use crate::cluster::Message;
use crate::db::{Login, StoredAccount};
use crate::error::{AppError, OrInternal};
use crate::id::{is_valid_id, new_id, now_ms};
use crate::model::{User, UserSession};
use crate::password;

const MS_PER_HOUR: i64 = 3_600_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewUser {
    email: String,
    username: String,
    password: String,
    nickname: String,
    first_name: String,
    last_name: String,
}

/// `POST /users`. The first account of the system administers it.
pub(super) async fn create(
    State(app): State<App>,
    MaybeAuth(session): MaybeAuth,
    Json(new): Json<NewUser>,
) -> Result<(StatusCode, axum::Json<User>), AppError> {
    let user = new.check()?;
    let any = app
        .store
        .has_users()
        .await
        .or_internal("app.user.get_total_users_count.app_error")?;
    let by_admin = session.is_some_and(|session| session.is_admin());
    if any && !by_admin {
        may_sign_up(&app)?;
    }
    let hash = password::hash(new.password).await;
    let hash = hash.or_internal("api.user.create_user.password_hash.app_error")?;
    let login = Login {
        user: &user,
        password_hash: &hash,
    };
    let roles = app.store.create_user(&login, !any).await.map_err(|error| {
        if error.is_duplicate() {
            let message = "An account with that username or email already exists.";
            AppError::new(
                StatusCode::BAD_REQUEST,
                "app.user.save.existing.app_error",
                message,
            )
        } else {
            AppError::internal("app.user.save.app_error", &error)
        }
    })?;
    Ok((StatusCode::CREATED, axum::Json(User { roles, ..user })))
}

impl NewUser {
    fn check(&self) -> Result<User, AppError> {
        let username = self.username.trim().to_lowercase();
        let email = self.email.trim().to_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if username.is_empty() || username.len() > 64 || !username.chars().all(plain) {
            return Err(AppError::invalid_body("username"));
        }
        if !email.contains('@') || email.len() > 128 {
            return Err(AppError::invalid_body("email"));
        }
        let length = self.password.len();
        if !(password::MIN_LENGTH..=password::MAX_LENGTH).contains(&length) {
            return Err(AppError::new(
                StatusCode::BAD_REQUEST,
                "model.user.is_valid.pwd.app_error",
                format!(
                    "Your password must have {} to {} bytes.",
                    password::MIN_LENGTH,
                    password::MAX_LENGTH
                ),
            ));
        }
        let now = now_ms();
        Ok(User {
            id: new_id(),
            create_at: now,
            update_at: now,
            username,
            email,
            nickname: self.nickname.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            roles: "system_user".to_owned(),
            locale: "en".to_owned(),
            ..User::default()
        })
    }
}

fn may_sign_up(app: &Server) -> Result<(), AppError> {
    let config = &app.config;
    let refuse = |id, what: &str| {
        let message = format!("{what} is off; an administrator can create the account.");
        Err(AppError::new(StatusCode::FORBIDDEN, id, message))
    };
    if !config.team_settings.enable_user_creation
        || !config.email_settings.enable_sign_up_with_email
    {
        return refuse(
            "api.user.create_user.signup_email_disabled.app_error",
            "Sign-up",
        );
    }
    if !config.team_settings.enable_open_server {
        return refuse(
            "api.user.create_user.no_open_server",
            "TeamSettings.EnableOpenServer",
        );
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Credentials {
    id: String,
    login_id: String,
    password: String,
}

/// `POST /users/login`. Costs what Mattermost's costs: two or three audit
/// rows, the account, a hash under the node's guard, the counter, the session,
/// the team memberships and the time of the login.
pub(super) async fn login(
    State(app): State<App>,
    headers: HeaderMap,
    Json(credentials): Json<Credentials>,
) -> Result<Response, AppError> {
    let result = try_login(&app, &headers, credentials).await;
    match &result {
        Ok(_) => app.metrics.logins.inc(),
        Err(_) => app.metrics.logins_failed.inc(),
    }
    result
}

async fn try_login(
    app: &App,
    headers: &HeaderMap,
    credentials: Credentials,
) -> Result<Response, AppError> {
    if credentials.password.is_empty() {
        return Err(AppError::new(
            StatusCode::BAD_REQUEST,
            "api.user.login.blank_pwd.app_error",
            "Password field must not be blank",
        ));
    }
    let login_id = if credentials.login_id.is_empty() {
        credentials.id
    } else {
        credentials.login_id.to_lowercase()
    };
    let address = client_address(headers);
    let audit = |user: String, detail: String| {
        let address = address.clone();
        async move {
            let written = app
                .store
                .audit(&user, "/api/v4/users/login", &detail, &address)
                .await;
            written.or_internal("app.audit.save.app_error")
        }
    };
    audit(String::new(), format!("attempt - login_id={login_id}")).await?;
    let account = app.store.account_for_login(&login_id).await;
    let Some(account) = account.or_internal("app.user.get.app_error")? else {
        return Err(wrong_credentials());
    };
    check_password(app, &account, credentials.password).await?;
    let user = account.user;
    audit(user.id.clone(), "authenticated".to_owned()).await?;
    let session = start_session(app, &user).await?;
    audit(user.id.clone(), "success".to_owned()).await?;
    Ok(logged_in(app, headers, user, &session))
}

/// Compares the password while holding this node's turn, as releases up to
/// 11.7 do.
async fn check_password(
    app: &Server,
    account: &StoredAccount,
    given: String,
) -> Result<(), AppError> {
    let limit = app.config.service_settings.maximum_login_attempts;
    if account.failed_attempts >= limit {
        return Err(AppError::new(
            StatusCode::UNAUTHORIZED,
            "api.user.check_user_login_attempts.too_many.app_error",
            "Your account is locked because of too many failed password attempts.",
        ));
    }
    let _turn = app.login_guard.turn().await;
    let hash = account.password_hash.clone();
    let right = password::verify(given, hash).await;
    let counter = "app.user.update_failed_pwd_attempts.app_error";
    if right.or_internal("api.user.check_user_password.invalid_hash.app_error")? {
        app.store
            .reset_failed_attempts(&account.user.id)
            .await
            .or_internal(counter)
    } else {
        app.store
            .count_failed_attempt(&account.user.id)
            .await
            .or_internal(counter)?;
        Err(wrong_credentials())
    }
}

async fn start_session(app: &Server, user: &User) -> Result<UserSession, AppError> {
    let now = now_ms();
    let hours = app.config.service_settings.session_length_web_in_hours;
    let session = UserSession {
        id: new_id(),
        token: new_id(),
        create_at: now,
        expires_at: now.saturating_add(hours.saturating_mul(MS_PER_HOUR)),
        user_id: user.id.clone(),
        roles: user.roles.clone(),
    };
    app.store
        .create_session(&session)
        .await
        .or_internal("app.session.save.app_error")?;
    // Mattermost keeps the memberships in the session; the stand-in asks for
    // them all the same, because the statement is part of a login's cost.
    let members = app.store.team_members_of_user(&user.id).await;
    members.or_internal("app.team.get_members.app_error")?;
    let updated = app.store.update_last_login(&user.id, now).await;
    updated.or_internal("app.login.doLogin.updateLastLogin.error")?;
    app.sessions.put(session.clone(), Instant::now());
    Ok(session)
}

fn logged_in(app: &Server, headers: &HeaderMap, user: User, session: &UserSession) -> Response {
    let mut response = axum::Json(&user).into_response();
    if let Ok(token) = HeaderValue::from_str(&session.token) {
        response.headers_mut().insert("token", token);
    }
    let from_browser = headers
        .get("x-requested-with")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"XMLHttpRequest"));
    if from_browser {
        let age = app.config.service_settings.session_length_web_in_hours * 3600;
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
        "api.user.login.invalid_credentials_email_username",
        "Enter a valid email or username and/or password.",
    )
}

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
pub(super) async fn logout(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    if let Some(token) = token(&headers) {
        app.store
            .delete_session(&token)
            .await
            .or_internal("app.session.remove.app_error")?;
        app.sessions.remove(&token);
        app.cluster.send(&Message::SessionEnded { token });
    }
    let mut response = ok().into_response();
    let gone = format!("{TOKEN_COOKIE}=; Path=/; Max-Age=0; HttpOnly");
    if let Ok(cookie) = HeaderValue::from_str(&gone) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `GET /users/{id}`, also `/users/me`.
pub(super) async fn get(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<User>, AppError> {
    let id = user_or_me(&id, &session);
    if !is_valid_id(&id) {
        return Err(AppError::invalid_url("user_id"));
    }
    found(app.store.user(&id).await)
}

/// `GET /users/username/{name}`.
pub(super) async fn by_name(
    State(app): State<App>,
    Auth(_): Auth,
    Path(name): Path<String>,
) -> Result<axum::Json<User>, AppError> {
    found(app.store.user_by_name(&name.to_lowercase()).await)
}

/// `GET /users/email/{email}`.
pub(super) async fn by_email(
    State(app): State<App>,
    Auth(_): Auth,
    Path(email): Path<String>,
) -> Result<axum::Json<User>, AppError> {
    found(app.store.user_by_email(&email.to_lowercase()).await)
}

fn found(user: Result<Option<User>, crate::db::DbError>) -> Result<axum::Json<User>, AppError> {
    let user = user.or_internal("app.user.get.app_error")?;
    let missing = || AppError::not_found("app.user.missing_account.const");
    Ok(axum::Json(user.ok_or_else(missing)?))
}

/// `GET /users`, a page of them.
pub(super) async fn list(
    State(app): State<App>,
    Auth(_): Auth,
    page: Page,
) -> Result<axum::Json<Vec<User>>, AppError> {
    let users = app.store.users(page.offset, page.limit).await;
    Ok(axum::Json(
        users.or_internal("app.user.get_profiles.app_error")?,
    ))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StatusQuery {
    /// Milliseconds since 1970.
    since: i64,
}

/// `POST /users/ids`, those that changed after `since`.
pub(super) async fn by_ids(
    State(app): State<App>,
    Auth(_): Auth,
    since: Query<StatusQuery>,
    Json(ids): Json<Vec<String>>,
) -> Result<axum::Json<Vec<User>>, AppError> {
    if ids.is_empty() {
        return Err(AppError::invalid_body("user_ids"));
    }
    let users = app.store.users_by_ids(&ids).await;
    let mut users = users.or_internal("app.user.get_profiles.app_error")?;
    users.retain(|user| user.update_at > since.since);
    Ok(axum::Json(users))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(username: &str, email: &str, password: &str) -> NewUser {
        NewUser {
            username: username.to_owned(),
            email: email.to_owned(),
            password: password.to_owned(),
            ..NewUser::default()
        }
    }

    #[test]
    fn names_and_addresses_are_lower_cased() {
        let user = new("Ann", "Ann@Example.com", "Passw0rd!")
            .check()
            .expect("valid");
        assert_eq!(
            (user.username.as_str(), user.email.as_str()),
            ("ann", "ann@example.com")
        );
    }

    #[test]
    fn impossible_accounts_are_refused() {
        for (user, id) in [
            (
                new("a n", "a@b", "Passw0rd!"),
                "api.context.invalid_body_param.app_error",
            ),
            (
                new("ann", "nowhere", "Passw0rd!"),
                "api.context.invalid_body_param.app_error",
            ),
            (
                new("ann", "a@b", "short"),
                "model.user.is_valid.pwd.app_error",
            ),
            (
                new("ann", "a@b", &"x".repeat(73)),
                "model.user.is_valid.pwd.app_error",
            ),
        ] {
            assert_eq!(user.check().expect_err("refused").id, id);
        }
    }

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
