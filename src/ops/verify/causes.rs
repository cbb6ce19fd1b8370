//! Causes before consequences: what does not work because application nodes do not is told with them. Pure.

use crate::spec::{HostName, Role};

use super::check::RigCheck;

/// What precedes the checks that one that failed makes pointless.
const THEREFORE: &str = "not checked therefore: ";

/// What was seen on a host.
pub(super) struct HostAnswers {
    pub(super) host: HostName,
    /// Checks of the host itself.
    pub(super) checks: Vec<RigCheck>,
    /// Which of them tells why its service serves nobody, if it does not.
    pub(super) out_of_order: Option<usize>,
    /// The name of the check that tells why nothing can be asked of the server through this host.
    pub(super) obstacle: Option<String>,
    /// Checks that depend on application nodes.
    pub(super) through_nodes: Vec<RigCheck>,
}

/// The name of the check that failed and without which the server cannot be asked for its promises: of an
/// application node, or of the proxy that leads to them. What else is wrong with a host keeps nobody from asking.
pub(super) fn obstacle(hosts: &[HostAnswers]) -> Option<&str> {
    let of = |role: Role| hosts.iter().filter(move |one| one.host.role == role);
    let nodes = of(Role::App).find_map(|one| one.obstacle.as_deref());
    nodes.or_else(|| {
        of(Role::Proxy)
            .find(|one| one.host.index == 1)?
            .obstacle
            .as_deref()
    })
}

/// All checks. Those that failed because an application node is out of order are named with the first of
/// these, and so are those that passed although no node serves.
pub(super) fn in_order_of_causes(
    balancer: Option<RigCheck>,
    mut hosts: Vec<HostAnswers>,
) -> Vec<RigCheck> {
    let nodes = hosts.iter().filter(|one| one.host.role == Role::App);
    let nobody_serves = nodes.clone().all(|one| one.out_of_order.is_some());
    let cause = hosts
        .iter()
        .position(|one| one.host.role == Role::App && one.out_of_order.is_some());
    let mut pointless = Vec::new();
    let mut judge = |checks: Vec<RigCheck>| -> Vec<RigCheck> {
        if cause.is_none() {
            return checks;
        }
        let (told, left_out): (Vec<_>, Vec<_>) = checks
            .into_iter()
            .partition(|check| check.pass && !nobody_serves);
        pointless.extend(left_out.into_iter().map(|check| check.name));
        told
    };
    let mut all = judge(balancer.into_iter().collect());
    for one in &mut hosts {
        one.through_nodes = judge(std::mem::take(&mut one.through_nodes));
    }
    if let Some(node) = cause.and_then(|index| hosts.get_mut(index))
        && let Some(check) = node
            .out_of_order
            .and_then(|index| node.checks.get_mut(index))
        && !pointless.is_empty()
    {
        let begin = match check.detail.contains(THEREFORE) {
            true => "",
            false => THEREFORE,
        };
        check.detail = format!("{}; {begin}{}", check.detail, pointless.join("; "));
    }
    for one in hosts {
        all.extend(one.checks);
        all.extend(one.through_nodes);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, pass: bool) -> RigCheck {
        RigCheck {
            name: name.to_owned(),
            pass,
            warning: false,
            detail: "seen".to_owned(),
            remedy: String::new(),
        }
    }

    fn node(name: &str, serves: bool) -> HostAnswers {
        HostAnswers {
            host: name.parse().unwrap(),
            checks: vec![check(&format!("{name}: answers"), serves)],
            out_of_order: (!serves).then_some(0),
            obstacle: (!serves).then(|| format!("{name}: answers")),
            through_nodes: Vec::new(),
        }
    }

    fn proxy(forwards: bool, to_every_node: bool) -> HostAnswers {
        HostAnswers {
            host: "proxy-1".parse().unwrap(),
            checks: vec![check("proxy-1: its certificate lasts", true)],
            out_of_order: None,
            obstacle: (!forwards).then(|| "proxy-1: forwards".to_owned()),
            through_nodes: vec![
                check("proxy-1: forwards", forwards),
                check("proxy-1: sends to every node", to_every_node),
            ],
        }
    }

    fn shown(hosts: Vec<HostAnswers>) -> Vec<String> {
        let shown = in_order_of_causes(None, hosts).into_iter();
        let shown = shown.map(|one| format!("{} {}: {}", one.result(), one.name, one.detail));
        shown.collect()
    }

    #[test]
    fn a_node_that_hangs_is_told_once_and_no_proxy_is_blamed() {
        let hosts = vec![
            proxy(true, false),
            node("app-1", false),
            node("app-2", true),
        ];
        assert_eq!(
            shown(hosts),
            [
                "pass proxy-1: its certificate lasts: seen",
                "pass proxy-1: forwards: seen",
                "FAIL app-1: answers: seen; not checked therefore: proxy-1: sends to every node",
                "pass app-2: answers: seen",
            ]
        );
    }

    #[test]
    fn where_no_node_serves_nothing_passes_that_needs_one() {
        let hosts = vec![
            node("app-1", false),
            node("app-2", false),
            proxy(false, true),
        ];
        assert_eq!(
            shown(hosts),
            [
                "FAIL app-1: answers: seen; not checked therefore: proxy-1: forwards; \
                 proxy-1: sends to every node",
                "FAIL app-2: answers: seen",
                "pass proxy-1: its certificate lasts: seen",
            ]
        );
    }

    #[test]
    fn only_application_nodes_and_the_way_to_them_keep_the_server_from_being_asked() {
        let mut metrics = node("metrics-1", false);
        metrics.checks.push(check("metrics-1: files", false));
        let mut second_proxy = proxy(false, false);
        second_proxy.host = "proxy-2".parse().unwrap();
        let mut touched = proxy(true, false);
        touched.checks[0].pass = false;
        let mut hosts = vec![touched, second_proxy, node("app-1", true), metrics];
        assert_eq!(obstacle(&hosts), None);
        hosts[0] = proxy(false, false);
        assert_eq!(obstacle(&hosts), Some("proxy-1: forwards"));
        hosts[2] = node("app-1", false);
        assert_eq!(obstacle(&hosts), Some("app-1: answers"));
    }

    #[test]
    fn a_proxy_that_fails_by_itself_is_told_by_itself() {
        let hosts = vec![node("app-1", true), proxy(false, false)];
        assert_eq!(shown(hosts).len(), 4);
        let balancer = Some(check("load balancer: healthy", false));
        let checks = in_order_of_causes(balancer, vec![node("app-1", false)]);
        assert_eq!(checks.len(), 1);
        assert!(
            checks[0]
                .detail
                .ends_with("therefore: load balancer: healthy")
        );
    }
}
