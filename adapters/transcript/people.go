package transcript

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Chats between people. Each speaker is a user with a name; a bot is an assistant. Such a chat goes on for years, so each
// of its days is a session.

// daily makes the session of a message of a chat: the chat's name and the day, in the zone in which it was said.
func daily(chat string, at time.Time) string {
	if chat == "" {
		chat = "chat"
	}
	if at.IsZero() {
		return chat
	}
	return chat + "/" + at.Format(time.DateOnly)
}

// discord reads one message of DiscordChatExporter's file, whose other members are in about.
func (r *reader) discord(v value, about object) bool {
	o := v.object()
	t, err := discordTurn(o)
	if err != nil {
		return r.reject(v.line, err)
	}
	kind, _ := o.text("type")
	if kind != "" && kind != "Default" && kind != "Reply" {
		return true // somebody joined, pinned, called
	}
	channel, _ := about.at("channel.name").text("name")
	guild, _ := about.at("guild.name").text("name")
	t.session = daily(strings.Trim(guild+"/"+channel, "/"), t.created)
	return r.emitRef(v.line, t)
}

func discordTurn(o object) (t turn, err error) {
	author := o.members["author"].object()
	if t.speaker, err = author.text("nickname", "name"); err != nil {
		return t, err
	}
	if t.role = "user"; author.members["isBot"].raw0() == 't' {
		t.role = "assistant"
	}
	if t.text, err = o.text("content"); err != nil {
		return t, err
	}
	for range o.members["attachments"].elements() {
		t.text = strings.TrimSpace(t.text + "\n[file]")
	}
	if t.key, err = o.text("id"); err != nil {
		return t, err
	}
	t.created, err = o.time("timestamp")
	return t, err
}

// telegramFile knows Telegram Desktop's result.json.
func telegramFile(o object, arrays int) bool {
	kind, _ := o.text("type")
	chat := strings.HasSuffix(kind, "_chat") || strings.HasSuffix(kind, "_group") || strings.HasSuffix(kind, "_supergroup") || strings.HasSuffix(kind, "_channel") || kind == "saved_messages"
	return arrays == 0 && (chat && o.has("messages") || o.has("personal_information") || o.opens("chats", '{'))
}

// telegram reads one message of a chat, whose other members are in about.
func (r *reader) telegram(v value, about object) bool {
	t, keep, err := telegramTurn(v.object())
	if err != nil {
		return r.reject(v.line, err)
	}
	if !keep {
		return true
	}
	name, _ := about.text("name", "id")
	if id, _ := about.text("id"); id != "" && t.key != "" {
		t.key = id + "/" + t.key
	}
	t.session = daily(name, t.created)
	return r.emitRef(v.line, t)
}

func telegramTurn(o object) (t turn, keep bool, err error) {
	kind, err := o.text("type")
	if err != nil || kind != "message" && kind != "" {
		return t, false, err // a call, a new name of the group
	}
	t.role = "user"
	if t.speaker, err = o.text("from"); err != nil {
		return t, false, err
	}
	if text := o.members["text"]; text.is('[') { // pieces with a style, which together are one text
		for e := range text.elements() {
			piece, err := e.text("text")
			if e.is('{') {
				piece, err = e.object().text("text")
			}
			if err != nil {
				return t, false, err
			}
			t.text += piece
		}
	} else if t.text, err = o.text("text"); err != nil {
		return t, false, err
	}
	for name, mark := range map[string]string{"photo": "[image]", "file": "[file]"} {
		if !o.members[name].absent() {
			t.text = strings.TrimSpace(t.text + "\n" + mark)
		}
	}
	if t.key, err = o.text("id"); err != nil {
		return t, false, err
	}
	// date is the person's own clock without a zone; date_unixtime says when that was.
	local, err := o.time("date")
	if err != nil {
		return t, false, err
	}
	at, err := o.time("date_unixtime", "date")
	if err != nil {
		return t, false, err
	}
	offset := int(local.Sub(at).Round(15 * time.Minute).Seconds())
	if offset < -14*3600 || offset > 14*3600 {
		offset = 0
	}
	t.created = at.In(time.FixedZone("", offset))
	return t, true, nil
}

