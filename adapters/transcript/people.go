package transcript

import (
	"cmp"
	"path"
	"regexp"
	"strings"
	"time"
)

// Chats between people. Each speaker is a user with a name; a bot is an assistant. Such a chat goes on for years, so each
// of its days is a session.

// discordMessage reads one message of DiscordChatExporter's file, whose other members are in about.
func discordMessage(r *reader, o, about object) []turn {
	if kind := cmp.Or(o.text("type"), "Default"); kind != "Default" && kind != "Reply" {
		return nil // somebody joined, pinned, called
	}
	t := turn{role: "user", speaker: o.text("author.nickname", "author.name"), text: o.text("content"), created: o.time("timestamp")}
	if o.yes("author.isBot") {
		t.role = "assistant"
	}
	t.mark(o, "attachments")
	t.session = daily(strings.Trim(about.text("guild.name")+"/"+about.text("channel.name"), "/"), t.created)
	return r.referred(t, o.text("id"))
}

var telegramKind = regexp.MustCompile(`_(?:chat|group|supergroup|channel)$|^saved_messages$`)

// telegramFile knows Telegram Desktop's result.json.
func telegramFile(o object, arrays int) bool {
	return arrays == 0 && (o.has("messages") && telegramKind.MatchString(o.text("type")) || o.has("personal_information") || o.opens("chats", '{'))
}

// telegramMessage reads one message of a chat, whose other members are in about.
func telegramMessage(r *reader, o, about object) []turn {
	if kind := cmp.Or(o.text("type"), "message"); kind != "message" {
		return nil // a call, a new name of the group
	}
	t := turn{role: "user", speaker: o.text("from")}
	if text := o.members["text"]; text.is('[') { // pieces with a style, which together are one text
		for _, e := range text.children() {
			if e.is('{') {
				t.text += o.inner(e).text("text")
			} else {
				t.text += o.part(e, "a part of \"text\"", "a string or an object")
			}
		}
	} else {
		t.text = o.text("text")
	}
	for _, mark := range [][2]string{{"photo", "[image]"}, {"file", "[file]"}} {
		if !o.members[mark[0]].absent() {
			t.text = strings.TrimSpace(t.text + "\n" + mark[1])
		}
	}
	// date is the person's own clock without a zone; date_unixtime says when that was.
	at := o.time("date_unixtime", "date")
	offset := int(o.time("date").Sub(at).Round(15 * time.Minute).Seconds())
	if offset < -14*3600 || offset > 14*3600 {
		offset = 0
	}
	t.created = at.In(time.FixedZone("", offset))
	id := o.text("id")
	if chat := about.text("id"); chat != "" && id != "" {
		id = chat + "/" + id
	}
	t.session = daily(about.text("name", "id"), t.created)
	return r.referred(t, id)
}

// slackMessage reads one message of a day's file, which lies in a folder named for its channel.
func slackMessage(r *reader, o, _ object) []turn {
	t := turn{role: "user", text: slackText(o.text("text"), r.options.names), created: o.time("ts")}
	switch o.text("subtype") {
	case "", "thread_broadcast", "file_share", "me_message":
	case "bot_message":
		t.role = "assistant"
	default:
		return nil // somebody joined, or set a topic
	}
	user, profile := o.text("user", "bot_id"), o.in("user_profile")
	t.speaker = cmp.Or(profile.text("display_name"), profile.text("real_name", "name"), r.options.names[user], o.text("username"), user)
	t.mark(o, "files")
	t.session = daily(path.Base(path.Dir(strings.ReplaceAll(r.file, "\\", "/"))), t.created)
	return r.referred(t, o.text("client_msg_id", "ts"))
}

// slackMark is a mention, a channel or a link in a text: <@U1>, <#C1|general>, <https://example.org|this page>.
var slackMark = regexp.MustCompile(`<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>`)

// slackText writes marks as the screen shows them.
func slackText(text string, names map[string]string) string {
	text = slackMark.ReplaceAllStringFunc(text, func(mark string) string {
		m := slackMark.FindStringSubmatch(mark)
		sign, id, label := m[1], m[2], m[3]
		switch {
		case sign == "@" && names[id] != "":
			return "@" + names[id]
		case sign == "@" && label != "":
			return "@" + label
		case sign == "" && label != "" && label != id:
			return label + " (" + id + ")"
		case sign == "":
			return id
		case label != "":
			return sign + label
		}
		return sign + id
	})
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}
