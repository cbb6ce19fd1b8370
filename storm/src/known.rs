//! What users know of the server: little, for there are many of them.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::recorder::lock;

/// An id of Mattermost's: 26 characters.
pub(crate) type IdText = [u8; 26];

/// The number of an id in an [`IdTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct IdNumber(u32);

/// Ids, each once: thousands of users know the same channels and authors.
#[derive(Debug, Default)]
pub(crate) struct IdTable {
    table: Mutex<(HashMap<IdText, IdNumber>, Vec<IdText>)>,
}

impl IdTable {
    /// The number of an id; none for a text that is no id.
    pub(crate) fn number(&self, id: &str) -> Option<IdNumber> {
        let id: IdText = id.as_bytes().try_into().ok()?;
        let mut table = lock(&self.table);
        if let Some(number) = table.0.get(&id) {
            return Some(*number);
        }
        let number = IdNumber(u32::try_from(table.1.len()).ok()?);
        table.1.push(id);
        table.0.insert(id, number);
        Some(number)
    }

    /// The id behind a number.
    pub(crate) fn id(&self, number: IdNumber) -> String {
        let table = lock(&self.table);
        let id = table.1.get(number.0 as usize);
        id.map_or_else(String::new, |id| String::from_utf8_lossy(id).into_owned())
    }

    /// A JSON list of ids.
    pub(crate) fn list(&self, numbers: &[IdNumber]) -> String {
        let table = lock(&self.table);
        let mut text = String::with_capacity(numbers.len() * 29 + 2);
        text.push('[');
        for (index, number) in numbers.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push('"');
            if let Some(id) = table.1.get(number.0 as usize) {
                text.push_str(&String::from_utf8_lossy(id));
            }
            text.push('"');
        }
        text.push(']');
        text
    }
}

/// What the server says of itself, as far as calls depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiteSettings {
    pub(crate) is_licensed: bool,
    pub(crate) is_enterprise: bool,
    pub(crate) plugins: bool,
    pub(crate) collapsed_threads: bool,
    pub(crate) drafts: bool,
    pub(crate) scheduled_posts: bool,
    pub(crate) client_metrics: bool,
    pub(crate) typing: bool,
}

/// A channel as far as a user has to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownChannel {
    pub(crate) id: IdNumber,
    /// Root posts that the user has not read.
    pub(crate) unread: u32,
    /// Of these, those that mention the user.
    pub(crate) mentions: u32,
    /// Between two people or a few.
    pub(crate) is_direct: bool,
    /// Its posts were fetched before.
    pub(crate) is_loaded: bool,
    /// Time of the newest post that is there, milliseconds; zero while there is none.
    pub(crate) newest_ms: u64,
}

/// What one user knows.
#[derive(Debug, Default)]
pub(crate) struct KnownToUser {
    pub(crate) user_id: Box<str>,
    pub(crate) team: Option<IdNumber>,
    pub(crate) channels: Vec<KnownChannel>,
    /// Group channels, whose members have to be asked for.
    pub(crate) groups: Vec<IdNumber>,
    /// The channel that is open: its index.
    pub(crate) open: usize,
    /// Users whose profiles are there.
    pub(crate) users: Vec<IdNumber>,
    /// Users whose profiles will be asked for at the next tick.
    pub(crate) unknown: Vec<IdNumber>,
    /// Users whose status will be asked for at the next tick.
    pub(crate) statuses: Vec<IdNumber>,
    /// Authors of the posts that are shown, and the partners of direct channels.
    pub(crate) shown: Vec<IdNumber>,
    /// A post of the open channel that can be opened as a thread.
    pub(crate) thread: Option<IdNumber>,
    /// The user follows it.
    pub(crate) is_following: bool,
    /// The oldest post of the open channel that is there.
    pub(crate) oldest: Option<IdNumber>,
    /// Somebody asks for what is needed, tick by tick.
    pub(crate) is_polling: bool,
}

impl KnownToUser {
    /// The channel that is open.
    pub(crate) fn open_channel(&self) -> Option<IdNumber> {
        self.channels.get(self.open).map(|channel| channel.id)
    }

    /// Time of the newest post of the open channel that is there, milliseconds.
    pub(crate) fn newest_in_open_channel(&self) -> u64 {
        self.channels
            .get(self.open)
            .map_or(0, |open| open.newest_ms)
    }

    /// Takes note of a post of the open channel.
    pub(crate) fn has_post_of(&mut self, time_ms: u64) {
        if let Some(open) = self.channels.get_mut(self.open) {
            open.newest_ms = open.newest_ms.max(time_ms);
        }
    }

    /// Sees somebody: whoever is not known is asked for at the next tick, and so is the status.
    pub(crate) fn see(&mut self, user: IdNumber) {
        if !self.shown.contains(&user) {
            self.shown.push(user);
            self.statuses.push(user);
        }
        if !self.users.contains(&user) && !self.unknown.contains(&user) {
            self.unknown.push(user);
        }
    }
}
