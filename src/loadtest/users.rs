//! Simulated users and what several steps do with them: websockets that are read, posts that
//! have to arrive.

use tokio::task::JoinSet;

use super::agent_state::{Agent, AgentState};
use super::api::{ApiError, ApiSession};
use super::deliveries::SocketId;
use super::socket::{Inbox, Socket};
use super::tally::UserAction;

/// A simulated user who has come as far as being logged in.
#[derive(Clone, Debug)]
pub(super) struct SimulatedUser {
    /// Its number within the run.
    pub(super) number: u32,
    pub(super) session: ApiSession,
}

/// A user on a channel, with a websocket.
#[derive(Clone, Debug)]
pub(super) struct ChannelMember {
    pub(super) user: SimulatedUser,
    /// Index of its channel.
    pub(super) channel: usize,
    pub(super) socket: SocketId,
    /// The application node that holds the websocket.
    pub(super) node: Option<String>,
}

/// Where the run takes place.
pub(super) struct Venue {
    pub(super) admin: ApiSession,
    pub(super) team: String,
    pub(super) channels: Vec<String>,
}

/// The tasks that read websockets; they end with this value.
#[derive(Default)]
pub(super) struct Readers {
    tasks: JoinSet<()>,
    next: SocketId,
}

impl Readers {
    pub(super) fn add(&mut self, socket: Socket, shared: &std::sync::Arc<AgentState>) -> SocketId {
        let id = self.next;
        self.next += 1;
        let inbox: std::sync::Arc<dyn Inbox> = shared.clone();
        self.tasks.spawn(socket.read(id, inbox));
        id
    }
}

pub(super) async fn open_socket(agent: &Agent, user: &SimulatedUser) -> Option<Socket> {
    let request = Socket::open(&agent.api(user.number).entrance, &user.session);
    agent.timed(UserAction::Connect, request).await
}

/// Makes a post that these sockets should bring; the node that made it, or why none did.
pub(super) async fn deliver(
    agent: &Agent,
    user: &SimulatedUser,
    channel: &str,
    token: &str,
    sockets: impl IntoIterator<Item = SocketId>,
) -> Result<Option<String>, ApiError> {
    agent.shared.deliveries.expect(token, sockets);
    let message = format!("{token} says hello from user {}", user.number);
    let request = agent
        .api(user.number)
        .create_post(&user.session, channel, &message);
    let posted = agent.counted(UserAction::Post, request).await;
    if posted.is_err() {
        agent.shared.deliveries.forget(token);
    }
    posted.map(|posted| posted.node)
}

/// Waits for the posts that are still on their way; those that never come are errors.
pub(super) async fn settle(agent: &Agent) {
    let within = agent.plan.steps.post.deliver_within;
    let missing = agent.shared.deliveries.settle(within.unsigned_abs()).await;
    let mut measured = agent.shared.measured();
    for _ in 0..missing {
        measured.tallies.failed(
            UserAction::Deliver,
            &format!("not delivered within {within:#}"),
        );
    }
}
