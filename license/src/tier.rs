//! Editions, and which of them include which.

/// The edition of a license, by `sku_short_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sku {
    /// The oldest small one; today's Professional took its place.
    E10,
    /// The oldest large one; today's Enterprise took its place.
    E20,
    /// Mattermost Professional.
    Professional,
    /// Mattermost Enterprise.
    Enterprise,
    /// Mattermost Enterprise Advanced.
    Advanced,
    /// Mattermost Entry, which an official server of 11.0 or later gives itself.
    Entry,
    /// One that this program does not know.
    Other(String),
}

/// How much an edition includes; a higher one includes a lower one. E10 and E20 have no
/// tier, as in the server: their features stand in the license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// No license, or one of an edition without a tier.
    None,
    /// Professional.
    Professional,
    /// Enterprise.
    Enterprise,
    /// Enterprise Advanced and Entry.
    Advanced,
}

impl Sku {
    /// The edition that a license calls `short_name`.
    pub fn new(short_name: &str) -> Self {
        match short_name {
            "E10" => Self::E10,
            "E20" => Self::E20,
            "professional" => Self::Professional,
            "enterprise" => Self::Enterprise,
            "advanced" => Self::Advanced,
            "entry" => Self::Entry,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Its name in a license.
    pub fn short_name(&self) -> &str {
        match self {
            Self::E10 => "E10",
            Self::E20 => "E20",
            Self::Professional => "professional",
            Self::Enterprise => "enterprise",
            Self::Advanced => "advanced",
            Self::Entry => "entry",
            Self::Other(name) => name,
        }
    }

    /// Its name for people.
    pub fn name(&self) -> &str {
        match self {
            Self::E10 => "Enterprise E10",
            Self::E20 => "Enterprise E20",
            Self::Professional => "Professional",
            Self::Enterprise => "Enterprise",
            Self::Advanced => "Enterprise Advanced",
            Self::Entry => "Entry",
            Self::Other(name) if name.is_empty() => "unnamed edition",
            Self::Other(name) => name,
        }
    }

    /// How much it includes: `LicenseToLicenseTier` in `public/model/license.go`.
    pub const fn tier(&self) -> Tier {
        match self {
            Self::Professional => Tier::Professional,
            Self::Enterprise => Tier::Enterprise,
            Self::Advanced | Self::Entry => Tier::Advanced,
            Self::E10 | Self::E20 | Self::Other(_) => Tier::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_and_tiers_are_ordered() {
        for name in [
            "E10",
            "E20",
            "professional",
            "enterprise",
            "advanced",
            "entry",
            "new",
        ] {
            assert_eq!(Sku::new(name).short_name(), name);
        }
        assert!(Sku::Advanced.tier() > Sku::Enterprise.tier());
        assert!(Sku::Enterprise.tier() > Sku::Professional.tier());
        assert_eq!(Sku::E20.tier(), Tier::None);
    }
}
