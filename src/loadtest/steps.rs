//! What an agent's users do, step by step.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::agent_state::Agent;
use super::api::ApiError;
use super::cross_node;
use super::scenario::{SearchStep, TransferFileStep};
use super::tally::UserAction;
use super::users::{ChannelMember, Readers, SimulatedUser, Venue, deliver, open_socket, settle};
use super::wire::Check;

/// Pause between two searches for a post that is not indexed yet.
const SEARCH_PAUSE: Duration = Duration::from_millis(300);

/// Carries the plan out. What goes wrong becomes counts and checks.
pub(super) async fn perform(agent: &Agent) {
    let place = match prepare(agent).await {
        Ok(place) => place,
        Err(error) => {
            agent.check(Check::fail("set-up", error.to_string()));
            return;
        }
    };
    agent.check(Check::pass("set-up", format!("team `{}`", agent.plan.run)));
    let mut readers = Readers::default();
    let users = sign_up(agent, &place).await;
    let users = join(agent, &place, users).await;
    let members = connect(agent, users, &mut readers).await;
    agent.check(Check::new(
        "users connected",
        members.len() == agent.plan.users as usize,
        format!("{} of {}", members.len(), agent.plan.users),
    ));
    post(agent, &place, &members).await;
    if let Some(step) = agent.plan.steps.cross_node {
        let check = cross_node::perform(agent, step, &place, &members, &mut readers).await;
        agent.check(check);
    }
    if let Some(step) = agent.plan.steps.transfer_file {
        transfer_files(agent, step, &place, &members).await;
    }
    if let Some(step) = agent.plan.steps.search {
        search(agent, step, &place, &members).await;
    }
    let closed = std::mem::take(&mut agent.shared.measured().closed);
    agent.check(match closed.first() {
        None => Check::pass("websockets stayed open", "all of them"),
        Some(why) => Check::fail(
            "websockets stayed open",
            format!("{} did not: {why}", closed.len()),
        ),
    });
}

async fn prepare(agent: &Agent) -> Result<Venue, ApiError> {
    agent.progress("set up", 0, 1);
    let server = agent.api(0).ping().await?;
    agent.shared.measured().server = server;
    let admin = agent.api(0).administrator(&agent.plan.admin).await?;
    let team = agent.api(0).team(&admin, &agent.plan.run).await?.id;
    let mut channels = Vec::new();
    for number in 1..=agent.plan.steps.join.channels {
        let name = format!("{}-{number}", agent.plan.agent);
        let channel = agent.api(0).create_channel(&admin, &team, &name).await?;
        channels.push(channel.id);
    }
    agent.progress("set up", 1, 1);
    Ok(Venue {
        admin,
        team,
        channels,
    })
}

async fn sign_up(agent: &Agent, place: &Venue) -> Vec<SimulatedUser> {
    let password = agent.plan.user_password.expose();
    let numbers: Vec<u32> = (agent.plan.first_user..)
        .take(agent.plan.users as usize)
        .collect();
    let created = agent
        .each(
            "create users",
            agent.plan.steps.create_users.at_once,
            numbers,
            async |number| {
                let name = user_name(agent, number);
                let email = format!("{name}@loadrig.invalid");
                let api = agent.api(number);
                let request = api.create_user(&place.admin, &name, &email, password);
                agent.timed(UserAction::CreateUser, request).await?;
                Some(number)
            },
        )
        .await;
    agent
        .each(
            "log in",
            agent.plan.steps.log_in.at_once,
            created,
            async |number| {
                let name = user_name(agent, number);
                let request = agent.api(number).log_in(&name, password);
                let (_, session) = agent.timed(UserAction::LogIn, request).await?;
                Some(SimulatedUser { number, session })
            },
        )
        .await
}

async fn join(
    agent: &Agent,
    place: &Venue,
    users: Vec<SimulatedUser>,
) -> Vec<(SimulatedUser, usize)> {
    let step = agent.plan.steps.join;
    agent
        .each("join", step.at_once, users, async |user| {
            let channel = user.number as usize % place.channels.len();
            let request = agent.api(user.number).join_team(&user.session, &place.team);
            agent.timed(UserAction::JoinTeam, request).await?;
            let request = agent
                .api(user.number)
                .join_channel(&user.session, place.channels.get(channel)?);
            agent.timed(UserAction::JoinChannel, request).await?;
            Some((user, channel))
        })
        .await
}

async fn connect(
    agent: &Agent,
    users: Vec<(SimulatedUser, usize)>,
    readers: &mut Readers,
) -> Vec<ChannelMember> {
    let at_once = agent.plan.steps.connect.at_once;
    let opened = agent
        .each("connect", at_once, users, async |(user, channel)| {
            let socket = open_socket(agent, &user).await?;
            Some((user, channel, socket))
        })
        .await;
    opened
        .into_iter()
        .map(|(user, channel, socket)| {
            let node = socket.node.clone();
            let socket = readers.add(socket, &agent.shared);
            ChannelMember {
                user,
                channel,
                socket,
                node,
            }
        })
        .collect()
}

