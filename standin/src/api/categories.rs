//! A user's sidebar: categories and the channels in them.

use std::collections::HashSet;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use serde_json::{Value, json};

use super::extract::{Auth, Json, own_user};
use super::named;
use super::system::ok;
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};
use crate::id::new_id;
use crate::model::{SidebarCategories, SidebarCategory, UserSession};

const FAILED: &str = "app.channel.sidebar_categories.app_error";

pub(super) fn routes() -> Router<App> {
    let base = "/api/v4/users/{user}/teams/{team}/channels/categories";
    let order = format!("{base}/order");
    let one = format!("{base}/{{category}}");
    Router::new()
        .route(base, named("getCategoriesForTeamForUser", get(all)))
        .route(base, named("createCategoryForTeamForUser", post(create)))
        .route(base, named("updateCategoriesForTeamForUser", put(update)))
        .route(
            &order,
            named("getCategoryOrderForTeamForUser", get(get_order)),
        )
        .route(
            &order,
            named("updateCategoryOrderForTeamForUser", put(set_order)),
        )
        .route(&one, named("getCategoryForTeamForUser", get(get_one)))
        .route(&one, named("updateCategoryForTeamForUser", put(update_one)))
        .route(
            &one,
            named(
                "deleteCategoryForTeamForUser",
                axum::routing::delete(delete),
            ),
        )
}

/// Who reads or changes whose sidebar in which team.
async fn sidebar(
    app: &Server,
    session: &UserSession,
    user: &str,
    team_id: &str,
) -> Result<(String, Vec<SidebarCategory>), AppError> {
    let user_id = own_user(user, session)?;
    app.require_team(session, team_id)?;
    let sidebar = app.store.sidebar(&user_id, team_id).await;
    Ok((user_id, sidebar.or_internal(FAILED)?))
}

/// `GET …/categories`.
async fn all(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id)): Path<(String, String)>,
) -> Result<axum::Json<SidebarCategories>, AppError> {
    let (_, categories) = sidebar(&app, &session, &user, &team_id).await?;
    Ok(axum::Json(SidebarCategories {
        order: categories.iter().map(|one| one.id.clone()).collect(),
        categories,
    }))
}

async fn get_order(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id)): Path<(String, String)>,
) -> Result<axum::Json<Vec<String>>, AppError> {
    let (_, categories) = sidebar(&app, &session, &user, &team_id).await?;
    Ok(axum::Json(
        categories.into_iter().map(|one| one.id).collect(),
    ))
}

async fn get_one(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id, id)): Path<(String, String, String)>,
) -> Result<axum::Json<SidebarCategory>, AppError> {
    let (_, categories) = sidebar(&app, &session, &user, &team_id).await?;
    let found = categories.into_iter().find(|one| one.id == id);
    Ok(axum::Json(found.ok_or_else(AppError::forbidden)?))
}

/// `POST …/categories`: a new one comes first but for the favorites.
async fn create(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id)): Path<(String, String)>,
    Json(new): Json<SidebarCategory>,
) -> Result<axum::Json<SidebarCategory>, AppError> {
    let (user_id, categories) = sidebar(&app, &session, &user, &team_id).await?;
    if new.user_id != user_id || new.team_id != team_id || new.display_name.is_empty() {
        return Err(AppError::invalid_body("category"));
    }
    let category = SidebarCategory {
        id: new_id(),
        sort_order: 10,
        kind: "custom".to_owned(),
        channel_ids: own_channels(&app, &user_id, new.channel_ids).await?,
        ..new
    };
    save(&app, std::slice::from_ref(&category)).await?;
    let mut order: Vec<String> = categories.into_iter().map(|one| one.id).collect();
    order.insert(order.len().min(1), category.id.clone());
    let ordered = app.store.order_categories(&user_id, &team_id, &order).await;
    ordered.or_internal(FAILED)?;
    let data = json!({"category_id": category.id});
    announce(&app, "sidebar_category_created", &user_id, &team_id, data);
    Ok(axum::Json(category))
}

