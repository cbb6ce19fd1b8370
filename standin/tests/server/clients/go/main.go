// The published Go client against the stand-in. The argument is the server's URL. It prints the
// calls that were answered, and ends with an error at the first thing that is not as the client
// expects it.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
)

const password = "Passw0rd!"

var answered int

// got returns the value of a call that has to be answered.
func got[T any](value T, response *model.Response, err error) T {
	if err != nil {
		fail("%v", err)
	}
	if response == nil || response.RequestId == "" || response.ServerVersion == "" {
		fail("an answer without its headers: %+v", response)
	}
	answered++
	return value
}

func expect(holds bool, what string, values ...any) {
	if !holds {
		fail("%s: %v", what, values)
	}
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "after %d calls: %s\n", answered, fmt.Sprintf(format, values...))
	os.Exit(1)
}

// next waits for an event and checks that events come in their order.
func next(socket *model.WebSocketClient, name string, seq *int64) *model.WebSocketEvent {
	deadline := time.After(15 * time.Second)
	for {
		select {
		case event, open := <-socket.EventChannel:
			expect(open, "the websocket is closed while waiting for "+name, socket.ListenError)
			expect(event.GetSequence() == *seq, "event out of order", event.EventType(), event.GetSequence(), *seq)
			*seq++
			if string(event.EventType()) == name {
				return event
			}
		case <-socket.ResponseChannel:
		case <-deadline:
			fail("no %s within 15 s", name)
		}
	}
}

func listen(url, token string) (*model.WebSocketClient, *int64) {
	socket, err := model.NewWebSocketClient4(strings.Replace(url, "http", "ws", 1), token)
	if err != nil {
		fail("websocket: %v", err)
	}
	socket.Listen()
	seq := new(int64)
	hello := next(socket, "hello", seq)
	id, _ := hello.GetData()["connection_id"].(string)
	expect(model.IsValidId(id), "hello without a connection id", hello.GetData())
	return socket, seq
}

