//! Pictures of users. The first time that somebody asks for a user's picture it is made and kept
//! in the file store, from where it is read each later time, as in Mattermost.

use std::io::Write as _;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use tracing::warn;

use super::extract::{Auth, user_or_me};
use super::{etag, named};
use crate::app::App;
use crate::error::{AppError, OrInternal, chain};
use crate::id::is_valid_id;

/// Width and height in pixels.
const SIZE: u32 = 128;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/api/v4/users/{user}/image",
            named("getProfileImage", get(image)),
        )
        .route(
            "/api/v4/users/{user}/image/default",
            named("getDefaultProfileImage", get(image)),
        )
}

/// `GET /users/{user}/image`.
async fn image(
    State(app): State<App>,
    Auth(session): Auth,
    headers: HeaderMap,
    Path(user): Path<String>,
) -> Result<Response, AppError> {
    let id = user_or_me(&user, &session);
    if !is_valid_id(&id) {
        return Err(AppError::invalid_url("user_id"));
    }
    let user = app.store.user(&id).await;
    let user = user.or_internal("app.user.get.app_error")?;
    let user = user.ok_or_else(|| AppError::not_found("app.user.missing_account.const"))?;
    let tag = user.last_picture_update.to_string();
    if etag::is_known(&headers, &tag) {
        return Ok(etag::not_modified(&tag));
    }
    let path = format!("users/{id}/profile.png");
    let (image, age) = match app.files.read(&path).await {
        Ok(image) => (image, "max-age=86400, private"),
        Err(_) => {
            let image = Bytes::from(draw(&id));
            // A picture that cannot be kept is shown for a short time.
            let kept = app.files.write(&path, image.clone()).await;
            let kept = kept.inspect_err(|error| {
                warn!(error = chain(error), "picture of a user is not kept");
            });
            let age = match kept {
                Ok(()) => "max-age=86400, private",
                Err(_) => "max-age=300, private",
            };
            (image, age)
        }
    };
    let mut response = image.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(age));
    Ok(etag::with_tag(response, &tag))
}

/// A square with a lighter one in it, in a color of the user's own, as PNG.
fn draw(user_id: &str) -> Vec<u8> {
    let hash = user_id.bytes().fold(0_u32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    });
    let [red, green, blue, _] = hash.to_le_bytes();
    let mut rows = Vec::with_capacity((SIZE * (SIZE * 3 + 1)) as usize);
    for y in 0..SIZE {
        // Each row begins with its filter: none.
        rows.push(0);
        for x in 0..SIZE {
            let inner = [x, y]
                .iter()
                .all(|at| (SIZE / 4..SIZE * 3 / 4).contains(at));
            for color in [red, green, blue] {
                rows.push(if inner { color / 2 + 127 } else { color / 2 });
            }
        }
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let packed = packed
        .write_all(&rows)
        .and_then(|()| packed.finish())
        .unwrap_or_default();
    let mut header = Vec::new();
    header.extend(SIZE.to_be_bytes());
    header.extend(SIZE.to_be_bytes());
    // Eight bits of each color, no transparency, not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header), (b"IDAT", packed), (b"IEND", Vec::new())] {
        chunk(&mut png, name, &data);
    }
    png
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(data);
    png.extend(u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
    png.extend(name);
    png.extend(data);
    png.extend(crc.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_png_and_differ() {
        let (a, b) = (draw("ann"), draw("bob"));
        assert!(a.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x80\0\0\0\x80"));
        // The last chunk of every PNG, with its known checksum.
        assert!(a.ends_with(b"\0\0\0\0IEND\xaeB`\x82"));
        assert_ne!(a, b);
    }
}
