// The published JavaScript client against the stand-in. Arguments: the directory in
// which the client is installed, and the server's URL. Prints the calls that were answered, and ends with
// an error at the first thing that is not as the client expects it.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import path from 'node:path';

const [modules, url] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), 'package.json'));
const {Client4, WebSocketClient} = require('@mattermost/client');
const password = 'Passw0rd!';

function client() {
    const made = new Client4();
    made.setUrl(url);
    return made;
}

async function login(name) {
    const made = client();
    const user = await made.login(name, password);
    assert.ok(made.getToken(), 'the token comes in a header');
    return {api: made, user};
}

let answered = 0;
async function call(name, promise) {
    try {
        const value = await promise;
        answered += 1;
        return value;
    } catch (error) {
        throw new Error(`${name}: ${error.status_code} ${error.server_error_id} ${error.message}`);
    }
}

/** The events of one user's websocket, in order. */
function listen(token) {
    const socket = new WebSocketClient();
    const events = [];
    const waiting = [];
    socket.addMessageListener((event) => {
        events.push(event);
        for (const one of [...waiting]) {
            one();
        }
    });
    const wait = (name) => new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
            reject(new Error(`no ${name} among ${events.map((e) => e.event)}`));
        }, 15000);
        const look = () => {
            const found = events.find((event) => event.event === name && !event.seen);
            if (found) {
                found.seen = true;
                clearTimeout(timer);
                waiting.splice(waiting.indexOf(look), 1);
                resolve(found);
            }
        };
        waiting.push(look);
        look();
    });
    socket.initialize(`${url.replace('http', 'ws')}/api/v4/websocket`, token);
    return {socket, events, wait};
}

const nobody = client();
const email = (name) => `${name}@example.com`;
await call('createUser', nobody.createUser({username: 'root', email: email('root'), password}, '', ''));
const admin = await login('root');
await call('createUser', admin.api.createUser({username: 'js', email: email('js'), password}, '', ''));
const js = await login('js');
const me = js.user.id;

const team = await call('createTeam', admin.api.createTeam({name: 'js-team', display_name: 'JS', type: 'O', allow_open_invite: true}));
await call('addToTeam', js.api.addToTeam(team.id, me));
const channel = await call('createChannel', admin.api.createChannel({team_id: team.id, name: 'js-channel', display_name: 'JS', type: 'O'}));
await call('addToChannel', js.api.addToChannel(me, channel.id));

const live = listen(js.api.getToken());
const hello = await live.wait('hello');
assert.equal(hello.seq, 0);
assert.ok(hello.data.connection_id && hello.data.server_version);

const post = await call('createPost', admin.api.createPost({channel_id: channel.id, message: 'quick brown fox @js', pending_post_id: `${admin.user.id}:1`}));
const again = await call('createPost', admin.api.createPost({channel_id: channel.id, message: 'quick brown fox @js', pending_post_id: `${admin.user.id}:1`}));
assert.equal(again.id, post.id, 'a post that is sent again is the first one');
const posted = await live.wait('posted');
assert.equal(JSON.parse(posted.data.post).id, post.id);
assert.deepEqual(JSON.parse(posted.data.mentions), [me]);
await call('patchPost', admin.api.patchPost({id: post.id, message: 'quick brown dog'}));
assert.equal(JSON.parse((await live.wait('post_edited')).data.post).message, 'quick brown dog');
await call('addReaction', js.api.addReaction(me, post.id, 'tada'));
assert.equal(JSON.parse((await live.wait('reaction_added')).data.reaction).emoji_name, 'tada');
const other = listen(admin.api.getToken());
await other.wait('hello');
live.socket.userTyping(channel.id, '');
assert.equal((await other.wait('typing')).data.user_id, me);

const form = new FormData();
form.append('channel_id', channel.id);
form.append('client_ids', 'one');
form.append('files', new Blob(['hello file'], {type: 'text/plain'}), 'note.txt');
const {file_infos: [file]} = await call('uploadFile', js.api.uploadFile(form));
const download = await fetch(js.api.getFileUrl(file.id, 0), {headers: {Authorization: `Bearer ${js.api.getToken()}`}});
assert.equal(await download.text(), 'hello file');
const withFile = await call('createPost', js.api.createPost({channel_id: channel.id, message: 'see', file_ids: [file.id]}));
assert.equal(withFile.metadata.files[0].id, file.id);
await call('createPost', js.api.createPost({channel_id: channel.id, message: 'a reply', root_id: post.id}));

