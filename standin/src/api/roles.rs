//! The roles that every system has, with what they permit. The administrators' roles name what
//! the stand-in asks of them, beside what members may.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Serialize;

use super::extract::{Auth, Json};
use super::named;
use crate::app::App;
use crate::error::AppError;
use crate::id::is_valid_id;

/// Most names of one request.
const LIMIT: usize = 100;

/// Name, name for people, and permissions.
const ROLES: [(&str, &str, &str); 6] = [
    (
        "system_user",
        "global_user",
        "list_public_teams join_public_teams create_direct_channel create_group_channel \
         view_members create_team create_custom_group edit_custom_group delete_custom_group \
         restore_custom_group manage_custom_group_members create_emojis delete_emojis",
    ),
    (
        "team_user",
        "team_user",
        "list_team_channels join_public_channels read_public_channel view_team \
         create_public_channel create_private_channel invite_user add_user_to_team",
    ),
    (
        "channel_user",
        "channel_user",
        "read_channel read_channel_content add_reaction remove_reaction \
         manage_public_channel_members upload_file get_public_link create_post \
         use_channel_mentions use_group_mentions manage_public_channel_properties \
         delete_public_channel manage_private_channel_properties delete_private_channel \
         manage_private_channel_members delete_post edit_post add_bookmark_public_channel \
         edit_bookmark_public_channel delete_bookmark_public_channel \
         order_bookmark_public_channel add_bookmark_private_channel \
         edit_bookmark_private_channel delete_bookmark_private_channel \
         order_bookmark_private_channel",
    ),
    (
        "team_admin",
        "team_admin",
        "remove_user_from_team manage_team import_team manage_team_roles manage_channel_roles \
         manage_others_incoming_webhooks manage_others_outgoing_webhooks manage_slash_commands \
         manage_others_slash_commands manage_incoming_webhooks manage_outgoing_webhooks \
         convert_public_channel_to_private convert_private_channel_to_public delete_post \
         delete_others_posts",
    ),
    (
        "channel_admin",
        "channel_admin",
        "manage_channel_roles use_group_mentions manage_public_channel_banner \
         manage_private_channel_banner manage_channel_access_rules",
    ),
    (
        "system_admin",
        "global_admin",
        "manage_system assign_system_admin_role manage_roles list_users_without_team \
         edit_other_users edit_others_posts delete_others_posts read_other_users_teams \
         remove_others_reactions manage_license_information read_license_information \
         reload_config sysconsole_read_user_management_users",
    ),
];

#[derive(Debug, Serialize)]
struct RoleView {
    id: String,
    name: &'static str,
    display_name: String,
    description: String,
    create_at: i64,
    update_at: i64,
    delete_at: i64,
    permissions: Vec<&'static str>,
    scheme_managed: bool,
    built_in: bool,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/api/v4/roles/names",
            named("getRolesByNames", post(by_names)),
        )
        .route(
            "/api/v4/roles/name/{name}",
            named("getRoleByName", get(by_name)),
        )
}

/// `POST /roles/names`. Unknown names are passed over.
async fn by_names(
    State(_): State<App>,
    Auth(_): Auth,
    Json(names): Json<Vec<String>>,
) -> Result<axum::Json<Vec<RoleView>>, AppError> {
    if names.is_empty() {
        return Err(AppError::invalid_body("rolenames"));
    }
    if names.len() > LIMIT {
        let message = format!("No more than {LIMIT} roles can be asked for at once.");
        return Err(AppError::new(
            StatusCode::BAD_REQUEST,
            "api.roles.get_multiple_by_name_too_many.request_error",
            message,
        ));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if names.iter().any(|name| !name.chars().all(plain)) {
        return Err(AppError::invalid_body("rolename"));
    }
    let wanted = |name: &str| names.iter().any(|one| one == name);
    let found = ROLES.iter().filter(|(name, ..)| wanted(name));
    Ok(axum::Json(found.map(view).collect()))
}

/// `GET /roles/name/{name}`.
async fn by_name(
    State(_): State<App>,
    Auth(_): Auth,
    Path(name): Path<String>,
) -> Result<axum::Json<RoleView>, AppError> {
    let found = ROLES.iter().find(|(one, ..)| *one == name);
    let missing = || AppError::not_found("app.role.get_by_name.app_error");
    Ok(axum::Json(view(found.ok_or_else(missing)?)))
}

fn view((name, label, permissions): &(&'static str, &'static str, &'static str)) -> RoleView {
    RoleView {
        id: id_of(name),
        name,
        display_name: format!("authentication.roles.{label}.name"),
        description: format!("authentication.roles.{label}.description"),
        create_at: 0,
        update_at: 0,
        delete_at: 0,
        permissions: permissions.split_whitespace().collect(),
        scheme_managed: true,
        built_in: true,
    }
}

/// The same id on every node and in every system.
fn id_of(name: &str) -> String {
    let mut id: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    while id.len() < 26 {
        id.push('r');
    }
    debug_assert!(is_valid_id(&id));
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_valid_ids_and_permissions() {
        for role in &ROLES {
            let view = view(role);
            assert!(is_valid_id(&view.id), "{}", view.id);
            assert!(view.permissions.len() > 4, "{}", view.name);
        }
    }
}
