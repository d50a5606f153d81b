package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/eval"
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
}

// load makes all kinds from the data in a folder.
func load(ctx context.Context, data, everyday string) ([]kind, error) {
	file := filepath.Join(data, "locomo", "locomo_dev.json")
	locomo, err := eval.LoCoMo(ctx, file, &eval.LoCoMoOptions{Corrections: filepath.Join(data, "locomo", "locomo_dev_corrections.json")})
	if err != nil {
		return nil, err
	}
	beam, err := eval.BEAM(ctx, filepath.Join(data, "beam", "100K"))
	if err != nil {
		return nil, err
	}
	chats, err := loadEveryday(everyday)
	if err != nil {
		return nil, err
	}
	facts, err := observations(file)
	if err != nil {
		return nil, err
	}
	l, b := fromDataset("locomo", locomo), fromDataset("beam", beam)
	kinds := []kind{l, b, {"everyday", chats}, roles(l), withFacts(l, facts), bareFacts(l, facts), updates(l), wordFragments(l, b, kind{"everyday", chats})}
	for i := range kinds[3:7] { // each of what is made of LoCoMo asks a third of its questions
		for j := range kinds[3+i].convs {
			c := &kinds[3+i].convs[j]
			var some []question
			for n, q := range c.questions {
				if n%3 == i%3 {
					some = append(some, q)
				}
			}
			c.questions = some
		}
	}
	return kinds, nil
}

func fromDataset(name string, d *eval.Dataset) kind {
	k := kind{name: name}
	for _, c := range d.Conversations {
		conv := conversation{id: name + "/" + c.ID, source: name + "/" + c.ID, records: slices.Clone(c.Records)}
		for i := range conv.records {
			conv.records[i].Scope = memory.Scope{Session: conv.records[i].Scope.Session}
		}
		for _, q := range c.Questions {
			conv.questions = append(conv.questions, question{text: q.Text, sets: [][]string{q.Evidence}})
		}
		k.convs = append(k.convs, conv)
	}
	return k
}

// roles are the conversations without names: the first who speaks is the user, the other the assistant.
func roles(k kind) kind {
	out := kind{name: "roles"}
	for _, c := range k.convs {
		n := conversation{id: "roles" + strings.TrimPrefix(c.id, k.name), source: c.source, questions: c.questions}
		first := c.records[0].Speaker
		for _, r := range c.records {
			r.Role = "assistant"
			if r.Speaker == first {
				r.Role = "user"
			}
			r.Speaker = ""
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
// session ends with the same turn in which some words are others. Only the later one answers. They teach that the present
// value leads, whatever it is about and in whatever language it is said.
func updates(k kind) kind {
	out := kind{name: "updates"}
	random := rand.New(rand.NewPCG(3, 5))
	for _, c := range k.convs {
		n := conversation{id: "updates" + strings.TrimPrefix(c.id, k.name), source: c.source, records: slices.Clone(c.records)}
		last := map[string]memory.Record{} // of each session
		var sessions []string
		at := map[string]int{}
		for i, r := range c.records {
			if _, ok := last[r.Scope.Session]; !ok {
				sessions = append(sessions, r.Scope.Session)
			}
			last[r.Scope.Session], at[eval.Ref(r)] = r, i
		}
		for i, q := range c.questions {
			if i%3 != 0 { // as load keeps them
				n.questions = append(n.questions, q)
				continue
			}
			kept := false
			for _, ref := range q.sets[0] {
				r := c.records[at[ref]]
				before := slices.Index(sessions, r.Scope.Session)
				old, changed := outdated(random, r.Text, q.text, c.records[random.IntN(len(c.records))].Text)
				if before <= 0 || !changed {
					continue
				}
				end := last[sessions[random.IntN(before)]]
				r.Text, r.Scope, r.Created, r.Position = old, end.Scope, end.Created.Add(time.Minute), end.Position+1
				r.Meta = map[string]string{"ref": "old-" + ref}
				end.Position, end.Created = r.Position, r.Created
				last[r.Scope.Session] = end
				n.records = append(n.records, r)
				kept = true
			}
			if !kept {
				q.sets = [][]string{{"none"}}
			}
			n.questions = append(n.questions, q)
		}
		out.convs = append(out.convs, n)
	}
	return out
}

// outdated is a text in which one to three words that the question does not hold are words of another text.
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
	for range 1 + random.IntN(3) {
		words[at[random.IntN(len(at))]] = others[random.IntN(len(others))]
	}
	return strings.Join(words, " "), true
}

// wordFragments are questions made without labels: some words of a turn, in order. They teach that what holds the rare words
// of a question answers it, in whatever style and language.
func wordFragments(kinds ...kind) kind {
	out := kind{name: "fragments"}
	random := rand.New(rand.NewPCG(7, 11))
	for _, k := range kinds {
		for _, c := range k.convs {
			n := conversation{id: "fragments/" + c.id, source: c.source, records: c.records}
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

// loadEveryday reads a half of the everyday suite.
func loadEveryday(dir string) ([]conversation, error) {
	data, err := os.ReadFile(filepath.Join(dir, "questions.json"))
	if err != nil {
		return nil, err
	}
	var suite struct {
		Scopes    map[string][]string
		Questions []struct {
			Scope, Question string
			At              time.Time
			Evidence        [][]string
			Unanswerable    bool
		}
	}
	if err := json.Unmarshal(data, &suite); err != nil {
		return nil, err
	}
	var convs []conversation
	for scope, files := range suite.Scopes {
		c := conversation{id: "everyday/" + scope, source: "everyday/" + scope}
		for _, name := range files {
			records, err := readRecords(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			c.records = append(c.records, records...)
		}
		for _, q := range suite.Questions {
			if q.Scope == scope && !q.Unanswerable {
				c.questions = append(c.questions, question{text: q.Question, at: q.At, sets: q.Evidence})
			}
		}
		convs = append(convs, c)
	}
	slices.SortFunc(convs, func(a, b conversation) int { return strings.Compare(a.id, b.id) })
	return convs, nil
}

func readRecords(file string) ([]memory.Record, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var records []memory.Record
	places := map[string]int{}
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<24)
	for scan.Scan() {
		var l struct {
			ID, Session, Role, Speaker, Text string
			Time                             time.Time
			Kind                             memory.Kind
		}
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		r := memory.Record{Kind: l.Kind, Role: l.Role, Speaker: l.Speaker, Text: l.Text, Created: l.Time, Position: -1, Meta: map[string]string{"ref": l.ID}}
		if l.Kind != memory.KindFact {
			r.Scope.Session, r.Position = l.Session, places[l.Session]
			places[l.Session]++
		}
		records = append(records, r)
	}
	return records, scan.Err()
}
