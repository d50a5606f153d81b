package specialists

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/trm-go/refiner/memory"
)

// Persona keeps a draft to what the memories of kind persona ask for, as far as they ask in plain words for one of these:
//
//   - a name: "The assistant is called Mira." A draft that gives itself another is corrected;
//   - a form of address: "Call me Sam." A greeting by another name is corrected;
//   - topics to leave out: "Never mention the diet." Sentences about them are taken out;
//   - a form: "no bullet points", "no emojis", "no exclamation marks", "at most three sentences";
//   - a language: "Answer in German." A draft that is plainly in another is noted.
//
// Only observed memories of this kind count: what a turn or a document says cannot change how the assistant behaves.
// Everything else that such a memory may ask for is for the language model that writes.
type Persona struct{}

// Name implements [Specialist].
func (*Persona) Name() string { return "persona" }

// Priority implements [Specialist].
func (*Persona) Priority() int { return 70 }

// rules are what the persona memories ask for.
type personaRules struct {
	self, address, language string
	forbidden               []forbiddenTopic
	bullets, emojis, shouts bool // none of them
	sentences               int  // at most; 0: any number
	source                  map[string]memory.Quote
}

type forbiddenTopic struct {
	stems []string
	quote memory.Quote
}

var (
	selfName    = regexp.MustCompile(`(?i)\b(?:the assistant(?:'s name)? is(?: called| named)?|your name is|you are called|you are named)\s+(\p{Lu}[\p{L}'-]{1,30})`)
	addressName = regexp.MustCompile(`(?i)\b(?:call me|address me as|i go by)\s+((?-i:\p{Lu})[\p{L}'-]{1,30})`)
	forbids     = regexp.MustCompile(`(?i)\b(?:never|do not|don't|don’t|please avoid|avoid|stop)\s+(?:ever\s+)?(?:mention(?:ing)?|talk(?:ing)? about|speak(?:ing)? (?:of|about)|bring(?:ing)? up|discuss(?:ing)?|refer(?:ring)? to)\s+(?:my |the |a |an |our |about )?([\p{L}\p{N}' -]{2,60}?)(?:\s+(?:again|anymore|ever|to me|unless|when|if|in)\b.*)?(?:[.,;!]|$)`)
	inLanguage  = regexp.MustCompile(`(?i)\b(?:answer|reply|respond|write|speak)\b[^.!?\n]{0,30}?\bin\s+(english|german|french|spanish|italian|dutch|portuguese)\b`)
	atMost      = regexp.MustCompile(`(?i)\b(?:at most|no more than|maximum of|max)\s+(one|two|three|four|five|six|\d{1,2})\s+sentences?\b`)
	noBullets   = regexp.MustCompile(`(?i)\b(?:no|never use|avoid|without|don't use|do not use)\s+(?:any\s+)?(?:bullet ?points|bullets|lists)\b`)
	noEmojis    = regexp.MustCompile(`(?i)\b(?:no|never use|avoid|without|don't use|do not use)\s+(?:any\s+)?emojis?\b`)
	noShouts    = regexp.MustCompile(`(?i)\b(?:no|never use|avoid|without|don't use|do not use)\s+(?:any\s+)?exclamation (?:marks|points)\b`)
	introduces  = regexp.MustCompile(`\b((?:I am|I'm|I’m|My name is|my name is|This is)\s+)(\p{Lu}[\p{L}'-]{1,30})(\s*(?:[.,!]|,? your (?:assistant|helper)|$))`)
	greets      = regexp.MustCompile(`^(\s*(?:Hi|Hello|Hey|Dear|Good (?:morning|evening|afternoon)),?\s+)(\p{Lu}[\p{L}'-]{1,30})(\s*[,!.])`)
)

