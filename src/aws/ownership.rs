//! Whose a resource is, as its tags show.

use crate::engine::Observed;

/// What was found under a name or an id that an environment uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::aws) enum Ownership<T = Observed> {
    /// The environment's own.
    Ours(T),
    /// It bears another environment's tag.
    Foreign,
    /// It bears no environment's tag, or not all of its tags are listed yet.
    Untagged,
    /// Nothing is listed, or its tags cannot be read now.
    NotListed,
}

impl<T> Ownership<T> {
    /// The environment's own resource.
    pub(in crate::aws) fn ours(self) -> Option<T> {
        match self {
            Ownership::Ours(found) => Some(found),
            Ownership::Foreign | Ownership::Untagged | Ownership::NotListed => None,
        }
    }

    /// Looks closer at what is ours; what cannot be made out counts as not listed.
    pub(in crate::aws) fn and_then<U>(self, look: impl FnOnce(T) -> Option<U>) -> Ownership<U> {
        match self {
            Ownership::Ours(found) => look(found).map_or(Ownership::NotListed, Ownership::Ours),
            Ownership::Foreign => Ownership::Foreign,
            Ownership::Untagged => Ownership::Untagged,
            Ownership::NotListed => Ownership::NotListed,
        }
    }
}
