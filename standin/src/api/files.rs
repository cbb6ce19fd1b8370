//! Uploads and downloads. A file is held in memory while it passes through.

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Auth, too_large};
use super::named;
use crate::app::{App, Server};
use crate::error::{AppError, OrInternal};
use crate::id::{is_valid_id, new_id, now_ms};
use crate::model::{FileInfo, UserSession};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UploadQuery {
    channel_id: String,
    filename: String,
}

/// All but the upload, whose body may be larger than others.
pub(super) fn routes() -> Router<App> {
    let one = "/api/v4/files/{file}";
    Router::new()
        .route(one, named("getFile", get(download)))
        .route(&format!("{one}/info"), named("getFileInfo", get(info)))
        .route(
            &format!("{one}/thumbnail"),
            named("getFileThumbnail", get(thumbnail)),
        )
        .route(
            &format!("{one}/preview"),
            named("getFilePreview", get(preview)),
        )
}

/// What an upload holds, however it came.
#[derive(Debug, Default)]
struct Upload {
    channel_id: String,
    client_ids: Vec<String>,
    files: Vec<(String, String, Bytes)>,
}

/// `POST /files`: a form with `channel_id`, `files` and `client_ids`, or a raw
/// body with `channel_id` and `filename` in the query.
pub(super) async fn upload(
    State(app): State<App>,
    Auth(session): Auth,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<(StatusCode, axum::Json<Value>), AppError> {
    if !app.config().file_settings.enable_file_attachments {
        return Err(AppError::new(
            StatusCode::NOT_IMPLEMENTED,
            "api.file.attachments.disabled.app_error",
            "File attachments have been disabled on this server.",
        ));
    }
    let upload = read(&app, query, request).await?;
    if !is_valid_id(&upload.channel_id) {
        return Err(AppError::invalid_url("channel_id"));
    }
    if upload.files.is_empty() {
        return Err(AppError::invalid_body("files"));
    }
    app.require_channel(&session, &upload.channel_id).await?;
    let mut infos = Vec::with_capacity(upload.files.len());
    for (name, mime_type, data) in upload.files {
        infos.push(keep(&app, &session, &upload.channel_id, name, mime_type, data).await?);
    }
    let body = json!({"file_infos": infos, "client_ids": upload.client_ids});
    Ok((StatusCode::CREATED, axum::Json(body)))
}

async fn read(app: &App, query: UploadQuery, request: Request) -> Result<Upload, AppError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let content_type = content_type
        .as_ref()
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if content_type.starts_with("multipart/form-data") {
        let form = Multipart::from_request(request, app).await;
        let form = form.map_err(|_| AppError::invalid_body("form"))?;
        return read_form(query.channel_id, form).await;
    }
    if query.filename.is_empty() {
        return Err(AppError::invalid_url("filename"));
    }
    let data = Bytes::from_request(request, app).await;
    let data = data.map_err(|refused| match refused.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => AppError::invalid_body("file"),
    })?;
    let mime_type = if content_type.is_empty() {
        BINARY
    } else {
        content_type
    }
    .to_owned();
    Ok(Upload {
        channel_id: query.channel_id,
        client_ids: Vec::new(),
        files: vec![(query.filename, mime_type, data)],
    })
}

async fn read_form(channel_id: String, mut form: Multipart) -> Result<Upload, AppError> {
    let refused = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => AppError::invalid_body("form"),
    };
    let mut upload = Upload {
        channel_id,
        ..Upload::default()
    };
    while let Some(field) = form.next_field().await.map_err(refused)? {
        match field.name() {
            Some("channel_id") => upload.channel_id = field.text().await.map_err(refused)?,
            Some("client_ids") => upload.client_ids.push(field.text().await.map_err(refused)?),
            Some("files") => {
                let name = field.file_name().unwrap_or("file").to_owned();
                let mime_type = field.content_type().unwrap_or(BINARY).to_owned();
                upload
                    .files
                    .push((name, mime_type, field.bytes().await.map_err(refused)?));
            }
            // Later clients may send more; what is not known is passed over.
            _ => {}
        }
    }
    Ok(upload)
}

const BINARY: &str = "application/octet-stream";

async fn keep(
    app: &Server,
    session: &UserSession,
    channel_id: &str,
    name: String,
    mime_type: String,
    data: Bytes,
) -> Result<FileInfo, AppError> {
    if data.len() > app.config().file_settings.max_file_size {
        return Err(too_large());
    }
    let (id, now) = (new_id(), now_ms());
    let name = plain_name(&name);
    let extension = name
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension)
        .to_lowercase();
    let user_id = session.user_id.clone();
    let file = FileInfo {
        path: format!("{now}/teams/noteam/channels/{channel_id}/users/{user_id}/{id}/{name}"),
        id,
        user_id,
        channel_id: channel_id.to_owned(),
        create_at: now,
        update_at: now,
        size: i64::try_from(data.len()).unwrap_or(i64::MAX),
        name,
        extension,
        mime_type,
        ..FileInfo::default()
    };
    let written = app.files.write(&file.path, data).await;
    written.or_internal("api.file.upload_file.storage.app_error")?;
    app.store
        .create_file_info(&file)
        .await
        .or_internal("app.file_info.save.app_error")?;
    Ok(file)
}

/// The last part of a name, without what would not fit a path.
fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
    if matches!(plain.as_str(), "" | "." | "..") {
        "file".to_owned()
    } else {
        plain
    }
}

/// `GET /files/{id}`.
async fn download(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let file = allowed(&app, &session, &id).await?;
    let data = app.files.read(&file.path).await;
    let data = data.or_internal("api.file.read_file.reading_local.app_error")?;
    let mut response = Body::from(data).into_response();
    let headers = response.headers_mut();
    let mime_type = HeaderValue::from_str(&file.mime_type);
    headers.insert(
        header::CONTENT_TYPE,
        mime_type.unwrap_or(HeaderValue::from_static(BINARY)),
    );
    // Whatever somebody uploaded is not to run in another one's browser.
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment"),
    );
    Ok(response)
}

/// `GET /files/{id}/info`.
async fn info(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<axum::Json<FileInfo>, AppError> {
    allowed(&app, &session, &id).await.map(axum::Json)
}

/// `GET /files/{file}/thumbnail`: the stand-in makes none, and says what Mattermost says of a file
/// that is no image.
async fn thumbnail(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    allowed(&app, &session, &id).await?;
    let id = "api.file.get_file_thumbnail.no_thumbnail.app_error";
    let message = "File doesn't have a thumbnail image.";
    Err(AppError::new(StatusCode::BAD_REQUEST, id, message))
}

/// `GET /files/{file}/preview`, as the thumbnail.
async fn preview(
    State(app): State<App>,
    Auth(session): Auth,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    allowed(&app, &session, &id).await?;
    let id = "api.file.get_file_preview.no_preview.app_error";
    let message = "File doesn't have a preview image.";
    Err(AppError::new(StatusCode::BAD_REQUEST, id, message))
}

async fn allowed(app: &Server, session: &UserSession, id: &str) -> Result<FileInfo, AppError> {
    let file = app
        .store
        .file_info(id)
        .await
        .or_internal("app.file_info.get.app_error")?;
    let file = file.ok_or_else(|| AppError::not_found("app.file_info.get.app_error"))?;
    if file.user_id != session.user_id {
        app.require_channel(session, &file.channel_id).await?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_directories() {
        for (name, plain) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\tmp\\a.txt", "a.txt"),
            ("..", "file"),
            ("", "file"),
        ] {
            assert_eq!(plain_name(name), plain);
        }
    }
}
