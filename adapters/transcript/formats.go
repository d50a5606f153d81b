package transcript

import "strings"

// Format names how a transcript is written.
type Format string

// The formats. [Formats] says what each is.
const (
	Auto       Format = "" // found by content, see [Detect]
	LoCoMo     Format = "locomo"
	BEAM       Format = "beam"
	ChatGPT    Format = "chatgpt"
	Claude     Format = "claude"
	ClaudeCode Format = "claude-code"
	Gemini     Format = "gemini"
	OpenWebUI  Format = "openwebui"
	LibreChat  Format = "librechat"
	ShareGPT   Format = "sharegpt"
	Slack      Format = "slack"
	Discord    Format = "discord"
	Telegram   Format = "telegram"
	WhatsApp   Format = "whatsapp"
	Mem0       Format = "mem0"
	Zep        Format = "zep"
	Markdown   Format = "markdown"
	OpenAI     Format = "openai"
	Lines      Format = "jsonl"
)

// Info describes one format. The list of them drives detection, the command's help and the documentation.
type Info struct {
	Name Format
	File string // what a person has in hand

	is      func(o object, arrays int) bool // whether the first object of a JSON file, within so many arrays, is of this format
	members []string                        // the members that is looks for, to name the nearest format of an unknown file
	general bool                            // a form that many programs write: given way to by the others in one archive
	lists   map[string]bool                 // where a large object is streamed: see reader.eachMember
	decode  func(*reader) func(value) bool
}

// formats in the order in which they are tried.
var formats = []Info{
	{Name: ChatGPT, File: "ChatGPT's data export: the ZIP, or conversations.json", members: []string{"mapping"},
		is:     func(o object, _ int) bool { return o.has("mapping") || o.has("current_node") },
		decode: func(r *reader) func(value) bool { return r.chatgpt }},
	{Name: Claude, File: "Claude.ai's data export: the ZIP, or conversations.json", members: []string{"chat_messages"},
		is:     func(o object, _ int) bool { return o.has("chat_messages") },
		decode: func(r *reader) func(value) bool { return r.chat(&claudeChat) }},
	{Name: ClaudeCode, File: "Claude Code's session files, *.jsonl", members: []string{"sessionId", "type"},
		is: func(o object, arrays int) bool {
			return arrays == 0 && o.has("type") && (o.has("sessionId") || o.has("leafUuid") || o.has("parentUuid") || o.has("snapshot"))
		},
		decode: func(r *reader) func(value) bool { return r.claudeCode }},
	{Name: OpenWebUI, File: "Open WebUI's export of chats", members: []string{"chat"},
		is:     func(o object, _ int) bool { return o.opens("chat", '{') },
		decode: func(r *reader) func(value) bool { return r.chat(&openWebUIChat) }},
	{Name: LibreChat, File: "LibreChat's export of a conversation (JSON)", members: []string{"conversationId", "messages"},
		is:     func(o object, _ int) bool { return o.has("conversationId") },
		decode: func(r *reader) func(value) bool { return r.chat(&libreChat) }},
	{Name: Gemini, File: "Google Takeout's MyActivity.json of Gemini Apps", members: []string{"header", "title", "time"},
		is:     func(o object, arrays int) bool { return arrays > 0 && o.has("header") && o.has("title") },
		decode: func(r *reader) func(value) bool { return r.gemini }},
	{Name: ShareGPT, File: "ShareGPT's form of data sets", members: []string{"conversations"},
		is:     func(o object, _ int) bool { return o.opens("conversations", '[') },
		decode: func(r *reader) func(value) bool { return r.chat(&shareGPT) }},
	{Name: Discord, File: "DiscordChatExporter's JSON", members: []string{"guild", "channel", "messages"},
		is:    func(o object, _ int) bool { return o.has("guild") && o.has("channel") },
		lists: map[string]bool{"messages": true}},
	{Name: Telegram, File: "Telegram Desktop's result.json: a chat, or the whole account", members: []string{"type", "id", "messages"},
		is:    telegramFile,
		lists: map[string]bool{"messages": true, "chats": false, "left_chats": false, "list": false}},
	{Name: Slack, File: "Slack's export of a workspace: the ZIP, a folder, or one day's JSON", members: []string{"type", "ts"},
		is:     func(o object, arrays int) bool { return arrays == 1 && o.has("ts") && (o.has("type") || o.has("user")) },
		decode: func(r *reader) func(value) bool { return r.slack }},
	{Name: WhatsApp, File: "WhatsApp's export of a chat: the ZIP, or _chat.txt", members: []string{"[31/12/2025, 18:30:00] Name: text"}},
	{Name: Mem0, File: "mem0's memories: {\"results\": [{\"memory\": ...}]}, or an array of them", members: []string{"memory"},
		is:     func(o object, _ int) bool { return o.has("memory") || strings.Contains(o.start("results"), `"memory"`) },
		decode: func(r *reader) func(value) bool { return r.facts("results", "memories") }},
	{Name: Zep, File: "Zep's facts: {\"facts\" or \"edges\": [{\"fact\": ...}]}, or an array of them", members: []string{"fact"},
		is: func(o object, _ int) bool {
			return o.has("fact") || strings.Contains(o.start("facts")+o.start("edges"), `"fact"`)
		},
		decode: func(r *reader) func(value) bool { return r.facts("facts", "edges") }},
	{Name: LoCoMo, File: "LoCoMo's set of conversations, locomo10.json", members: []string{"conversation"},
		is:     func(o object, _ int) bool { return o.has("qa") || o.opens("conversation", '{') || o.has("session_1") },
		decode: func(r *reader) func(value) bool { return r.locomo }},
	{Name: BEAM, File: "BEAM's chat.json, in a folder named for the chat", members: []string{"turns"},
		is:     func(o object, _ int) bool { return o.has("turns") || o.has("batch_number") },
		decode: func(r *reader) func(value) bool { return newBeam(r).batch }},
	{Name: OpenAI, File: "transcripts of the OpenAI, Anthropic or Vercel APIs: {\"messages\": [...]}, one, an array, one a line, or a bare array of messages", members: []string{"messages"}, general: true,
		is: func(o object, arrays int) bool {
			return o.opens("messages", '[') || arrays > 0 && o.has("role") && (o.has("content") || o.has("parts"))
		},
		decode: func(r *reader) func(value) bool { return newMessages(r).value }},
	{Name: Lines, File: "JSON Lines, one turn a line", members: []string{"text"}, general: true,
		is:     func(o object, _ int) bool { return o.has("text") || o.has("content") },
		decode: func(r *reader) func(value) bool { return r.line }},
	{Name: Markdown, File: "notes, *.md", members: []string{"a name that ends in .md"}, general: true},
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
