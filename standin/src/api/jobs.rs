//! Jobs: asked for, looked at and canceled by administrators.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::Value;

use super::administration::require_admin;
use super::extract::{Auth, JsonObject, Page};
use super::named;
use super::system::ok;
use crate::app::App;
use crate::error::{AppError, OrInternal};
use crate::id::{new_id, now_ms};
use crate::jobs::JobKind;
use crate::model::Job;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/jobs", named("createJob", post(create)))
        .route("/api/v4/jobs", named("getJobs", get(list)))
        .route("/api/v4/jobs/{job}", named("getJob", get(one)))
        .route(
            "/api/v4/jobs/{job}/cancel",
            named("cancelJob", post(cancel)),
        )
        .route(
            "/api/v4/jobs/type/{type}",
            named("getJobsByType", get(of_type)),
        )
}

/// `POST /jobs`. Mattermost has more kinds than the stand-in; those it refuses as Mattermost does what
/// is none.
async fn create(
    State(app): State<App>,
    Auth(session): Auth,
    JsonObject(new): JsonObject<Job>,
) -> Result<(StatusCode, axum::Json<Job>), AppError> {
    if JobKind::find(&new.kind).is_none() {
        return Err(AppError::new(
            StatusCode::BAD_REQUEST,
            "api.job.unable_to_create_job.incorrect_job_type",
            "The job type of the job you are trying to create is invalid.",
        ));
    }
    require_admin(&session)?;
    let job = Job {
        id: new_id(),
        kind: new.kind,
        create_at: now_ms(),
        status: "pending".to_owned(),
        data: new.data,
        ..Job::default()
    };
    let created = app.store.create_job(&job).await;
    created.or_internal("app.job.save.app_error")?;
    Ok((StatusCode::CREATED, axum::Json(job)))
}

/// `GET /jobs`, newest first.
async fn list(
    State(app): State<App>,
    Auth(session): Auth,
    page: Page,
) -> Result<axum::Json<Vec<Job>>, AppError> {
    require_admin(&session)?;
    let kinds = JobKind::ALL.map(JobKind::name);
    let jobs = app.store.jobs(&kinds, page.offset, page.limit).await;
    Ok(axum::Json(jobs.or_internal("app.job.get_all.app_error")?))
}

/// `GET /jobs/type/{type}`, newest first.
async fn of_type(
    State(app): State<App>,
    Auth(session): Auth,
    Path(kind): Path<String>,
    page: Page,
) -> Result<axum::Json<Vec<Job>>, AppError> {
    require_admin(&session)?;
    let jobs = app
        .store
        .jobs(&[kind.as_str()], page.offset, page.limit)
        .await;
    Ok(axum::Json(jobs.or_internal("app.job.get_all.app_error")?))
}

/// `GET /jobs/{job}`.
async fn one(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Job>, AppError> {
    require_admin(&session)?;
    let job = app.store.job(&id).await;
    let job = job.or_internal("app.job.get.app_error")?;
    job.map(axum::Json)
        .ok_or_else(|| AppError::not_found("app.job.get.app_error"))
}

/// `POST /jobs/{job}/cancel`: one that nobody has taken. Those of the stand-in end before anybody could
/// ask for it.
async fn cancel(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, AppError> {
    require_admin(&session)?;
    let canceled = app.store.cancel_pending_job(&id).await;
    if canceled.or_internal("app.job.update.app_error")? {
        return Ok(ok());
    }
    let id = "jobs.request_cancellation.status.error";
    let message = "Could not request cancellation for job that is not in a cancelable state.";
    Err(AppError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        id,
        message,
    ))
}