// What the web application does from a login on.
const preference = [{user_id: me, category: 'theme', name: '', value: 'dark'}];
const c = js.api;
assert.equal((await call('getClientConfig', c.getClientConfig())).CollapsedThreads, 'always_on');
assert.equal((await call('getClientLicenseOld', c.getClientLicenseOld())).IsLicensed, 'true');
assert.equal((await call('getMe', c.getMe())).username, 'js');
await call('savePreferences', c.savePreferences(me, preference));
assert.deepEqual((await call('getMyPreferences', c.getMyPreferences())).filter((one) => one.category === 'theme'), preference);
await call('deletePreferences', c.deletePreferences(me, preference));
assert.equal((await call('getMyTeams', c.getMyTeams()))[0].id, team.id);
assert.equal((await call('getMyTeamMembers', c.getMyTeamMembers()))[0].team_id, team.id);
assert.equal((await call('getMyTeamUnreads', c.getMyTeamUnreads(true)))[0].team_id, team.id);
assert.equal((await call('getRolesByNames', c.getRolesByNames(['system_user', 'channel_user']))).length, 2);
await call('getServerLimits', c.getServerLimits());
assert.deepEqual(await call('getWebappPlugins', c.getWebappPlugins()), []);
assert.deepEqual(await call('getCustomEmojisByNames', c.getCustomEmojisByNames(['parrot'])), []);
assert.deepEqual(await call('getCustomEmojis', c.getCustomEmojis(0, 60, 'name')), []);
assert.equal((await call('getMyChannels', c.getMyChannels(team.id))).length, 3);
assert.equal((await call('getMyChannelMembers', c.getMyChannelMembers(team.id))).length, 3);
assert.equal((await call('getAllTeamsChannels', c.getAllTeamsChannels())).length, 3);
assert.equal((await call('getAllChannelsMembers', c.getAllChannelsMembers(me, -1))).length, 3);
assert.equal((await call('getChannelCategories', c.getChannelCategories(me, team.id))).categories.length, 3);
assert.equal((await call('getUserThreads', c.getUserThreads(me, team.id, {totalsOnly: true}))).total, 1);
assert.equal((await call('getUserThread', c.getUserThread(me, team.id, post.id, true))).reply_count, 1);
await call('updateThreadReadForUser', c.updateThreadReadForUser(me, team.id, post.id, Date.now()));
await call('upsertDraft', c.upsertDraft({user_id: me, channel_id: channel.id, root_id: '', message: 'later'}));
assert.equal((await call('getUserDrafts', c.getUserDrafts(team.id)))[0].message, 'later');
await call('getScheduledPosts', c.getScheduledPosts(team.id, true));
await call('getInProductNotices', c.getInProductNotices(team.id, 'web', '11.9.0'));
assert.equal((await call('getProfilesByIds', c.getProfilesByIds([admin.user.id])))[0].username, 'root');
assert.equal((await call('getProfilesByUsernames', c.getProfilesByUsernames(['root'])))[0].id, admin.user.id);
assert.equal((await call('getStatusesByIds', c.getStatusesByIds([me])))[0].status, 'online');
assert.equal((await call('updateStatus', c.updateStatus({user_id: me, status: 'dnd'}))).status, 'dnd');
assert.equal((await call('getStatus', c.getStatus(me))).status, 'dnd');
assert.equal((await call('getChannelStats', c.getChannelStats(channel.id, false))).member_count, 2);
await call('getChannelBookmarks', c.getChannelBookmarks(channel.id, 0));
assert.ok((await call('getPostsUnread', c.getPostsUnread(channel.id, me, 30, 30, false, true, false))).posts[post.id]);
await call('viewMyChannel', c.viewMyChannel(channel.id));
assert.equal((await call('getPosts', c.getPosts(channel.id, 0, 30, false, true, false))).order.length, 2);
assert.ok((await call('getPostsSince', c.getPostsSince(channel.id, 1))).order.includes(post.id));
assert.equal((await call('getPaginatedPostThread', c.getPaginatedPostThread(post.id, {perPage: 60, direction: 'down'}))).order.length, 2);
assert.equal((await call('patchMe', c.patchMe({nickname: 'Jay'}))).nickname, 'Jay');
const image = await fetch(c.getProfilePictureUrl(me, 0), {headers: {Authorization: `Bearer ${c.getToken()}`}});
assert.equal(image.headers.get('content-type'), 'image/png');
assert.ok((await call('searchPosts', c.searchPosts(team.id, 'brown', false))).order.includes(post.id));
assert.equal((await call('searchFiles', c.searchFiles(team.id, 'note', false))).order[0], file.id);

// An error has the server's id.
await assert.rejects(c.getPost('x'.repeat(26)), {server_error_id: 'app.post.get.app_error', status_code: 404});

// Every event has the number after the last one's; the client would have connected anew if not.
live.events.forEach((event, at) => assert.equal(event.seq, at));
await call('logout', c.logout());
live.socket.close();
other.socket.close();
console.log(`answered ${answered} calls, ${live.events.length} events in order`);
process.exit(0);
