package serve

import (
	"encoding/json"
	"testing"

	"github.com/trm-go/refiner/internal/chatwire"
)

// What clients ask for themselves: a system prompt or none, and the last message of the user.
var clientTasks = [][2]string{
	{"", "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Guidelines:\n- The title should be clear.\n### Chat History:\n<chat_history>\nUSER: Where is the kayak?\nASSISTANT: In the shed.\n</chat_history>"},
	{"", "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history.\n\n### Guidelines:\n- Use the chat's language\n### Output:\nJSON format: { \"tags\": [] }"},
	{"", "### Task:\nSuggest 3-5 relevant follow-up questions or prompts that the user might naturally ask next in this conversation.\n### Guidelines:\n- Be concise."},
	{"", "### Task:\nYou are an autocompletion system. Continue the text in `<text>` based on the completion type.\n### **Instructions**:\n1. Analyze\n<text>My sister Ruth</text>"},
	{"### Task:\nAnalyze the chat history to determine the necessity of generating search queries, in the given language.\n### Guidelines:\n- JSON only", "Where is the kayak?"},
	{"", "Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return the title itself.\n\nConversation:\nUser: My locker code is 7719.\nAI: Noted."},
	{"", "Analyze this conversation and provide:\n1. The detected language of the conversation\n2. A concise title in the detected language (5 words or less, no punctuation or quotation)"},
	{"", "Please generate a four to five word title summarizing our conversation without any lead-in, punctuation, quotation marks, periods, symbols, bold text, or additional text."},
	{"", "Summarize the discussion briefly in 200 words or less to use as a prompt for future context."},
	{"", "Generate a concise 3-7 word title for this conversation, omitting punctuation. Go straight to the title, without any preamble."},
	{"You are a title generator. You output ONLY a thread title. Nothing else.", "Fix the login of my shop"},
	{"Analyze if this message indicates a new conversation topic. If it does, extract a 2-3 word title that captures the new topic. Format your response as a JSON object.", "My sister moved to Lisbon"},
	{"You will generate a short title based on the first message a user begins a conversation with. Ensure it is not more than 80 characters long.", "I am allergic to nuts"},
	{"", "Based on the chat history, give this conversation a name.\nKeep it short - 10 characters max, no quotes."},
	{"You are an AI conversation titles assistant who specializes in creating expressive yet few-words chat titles.", "Analyze the given short conversation and extract a concise chat title."},
	{"", "Given the following conversation and a follow up question, rephrase the follow up question to be a standalone question.\nChat History:\nhuman: hi\nassistant: hello\nFollow Up Input: and Ruth?"},
	{"你是一名擅长会话的助理，你需要将用户的会话总结为 10 个字以内的标题", "我的猫叫米米"},
	{"", "Erstelle einen kurzen Titel für dieses Gespräch, höchstens fünf Wörter, ohne Anführungszeichen."},
	{"", "Génère un titre court (5 mots maximum) pour cette conversation."},
	{"", "Придумай краткий заголовок для этого диалога."},
	{"", "この会話の短いタイトルを10文字以内で作成してください。"},
	{"", "Title this chat in under 6 words."},
	{"", "Your task is to create a detailed summary of the conversation so far, paying close attention to the user's explicit requests and your previous actions."},
	{"", "Use the previous messages to create a title of at most 60 characters. Return only the title."},
	{"", "Suggest three short replies that the user could send next in this conversation. Return a JSON array."},
	{"", "Here are messages of a chat:\n\nuser: My flat costs 900 pounds.\nassistant: Noted.\n\nCreate 3 keywords for the conversation."},
	{"", "Hey how's it going?"}, {"", "ping"}, {"", "What's 1 + 1?"}, {"", "Say this is a test"}, {"", "Reply with exactly 'OK'"},
	{"", "<|fim_prefix|>def add(a, b):<|fim_suffix|>\n<|fim_middle|>"},
}

// What people say, some of it near to a task.
var saidByPeople = [][2]string{
	{"", "Where shall I store the kayak?"},
	{"You are a helpful assistant. Be brief.", "My sister Ruth moved to Lisbon."},
	{"", "Write a short title for my article about otters, at most five words."},
	{"", "Give me five names for our cat, please."},
	{"", "What was the title of the book that Ruth recommended?"},
	{"", "I have to give a talk about chat bots next week. Which topics should I choose?"},
	{"", "Summarize this article in 100 words: The otter lives in rivers ..."},
	{"", "Can you help me with a task? I have to clean the attic."},
	{"", "Task: plan my week. On Monday I have the dentist."},
	{"", "Please remind me what we decided about the car."},
	{"", "Hello, I am Mia and I live in Kiel."},
	{"", "My follow-up appointment with Dr Lee is on 3 May."},
	{"", "The name of our new dog is Bruno."},
	{"", "Translate to German: the conversation was short."},
	{"", "Explain how a search query works in Postgres."},
	{"", "Write a brief message to my landlord about the heating."},
	{"", "Wie heißt das Thema meiner Bachelorarbeit?"},
	{"", "私の猫の名前は何ですか？"},
	{"", "I had a long chat with Ruth yesterday; she likes her new job."},
	{"", "Create tags for my photo of the lake."},
	{"", "Return only JSON: the capitals of France and Spain."},
	{"You are a coding agent. Use the tools. Keep answers concise.", "Rename the function title() to heading()."},
	{"", "Reply to this email: can we meet on Friday?"},
	{"", "What is our session on Friday about?"},
	{"", "Summarize the conversation that I had with Ruth about the flat."},
	{"", "I want to give our dog a new name, a short one. Any ideas?"},
	{"", "Write a summary of my day: I walked to the lake, then I had lunch with Ruth."},
}

func TestTasks(t *testing.T) {
	known, err := newTasks(knownTasks)
	if err != nil {
		t.Fatal(err)
	}
	request := func(x [2]string) *chatwire.Request {
		messages := []map[string]string{{"role": "user", "content": x[1]}}
		if x[0] != "" {
			messages = append([]map[string]string{{"role": "system", "content": x[0]}}, messages...)
		}
		body, _ := json.Marshal(map[string]any{"messages": messages})
		q, err := chatwire.Read(chatwire.Completions{}, body)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	for _, x := range clientTasks {
		if !known.is(request(x)) {
			t.Errorf("a task is taken for a person's words: %q", x)
		}
	}
	for _, x := range saidByPeople {
		if known.is(request(x)) {
			t.Errorf("a person's words are taken for a task: %q", x)
		}
	}
	own, err := newTasks("^BACKGROUND:\n\n")
	if err != nil {
		t.Fatal(err)
	}
	if !own.is(request([2]string{"", "BACKGROUND: sort these"})) || own.is(request(clientTasks[0])) {
		t.Error("own patterns do not stand for the known ones")
	}
	if _, err := newTasks("("); err == nil {
		t.Error("a pattern that is none is no error")
	}
	for _, body := range []string{`{"messages":[{"role":"user","content":"quota"}],"max_tokens":1}`, `{"messages":[{"role":"user","content":"x"}],"max_completion_tokens":5}`} {
		if q, _ := chatwire.Read(chatwire.Completions{}, []byte(body)); !own.is(q) {
			t.Errorf("%s is no probe", body)
		}
	}
}