func personaOf(t *Task) personaRules {
	r := personaRules{source: map[string]memory.Quote{}}
	for i := range t.Evidence {
		e := &t.Evidence[i]
		if e.Kind != memory.KindPersona || e.Origin == memory.Reconstructed || !validAt(e, t.Now) || len(e.Text) > 4096 ||
			t.Scope != (memory.Scope{}) && !t.Scope.Contains(e.Scope) {
			continue
		}
		quote := func(s string) memory.Quote { return memory.Quote{Source: e.ID, Text: strings.TrimSpace(s)} }
		name := func(what string, expr *regexp.Regexp, to *string) {
			if m := expr.FindStringSubmatch(e.Text); m != nil && *to == "" {
				*to = m[1]
				r.source[what] = quote(m[0])
			}
		}
		name("self", selfName, &r.self)
		name("address", addressName, &r.address)
		name("language", inLanguage, &r.language)
		for _, m := range forbids.FindAllStringSubmatch(e.Text, 8) {
			var topic []string
			for _, tok := range scan(m[1], 0, len(m[1])) {
				if tok.stem != "" {
					topic = append(topic, tok.stem)
				}
			}
			if len(topic) > 0 && len(topic) <= 4 {
				r.forbidden = append(r.forbidden, forbiddenTopic{topic, quote(m[0])})
			}
		}
		if m := atMost.FindStringSubmatch(e.Text); m != nil && r.sentences == 0 {
			n, _ := numberOf(strings.ToLower(m[1]))
			r.sentences = int(n)
			r.source["sentences"] = quote(m[0])
		}
		for what, rule := range map[string]struct {
			expr *regexp.Regexp
			to   *bool
		}{"bullets": {noBullets, &r.bullets}, "emojis": {noEmojis, &r.emojis}, "shouts": {noShouts, &r.shouts}} {
			if m := rule.expr.FindString(e.Text); m != "" && !*rule.to {
				*rule.to = true
				r.source[what] = quote(m)
			}
		}
	}
	r.language = strings.ToLower(r.language)
	return r
}

// Examine implements [Specialist].
func (s *Persona) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if ok, err := examined(ctx, d); !ok {
		return Finding{}, err
	}
	r := personaOf(t)
	text := d.Text
	var notes []Note
	note := func(kind, why, what string) {
		notes = append(notes, Note{Specialist: s.Name(), Kind: kind, Why: why, Quotes: []memory.Quote{r.source[what]}})
	}
	named := func(expr *regexp.Regexp, name, kind, why, what string) {
		if name == "" {
			return
		}
		m := expr.FindStringSubmatchIndex(text)
		if m == nil || strings.EqualFold(text[m[4]:m[5]], name) || common[strings.ToLower(text[m[4]:m[5]])] {
			return
		}
		text = text[:m[4]] + name + text[m[5]:]
		note(kind, why, what)
	}
	named(introduces, r.self, "name", "the assistant has another name", "self")
	named(greets, r.address, "address", "whoever asks wants to be addressed otherwise", "address")
	if len(r.forbidden) > 0 {
		text, notes = s.leaveOut(text, r.forbidden, notes)
	}
	change := func(on bool, next func(string) string, kind, why, what string) {
		if !on {
			return
		}
		if changed := next(text); changed != text {
			text = changed
			note(kind, why, what)
		}
	}
	fenced := strings.Contains(text, "```")
	change(r.bullets && !fenced, withoutBullets, "form", "lists are not wanted", "bullets")
	change(r.emojis, withoutEmojis, "form", "emojis are not wanted", "emojis")
	change(r.shouts && !fenced, func(s string) string { return shouts.ReplaceAllString(s, ".") }, "form", "exclamation marks are not wanted", "shouts")
	change(r.sentences > 0 && !fenced, func(s string) string { return firstSentences(s, r.sentences) }, "length", "a shorter answer is wanted", "sentences")
	if r.language != "" {
		if is := languageOf(text); is != "" && is != r.language {
			note("language", "it is not in the language that is wanted", "language")
		}
	}
	return revised(d, text, notes), nil
}

