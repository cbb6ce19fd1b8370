//! Changes that may help against a storm: of the gate, which cost nothing, and of what hashes.
//!
//! Each keeps all that the YAML says and changes one thing. Where that is not enough because the gate
//! holds back what there is then, it is offered together with the gate's change, and says so. How
//! much of a thing it takes is searched by trying it, within what an environment may have.

use crate::spec::{
    Arch, CloudTarget, GateSetting, HashCost, HashTimeSource, InstanceType, LoginCost, LoginGate,
    PasswordHash, Release, Role, Spec, catalog,
};

use super::case::PredictedCase;
use super::cost::ExtraCost;
use super::storm::{Trial, possible, rig};

/// The first version without a lock over logins.
const UNLOCKED: &str = "11.8.0";
/// The most hosts of a role that an environment may have, as its schema says.
const MOST_NODES: u32 = 200;
/// A rate or a cost that differs by less is the same.
const WORTH: f64 = 1.05;
/// Larger types of one family that are tried.
const MOST_TYPES: usize = 3;
/// Those that hash with processors that have SHA extensions, from small to large.
const FAST_FAMILY: &str = "c7i.";
/// The longest time that people can be asked to spread over, minutes: a week.
const LONGEST: u32 = 7 * 24 * 60;
/// How often a result of the search is corrected that the simulation does not confirm.
const CORRECTIONS: usize = 8;

/// A change, and the environment with it.
#[derive(Clone, Debug)]
pub(super) struct Remedy {
    /// What it is, for people.
    pub(super) change: String,
    /// What to write in the YAML, or to take out.
    pub(super) yaml: String,
    pub(super) spec: Spec,
}

impl Remedy {
    fn and(self, other: Remedy) -> Self {
        Self {
            change: format!("{}, {}", self.change, other.change),
            yaml: format!("{}, {}", self.yaml, other.yaml),
            spec: other.spec,
        }
    }
}

/// What may help an environment that does not pass a storm, the changes that are free first.
pub(super) fn remedies(spec: &Spec, trial: &Trial) -> Vec<Remedy> {
    let mut found = gates(spec, trial);
    found.extend(more_nodes(spec, trial));
    found.extend(newer_version(spec, trial));
    found.extend(other_type(spec, trial));
    found
}

/// The shortest time, in whole minutes, within which users may come to an environment as it is; none if
/// it is not longer than the storm's own, or longer than anybody can be asked for.
pub(super) fn longer_window(spec: &Spec, trial: &Trial) -> Option<PredictedCase> {
    let window = |minutes: u32| f64::from(minutes) * 60.0;
    let first = (trial.storm.window / 60.0).floor() as u32 + 1;
    let passes = |minutes| trial.within(window(minutes)).may_pass(spec);
    // The shortest is likely to be near what the rate says.
    let likely = f64::from(trial.storm.users) / rig(spec).possible().max(f64::MIN_POSITIVE) / 60.0;
    let mut long = first.max(likely.min(f64::from(LONGEST)).ceil() as u32);
    while !passes(long) {
        if long >= LONGEST {
            return None;
        }
        long = (long * 5 / 4 + 1).min(LONGEST);
    }
    let mut minutes = least(first, long, passes)?;
    for _ in 0..CORRECTIONS {
        let change = format!("people come over {minutes} min");
        let wide = trial.within(window(minutes));
        let case = wide.case(spec, change, None, ExtraCost::default());
        if case.passes() {
            return Some(case);
        }
        minutes += (minutes / 50).max(1);
    }
    None
}

