//! In which order things may be deleted, kind by kind.

use crate::blueprint::Kind;

/// The kinds that must be gone before one of this kind can be deleted.
#[must_use]
pub fn deleted_after(kind: Kind) -> Vec<Kind> {
    let mut kinds = Kind::ALL.to_vec();
    kinds.retain(|other| other.info().deleted_before.contains(&kind));
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_deleted_after_their_dependents() {
        assert_eq!(deleted_after(Kind::Role), [Kind::InstanceProfile]);
        assert!(deleted_after(Kind::Vpc).contains(&Kind::Subnet));
        assert!(deleted_after(Kind::Instance).is_empty());
    }
}
