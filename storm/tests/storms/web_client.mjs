// What the published web client sends. Arguments: the directory in which its packages are installed, and
// the URL of a relay that notes each request. Ends with an error if the client cannot do something.
import {createRequire} from 'node:module';
import path from 'node:path';

const [modules, url] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), 'package.json'));
const {WebSocketClient} = require('@mattermost/client');
const {Client4} = require('mattermost-redux/client');
const {loadMe} = require('mattermost-redux/actions/users');
const store = require('mattermost-redux/store').default({});

Client4.setUrl(url);
await Client4.getClientConfig();
await Client4.getClientLicenseOld();
await Client4.getWebappPlugins();
const me = await Client4.login('storm-0', 'Passw0rd!');
const {error} = await store.dispatch(loadMe());
if (error) {
    throw error;
}

// Every other call that a login, a reconnection or a user makes, with the arguments of the web application.
const [team] = await Client4.getMyTeams();
const channels = await Client4.getMyChannels(team.id);
const channel = channels[0].id;
const c = Client4;
await c.getRolesByNames(['system_user']);
await c.getMyChannelMembers(team.id);
await c.getAllTeamsChannels();
await c.getAllChannelsMembers(me.id, -1);
await c.getCustomProfileAttributeFields();
await c.getGroups({filter_allow_reference: true, include_member_count: true, filter_has_member: me.id});
await c.getGroups({filter_allow_reference: true, page: 0, per_page: 60, include_member_count: true, include_member_ids: true});
await c.getChannelCategories(me.id, team.id);
await c.getUserThreads(me.id, team.id, {totalsOnly: true});
await c.getUserThreads(me.id, team.id, {since: 1700000000000, extended: true});
await c.getUserDrafts(team.id);
await c.getScheduledPosts(team.id, true);
await c.getInProductNotices(team.id, 'web', '11.9.0');
await c.getProfilesByIds([me.id]);
await c.getProfilesByIds([me.id], {since: 1700000000000});
await c.getChannelStats(channel);
await c.getChannelBookmarks(channel, 0);
const posts = await c.getPostsUnread(channel, me.id, 30, 30, true, true, false);
await c.getPostsSince(channel, 1700000000000, true, true, false);
await c.getPostsBefore(channel, me.id, 0, 30, true, true, false).catch(() => {});
await c.viewMyChannel(channel);
await c.getAgents().catch(() => {});
await c.getStatusesByIds([me.id]);
const post = await c.createPost({channel_id: channel, message: 'hello', pending_post_id: `${me.id}:1700000000000`});
await c.getPaginatedPostThread(post.id, {fetchThreads: true, collapsedThreads: true, collapsedThreadsExtended: false, direction: 'down', perPage: 60});
await c.getUserThread(me.id, team.id, post.id, true).catch(() => {});
await c.updateThreadReadForUser(me.id, team.id, post.id, 1700000000000).catch(() => {});
await c.searchPostsWithParams(team.id, {terms: 'storm'});
await c.searchFilesWithParams(team.id, {terms: 'storm'});
await fetch(`${c.getBaseRoute()}/client_perf`, {method: 'POST', body: '{}'});
await c.getProfilesInGroupChannels([channel]).catch(() => {});
if (!posts.order) {
    throw new Error('no posts');
}

const socket = new WebSocketClient();
const hello = new Promise((resolve) => socket.addMessageListener((event) => event.event === 'hello' && resolve()));
socket.initialize(`${url.replace('http', 'ws')}/api/v4/websocket`, Client4.getToken(), true);
await hello;
console.log('done');
process.exit(0);