func main() {
	url, ctx := os.Args[1], context.Background()
	nobody := model.NewAPIv4Client(url)
	user := func(name string) *model.User {
		return &model.User{Username: name, Email: name + "@example.com", Password: password}
	}
	root := got(nobody.CreateUser(ctx, user("root")))
	expect(root.IsSystemAdmin(), "the first account administers", root.Roles)
	login := func(name string) (*model.Client4, *model.User) {
		client := model.NewAPIv4Client(url)
		user := got(client.Login(ctx, name, password))
		return client, user
	}
	admin, _ := login("root")
	got(admin.CreateUser(ctx, user("gopher")))
	gopher, me := login("gopher")
	expect(me.IsValid() == nil, "the account is valid", me.IsValid())

	team := got(admin.CreateTeam(ctx, &model.Team{Name: "go-team", DisplayName: "Go", Type: model.TeamOpen, AllowOpenInvite: true}))
	expect(team.IsValid() == nil, "the team is valid", team.IsValid())
	got(gopher.AddTeamMember(ctx, team.Id, me.Id))
	channel := got(admin.CreateChannel(ctx, &model.Channel{TeamId: team.Id, Name: "go-channel", DisplayName: "Go", Type: model.ChannelTypeOpen}))
	expect(channel.IsValid() == nil, "the channel is valid", channel.IsValid())
	got(gopher.AddChannelMember(ctx, channel.Id, me.Id))

	socket, seq := listen(url, gopher.AuthToken)
	post := got(admin.CreatePost(ctx, &model.Post{ChannelId: channel.Id, Message: "quick brown fox"}))
	expect(post.IsValid(model.PostMessageMaxRunesV2) == nil, "the post is valid", post.IsValid(model.PostMessageMaxRunesV2))
	posted := next(socket, "posted", seq)
	text, _ := posted.GetData()["post"].(string)
	expect(strings.Contains(text, post.Id), "the event has the post", text)
	message := "quick brown dog"
	patched := got(admin.PatchPost(ctx, post.Id, &model.PostPatch{Message: &message}))
	expect(patched.Message == message && patched.EditAt > 0, "the post is patched", patched)
	next(socket, "post_edited", seq)
	got(gopher.SaveReaction(ctx, &model.Reaction{UserId: me.Id, PostId: post.Id, EmojiName: "tada"}))
	next(socket, "reaction_added", seq)
	adminSocket, adminSeq := listen(url, admin.AuthToken)
	socket.UserTyping(channel.Id, "")
	next(adminSocket, "typing", adminSeq)

	upload := got(gopher.UploadFile(ctx, []byte("hello file"), channel.Id, "note.txt"))
	file := upload.FileInfos[0]
	data := got(gopher.GetFile(ctx, file.Id))
	expect(string(data) == "hello file", "the file comes back", string(data))
	info := got(gopher.GetFileInfo(ctx, file.Id))
	expect(info.Size == 10 && info.Name == "note.txt", "the file is known", info)
	got(gopher.CreatePost(ctx, &model.Post{ChannelId: channel.Id, Message: "see", FileIds: []string{file.Id}}))
	got(gopher.CreatePost(ctx, &model.Post{ChannelId: channel.Id, Message: "a reply", RootId: post.Id}))
	found := got(gopher.SearchPosts(ctx, team.Id, "brown", false))
	expect(len(found.Order) == 1 && found.Order[0] == post.Id, "the search finds the post", found.Order)

	// What a load test's users ask beside.
	expect(got(gopher.GetMe(ctx, "")).Id == me.Id, "the account is one's own")
	got(gopher.GetClientConfig(ctx, ""))
	got(gopher.GetOldClientLicense(ctx, ""))
	preferences := model.Preferences{{UserId: me.Id, Category: "theme", Name: "go", Value: "dark"}}
	_, err := gopher.UpdatePreferences(ctx, me.Id, preferences)
	expect(err == nil, "preferences are kept", err)
	expect(len(got(gopher.GetPreferencesByCategory(ctx, me.Id, "theme"))) == 1, "preferences come back")
	got(gopher.GetRolesByNames(ctx, []string{"system_user"}))
	got(gopher.GetWebappPlugins(ctx))
	got(gopher.GetTeamsUnreadForUser(ctx, me.Id, "", true))
	got(gopher.GetTeamMembersForUser(ctx, me.Id, ""))
	got(gopher.GetTeamStats(ctx, team.Id, ""))
	expect(len(got(gopher.GetChannelsForTeamForUser(ctx, team.Id, me.Id, false, ""))) == 3, "three channels")
	got(gopher.GetChannelMembersForUser(ctx, me.Id, team.Id, ""))
	got(gopher.GetChannelStats(ctx, channel.Id, "", false))
	got(gopher.GetChannelUnread(ctx, channel.Id, me.Id))
	got(gopher.ViewChannel(ctx, me.Id, &model.ChannelView{ChannelId: channel.Id}))
	got(gopher.GetSidebarCategoriesForTeamForUser(ctx, me.Id, team.Id, ""))
	threads := got(gopher.GetUserThreads(ctx, me.Id, team.Id, model.GetUserThreadsOpts{Extended: true}))
	expect(threads.Total == 1 && threads.Threads[0].PostId == post.Id, "one thread", threads)
	got(gopher.GetPostsForChannel(ctx, channel.Id, 0, 60, "", true, false))
	got(gopher.GetPostsSince(ctx, channel.Id, 1, false))
	got(gopher.GetPostsAroundLastUnread(ctx, me.Id, channel.Id, 30, 30, true))
	got(gopher.GetPostThread(ctx, post.Id, "", false))
	got(gopher.GetUsersByIds(ctx, []string{root.Id}))
	got(gopher.GetUsersStatusesByIds(ctx, []string{me.Id}))
	got(gopher.GetUsers(ctx, 0, 60, ""))
	got(gopher.GetServerLimits(ctx))
	got(gopher.GetSortedEmojiList(ctx, 0, 60, model.EmojiSortByName))
	got(admin.GetConfig(ctx))
	got(admin.GetClusterStatus(ctx))
	status := got(gopher.GetPingWithOptions(ctx, model.SystemPingOptions{FullStatus: true}))
	expect(status["database_status"] == "OK", "the server is healthy", status)

	// An unchanged answer is not sent again, and an error has the server's id.
	_, response, err := gopher.GetUser(ctx, me.Id, got2(gopher.GetUser(ctx, me.Id, "")).Etag)
	expect(err == nil && response.StatusCode == http.StatusNotModified, "the ETag is known", response, err)
	_, _, err = gopher.GetPost(ctx, model.NewId(), "")
	failure, isAppError := err.(*model.AppError)
	expect(isAppError && failure.Id == "app.post.get.app_error", "an error of the server", err)

	socket.Close()
	adminSocket.Close()
	_, err = gopher.Logout(ctx)
	expect(err == nil, "logout", err)
	_, response, err = gopher.GetMe(ctx, "")
	expect(err != nil && response.StatusCode == http.StatusUnauthorized, "the session has ended", response)
	fmt.Printf("answered %d calls, %d events in order\n", answered, *seq)
}

// got2 returns what came with the value of a call that has to be answered.
func got2[T any](value T, response *model.Response, err error) *model.Response {
	got(value, response, err)
	return response
}