/// The least number of a range, whose last passes, that passes.
fn least(first: u32, last: u32, passes: impl Fn(u32) -> bool) -> Option<u32> {
    if first > last || !passes(last) {
        return None;
    }
    let (mut low, mut high) = (first, last);
    while low < high {
        let middle = low + (high - low) / 2;
        if passes(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(high)
}

/// The least number of a range with which an environment passes, confirmed by all the storms that a case
/// is made of.
fn search(first: u32, last: u32, trial: &Trial, with: impl Fn(u32) -> Spec) -> Option<u32> {
    let mut found = least(first, last, |number| trial.may_pass(&with(number)))?;
    for _ in 0..CORRECTIONS {
        if trial.passes(&with(found)) {
            return Some(found);
        }
        found += (found / 50).max(1);
        if found > last {
            return None;
        }
    }
    None
}

fn gate_rate(spec: &Spec) -> Option<f64> {
    LoginGate::of(spec).limits().map(|limits| limits.rate)
}

/// Changes of the gate alone.
fn gates(spec: &Spec, trial: &Trial) -> Vec<Remedy> {
    let mut found: Vec<Remedy> = derived_gate(spec, trial).into_iter().collect();
    found.extend(derived_queue(spec, trial));
    if found.iter().any(|remedy| trial.may_pass(&remedy.spec)) {
        return found;
    }
    let highest = found.iter().filter_map(|remedy| gate_rate(&remedy.spec));
    let highest = highest.fold(0.0, f64::max);
    let raised = raised_gate(spec, trial);
    let is_more = |raised: &Remedy| gate_rate(&raised.spec).is_some_and(|r| r > highest * WORTH);
    found.extend(raised.filter(is_more));
    found
}

/// Lets the queue of a gate follow from its rate and from how long the storm's clients wait. Gives the keys
/// of the YAML that go for it.
fn drop_queue(gate: &mut GateSetting, trial: &Trial) -> Vec<&'static str> {
    let GateSetting::On {
        burst, patience, ..
    } = gate
    else {
        return Vec::new();
    };
    let waits = trial.storm.clients.patience.unwrap_or(f64::INFINITY);
    let had_burst = burst.take().is_some();
    let had_patience = patience.take_if(|said| f64::from(*said) > waits).is_some();
    let keys = [
        had_burst.then_some("`proxy.login_gate.burst`"),
        had_patience.then_some("`proxy.login_gate.patience_seconds`"),
    ];
    keys.into_iter().flatten().collect()
}

/// A gate whose rate follows from the nodes, where there is none or it has a rate of its own.
fn derived_gate(spec: &Spec, trial: &Trial) -> Option<Remedy> {
    let now = gate_rate(spec);
    let mut changed = spec.clone();
    let mut keys = match &mut changed.login_gate {
        GateSetting::On { rate, .. } => {
            *rate = None;
            vec!["`proxy.login_gate.rate`"]
        }
        off @ GateSetting::Off => {
            *off = GateSetting::default();
            vec!["`proxy.login_gate: off`"]
        }
    };
    // A queue that was chosen for a rate is none for another.
    keys.extend(drop_queue(&mut changed.login_gate, trial));
    let rate = gate_rate(&changed)?;
    let change = match now {
        None => format!("a login gate of {rate:.1}/s"),
        Some(now) if now.max(rate) > now.min(rate) * WORTH => {
            format!("a gate of {rate:.1}/s in place of {now:.1}/s")
        }
        Some(_) => return None,
    };
    Some(Remedy {
        change,
        yaml: format!("remove {}", keys.join(" and ")),
        spec: changed,
    })
}

/// A gate whose queue follows from its rate, where the YAML's is longer than clients wait.
fn derived_queue(spec: &Spec, trial: &Trial) -> Option<Remedy> {
    let limits = LoginGate::of(spec).limits()?.clone();
    let seconds = f64::from(limits.burst) * 60.0 / f64::from(limits.per_minute.max(1));
    let patience = trial.storm.clients.patience?;
    let mut changed = spec.clone();
    let keys = drop_queue(&mut changed.login_gate, trial);
    if keys.is_empty() || seconds < patience {
        return None;
    }
    let burst = LoginGate::of(&changed).limits()?.burst;
    if burst == limits.burst {
        return None;
    }
    Some(Remedy {
        change: format!(
            "a queue at the gate of {burst} in place of {}",
            limits.burst
        ),
        yaml: format!("remove {}", keys.join(" and ")),
        spec: changed,
    })
}

/// The gate at the least rate that passes, or where none does at the most that the nodes take.
fn raised_gate(spec: &Spec, trial: &Trial) -> Option<Remedy> {
    let now = gate_rate(spec);
    let mut base = spec.clone();
    if now.is_none() {
        base.login_gate = GateSetting::default();
    }
    let with = |tenths: u32| {
        let mut changed = base.clone();
        if let GateSetting::On { rate, .. } = &mut changed.login_gate {
            *rate = Some(f64::from(tenths) / 10.0);
        }
        changed
    };
    let lowest = gate_rate(&base)? * 10.0;
    let cost = LoginCost::of(spec);
    let most = possible(&rig(spec), cost.uncertainty).low * cost.headroom;
    let most = (most * 10.0).floor();
    if most < lowest * WORTH {
        return None;
    }
    let (first, last) = (lowest.ceil() as u32, most as u32);
    let tenths = search(first, last, trial, with).unwrap_or(last);
    let rate = f64::from(tenths) / 10.0;
    Some(Remedy {
        change: match now {
            Some(now) => format!("a gate of {rate:.1}/s in place of {now:.1}/s"),
            None => format!("a login gate of {rate:.1}/s"),
        },
        yaml: format!("`proxy: {{login_gate: {{rate: {rate}}}}}`"),
        spec: with(tenths),
    })
}

/// A change, with one of the gate where it does not pass by itself and passes so; and whether it passes.
fn with_gate(remedy: Remedy, trial: &Trial) -> (Remedy, bool) {
    if trial.may_pass(&remedy.spec) {
        return (remedy, true);
    }
    let is_enough = |gate: &Remedy| trial.may_pass(&gate.spec);
    let derived = derived_gate(&remedy.spec, trial).filter(is_enough);
    match derived.or_else(|| raised_gate(&remedy.spec, trial).filter(is_enough)) {
        Some(gate) => (remedy.and(gate), true),
        None => (remedy, false),
    }
}

/// The fewest application nodes that pass, if so many may be.
fn more_nodes(spec: &Spec, trial: &Trial) -> Option<Remedy> {
    // Without a license there is one.
    if !spec.mattermost.license.is_licensed() {
        return None;
    }
    let first = spec.count(Role::App) + 1;
    let with = |spec: &Spec, count: u32| {
        let mut changed = spec.clone();
        if let Some(group) = changed.nodes.get_mut(&Role::App) {
            group.count = count;
        }
        changed
    };
    let find = |spec: &Spec| search(first, MOST_NODES, trial, |count| with(spec, count));
    let remedy = |count: u32, spec: Spec| Remedy {
        change: format!("{count} application nodes"),
        yaml: format!("`sizes: {{nodes: {{app: {{count: {count}}}}}}}`"),
        spec,
    };
    if let Some(count) = find(spec) {
        return Some(remedy(count, with(spec, count)));
    }
    let gate = derived_gate(spec, trial)?;
    let count = find(&gate.spec)?;
    let changed = with(spec, count);
    // The gate's rate follows from the nodes that there are then.
    let gate = derived_gate(&changed, trial)?;
    Some(remedy(count, changed).and(gate))
}

/// A version without the lock. Not from one that hashed otherwise, since the first login after that costs
/// both hashes.
fn newer_version(spec: &Spec, trial: &Trial) -> Option<Remedy> {
    let cost = LoginCost::of(spec);
    let is_official = matches!(spec.mattermost.release, Release::Version(_));
    if !is_official || !cost.is_serial || cost.hash != PasswordHash::Pbkdf2 {
        return None;
    }
    let mut changed = spec.clone();
    changed.mattermost.release = Release::Version(UNLOCKED.to_owned());
    let remedy = Remedy {
        change: format!("Mattermost {UNLOCKED}"),
        yaml: format!("`mattermost: {{release: {UNLOCKED}}}`"),
        spec: changed,
    };
    Some(with_gate(remedy, trial).0)
}

/// The smallest other type of application nodes that passes.
fn other_type(spec: &Spec, trial: &Trial) -> Option<Remedy> {
    let cost = LoginCost::of(spec);
    if spec.cloud == CloudTarget::Local {
        // There an instance type is a name: all hosts have the machine's processors.
        return None;
    }
    let group = spec.nodes.get(&Role::App)?;
    let family = group.instance_type.split_inclusive('.').next()?;
    // Any node may be of a fallback type, so those would still count.
    let no_fallback = match group.fallback_instance_types.is_empty() {
        true => "",
        false => ", fallback_instance_types: []",
    };
    let with = |name: &str| {
        let mut changed = spec.clone();
        if let Some(group) = changed.nodes.get_mut(&Role::App) {
            name.clone_into(&mut group.instance_type);
            group.fallback_instance_types.clear();
        }
        // What was measured was measured on the type that is replaced.
        let measured = match changed.mattermost.hash_time.take().map(|time| time.source) {
            Some(HashTimeSource::Logins) => ", without `mattermost.login_seconds`",
            Some(_) => ", without `mattermost.hash_seconds`",
            None => "",
        };
        Remedy {
            change: format!("application nodes of {name}"),
            yaml: format!(
                "`sizes: {{nodes: {{app: {{instance_type: {name}{no_fallback}}}}}}}`{measured}"
            ),
            spec: changed,
        }
    };
    let is_better = |name: &str, kind: &InstanceType| match cost.is_serial {
        // One password at a time: a faster processor helps, more of them do not.
        true => {
            let seconds = HashCost::of(name, cost.hash).seconds;
            // Those of the same family have the same processor, whatever the table says of a measured one.
            !name.starts_with(family)
                && name.starts_with(FAST_FAMILY)
                && kind.vcpu >= cost.vcpus
                && seconds * WORTH < cost.seconds
        }
        false => name.starts_with(family) && kind.vcpu > cost.vcpus,
    };
    let mut better: Vec<_> = catalog()
        .ec2
        .types
        .iter()
        .filter(|(name, kind)| kind.arch != Arch::Arm64 && is_better(name, kind))
        .collect();
    better.sort_by_key(|(_, kind)| kind.vcpu);
    let tried = better.into_iter().take(MOST_TYPES);
    let mut fitted = tried.map(|(name, _)| with_gate(with(name), trial));
    fitted.find(|(_, passes)| *passes).map(|(remedy, _)| remedy)
}
