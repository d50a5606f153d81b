package serve

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/trm-go/refiner/internal/chatwire"
)

// knownTasks is the line of Options.Tasks that stands for the tasks that are known here.
const knownTasks = "known"

// tasks tell what a chat client asks for itself from what a person says: titles and tags of a conversation, follow-up
// questions, search queries, completions while one types, health checks. They are neither remembered nor given notes.
type tasks struct {
	known bool
	own   []*regexp.Regexp
}

// newTasks reads regular expressions, one a line.
func newTasks(lines string) (*tasks, error) {
	t := &tasks{}
	for line := range strings.Lines(lines) {
		switch line = strings.TrimSpace(line); line {
		case "":
		case knownTasks:
			t.known = true
		default:
			e, err := regexp.Compile(line)
			if err != nil {
				return nil, fmt.Errorf("serve.tasks: %q is no regular expression: %w", line, err)
			}
			t.own = append(t.own, e)
		}
	}
	return t, nil
}

// A task names what is to be made, of which conversation, and how short it must be. A person who asks for a title names their
// own text, and seldom all three.
var (
	taskMade = `titles?|titel|titre|título|titolo|заголов\S*|название|标题|標題|タイトル|件名|제목|name for|heading|an? (?:\w+ )?name|tags?|keywords?|schlagw\S+|categor(?:y|ies)|topics?|thema|labels?` +
		`|follow[- ]?ups?|replies|questions|prompts|(?:search|web) quer(?:y|ies)|standalone (?:question|query)|emojis?|summary|summari[sz]e|zusammenfassung|résumé|resumen|摘要|总结|要約`
	taskOf = `(?:this|the|our|that|following|above|given|an?|each|user'?s?|recent|whole|entire|current|previous|new|diese[ners]*|unsere[rs]?|folgende[ns]*|der|des|das|cette|la|notre|suivante|esta|nuestra|questa|essa)\s+(?:\w+\s+){0,2}` +
		`(?:conversations?|chats?|chat[_ ]history|discussion|dialog(?:ue|o|s)?|thread|session|transcript|messages?|gesprächs?|unterhaltung|konversation|conversación|conversazione|conversa)\b` +
		`|conversation history|chat history|диалог\S*|разговор\S*|бесед\S*|对话|對話|会话|會話|聊天|会話|チャット|대화`
	// atOnce is what a task makes and its conversation, close to each other.
	atOnce = regexp.MustCompile(`(?is)(?:` + word(taskMade) + `).{0,160}(?:` + taskOf + `)|(?:` + taskOf + `).{0,160}(?:` + word(taskMade) + `)`)
	// limited is how short it must be, and of which form.
	limited = regexp.MustCompile(`(?i)\b(?:\d+|few|one|two|three|four|five|six|seven|eight|ten|\p{L}+)[\s–-]*(?:to|bis|à|a|-|–)?[\s–-]*(?:\d+|\w+)?[\s-]*(?:words?|characters|chars|wörter[n]?|worte[n]?|mots|palabras|parole|palavras|слов\S*)\b` +
		`|\d+\s*(?:个|個|文)?(?:字|文字|단어|자)|\bonly (?:the|a|with|return|respond|reply|output|json)|(?:return|respond|reply|output|answer)\w* (?:with )?(?:only|just)|nothing else|without (?:any )?(?:quot|punct|explan|lead)|no (?:quot|punct|explan|markdown|preamble)|omit\w* punct` +
		`|\bjson\b|title case|concise|\bbrief(?:ly)?\b|\bshort\b|\bkurze[nrs]?\b|\bcourte?\b|\bbreve\b|кратк\S*|简短|簡潔|简洁|only:`)
	asked = regexp.MustCompile(`(?i)^\W*(?:title|name|label|tag)\b|\b(?:generate|create|write|provide|suggest|give|come up|produce|make|determine|extract|analy[sz]e|identify|rephrase|rewrite|summari[sz]e|classify|output|return|respond|reply|name|predict|erstell\S*|generier\S*|schreib\S*|gib|fass\S*|g[ée]n[éè]r\S*|crée\S*|donne\S*|genera\S*|crea|escribe|resume|scrivi|gere|crie)\b|созда\S*|придума\S*|напиши|생성|만들|作成|生成|总结|總結|概括|して`)
	// rolesOf are the roles in front of the lines of a conversation that stands in a prompt, or what stands around it.
	rolesOf = regexp.MustCompile(`(?im)^\W*(?:user|human|usuario|nutzer|utilisateur|用户)\W*[:：][\s\S]*^\W*(?:assistant|ai|bot|model|助手)\W*[:：]|</?(?:chat_history|conversation|chat|transcript|dialog(?:ue)?|messages)>`)
	// forms are tasks that are known by their form alone.
	forms = []*regexp.Regexp{
		regexp.MustCompile(`(?is)^\s*#+\s*Task:?\s.*#+\s*(?:Guidelines|Instructions|Output|Context|Examples?|Chat History)\b`),
		regexp.MustCompile(`(?i)\bautocomplet(?:e|ion) (?:system|engine|assistant)\b|<\|?(?:fim_prefix|fim_suffix|fim_middle|fim_begin|fim_hole)\|?>|<(?:PRE|SUF|MID)>`),
		regexp.MustCompile(`(?is)^.{0,300}\b(?:you are|act as|your (?:only )?(?:task|job|role) is)\b.{0,80}\b(?:title generator|titles? (?:assistant|specialist)|conversation (?:titles?|summari[sz]er))`),
		regexp.MustCompile(`(?is)^.{0,200}your task is to (?:reflect|choose|select|pick).{0,120}(?:emoji|tools?\b)`),
		regexp.MustCompile(`(?is)^\W*(?:please )?(?:your task is to )?(?:create|write|provide|produce|generate|summari[sz]e)\b.{0,60}\b(?:our|this|the)(?: entire| whole)? (?:conversation|chat|discussion|session)(?: so far| above| until now| to date| up to|[.,:;!]|$)`),
		regexp.MustCompile(`(?is)follow[- ]?up question.{0,80}(?:rephrase|standalone)`),
	}
	// probes ask whether anybody is there.
	probes = regexp.MustCompile(`(?i)^\W*(?:hi|hello|hey|hallo|ping|test(?:ing)?|ok|health ?check|(?:hey,? )?how'?s it (?:going|\d+)|hey,? how'?s it (?:going|\d+)|what'?s 1 ?\+ ?1|say (?:hi|hello|ok|pong|test|this is a test)|(?:reply|respond|answer) with (?:(?:just|only|exactly|the word) )*\W?(?:ok|pong|hi|yes)\W?|are you (?:there|up|alive|working))\W*$`)
)

