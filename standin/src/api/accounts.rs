//! Accounts, made and changed.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{post, put};
use serde::Deserialize;
use serde_json::json;

use super::extract::{Auth, Json, JsonObject, MaybeAuth, own_user};
use super::named;
use crate::app::{App, Server, object};
use crate::db::{DbError, Login};
use crate::error::{AppError, OrInternal};
use crate::hub::HubEvent;
use crate::id::{new_id, now_ms};
use crate::model::{Preference, TextMap, User, default_user_notify_props};
use crate::password;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/users", named("createUser", post(create)))
        .route("/api/v4/users/{user}/patch", named("patchUser", put(patch)))
}

/// Those of the local socket.
pub(super) fn local_routes() -> Router<App> {
    Router::new()
        .route("/api/v4/users", named("createUser", post(create)))
        // The whole of an account, of which what may change is taken.
        .route("/api/v4/users/{user}", named("updateUser", put(patch)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NewUser {
    email: String,
    username: String,
    password: String,
    nickname: String,
    first_name: String,
    last_name: String,
    position: String,
    locale: String,
    props: TextMap,
}

/// `POST /users`. The first account of the system administers it.
async fn create(
    State(app): State<App>,
    MaybeAuth(session): MaybeAuth,
    JsonObject(new): JsonObject<NewUser>,
) -> Result<(StatusCode, axum::Json<User>), AppError> {
    let user = new.check()?;
    require_room(&app).await?;
    let any = app
        .store
        .has_users()
        .await
        .or_internal("app.user.get_total_users_count.app_error")?;
    let by_admin = session.is_some_and(|session| session.is_admin());
    if !by_admin {
        may_sign_up(&app, any)?;
    }
    let hash = app.passwords.hash(new.password).await;
    let hash = hash.or_internal("api.user.create_user.password_hash.app_error")?;
    let login = Login {
        user: &user,
        password_hash: &hash,
    };
    let roles = app
        .store
        .create_user(&login, !any)
        .await
        .map_err(|error| taken_or_failed(&error, "app.user.save.app_error"))?;
    let kept = app
        .store
        .save_preferences(&first_preferences(&user.id))
        .await;
    kept.or_internal("app.preference.save.updating.app_error")?;
    app.publish(&HubEvent {
        event: "new_user".to_owned(),
        data: object(json!({"user_id": user.id})),
        ..HubEvent::default()
    });
    Ok((StatusCode::CREATED, axum::Json(User { roles, ..user })))
}

/// What every account begins with.
fn first_preferences(user_id: &str) -> Vec<Preference> {
    [
        ("recommended_next_steps", "hide", "false"),
        ("system_notice", "GMasDM", "true"),
        ("tutorial_step", user_id, "0"),
    ]
    .into_iter()
    .map(|(category, name, value)| Preference {
        user_id: user_id.to_owned(),
        category: category.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
    })
    .collect()
}

/// Refuses when the system has as many users as the license allows, or as a server without one
/// takes.
async fn require_room(app: &Server) -> Result<(), AppError> {
    let limits = app.licensing.user_limits();
    if limits.hard == 0 {
        return Ok(());
    }
    let count = app.store.active_user_count().await;
    let count = count.or_internal("app.limits.get_app_limits.user_count.store_error")?;
    if count < limits.hard {
        return Ok(());
    }
    let (id, message) = if app.licensing.is_licensed() {
        (
            "api.user.create_user.license_user_limits.exceeded",
            "Can't create user. Server exceeds maximum licensed users.",
        )
    } else {
        (
            "api.user.create_user.user_limits.exceeded",
            "Can't create user. Server exceeds safe user limit.",
        )
    };
    Err(AppError::new(StatusCode::BAD_REQUEST, id, message))
}

fn taken_or_failed(error: &DbError, failed: &'static str) -> AppError {
    let taken = |id, what: &str| {
        let message = format!("An account with that {what} already exists.");
        AppError::new(StatusCode::BAD_REQUEST, id, message)
    };
    match error.taken_by() {
        Some(by) if by.contains("email") => taken("app.user.save.email_exists.app_error", "email"),
        Some(_) => taken("app.user.save.username_exists.app_error", "username"),
        None => AppError::internal(failed, error),
    }
}

fn is_valid_username(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
}

impl NewUser {
    fn check(&self) -> Result<User, AppError> {
        let username = self.username.trim().to_lowercase();
        let email = self.email.trim().to_lowercase();
        let invalid = |id, message: String| AppError::new(StatusCode::BAD_REQUEST, id, message);
        if !is_valid_username(&username) {
            let id = "model.user.is_valid.username.app_error";
            return Err(invalid(id, "Username is not valid.".into()));
        }
        if !email.contains('@') || email.len() > 128 {
            let id = "model.user.is_valid.email.app_error";
            return Err(invalid(id, "Email is not valid.".into()));
        }
        let (least, most) = (password::MIN_LENGTH, password::MAX_LENGTH);
        if self.password.len() < least {
            let id = "model.user.is_valid.pwd_min_length.app_error";
            let message = format!("Your password must contain at least {least} characters.");
            return Err(invalid(id, message));
        }
        if self.password.len() > most {
            let id = "model.user.is_valid.pwd_max_length.app_error";
            let message = format!("Your password must contain no more than {most} characters.");
            return Err(invalid(id, message));
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
            position: self.position.clone(),
            props: self.props.clone(),
            notify_props: default_user_notify_props(),
            last_password_update: now,
            locale: if self.locale.is_empty() {
                "en".to_owned()
            } else {
                self.locale.clone()
            },
            timezone: User::default_timezone(),
            remote_id: Some(String::new()),
            ..User::default()
        })
    }
}

/// Whether people may make accounts themselves. The first one needs no open server.
fn may_sign_up(app: &Server, any: bool) -> Result<(), AppError> {
    let config = app.config();
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
    if any && !config.team_settings.enable_open_server {
        return refuse(
            "api.user.create_user.no_open_server",
            "TeamSettings.EnableOpenServer",
        );
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UserPatch {
    username: Option<String>,
    password: Option<String>,
    nickname: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    position: Option<String>,
    email: Option<String>,
    props: Option<TextMap>,
    notify_props: Option<TextMap>,
    locale: Option<String>,
    timezone: Option<TextMap>,
}

/// `PUT /users/{user}/patch`. A new address needs the password.
async fn patch(
    State(app): State<App>,
    Auth(session): Auth,
    Path(user): Path<String>,
    Json(patch): Json<UserPatch>,
) -> Result<axum::Json<User>, AppError> {
    let user_id = own_user(&user, &session)?;
    let user = app.store.user(&user_id).await;
    let user = user.or_internal("app.user.get.app_error")?;
    let mut user = user.ok_or_else(|| AppError::invalid_body("user_id"))?;
    if patch.email.as_ref().is_some_and(|new| *new != user.email) && user_id == session.user_id {
        confirm(&app, &user, patch.password.clone()).await?;
    }
    patch.apply(&mut user);
    if !is_valid_username(&user.username) {
        return Err(AppError::invalid_body("username"));
    }
    user.update_at = now_ms();
    app.store
        .update_user(&user)
        .await
        .map_err(|error| taken_or_failed(&error, "app.user.update.finding.app_error"))?;
    let seen = user.clone().for_others(false);
    app.publish(&HubEvent {
        event: "user_updated".to_owned(),
        data: object(json!({"user": seen})),
        ..HubEvent::default()
    });
    Ok(axum::Json(user))
}

async fn confirm(app: &Server, user: &User, password: Option<String>) -> Result<(), AppError> {
    let given = password.ok_or_else(|| AppError::invalid_body("password"))?;
    let account = app.store.account_for_login(&user.username).await;
    let account = account.or_internal("app.user.get.app_error")?;
    let account = account.ok_or_else(|| AppError::not_found("app.user.missing_account.const"))?;
    let right = app
        .passwords
        .verify(None, given, account.password_hash)
        .await;
    if right.or_internal("api.user.check_user_password.invalid_hash.app_error")? {
        return Ok(());
    }
    let id = "api.user.check_user_password.invalid.app_error";
    let message = "Login failed because of invalid password.";
    Err(AppError::new(StatusCode::UNAUTHORIZED, id, message))
}

impl UserPatch {
    fn apply(self, user: &mut User) {
        let lower = |text: String| text.trim().to_lowercase();
        let set = |target: &mut String, new: Option<String>| {
            if let Some(new) = new {
                *target = new;
            }
        };
        set(&mut user.username, self.username.map(lower));
        set(&mut user.email, self.email.map(lower));
        set(&mut user.nickname, self.nickname);
        set(&mut user.first_name, self.first_name);
        set(&mut user.last_name, self.last_name);
        set(&mut user.position, self.position);
        set(&mut user.locale, self.locale);
        let set = |target: &mut TextMap, new: Option<TextMap>| {
            if let Some(new) = new {
                *target = new;
            }
        };
        set(&mut user.props, self.props);
        set(&mut user.notify_props, self.notify_props);
        set(&mut user.timezone, self.timezone);
    }
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
                "model.user.is_valid.username.app_error",
            ),
            (
                new("ann", "nowhere", "Passw0rd!"),
                "model.user.is_valid.email.app_error",
            ),
            (
                new("ann", "a@b", "short"),
                "model.user.is_valid.pwd_min_length.app_error",
            ),
            (
                new("ann", "a@b", &"x".repeat(73)),
                "model.user.is_valid.pwd_max_length.app_error",
            ),
        ] {
            assert_eq!(user.check().expect_err("refused").id, id);
        }
    }
}
