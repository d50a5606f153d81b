package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/bench/people"
	"github.com/trm-go/refiner/memory"
)

// kind is a sort of memory with questions: what is trained on must come in several, or a style is learned.
type kind struct {
	name  string
	convs []conversation
}

type conversation struct {
	id        string
	source    string // the conversation that it was made of: folds keep these together
	records   []memory.Record
	questions []question
}

type question struct {
	text string
	at   time.Time  // zero: after everything
	sets [][]string // references of records; each set answers by itself
	// stale are references of what was true before.
	stale []string
}

// sources are the folders of the data, of the everyday suite, and of the invented histories.
type sources struct{ data, everyday, people string }

// load makes all kinds from the data in some folders.
func load(ctx context.Context, from sources) ([]kind, error) {
	data := from.data
	file := filepath.Join(data, "locomo", "locomo_dev.json")
	locomo, err := eval.LoCoMo(ctx, file, &eval.LoCoMoOptions{Corrections: filepath.Join(data, "locomo", "locomo_dev_corrections.json")})
	if err != nil {
		return nil, err
	}
	beam, err := eval.BEAM(ctx, filepath.Join(data, "beam", "100K"))
	if err != nil {
		return nil, err
	}
	chats, err := fromEveryday(ctx, from.everyday)
	if err != nil {
		return nil, err
	}
	invented, err := fromPeople(from.people)
	if err != nil {
		return nil, err
	}
	facts, err := observations(file)
	if err != nil {
		return nil, err
	}
	l, b := fromDataset("locomo", locomo), fromDataset("beam", beam)
	// Of what is made of LoCoMo each asks a third of its questions.
	chat := assistants(l)
	return []kind{l, b, chats, third(chat, 0), withFacts(third(l, 1), facts), bareFacts(third(l, 2), facts), updates("updates", third(l, 0)),
		updates("moved", third(chat, 1)), talks("people", b), talks("people", chats), wordFragments("fragments", l, b, chats),
		invented, nameless(talks("swapped", invented), invented), updates("outdated", invented), wordFragments("pieces", invented)}, nil
}

// third is a kind with every third question, from the n-th on.
func third(k kind, n int) kind {
	out := kind{name: k.name}
	for _, c := range k.convs {
		all := c.questions
		c.questions = nil
		for i, q := range all {
			if i%3 == n {
				c.questions = append(c.questions, q)
			}
		}
		out.convs = append(out.convs, c)
	}
	return out
}

func fromDataset(name string, d *eval.Dataset) kind {
	k := kind{name: name}
	for _, c := range d.Conversations {
		conv := conversation{id: name + "/" + c.ID, source: name + "/" + c.ID, records: withoutScope(c.Records)}
		for _, q := range c.Questions {
			conv.questions = append(conv.questions, question{text: q.Text, sets: [][]string{q.Evidence}})
		}
		k.convs = append(k.convs, conv)
	}
	return k
}

// assistants are the conversations as somebody would have them with an assistant: whatever was said says the user, and to each
// the assistant replies at some length, with words of what it replies to and with much that others said elsewhere. They teach
// that a long reply that holds the words of a question need not answer it. Who was called by the name of the first
// speaker says I.
func assistants(k kind) kind {
	out := kind{name: "assistants"}
	random := rand.New(rand.NewPCG(19, 23))
	for _, c := range k.convs {
		n := conversation{id: "assistants" + strings.TrimPrefix(c.id, k.name), source: c.source}
		own := inOwnWords(c.records[0].Speaker)
		for _, q := range c.questions {
			q.text = own.Replace(q.text)
			n.questions = append(n.questions, q)
		}
		for _, r := range c.records {
			r.Role, r.Speaker, r.Position = "user", "", 2*r.Position
			n.records = append(n.records, r)
			words := strings.Fields(r.Text)
			reply := slices.DeleteFunc(slices.Clone(words), func(string) bool { return random.IntN(3) == 0 })
			for length := 5 + random.IntN(8)*random.IntN(40); len(reply) < length; {
				reply = append(reply, strings.Fields(c.records[random.IntN(len(c.records))].Text)...)
			}
			r.Role, r.Text, r.Position, r.Created = "assistant", strings.Join(reply, " "), r.Position+1, r.Created.Add(time.Second)
			r.Meta = map[string]string{"ref": "reply-" + eval.Ref(r)}
			n.records = append(n.records, r)
		}
		out.convs = append(out.convs, n)
	}
	return out
}