// word makes an alternation whose ASCII words begin and end where words do.
func word(alternatives string) string {
	list := strings.Split(alternatives, "|")
	for i, a := range list {
		if a[0] < 0x80 && !strings.ContainsAny(a, "()") {
			list[i] = `\b` + a + `\b`
		}
	}
	return strings.Join(list, "|")
}

const (
	shortestChat = 8    // tokens of an answer: what may have fewer is a probe
	taskHead     = 2000 // characters of a prompt in which it says what is to be done, and
	taskTail     = 600  // those at its end, behind what it is to be done with
	longPersona  = 3000 // characters: what is longer than this tells an assistant more than one task
)

// is reports whether a request is one of a client's own.
func (t *tasks) is(q *chatwire.Request) bool {
	if q.Technical || q.MaxTokens > 0 && q.MaxTokens < shortestChat {
		return true
	}
	instructions, question := q.Instructions(), strings.TrimSpace(q.Question())
	for _, e := range t.own {
		if e.MatchString(question) || e.MatchString(instructions) {
			return true
		}
	}
	if !t.known {
		return false
	}
	if len(instructions) <= longPersona && (formed(instructions) || demands(instructions)) {
		return true
	}
	if len(q.Messages) == 1 && instructions == "" && probes.MatchString(question) {
		return true
	}
	return formed(question) || demands(question)
}

func formed(text string) bool {
	text = ends(text)
	for _, e := range forms {
		if e.MatchString(text) {
			return true
		}
	}
	return false
}

// demands reports whether a text asks for something short that is made of a conversation.
func demands(text string) bool {
	if text == "" {
		return false
	}
	shown := rolesOf.MatchString(text)
	text = ends(text)
	return atOnce.MatchString(text) && asked.MatchString(text) && (shown || limited.MatchString(text))
}

// ends are the beginning and the end of a text.
func ends(text string) string {
	if len(text) <= taskHead+taskTail {
		return text
	}
	return strings.ToValidUTF8(text[:taskHead], "") + "\n" + strings.ToValidUTF8(text[len(text)-taskTail:], "")
}
