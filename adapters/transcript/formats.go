package transcript

// Format names how a transcript is written.
type Format string

// The formats that are read by name in the module itself; [Formats] lists all of them.
const (
	LoCoMo Format = "locomo"
	BEAM   Format = "beam"
	Lines  Format = "jsonl"

	whatsApp Format = "whatsapp"
	markdown Format = "markdown"
)

// Info describes one format. The list of them drives detection, the command's help and the documentation.
type Info struct {
	Name Format
	File string // what a person has in hand

	members []string                        // what an unknown file must have to be of this format, to name the nearest
	is      func(o object, arrays int) bool // whether the first object of a JSON file, within so many arrays, is of this format
	general bool                            // a form that many programs write: given way to by the others in one archive
	lines   bool                            // it may have a value a line
	lists   map[string]bool                 // where a large object is streamed: see stream.object
	decode  func(r *reader, v value, about object) bool
}

// having returns a test for an object that has one of the members.
func having(names ...string) func(object, int) bool {
	return func(o object, _ int) bool {
		for _, name := range names {
			if o.has(name) {
				return true
			}
		}
		return false
	}
}

// formats in the order in which they are tried.
var formats = []Info{
	{Name: "chatgpt", File: "ChatGPT's data export: the ZIP, or conversations.json", members: []string{"mapping"},
		is: having("mapping", "current_node"), decode: chatgptChat.read},
	{Name: "claude", File: "Claude.ai's data export: the ZIP, or conversations.json", members: []string{"chat_messages"},
		is: having("chat_messages"), decode: claudeChat.read},
	{Name: "claude-code", File: "Claude Code's session files, *.jsonl", members: []string{"sessionId", "type"}, lines: true,
		is: func(o object, arrays int) bool {
			return arrays == 0 && o.has("type") && having("sessionId", "leafUuid", "parentUuid", "snapshot")(o, 0)
		},
		decode: turns("", "", claudeCodeLine)},
	{Name: "openwebui", File: "Open WebUI's export of chats", members: []string{"chat"},
		is: func(o object, _ int) bool { return o.opens("chat", '{') }, decode: openWebUIChat.read},
	{Name: "librechat", File: "LibreChat's export of a conversation (JSON)", members: []string{"conversationId", "messages"},
		is: having("conversationId"), decode: libreChat.read},
	{Name: "gemini", File: "Google Takeout's MyActivity.json of Gemini Apps", members: []string{"header", "title", "time"},
		is:     func(o object, arrays int) bool { return arrays > 0 && o.has("header") && o.has("title") },
		decode: turns("", "", geminiEntry)},
	{Name: "sharegpt", File: "ShareGPT's form of data sets", members: []string{"conversations"},
		is: func(o object, _ int) bool { return o.opens("conversations", '[') }, decode: shareGPT.read},
	{Name: "discord", File: "DiscordChatExporter's JSON", members: []string{"guild", "channel", "messages"},
		is:    func(o object, _ int) bool { return o.has("guild") && o.has("channel") },
		lists: map[string]bool{"messages": true}, decode: turns("", "", discordMessage)},
	{Name: "telegram", File: "Telegram Desktop's result.json: a chat, or the whole account", members: []string{"type", "id", "messages"},
		is:    telegramFile,
		lists: map[string]bool{"messages": true, "chats": false, "left_chats": false, "list": false}, decode: turns("", "", telegramMessage)},
	{Name: "slack", File: "Slack's export of a workspace: the ZIP, a folder, or one day's JSON", members: []string{"type", "ts"},
		is:     func(o object, arrays int) bool { return arrays == 1 && o.has("ts") && (o.has("type") || o.has("user")) },
		decode: turns("", "", slackMessage)},
	{Name: whatsApp, File: "WhatsApp's export of a chat: the ZIP, or _chat.txt", members: []string{"[31/12/2025, 18:30:00] Name: text"}},
	{Name: "mem0", File: "mem0's memories: {\"results\": [{\"memory\": ...}]}, or an array of them", members: []string{"memory"},
		is:     func(o object, _ int) bool { return o.has("memory") || o.holds("results", "memory") },
		decode: facts("results", "memories")},
	{Name: "zep", File: "Zep's facts: {\"facts\" or \"edges\": [{\"fact\": ...}]}, or an array of them", members: []string{"fact"},
		is: func(o object, _ int) bool {
			return o.has("fact") || o.holds("facts", "fact") || o.holds("edges", "fact")
		},
		decode: facts("facts", "edges")},
	{Name: LoCoMo, File: "LoCoMo's set of conversations, locomo10.json", members: []string{"conversation"},
		is:     func(o object, _ int) bool { return o.has("qa") || o.opens("conversation", '{') || o.has("session_1") },
		decode: locomo},
	{Name: BEAM, File: "BEAM's chat.json, in a folder named for the chat", members: []string{"turns"},
		is: having("turns", "batch_number"), decode: beam},
	{Name: "openai", File: "transcripts of the OpenAI, Anthropic or Vercel APIs: {\"messages\": [...]}, one, an array, one a line, or a bare array of messages", members: []string{"messages"}, general: true, lines: true,
		is: func(o object, arrays int) bool {
			return o.opens("messages", '[') || arrays > 0 && o.has("role") && (o.has("content") || o.has("parts"))
		},
		decode: transcripts},
	{Name: Lines, File: "JSON Lines, one turn a line", members: []string{"text"}, general: true, lines: true,
		is: having("text", "content"), decode: turns("it", "an object with \"text\"", line)},
	{Name: markdown, File: "notes, *.md", members: []string{"a name that ends in .md"}, general: true},
}

// Formats lists the formats that can be asked for by name.
func Formats() []Info { return formats }

// info returns the description of a format.
func info(name Format) (Info, bool) {
	for _, f := range formats {
		if f.Name == name {
			return f, true
		}
	}
	return Info{}, false
}