/// `PUT …/categories`.
async fn update(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id)): Path<(String, String)>,
    Json(new): Json<Vec<SidebarCategory>>,
) -> Result<axum::Json<Vec<SidebarCategory>>, AppError> {
    change(&app, &session, &user, &team_id, new)
        .await
        .map(axum::Json)
}

async fn update_one(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id, id)): Path<(String, String, String)>,
    Json(new): Json<SidebarCategory>,
) -> Result<axum::Json<SidebarCategory>, AppError> {
    let new = SidebarCategory { id, ..new };
    let changed = change(&app, &session, &user, &team_id, vec![new]).await?;
    let missing = || AppError::invalid_body("category");
    Ok(axum::Json(changed.into_iter().next().ok_or_else(missing)?))
}

async fn change(
    app: &Server,
    session: &UserSession,
    user: &str,
    team_id: &str,
    new: Vec<SidebarCategory>,
) -> Result<Vec<SidebarCategory>, AppError> {
    let (user_id, known) = sidebar(app, session, user, team_id).await?;
    let mut changed = Vec::with_capacity(new.len());
    for category in new {
        let old = known.iter().find(|one| one.id == category.id);
        let mut next = old
            .ok_or_else(|| AppError::invalid_body("category"))?
            .clone();
        next.sorting = category.sorting;
        next.muted = category.muted;
        next.collapsed = category.collapsed;
        next.channel_ids = own_channels(app, &user_id, category.channel_ids).await?;
        if next.kind == "custom" {
            next.display_name = category.display_name;
        }
        changed.push(next);
    }
    save(app, &changed).await?;
    let text = serde_json::to_string(&changed).unwrap_or_default();
    let data = json!({"updatedCategories": text});
    announce(app, "sidebar_category_updated", &user_id, team_id, data);
    Ok(changed)
}

async fn save(app: &Server, categories: &[SidebarCategory]) -> Result<(), AppError> {
    let saved = app.store.save_categories(categories).await;
    saved.or_internal(FAILED)
}

/// Those of these channels that the user is in, each once.
async fn own_channels(
    app: &Server,
    user_id: &str,
    ids: Vec<String>,
) -> Result<Vec<String>, AppError> {
    let own = app.channels_of(user_id).await?;
    let mut seen = HashSet::new();
    let wanted = |id: &String| own.contains(id) && seen.insert(id.clone());
    Ok(ids.into_iter().filter(wanted).collect())
}

/// `PUT …/categories/order`.
async fn set_order(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id)): Path<(String, String)>,
    Json(order): Json<Vec<String>>,
) -> Result<axum::Json<Vec<String>>, AppError> {
    let (user_id, known) = sidebar(&app, &session, &user, &team_id).await?;
    if order
        .iter()
        .any(|id| !known.iter().any(|one| one.id == *id))
    {
        return Err(AppError::invalid_body("category"));
    }
    let ordered = app.store.order_categories(&user_id, &team_id, &order).await;
    ordered.or_internal(FAILED)?;
    let event = "sidebar_category_order_updated";
    announce(&app, event, &user_id, &team_id, json!({"order": order}));
    Ok(axum::Json(order))
}

/// `DELETE …/categories/{category}`, of those that the user has made.
async fn delete(
    State(app): State<App>,
    Auth(session): Auth,
    Path((user, team_id, id)): Path<(String, String, String)>,
) -> Result<axum::Json<Value>, AppError> {
    let (user_id, known) = sidebar(&app, &session, &user, &team_id).await?;
    let custom = |one: &SidebarCategory| one.id == id && one.kind == "custom";
    if !known.iter().any(custom) {
        return Err(AppError::invalid_body("category"));
    }
    let deleted = app.store.delete_category(&user_id, &id).await;
    deleted.or_internal(FAILED)?;
    let event = "sidebar_category_deleted";
    announce(&app, event, &user_id, &team_id, json!({"category_id": id}));
    Ok(ok())
}

fn announce(app: &Server, event: &str, user_id: &str, team_id: &str, mut data: Value) {
    data["team_id"] = team_id.into();
    app.publish_to_user(event, user_id, data);
}
