//! Whether the login gate of the YAML lets through what the application nodes take.

use crate::spec::{LoginGate, Spec};

use super::findings::{Finding, FindingVerdict};

/// Warns of a login gate that lets more logins through than the application nodes take, or nobody.
#[must_use]
pub fn evaluate_login_gate(spec: &Spec) -> Option<Finding> {
    let gate = LoginGate::of(spec);
    let limits = gate.limits()?;
    let detail = limits.dead_queue().or_else(|| LoginGate::excess(spec))?;
    let remedy = "`login_gate: on` in place of rate and burst, which follow from the nodes then";
    let finding = Finding::new("proxy.login_gate", FindingVerdict::Warn, detail);
    Some(finding.with_remedies([remedy.to_owned()]))
}

#[cfg(test)]
mod tests {
    use crate::spec::Library;

    use super::*;

    #[test]
    fn a_gate_that_lets_through_more_than_the_nodes_take_or_nobody_is_warned_of() {
        let doubt = |gate: &str| {
            let text = format!("architecture: 1k\nproxy: {{login_gate: {gate}}}\n");
            let spec = Library::new(None).load_text("test", &text).unwrap();
            evaluate_login_gate(&spec).map(|finding| finding.detail)
        };
        assert_eq!(doubt("on"), None);
        assert_eq!(doubt("off"), None);
        assert_eq!(doubt("{rate: 1}"), None);
        let fast = doubt("{rate: 1000}").unwrap();
        assert!(fast.starts_with("1000 logins per second"), "{fast}");
        let dead = doubt("{rate: 0.5, burst: 400}").unwrap();
        assert!(dead.contains("lets nobody in"), "{dead}");
    }
}