// slack reads one message of a day's file, which lies in a folder named for its channel.
func (r *reader) slack(v value) bool {
	o := v.object()
	kind, err := o.text("subtype")
	if err != nil {
		return r.reject(v.line, err)
	}
	switch kind {
	case "", "thread_broadcast", "file_share", "me_message", "bot_message":
	default:
		return true // somebody joined, or set a topic
	}
	t := turn{role: "user"}
	if kind == "bot_message" {
		t.role = "assistant"
	}
	user, err := o.text("user", "bot_id")
	if err != nil {
		return r.reject(v.line, err)
	}
	profile := o.members["user_profile"].object()
	for _, e := range []func() (string, error){
		func() (string, error) { return profile.text("display_name") },
		func() (string, error) { return profile.text("real_name", "name") },
		func() (string, error) { return r.options.names[user], nil },
		func() (string, error) { return o.text("username") },
	} {
		if t.speaker == "" {
			if t.speaker, err = e(); err != nil {
				return r.reject(v.line, err)
			}
		}
	}
	if t.speaker == "" {
		t.speaker = user
	}
	text, err := o.text("text")
	if err != nil {
		return r.reject(v.line, err)
	}
	t.text = slackText(text, r.options.names)
	for range o.members["files"].elements() {
		t.text = strings.TrimSpace(t.text + "\n[file]")
	}
	if t.key, err = o.text("client_msg_id", "ts"); err != nil {
		return r.reject(v.line, err)
	}
	if t.created, err = o.time("ts"); err != nil {
		return r.reject(v.line, err)
	}
	t.session = daily(path.Base(path.Dir(strings.ReplaceAll(r.file, "\\", "/"))), t.created)
	return r.emitRef(v.line, t)
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

// emitRef passes on a turn whose key is the exporter's id of the message.
func (r *reader) emitRef(line int, t turn) bool {
	if t.key != "" {
		t.meta = map[string]string{"ref": t.key}
		t.key = string(r.info.Name) + "/" + t.key
	}
	return r.emit(line, t)
}

// WhatsApp writes a text file whose form follows the phone and its language: "[31/12/2025, 18:30:00] Ana: Hello" on an
// iPhone, "31.12.25, 18:30 - Ana: Hello" on Android. Lines without a date belong to the message before them.

// messageStart is the beginning of a message: date, time, and what comes after them.
var messageStart = regexp.MustCompile(`^\x{200E}?\[?(\d{1,4})[./\-](\d{1,2})[./\-](\d{1,4}),? (?:[^\s\d]+ )?(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:[\s\x{202F}\x{A0}]?([AaPp])\.?[\s\x{A0}]?[Mm]\.?)?(?:\] | - )(.*)$`)

// messageStarts finds the beginnings of messages among the first lines, of which the first must be one.
func messageStarts(text []byte, most int) (starts [][]string) {
	for line := range strings.Lines(string(text)) {
		m := messageStart.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil && len(starts) == 0 {
			return nil
		}
		if m != nil {
			if starts = append(starts, m); len(starts) == most {
				break
			}
		}
	}
	return starts
}

// clock reads the date and time of a message's beginning in one order of day, month and year.
func clock(m []string, order string) (time.Time, bool) {
	var n [6]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1])
	}
	var year, month, day int
	switch order {
	case "dmy":
		day, month, year = n[0], n[1], n[2]
	case "mdy":
		month, day, year = n[0], n[1], n[2]
	default:
		year, month, day = n[0], n[1], n[2]
	}
	if year < 100 {
		year += 2000
	}
	hour := n[3]
	if m[7] != "" {
		hour %= 12
		if strings.EqualFold(m[7], "p") {
			hour += 12
		}
	}
	t := time.Date(year, time.Month(month), day, hour, n[4], n[5], 0, time.UTC)
	return t, t.Month() == time.Month(month) && t.Day() == day && t.Hour() == hour
}

// dateOrder finds the order of day, month and year: the one in which most dates exist and the fewest go back in time.
// Where both do as well, it is the day first, which most of the world writes.
func dateOrder(starts [][]string) string {
	best, least := "dmy", 1<<30
	for _, order := range []string{"dmy", "mdy", "ymd"} {
		bad, last := 0, time.Time{}
		for _, m := range starts {
			t, ok := clock(m, order)
			if !ok || t.Year() < 2009 || t.Year() > 2100 {
				bad += 2
			} else if t.Before(last) {
				bad++
			}
			last = t
		}
		if bad < least {
			best, least = order, bad
		}
	}
	return best
}

// whatsappChat is the other's name: in the name of the file on Android, in that of its folder or ZIP on an iPhone.
func whatsappChat(file string) string {
	file = strings.ReplaceAll(file, "\\", "/")
	name := strings.TrimSuffix(path.Base(file), path.Ext(file))
	if name == "_chat" {
		name = strings.TrimSuffix(path.Base(path.Dir(file)), ".zip")
	}
	for _, before := range []string{"WhatsApp Chat with ", "WhatsApp Chat - "} {
		name = strings.TrimPrefix(name, before)
	}
	if name == "" || name == "." || name == "-" || name == "/" {
		return "whatsapp"
	}
	return name
}

// whatsapp reads a chat of WhatsApp line by line.
func (r *reader) whatsapp(prefix []byte, next func() (string, int, bool, error)) error {
	order := dateOrder(messageStarts(prefix, 5000))
	chat := whatsappChat(r.file)
	var t turn
	at := 0
	flush := func() bool {
		if t.text == "" {
			return true
		}
		done := t
		t = turn{}
		return r.emit(at, done)
	}
	for {
		line, number, ok, err := next()
		if err != nil {
			return err
		}
		if !ok {
			flush()
			return nil
		}
		m := messageStart.FindStringSubmatch(line)
		if m == nil {
			if t.text != "" {
				t.text += "\n" + line
			}
			continue
		}
		r.values++
		if !flush() {
			return nil
		}
		created, ok := clock(m, order)
		if !ok {
			if !r.reject(number, fmt.Errorf("%.30q is no date", line)) {
				return nil
			}
			continue
		}
		speaker, text, said := strings.Cut(m[8], ": ")
		if !said || text == "" {
			continue // "Ana joined", and the like
		}
		if text = strings.TrimSpace(text); strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">") || strings.HasPrefix(text, "\u200e") {
			text = "[file]" // a picture or a recording that the export leaves out
		}
		at = number
		t = turn{session: daily(chat, created), role: "user", speaker: strings.Trim(speaker, "\u200e~ \u202f"), text: text, created: created}
	}
}