// observation is a fact in the third person with the turns that it was made of.
type observation struct{ text, ref string }

// observations reads LoCoMo's, by conversation.
func observations(file string) (map[string][]observation, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var samples []struct {
		ID          string                                     `json:"sample_id"`
		Observation map[string]map[string][][2]json.RawMessage `json:"observation"`
	}
	if err := json.Unmarshal(data, &samples); err != nil {
		return nil, err
	}
	all := map[string][]observation{}
	for _, s := range samples {
		sessions := make([]string, 0, len(s.Observation))
		for name := range s.Observation {
			sessions = append(sessions, name)
		}
		slices.Sort(sessions)
		for _, name := range sessions {
			people := make([]string, 0, 2)
			for p := range s.Observation[name] {
				people = append(people, p)
			}
			slices.Sort(people)
			for _, p := range people {
				for _, o := range s.Observation[name][p] {
					var text, ref string
					if json.Unmarshal(o[0], &text) != nil || json.Unmarshal(o[1], &ref) != nil {
						continue // evidence that is a list names no single turn
					}
					all["locomo/"+s.ID] = append(all["locomo/"+s.ID], observation{text, ref})
				}
			}
		}
	}
	return all, nil
}

// asFacts are facts as a model stores them: in the third person, without session and speaker. Before every third it was stored
// what has changed since.
func asFacts(c conversation, list []observation) (records []memory.Record, refs map[string][]string) {
	when := map[string]time.Time{}
	for _, r := range c.records {
		when[eval.Ref(r)] = r.Created
	}
	refs = map[string][]string{}
	random := rand.New(rand.NewPCG(13, 17))
	for i, o := range list {
		ref := fmt.Sprintf("fact-%d", i)
		at, ok := when[o.ref]
		if !ok {
			continue
		}
		if old, changed := outdated(random, o.text, "", list[random.IntN(len(list))].text); changed && i%3 == 0 {
			records = append(records, memory.Record{Kind: memory.KindFact, Role: "user", Text: old, Created: at.AddDate(0, 0, -1-random.IntN(60)), Position: -1, Meta: map[string]string{"ref": "old-" + ref}})
		}
		refs[o.ref] = append(refs[o.ref], ref)
		records = append(records, memory.Record{Kind: memory.KindFact, Role: "user", Text: o.text, Created: at.Add(time.Minute), Position: -1, Meta: map[string]string{"ref": ref}})
	}
	return records, refs
}

// withFacts are conversations beside facts that were stored while they went on. A question that both answer counts as answered
// by either.
func withFacts(k kind, facts map[string][]observation) kind {
	out := kind{name: "facts"}
	for _, c := range k.convs {
		records, refs := asFacts(c, facts[c.id])
		n := conversation{id: "facts" + strings.TrimPrefix(c.id, k.name), source: c.source, records: slices.Concat(c.records, records)}
		for _, q := range c.questions {
			f := factual(q, refs)
			f.sets = append(f.sets, q.sets...)
			n.questions = append(n.questions, f)
		}
		out.convs = append(out.convs, n)
	}
	return out
}

func factual(q question, refs map[string][]string) question {
	n := question{text: q.text, at: q.at}
	for _, set := range q.sets {
		for _, ref := range set {
			for _, f := range refs[ref] {
				n.sets = append(n.sets, []string{f})
			}
		}
	}
	return n
}

// bareFacts are the facts alone.
func bareFacts(k kind, facts map[string][]observation) kind {
	out := kind{name: "bare"}
	for _, c := range k.convs {
		records, refs := asFacts(c, facts[c.id])
		n := conversation{id: "bare" + strings.TrimPrefix(c.id, k.name), source: c.source, records: records}
		for _, q := range c.questions {
			if f := factual(q, refs); len(f.sets) > 0 {
				n.questions = append(n.questions, f)
			}
		}
		out.convs = append(out.convs, n)
	}
	return out
}

