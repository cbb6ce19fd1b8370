//! What it takes to get from the population that is there to the one that is wanted.

use crate::loadtest::Population;

use super::marker::{FORMAT, Marker};

/// What it takes to get from the population that a database has to the one that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PopulationChange {
    /// There is none: everything is written.
    Create,
    /// It is there, at least as large; what users did to it is undone.
    Reuse {
        /// How many accounts there are.
        users: u32,
    },
    /// It is there with fewer accounts: the others are added.
    Grow {
        /// How many there are.
        from: u32,
        /// How many there will be.
        to: u32,
    },
    /// There is another one: it is removed and the wanted one is written.
    Replace {
        /// What differs.
        reasons: Vec<String>,
    },
}

impl PopulationChange {
    pub(super) fn find(found: Option<&Marker>, wanted: Population, users: u32) -> Self {
        let Some(found) = found else {
            return PopulationChange::Create;
        };
        let reasons = differences(found, wanted);
        if !reasons.is_empty() {
            return PopulationChange::Replace { reasons };
        }
        if found.users < users {
            return PopulationChange::Grow {
                from: found.users,
                to: users,
            };
        }
        PopulationChange::Reuse { users: found.users }
    }
}

/// Why rows of one population cannot become those of the other by adding some.
fn differences(found: &Marker, wanted: Population) -> Vec<String> {
    if found.format != FORMAT {
        return vec!["another version of loadrig made it".to_owned()];
    }
    let has = found.population;
    [
        ("teams", has.teams, wanted.teams),
        ("channels", has.channels, wanted.channels),
        (
            "channels for each user",
            has.channels_per_user,
            wanted.channels_per_user,
        ),
        (
            "posts in each channel",
            has.posts_per_channel,
            wanted.posts_per_channel,
        ),
    ]
    .into_iter()
    .filter(|(_, has, wanted)| has != wanted)
    .map(|(what, has, wanted)| format!("it has {has} {what}, the scenario {wanted}"))
    .collect()
}

impl std::fmt::Display for PopulationChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PopulationChange::Create => f.write_str("create the population"),
            PopulationChange::Reuse { users } => {
                write!(f, "reuse the population of {users} users")
            }
            PopulationChange::Grow { from, to } => {
                write!(f, "grow the population from {from} to {to} users")
            }
            PopulationChange::Replace { reasons } => {
                write!(f, "replace the population: {}", reasons.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_population_is_reused_grown_or_replaced() {
        let wanted = Population::default();
        let marker = Marker {
            format: FORMAT,
            users: 100,
            population: wanted,
            made_ms: 0,
        };
        let find =
            |found: &Marker, users| PopulationChange::find(Some(found), wanted, users).to_string();
        assert_eq!(
            PopulationChange::find(None, wanted, 5),
            PopulationChange::Create
        );
        assert_eq!(find(&marker, 100), "reuse the population of 100 users");
        assert_eq!(find(&marker, 50), "reuse the population of 100 users");
        assert_eq!(
            find(&marker, 101),
            "grow the population from 100 to 101 users"
        );
        let mut other = marker;
        other.population.teams = 9;
        other.population.posts_per_channel = 3;
        assert_eq!(
            find(&other, 100),
            "replace the population: it has 9 teams, the scenario 4; it has 3 posts in each channel, \
             the scenario 60"
        );
        other.population = wanted;
        other.population.unread_channels = 0;
        assert_eq!(find(&other, 100), "reuse the population of 100 users");
        other.format = 0;
        assert_eq!(
            find(&other, 100),
            "replace the population: another version of loadrig made it"
        );
    }
}