async fn post(agent: &Agent, place: &Venue, members: &[ChannelMember]) {
    let step = agent.plan.steps.post;
    let work: Vec<(u32, ChannelMember)> = (1..=step.messages_per_user)
        .flat_map(|round| members.iter().map(move |member| (round, member.clone())))
        .collect();
    agent
        .each("post", step.at_once, work, async |(round, member)| {
            let token = format!("{}p{}r{round}", agent.plan.run, member.user.number);
            let channel = place.channels.get(member.channel)?;
            let sockets = members
                .iter()
                .filter(|other| other.channel == member.channel)
                .map(|other| other.socket);
            let posted = deliver(agent, &member.user, channel, &token, sockets).await;
            posted.ok()
        })
        .await;
    settle(agent).await;
}

async fn transfer_files(
    agent: &Agent,
    step: TransferFileStep,
    place: &Venue,
    members: &[ChannelMember],
) {
    let size = step.bytes as usize;
    let work: Vec<(usize, ChannelMember)> = (0..step.files as usize)
        .zip(members.iter().cloned().cycle())
        .collect();
    let intact = agent
        .each(
            "transfer files",
            step.at_once,
            work,
            async |(number, from)| {
                // Somebody else of the same channel reads it, if there is anybody.
                let to = members
                    .iter()
                    .find(|m| m.channel == from.channel && m.user.number != from.user.number)
                    .unwrap_or(&from);
                let channel = place.channels.get(from.channel)?;
                let mut content = vec![0; size];
                rand::fill(content.as_mut_slice());
                let content = Bytes::from(content);
                let name = format!("{}-{number}.bin", agent.plan.run);
                let upload = agent.api(from.user.number).upload(
                    &from.user.session,
                    channel,
                    &name,
                    content.clone(),
                );
                let file = agent.timed(UserAction::Upload, upload).await?;
                let message = format!("file {number} of {}", agent.plan.run);
                let attach = agent.api(from.user.number).attach(
                    &from.user.session,
                    channel,
                    &message,
                    &file,
                );
                agent.timed(UserAction::Post, attach).await?;
                let download = agent.api(to.user.number).download(&to.user.session, &file);
                let copy = agent.timed(UserAction::Download, download).await?;
                (copy == content).then_some(())
            },
        )
        .await
        .len();
    agent.check(Check::new(
        "files come back byte for byte",
        intact == step.files as usize,
        format!("{intact} of {}, {size} bytes each", step.files),
    ));
}

async fn search(agent: &Agent, step: SearchStep, place: &Venue, members: &[ChannelMember]) {
    let name = "search finds a new post";
    let Some(member) = members.first() else {
        agent.check(Check::fail(name, "no user came as far as this"));
        return;
    };
    agent.progress("search", 0, 1);
    let within = step.within.unsigned_abs();
    let begun = Instant::now();
    let found = tokio::time::timeout(within, find_needle(agent, place, member)).await;
    agent.progress("search", 1, 1);
    agent.check(match found {
        Ok(Ok(())) => {
            let took = begun.elapsed();
            agent.shared.measured().search_indexing = Some(took);
            Check::pass(name, format!("after {} ms", took.as_millis()))
        }
        Ok(Err(why)) => Check::fail(name, why),
        Err(_) => Check::fail(name, format!("not found within {:#}", step.within)),
    });
}

/// Posts a word of its own and asks until it is found.
async fn find_needle(
    agent: &Agent,
    place: &Venue,
    member: &ChannelMember,
) -> Result<(), &'static str> {
    let session = &member.user.session;
    let needle = format!("needle{}{}", agent.plan.run, agent.plan.first_user);
    let channel = place.channels.get(member.channel).ok_or("no channel")?;
    let request = agent
        .api(member.user.number)
        .create_post(session, channel, &needle);
    let post = agent
        .timed(UserAction::Post, request)
        .await
        .ok_or("the post was refused")?;
    // One refusal may be a search server that is not ready; it counts as an error, yet
    // the question goes on.
    loop {
        let request = agent
            .api(member.user.number)
            .search(session, &place.team, &needle);
        if let Some(ids) = agent.timed(UserAction::Search, request).await
            && ids.contains(&post.id)
        {
            return Ok(());
        }
        tokio::time::sleep(SEARCH_PAUSE).await;
    }
}

fn user_name(agent: &Agent, number: u32) -> String {
    format!("{}-{number}", agent.plan.run)
}