// emptyTime resolves no relative time.
var emptyTime time.Time

var shouts = regexp.MustCompile(`!+`)

// leaveOut takes out sentences on topics that are not to be mentioned.
func (s *Persona) leaveOut(text string, topics []forbiddenTopic, notes []Note) (string, []Note) {
	var edits []edit
	parts := passages(text, emptyTime, false, maxPassages)
	for i := 0; i < len(parts); {
		n := i + 1
		for n < len(parts) && parts[n].begin == parts[i].begin {
			n++
		}
		words := map[string]bool{}
		for _, p := range parts[i:n] {
			for _, t := range p.toks {
				words[t.stem] = true
			}
		}
		for _, topic := range topics {
			if !slices.ContainsFunc(topic.stems, func(w string) bool { return !words[w] }) {
				edits = append(edits, edit{line(text, parts[i].begin), sentenceEnd(text, parts[i].end), ""})
				notes = append(notes, Note{Specialist: s.Name(), Kind: "topic", Claim: text[parts[i].begin:parts[i].end], Why: "this is not to be mentioned", Quotes: []memory.Quote{topic.quote}})
				break
			}
		}
		i = n
	}
	if text = apply(text, edits); text == "" {
		text = "I would rather not speak of that."
	}
	return text, notes
}

// withoutBullets makes lines of text of the items of a list.
func withoutBullets(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		t := strings.TrimLeft(l, " \t")
		for _, mark := range [...]string{"- ", "* ", "• "} {
			if rest, ok := strings.CutPrefix(t, mark); ok {
				t = strings.TrimLeft(rest, " \t-*•")
				lines[i] = t
			}
		}
	}
	return strings.Join(lines, "\n")
}

func withoutEmojis(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 0x1F000 && r <= 0x1FAFF || r >= 0x2600 && r <= 0x27BF || r == 0xFE0F || r == 0x200D {
			continue
		}
		b.WriteRune(r)
	}
	return strings.TrimRightFunc(strings.ReplaceAll(b.String(), "  ", " "), unicode.IsSpace)
}

// firstSentences keeps the first n sentences that state something, and the references of the last.
func firstSentences(s string, n int) string {
	parts := passages(s, emptyTime, false, maxPassages)
	count := 0
	for i := range parts {
		if i > 0 && parts[i-1].begin == parts[i].begin {
			continue
		}
		if count++; count > n {
			return strings.TrimSpace(s[:sentenceEnd(s, parts[i-1].end)])
		}
	}
	return s
}

// tongues are a few of the commonest words of each language that the others do not have.
var tongues = map[string]map[string]bool{
	"english":    set(`the and is you of that with are was have not this your for`),
	"german":     set(`der die das und ist nicht ein eine mit ich sie auf für dem den zu wird`),
	"french":     set(`le la les et est une dans pas vous je qui pour avec sur des du ne`),
	"spanish":    set(`el los las y es una por con para que no su del está muy más`),
	"italian":    set(`il gli e è un che non per con sono della del nel alla più`),
	"dutch":      set(`het een en van niet dat ik je met voor zijn op te aan ook`),
	"portuguese": set(`os as e é um uma não que para com do da em mais seu você`),
}

// languageOf guesses the language of a text; "" if no language has twice the words of the next.
func languageOf(s string) string {
	if len(s) > 4096 {
		s = s[:4096]
	}
	counts := map[string]int{}
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, w := range words {
		for l, set := range tongues {
			if set[w] {
				counts[l]++
			}
		}
	}
	best, second, name := 0, 0, ""
	for _, l := range []string{"english", "german", "french", "spanish", "italian", "dutch", "portuguese"} {
		switch n := counts[l]; {
		case n > best:
			best, second, name = n, best, l
		case n > second:
			second = n
		}
	}
	if best < 3 || best < 2*second {
		return ""
	}
	return name
}
