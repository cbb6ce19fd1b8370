//! Changes that read alike, put together: 25 load agents are one line, not 25.

use crate::blueprint::Address;

use super::change::{Action, Change, Plan};

/// Changes of one kind that are done for the same reason and come to the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeGroup<'a> {
    /// The changes, in the plan's order; never empty.
    pub changes: Vec<&'a Change>,
}

impl ChangeGroup<'_> {
    /// What the changes have in common; only addresses and ids differ.
    #[must_use]
    pub fn first(&self) -> Option<&Change> {
        self.changes.first().copied()
    }

    /// The addresses, shortened: `instance/agent-1 … agent-25`.
    #[must_use]
    pub fn name(&self) -> String {
        let addresses = self.changes.iter().map(|change| change.address.as_str());
        let addresses: Vec<&str> = addresses.collect();
        let [first, ..] = addresses.as_slice() else {
            return String::new();
        };
        // All are of one kind, so they begin alike.
        let (prefix, _) = first.split_once('/').unwrap_or(("", first));
        let rest = |address: &&str| {
            let begins = format!("{prefix}/");
            address.strip_prefix(&begins).unwrap_or(address).to_owned()
        };
        let names: Vec<String> = addresses.iter().map(rest).collect();
        let names = ranges(&names).join(", ");
        match prefix {
            "" => names,
            _ => format!("{prefix}/{names}"),
        }
    }
}

/// The work of a plan in groups, each where its first change is.
///
/// Twins share an address and differ in their ids alone, so each of them keeps a line of its own.
#[must_use]
pub fn change_groups(plan: &Plan) -> Vec<ChangeGroup<'_>> {
    let mut groups: Vec<ChangeGroup<'_>> = Vec::new();
    for change in plan.work() {
        let place = groups.iter_mut().find(|group| {
            let alike = group.first().is_some_and(|first| is_alike(first, change));
            alike && !has(group, &change.address)
        });
        match place {
            Some(group) => group.changes.push(change),
            None => groups.push(ChangeGroup {
                changes: vec![change],
            }),
        }
    }
    groups
}

fn has(group: &ChangeGroup<'_>, address: &Address) -> bool {
    group.changes.iter().any(|one| &one.address == address)
}

fn is_alike(one: &Change, other: &Change) -> bool {
    let prefix = |change: &Change| {
        let address = change.address.as_str();
        address.split_once('/').map(|(prefix, _)| prefix.to_owned())
    };
    // What cannot be done is shown in full.
    one.action != Action::Refuse
        && one.action == other.action
        && one.kind == other.kind
        && one.reason == other.reason
        && one.differences == other.differences
        && prefix(one).is_some()
        && prefix(one) == prefix(other)
}

/// Names with runs of numbers put together: `app-1, agent-1 … agent-25`.
#[must_use]
pub fn ranges<S: AsRef<str>>(names: &[S]) -> Vec<String> {
    let mut ranges: Vec<(&str, &str)> = Vec::new();
    for name in names {
        let name = name.as_ref();
        match ranges.last_mut() {
            Some((_, last)) if follows(last, name) => *last = name,
            _ => ranges.push((name, name)),
        }
    }
    ranges
        .into_iter()
        .flat_map(
            |(first, last)| match (first == last, follows(first, last)) {
                (true, _) => vec![first.to_owned()],
                // Two are no shorter as a range.
                (false, true) => vec![first.to_owned(), last.to_owned()],
                (false, false) => vec![format!("{first} … {last}")],
            },
        )
        .collect()
}

/// Whether a name is another one with the next number.
fn follows(name: &str, next: &str) -> bool {
    let number = |name: &str| -> Option<(String, u64)> {
        let (stem, number) = name.rsplit_once('-')?;
        Some((stem.to_owned(), number.parse().ok()?))
    };
    match (number(name), number(next)) {
        (Some((stem, number)), Some((next_stem, next))) => stem == next_stem && number + 1 == next,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::blueprint::blueprint_offline;
    use crate::plan::{Snapshot, plan};
    use crate::spec::Library;

    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_a_range() {
        let of = |names: &[&str]| ranges(names).join(", ");
        assert_eq!(of(&["app-1", "app-2"]), "app-1, app-2");
        assert_eq!(of(&["app-1", "app-2", "app-3"]), "app-1 … app-3");
        assert_eq!(of(&["app-1", "app-3", "agent-4"]), "app-1, app-3, agent-4");
        assert_eq!(of(&["writer", "reader-1"]), "writer, reader-1");
        assert_eq!(of(&[]), "");
    }

    #[test]
    fn a_plan_in_groups_has_every_change_once() {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.architecture("50k").unwrap().example();
        let plan = plan(&blueprint_offline(&spec), &Snapshot::default());
        let groups = change_groups(&plan);
        let grouped: usize = groups.iter().map(|group| group.changes.len()).sum();
        assert_eq!(grouped, plan.work().count());
        let names: Vec<String> = groups.iter().map(ChangeGroup::name).collect();
        let agents = format!(
            "instance/agent-1 … agent-{}",
            spec.count(crate::spec::Role::Agent)
        );
        assert!(names.contains(&agents), "{names:?}");
    }

    #[test]
    fn different_sizes_and_twins_are_not_put_together() {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.architecture("1k").unwrap().example();
        let mut plan = plan(&blueprint_offline(&spec), &Snapshot::default());
        let lines = change_groups(&plan).len();
        let twin = plan.changes[0].clone();
        plan.changes.push(twin);
        assert_eq!(change_groups(&plan).len(), lines + 1);
        let host = plan
            .changes
            .iter_mut()
            .find(|change| change.address.as_str() == "instance/app-2");
        host.unwrap().differences.pop();
        assert_eq!(change_groups(&plan).len(), lines + 2);
    }
}
