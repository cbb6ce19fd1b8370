//! Tables `sidebarcategories` and `sidebarchannels`.

use super::{DbError, Store};
use crate::model::SidebarCategory;

/// The categories that every user has in every team: type, place, sorting and name.
const DEFAULTS: [(&str, i64, &str, &str); 3] = [
    ("favorites", 0, "", "Favorites"),
    ("channels", 10, "", "Channels"),
    ("direct_messages", 20, "recent", "Direct Messages"),
];

const UPSERT: &str = "INSERT INTO sidebarcategories AS s (id, userid, teamid, sortorder, sorting, \
    type, displayname, muted, collapsed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (id) DO UPDATE SET sortorder = $4, sorting = $5, displayname = $7, muted = $8, \
    collapsed = $9";

impl Store {
    /// A user's sidebar in a team; the first call makes it. Channels that are in no category are
    /// shown in the default one of their type.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn sidebar(
        &self,
        user_id: &str,
        team_id: &str,
    ) -> Result<Vec<SidebarCategory>, DbError> {
        let mut categories = self.read_sidebar(user_id, team_id).await?;
        if categories.is_empty() {
            for (kind, sort_order, sorting, display_name) in DEFAULTS {
                let category = SidebarCategory {
                    id: format!("{kind}_{user_id}_{team_id}"),
                    user_id: user_id.to_owned(),
                    team_id: team_id.to_owned(),
                    sort_order,
                    sorting: sorting.to_owned(),
                    kind: kind.to_owned(),
                    display_name: display_name.to_owned(),
                    ..SidebarCategory::default()
                };
                self.save_category_row(&category).await?;
                categories.push(category);
            }
        }
        for (channel_id, kind) in self.channels_without_category(user_id, team_id).await? {
            let home = if matches!(kind.as_str(), "D" | "G") {
                "direct_messages"
            } else {
                "channels"
            };
            if let Some(category) = categories.iter_mut().find(|one| one.kind == home) {
                category.channel_ids.push(channel_id);
            }
        }
        Ok(categories)
    }

    async fn read_sidebar(
        &self,
        user_id: &str,
        team_id: &str,
    ) -> Result<Vec<SidebarCategory>, DbError> {
        let sql = "SELECT s.id, s.sortorder, s.sorting, s.type, s.displayname, s.muted, \
                   s.collapsed, coalesce(array_agg(c.channelid ORDER BY c.sortorder) \
                   FILTER (WHERE c.channelid IS NOT NULL), '{}') AS channels \
                   FROM sidebarcategories s LEFT JOIN sidebarchannels c ON c.categoryid = s.id \
                   WHERE s.userid = $1 AND s.teamid = $2 GROUP BY s.id ORDER BY s.sortorder";
        let rows = self.list(sql, &[&user_id, &team_id]).await?;
        rows.iter()
            .map(|row| {
                Ok(SidebarCategory {
                    id: row.try_get("id")?,
                    user_id: user_id.to_owned(),
                    team_id: team_id.to_owned(),
                    sort_order: row.try_get("sortorder")?,
                    sorting: row.try_get("sorting")?,
                    kind: row.try_get("type")?,
                    display_name: row.try_get("displayname")?,
                    muted: row.try_get("muted")?,
                    collapsed: row.try_get("collapsed")?,
                    channel_ids: row.try_get("channels")?,
                })
            })
            .collect()
    }

    async fn channels_without_category(
        &self,
        user_id: &str,
        team_id: &str,
    ) -> Result<Vec<(String, String)>, DbError> {
        let sql = "SELECT c.id, c.type FROM channelmembers m JOIN channels c ON c.id = m.channelid \
                   WHERE m.userid = $1 AND (c.teamid = $2 OR c.teamid = '') AND c.deleteat = 0 \
                   AND NOT EXISTS (SELECT 1 FROM sidebarchannels x JOIN sidebarcategories s \
                   ON s.id = x.categoryid WHERE x.channelid = c.id AND s.userid = $1 \
                   AND s.teamid = $2) ORDER BY c.displayname";
        let rows = self.list(sql, &[&user_id, &team_id]).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("id")?, row.try_get("type")?)))
            .collect()
    }

    /// Writes categories and which channels are in them. A channel is in one category of a team.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn save_categories(
        &self,
        categories: &[SidebarCategory],
    ) -> Result<(), DbError> {
        for category in categories {
            self.save_category_row(category).await?;
            let sql = "DELETE FROM sidebarchannels WHERE userid = $1 AND (categoryid = $2 \
                       OR (channelid = ANY($3) AND categoryid IN (SELECT id FROM \
                       sidebarcategories WHERE userid = $1 AND teamid = $4)))";
            let channels = &category.channel_ids;
            self.execute(
                sql,
                &[&category.user_id, &category.id, channels, &category.team_id],
            )
            .await?;
            let sql = "INSERT INTO sidebarchannels (channelid, userid, categoryid, sortorder) \
                       SELECT id, $1, $2, place * 10 FROM unnest($3::text[]) \
                       WITH ORDINALITY AS x (id, place) ON CONFLICT DO NOTHING";
            self.execute(sql, &[&category.user_id, &category.id, channels])
                .await?;
        }
        Ok(())
    }

    async fn save_category_row(&self, category: &SidebarCategory) -> Result<(), DbError> {
        self.execute(
            UPSERT,
            &[
                &category.id,
                &category.user_id,
                &category.team_id,
                &category.sort_order,
                &category.sorting,
                &category.kind,
                &category.display_name,
                &category.muted,
                &category.collapsed,
            ],
        )
        .await
        .map(drop)
    }

    /// Gives a user's categories in a team the places in which their ids are listed.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn order_categories(
        &self,
        user_id: &str,
        team_id: &str,
        ids: &[String],
    ) -> Result<(), DbError> {
        let sql = "UPDATE sidebarcategories s SET sortorder = x.place * 10 \
                   FROM unnest($3::text[]) WITH ORDINALITY AS x (id, place) \
                   WHERE s.id = x.id AND s.userid = $1 AND s.teamid = $2";
        self.execute(sql, &[&user_id, &team_id, &ids])
            .await
            .map(drop)
    }

    /// Removes a category that a user has made; its channels go back to where they were.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) async fn delete_category(&self, user_id: &str, id: &str) -> Result<(), DbError> {
        let sql = "WITH gone AS (DELETE FROM sidebarcategories WHERE id = $2 AND userid = $1) \
                   DELETE FROM sidebarchannels WHERE categoryid = $2 AND userid = $1";
        self.execute(sql, &[&user_id, &id]).await.map(drop)
    }
}
