//! Table `fileinfo`.

use tokio_postgres::Row;

use super::{DbError, Store};
use crate::model::FileInfo;

const COLUMNS: &str = "id, creatorid, postid, channelid, createat, updateat, deleteat, path, name, \
    extension, size, mimetype";

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
        let sql = format!("SELECT {COLUMNS} FROM fileinfo WHERE id = $1 AND deleteat = 0");
        let row = self.one(&sql, &[&id]).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// The files of these posts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn files_of_posts(
        &self,
        post_ids: &[String],
    ) -> Result<Vec<FileInfo>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fileinfo WHERE postid = ANY($1) AND deleteat = 0 \
             ORDER BY createat"
        );
        let rows = self.list(&sql, &[&post_ids]).await?;
        rows.iter().map(read).collect()
    }

    /// Files in these channels with a name that holds `term`, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn search_files(
        &self,
        channel_ids: &[String],
        term: &str,
        limit: i64,
    ) -> Result<Vec<FileInfo>, DbError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM fileinfo WHERE channelid = ANY($1) AND postid <> '' \
             AND deleteat = 0 AND position(lower($2) in lower(name)) > 0 \
             ORDER BY createat DESC LIMIT $3"
        );
        let rows = self.list(&sql, &[&channel_ids, &term, &limit]).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<FileInfo, DbError> {
    Ok(FileInfo {
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
        ..FileInfo::default()
    })
}
