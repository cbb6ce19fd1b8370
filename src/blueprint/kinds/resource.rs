//! What every desired resource can tell of itself.

use crate::spec::Protection;

use super::super::{Address, AttributeValue, Attributes};

/// A resource as it should be. References are addresses.
pub trait Resource {
    /// The attributes that are compared with what exists.
    ///
    /// `aws` reports the same names; those that it does not report are not compared. What takes
    /// more than one call to create has an attribute for the rest of its calls, so that a
    /// resource that was left unfinished shows as changed.
    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    /// Whether an existing value that is not the first choice is as good: another type that
    /// was taken where the first had no capacity.
    fn accepts(&self, _attribute: &str, _value: &AttributeValue) -> bool {
        false
    }

    /// The same at the other places and of the other types that may be taken where AWS has no
    /// capacity, best first.
    fn alternatives(&self) -> Vec<Self>
    where
        Self: Sized,
    {
        Vec::new()
    }

    /// How an alternative differs from the others, for people.
    fn placement(&self) -> String {
        String::new()
    }

    /// Resources whose ids or addresses it holds a copy of: when one of them is replaced, it
    /// has to be brought up to date although nothing about it differs yet.
    fn holds_ids_of(&self) -> Vec<Address> {
        Vec::new()
    }

    /// Parameter groups whose changes it takes over by a restart.
    fn parameter_groups(&self) -> Vec<Address> {
        Vec::new()
    }

    /// What keeps it from being deleted.
    fn protection(&self) -> Protection {
        Protection::default()
    }

    /// What it is called in the private DNS zone.
    fn dns_name(&self) -> Option<String> {
        None
    }

    /// The one subnet that it is in.
    fn subnet(&self) -> Option<&Address> {
        None
    }
}
