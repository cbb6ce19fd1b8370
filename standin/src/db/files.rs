//! Table `fileinfo`.

use super::{DbError, Store};
use crate::model::FileInfo;

impl Store {
    /// Writes what is known of an uploaded file.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn create_file_info(&self, file: &FileInfo) -> Result<(), DbError> {
        let sql = "INSERT INTO fileinfo (id, creatorid, channelid, createat, updateat, path, name, \
                   extension, size, mimetype) VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $9)";
        self.execute(
            sql,
            &[
                &file.id,
                &file.user_id,
                &file.channel_id,
                &file.create_at,
                &file.path,
                &file.name,
                &file.extension,
                &file.size,
                &file.mime_type,
            ],
        )
        .await
        .map(drop)
    }

    /// A file by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn file_info(&self, id: &str) -> Result<Option<FileInfo>, DbError> {
        let sql = "SELECT id, creatorid, postid, channelid, createat, updateat, deleteat, path, \
                   name, extension, size, mimetype FROM fileinfo WHERE id = $1 AND deleteat = 0";
        let Some(row) = self.one(sql, &[&id]).await? else {
            return Ok(None);
        };
        Ok(Some(FileInfo {
            id: row.try_get("id")?,
            user_id: row.try_get("creatorid")?,
            post_id: row.try_get("postid")?,
            channel_id: row.try_get("channelid")?,
            create_at: row.try_get("createat")?,
            update_at: row.try_get("updateat")?,
            delete_at: row.try_get("deleteat")?,
            name: row.try_get("name")?,
            extension: row.try_get("extension")?,
            size: row.try_get("size")?,
            mime_type: row.try_get("mimetype")?,
            path: row.try_get("path")?,
        }))
    }
}
