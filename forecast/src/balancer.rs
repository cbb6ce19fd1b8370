//! How a proxy spreads logins over the nodes, as an nginx `upstream` with `max_conns` does it: in turn, and past
//! those that have as many as they may.
//! <https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server>

/// What one proxy knows of the nodes.
#[derive(Clone, Debug)]
pub(crate) struct Balancer {
    next: usize,
    /// Logins of this proxy in each node, also those whose clients have gone.
    in_nodes: Vec<u32>,
}

impl Balancer {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            next: 0,
            in_nodes: vec![0; nodes],
        }
    }

    /// The node that gets a login: the one that is its own, or the next one, of those with fewer than `most`.
    pub(crate) fn choose(&mut self, own: Option<usize>, most: u32) -> Option<usize> {
        let count = self.in_nodes.len();
        let first = own.unwrap_or(self.next);
        let tried = if own.is_some() { 1 } else { count };
        let index = (first..first + tried)
            .map(|index| index % count.max(1))
            .find(|index| self.in_nodes.get(*index).is_some_and(|held| *held < most))?;
        self.next = (index + 1) % count.max(1);
        if let Some(held) = self.in_nodes.get_mut(index) {
            *held += 1;
        }
        Some(index)
    }

    /// A node is done with a login of this proxy.
    pub(crate) fn done(&mut self, index: usize) {
        if let Some(held) = self.in_nodes.get_mut(index) {
            *held = held.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_nodes_are_passed_over() {
        let mut balancer = Balancer::new(3);
        let mut chosen = || balancer.choose(None, 2);
        let given: Vec<_> = (0..7).map(|_| chosen()).collect();
        let all = [0, 1, 2, 0, 1, 2].map(Some);
        assert_eq!((&given[..6], given[6]), (&all[..], None));
        balancer.done(1);
        assert_eq!(balancer.choose(None, 2), Some(1));
        assert_eq!(balancer.choose(Some(2), 2), None);
        balancer.done(2);
        assert_eq!(balancer.choose(Some(2), 2), Some(2));
    }
}