// updates are conversations in which what answers a question was said otherwise before: for each turn of evidence an earlier
// session ends with what is left of the turn with other words. Only the later one answers. They teach that the present
// value leads, whatever it is about and in whatever language it is said.
func updates(name string, k kind) kind {
	out := kind{name: name}
	random := rand.New(rand.NewPCG(3, 5))
	for _, c := range k.convs {
		n := conversation{id: name + c.id[strings.Index(c.id, "/"):], source: c.source, records: slices.Clone(c.records)}
		last := map[string]memory.Record{} // of each session
		var sessions []string
		at := map[string]int{}
		for i, r := range c.records {
			if _, ok := last[r.Scope.Session]; !ok {
				sessions = append(sessions, r.Scope.Session)
			}
			last[r.Scope.Session], at[eval.Ref(r)] = r, i
		}
		for _, q := range c.questions {
			var stale []string
			for _, ref := range q.sets[0] {
				r := c.records[at[ref]]
				before := slices.Index(sessions, r.Scope.Session)
				old, changed := outdated(random, r.Text, q.text, c.records[random.IntN(len(c.records))].Text)
				if before <= 0 || !changed || r.Kind == memory.KindFact {
					continue
				}
				end := last[sessions[random.IntN(before)]]
				r.Text, r.Scope, r.Created, r.Position = old, end.Scope, end.Created.Add(time.Minute), end.Position+1
				r.Meta = map[string]string{"ref": "old-" + ref}
				end.Position, end.Created = r.Position, r.Created
				last[r.Scope.Session] = end
				n.records = append(n.records, r)
				stale = append(stale, "old-"+ref)
			}
			if len(stale) > 0 {
				q.stale = stale
				n.questions = append(n.questions, q)
			}
		}
		out.convs = append(out.convs, n)
	}
	return out
}

// outdated is a text as it may have been said before: up to half of the words that the question does not hold are words of
// another text, and some words of the question are added. So neither speaks for the later one.
func outdated(random *rand.Rand, text, question, other string) (string, bool) {
	words, others := strings.Fields(text), strings.Fields(other)
	var at []int
	for i, w := range words {
		if len(w) > 3 && !strings.Contains(strings.ToLower(question), strings.ToLower(strings.Trim(w, ".,!?'"))) {
			at = append(at, i)
		}
	}
	if len(at) < 4 || len(others) < 4 {
		return text, false
	}
	for range 1 + random.IntN(1+len(at)/2) {
		words[at[random.IntN(len(at))]] = others[random.IntN(len(others))]
	}
	for _, w := range strings.Fields(question) {
		if random.IntN(4) == 0 && !strings.Contains(text, strings.Trim(w, "?")) {
			words = slices.Insert(words, random.IntN(len(words)), strings.Trim(w, "?"))
		}
	}
	return strings.Join(words, " "), true
}

// talks are chats with an assistant as two people would have them: both have names, the second says little, and the
// questions ask about the first by name.
func talks(name string, k kind) kind {
	out := kind{name: name}
	names := []string{"Mara", "Jonas", "Ines", "Tariq", "Olga", "Piet", "Yara", "Sven"}
	for i, c := range k.convs {
		if c.records[0].Speaker != "" || c.records[0].Kind == memory.KindFact {
			continue
		}
		first, second := names[2*i%len(names)], names[(2*i+1)%len(names)]
		n := conversation{id: name + "/" + c.id, source: c.source}
		for _, r := range c.records {
			if r.Kind != memory.KindFact {
				if r.Speaker = first; r.Role == "assistant" {
					words := strings.Fields(r.Text)
					r.Speaker, r.Text = second, strings.Join(words[:min(30, len(words))], " ")
				}
				r.Role = ""
			}
			n.records = append(n.records, r)
		}
		for _, q := range c.questions {
			words := strings.Fields(q.text)
			for j, w := range words {
				switch w {
				case "I", "me", "I'm":
					words[j] = first
				case "my", "My":
					words[j] = first + "'s"
				}
			}
			q.text = strings.Join(words, " ")
			n.questions = append(n.questions, q)
		}
		out.convs = append(out.convs, n)
	}
	return out
}

// nameless adds to a kind the histories of another whose user has a name, as if it were not known: the user says I.
func nameless(out, k kind) kind {
	for _, c := range k.convs {
		user := c.records[0].Speaker
		if user == "" {
			continue
		}
		n := conversation{id: out.name + "/" + c.id, source: c.source}
		for _, r := range c.records {
			r.Speaker = ""
			n.records = append(n.records, r)
		}
		own := inOwnWords(user)
		for _, q := range c.questions {
			q.text = own.Replace(q.text)
			n.questions = append(n.questions, q)
		}
		out.convs = append(out.convs, n)
	}
	return out
}

// inOwnWords lets a user speak of himself.
func inOwnWords(user string) *strings.Replacer {
	return strings.NewReplacer(user+"'s", "my", user+"’s", "my", user, "I")
}

// wordFragments are questions made without labels: some words of a turn, in order. They teach that what holds the rare words
// of a question answers it, in whatever style and language.
func wordFragments(name string, kinds ...kind) kind {
	out := kind{name: name}
	random := rand.New(rand.NewPCG(7, 11))
	for _, k := range kinds {
		for _, c := range k.convs {
			n := conversation{id: name + "/" + c.id, source: c.source, records: c.records}
			for range min(20, len(c.records)/4) {
				r := c.records[random.IntN(len(c.records))]
				if text := fragment(random, r.Text); text != "" {
					n.questions = append(n.questions, question{text: text, sets: [][]string{{eval.Ref(r)}}})
				}
			}
			if len(n.questions) > 0 {
				out.convs = append(out.convs, n)
			}
		}
	}
	return out
}

func fragment(random *rand.Rand, s string) string {
	words := strings.Fields(s)
	if len(words) == 1 { // a script without spaces
		runes := []rune(s)
		if len(runes) < 8 {
			return ""
		}
		from := random.IntN(len(runes) / 2)
		return string(runes[from : from+len(runes)/3])
	}
	if len(words) < 6 {
		return ""
	}
	start, most := 0, min(len(words), 16)
	if len(words) > most {
		start = random.IntN(len(words) - most)
	}
	share := .3 + .4*random.Float64()
	var kept []string
	for _, w := range words[start : start+most] {
		if random.Float64() < share {
			kept = append(kept, w)
		}
	}
	if len(kept) < 2 {
		return ""
	}
	return strings.Join(kept, " ")
}

// fromEveryday makes conversations of a half of the everyday suite. What holds a stale value and none of the present one is kept
// beside each question: to be behind the evidence is what is asked of it.
func fromEveryday(ctx context.Context, dir string) (kind, error) {
	suite, err := eval.ReadEveryday(ctx, dir)
	if err != nil {
		return kind{}, err
	}
	k := kind{name: "everyday"}
	for _, c := range suite.Conversations {
		conv := conversation{id: "everyday/" + c.ID, source: "everyday/" + c.ID, records: withoutScope(c.Records)}
		for _, q := range suite.Questions {
			if q.Scope != c.ID || q.Unanswerable {
				continue
			}
			n := question{text: q.Text, at: q.At, sets: q.Evidence}
			for _, r := range c.Records {
				if len(q.Wrong) > 0 && (q.Type == "current" || q.Type == "stale") && q.Judge(r.Text, false) == eval.Stale {
					n.stale = append(n.stale, eval.Ref(r))
				}
			}
			conv.questions = append(conv.questions, n)
		}
		k.convs = append(k.convs, conv)
	}
	return k, nil
}

// fromPeople are the invented histories.
func fromPeople(dir string) (kind, error) {
	all, err := people.Read(dir)
	if err != nil {
		return kind{}, err
	}
	k := kind{name: "invented"}
	for _, h := range all {
		conv := conversation{id: "invented/" + h.ID, source: "invented/" + h.ID, records: withoutScope(h.Records)}
		for _, q := range h.Questions {
			if !q.Unanswerable {
				conv.questions = append(conv.questions, question{text: q.Text, at: q.At, sets: q.Evidence, stale: q.Old})
			}
		}
		k.convs = append(k.convs, conv)
	}
	return k, nil
}

// withoutScope are records of no user, each in its session.
func withoutScope(records []memory.Record) []memory.Record {
	records = slices.Clone(records)
	for i := range records {
		records[i].Scope = memory.Scope{Session: records[i].Scope.Session}
	}
	return records
}
