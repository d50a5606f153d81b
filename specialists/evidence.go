package specialists

import (
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/trm-go/refiner/memory"
)

// Bounds on what is read, so that a hostile text takes time in proportion and not more.
const (
	maxAnswer   = 64 << 10 // bytes of an answer that are examined
	maxMemory   = 64 << 10 // bytes of one memory
	maxEvidence = 1 << 20  // bytes of all memories
	maxPassages = 2048     // clauses of one text
)

// source is a text that counts as evidence: a memory, or a passage that a reconstructed memory quotes.
type source struct {
	id        memory.ID
	record    int
	text      string
	at        time.Time
	role      string
	name      string    // of who says it, as written
	until     time.Time // when it stopped being true; zero: it has not
	speaker   []string  // folded words of the name of who says "I"
	user      bool      // the user says it
	assistant bool      // the assistant says it to the user
	valid     bool      // it is true at the moment of the question
	before    int       // the source that was said just before; -1: none is known
	from, to  int       // its passages
}

// evidence is what is known, cut and indexed.
type evidence struct {
	now      time.Time
	sources  []source
	passages []known
	postings map[string][]int32 // passages by stem, ascending
	prefixes map[string][]string
	spread   map[string]int // in how many sources a stem occurs
	users    map[string]bool
	named    map[string]bool   // words that are written as names somewhere
	aliases  map[string]string // name of somebody's relative, by owner and kin; "" where memories differ

	mu     sync.Mutex
	parsed map[[2]int]*Parsed // sentences by source and first byte
}

// known is a passage of evidence.
type known struct {
	passage
	source int
	also   []string // names of those it calls by what they are: "my sister"
}

// gather indexes what of the task counts as evidence.
func gather(t *Task) *evidence {
	e := &evidence{now: t.Now, postings: map[string][]int32{}, prefixes: map[string][]string{}, spread: map[string]int{},
		users: map[string]bool{}, named: map[string]bool{}, parsed: map[[2]int]*Parsed{}}
	total := 0
	for i := range t.Evidence {
		r := &t.Evidence[i]
		if t.Scope != (memory.Scope{}) && !t.Scope.Contains(r.Scope) {
			continue // another's memory is no evidence, however it came here
		}
		switch {
		case r.Role == "user" && r.Speaker != "":
			for _, w := range strings.Fields(fold(strings.ToLower(r.Speaker))) {
				e.users[w] = true
			}
		}
		add := func(id memory.ID, s string) {
			if len(s) > maxMemory {
				s = s[:maxMemory]
			}
			if total += len(s); total > maxEvidence || s == "" {
				return
			}
			e.sources = append(e.sources, source{id: id, record: i, role: r.Role, name: speakerName(r.Speaker), until: endOf(r), text: s, at: r.Created, before: -1, valid: validAt(r, t.Now),
				speaker: strings.Fields(fold(strings.ToLower(r.Speaker))), user: r.Role == "user" || r.Role == "", assistant: r.Role == "assistant"})
		}
		if r.Origin == memory.Reconstructed {
			for _, q := range r.Quotes {
				add(q.Source, q.Text)
			}
			continue
		}
		add(r.ID, r.Text)
	}
	if len(e.users) > 1 && !oneSpeaker(t.Evidence) {
		// Several people speak as users: the one whose memory it is, if the scope tells.
		clear(e.users)
		if u := strings.ToLower(t.Scope.User); u != "" {
			e.users[u] = true
		}
	}
	place := map[[3]string]map[int]int{}
	for i := range e.sources {
		s := &e.sources[i]
		r := &t.Evidence[s.record]
		if r.Position >= 0 && r.Scope.Session != "" && r.Origin != memory.Reconstructed {
			key := [3]string{r.Scope.Tenant, r.Scope.User, r.Scope.Session}
			if place[key] == nil {
				place[key] = map[int]int{}
			}
			place[key][r.Position] = i
		}
	}
	for i := range e.sources {
		s := &e.sources[i]
		r := &t.Evidence[s.record]
		if m := place[[3]string{r.Scope.Tenant, r.Scope.User, r.Scope.Session}]; m != nil && r.Position > 0 {
			if j, ok := m[r.Position-1]; ok && j != i {
				s.before = j
			}
		}
		s.from = len(e.passages)
		for _, p := range passages(s.text, s.at, true, maxPassages) {
			e.passages = append(e.passages, known{passage: p, source: i})
		}
		s.to = len(e.passages)
	}
	e.index()
	return e
}

// speakerName is a speaker's name where it can lead a quotation: a few plain words.
func speakerName(s string) string {
	if len(s) > 64 || strings.ContainsAny(s, "“”\n.:;[]") {
		return ""
	}
	return strings.TrimSpace(s)
}

func oneSpeaker(records []memory.Record) bool {
	name := ""
	for i := range records {
		if records[i].Role != "user" || records[i].Speaker == "" {
			continue
		}
		if name != "" && name != records[i].Speaker {
			return false
		}
		name = records[i].Speaker
	}
	return true
}

// validAt reports whether a memory is true at a moment.
func validAt(r *memory.Record, now time.Time) bool {
	if !r.Superseded.IsZero() || r.SupersededBy != "" {
		return false
	}
	return now.IsZero() || (r.ValidUntil.IsZero() || r.ValidUntil.After(now)) && (r.ValidFrom.IsZero() || !r.ValidFrom.After(now))
}

// index fills the postings, and tells who "my sister" is where some memory says so.
func (e *evidence) index() {
	aliases := map[string]string{}
	e.aliases = aliases
	for i := range e.passages {
		p := &e.passages[i]
		for j, t := range p.toks {
			if t.capital && p.isName(j) {
				e.named[t.low] = true
			}
			if kin[t.stem] {
				if name := nameOfKin(&p.passage, j); name != "" {
					key := e.ownerAt(p, j) + " " + t.stem
					if old, ok := aliases[key]; ok && old != name {
						name = ""
					}
					aliases[key] = name
				}
			}
		}
	}
	names := map[string]string{} // name → kin
	for key, name := range aliases {
		if name != "" {
			names[name] = key[strings.LastIndexByte(key, ' ')+1:]
		}
	}
	inSource := map[string]int{}
	for i := range e.passages {
		p := &e.passages[i]
		add := func(stem string) {
			if list := e.postings[stem]; len(list) == 0 || list[len(list)-1] != int32(i) {
				e.postings[stem] = append(list, int32(i))
			}
			if last, ok := inSource[stem]; !ok || last != p.source {
				inSource[stem] = p.source
				e.spread[stem]++
				if !ok && len(stem) >= 5 {
					e.prefixes[stem[:5]] = append(e.prefixes[stem[:5]], stem)
				}
			}
		}
		for j, t := range p.toks {
			if t.stem == "" {
				continue
			}
			add(t.stem)
			if kin[t.stem] && len(aliases) > 0 {
				if name := aliases[e.ownerAt(p, j)+" "+t.stem]; name != "" {
					p.also = append(p.also, name)
					add(stems.of(name))
				}
			} else if k := names[t.low]; k != "" {
				p.also = append(p.also, k)
				add(k)
			}
		}
	}
}

// nameOfKin is the name of the relative at token j: "my sister Ruth", "Ruth, my sister".
func nameOfKin(p *passage, j int) string {
	if k := j + 1; k < len(p.toks) && !p.toks[j].owns && p.isName(k) && !p.toks[k].owns {
		return p.toks[k].low
	}
	// "my sister is called Ruth", "my sister's name is Ruth"
	k := j + 1
	for k < len(p.toks) && (p.toks[k].low == "is" || p.toks[k].low == "called" || p.toks[k].low == "named" || p.toks[k].low == "name") {
		k++
	}
	if k > j+1 && k < len(p.toks) && p.isName(k) && k == len(p.toks)-1 {
		return p.toks[k].low
	}
	return ""
}

// ownerAt names whose the thing at token j is: "@user", a name, "@other" for his and her, or "".
func (e *evidence) ownerAt(p *known, j int) string {
	s := &e.sources[p.source]
	return e.owner(p.toks, j, s.user, s.assistant, s.speaker)
}

func (e *evidence) owner(toks []token, j int, user, assistant bool, speaker []string) string {
	for k := j - 1; k >= 0 && k >= j-3; k-- {
		switch low := toks[k].low; {
		case low == "my" || low == "our":
			if len(speaker) > 0 && len(e.users) > 0 {
				return e.person(speaker[0])
			}
			if user && len(speaker) == 0 {
				return "@user"
			}
			if len(speaker) > 0 {
				return speaker[0]
			}
			return ""
		case low == "your":
			if assistant {
				return "@user"
			}
			return "@other"
		case low == "his" || low == "her" || low == "their" || low == "its":
			return "@other"
		case toks[k].owns:
			return e.person(low)
		case low == "the" || low == "a" || low == "an" || prepositions[low] || auxiliaries[low]:
			return ""
		}
		if toks[k+1].comma {
			return ""
		}
	}
	return ""
}

// person is "@user" for the user's name, and the name itself for others.
func (e *evidence) person(name string) string {
	if e.users[name] {
		return "@user"
	}
	return name
}

// weight says how much a stem tells: 1 if no memory has it, less the more memories do.
func (e *evidence) weight(stem string) float64 {
	n := float64(len(e.sources))
	w := math.Log(1+(n+.5)/(float64(e.spread[stem])+.5)) / math.Log(1+(n+.5)/.5)
	switch {
	case weak[stem]: // it varies from one wording to the next
		w *= .15
	case light[stem]:
		w *= .3
	}
	return w
}

// like returns the stems of evidence that say what stem says, the stem itself first.
func (e *evidence) like(s string) []string {
	var out []string
	add := func(w string) {
		if len(e.postings[w]) > 0 && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	add(s)
	for _, w := range implied[s] {
		add(w)
	}
	if len(s) >= 5 {
		for _, w := range e.prefixes[s[:5]] {
			if d := len(w) - len(s); d >= -3 && d <= 3 && (strings.HasPrefix(w, s) || strings.HasPrefix(s, w)) {
				add(w)
			}
		}
	}
	return out
}

// whole are the bytes of a passage's sentence; of a sentence too long to be one, those of the passage: relating two
// sentences takes time with the product of their clauses.
func (p *passage) whole() (begin, end int) {
	const longest = 2 << 10
	if p.end-p.begin > longest {
		return p.from, min(p.to, p.from+longest)
	}
	return p.begin, p.end
}

// parse is the sentence of a passage, read by the rules for statements.
func (e *evidence) parse(p *known) *Parsed {
	begin, end := p.whole()
	key := [2]int{p.source, begin}
	e.mu.Lock()
	defer e.mu.Unlock()
	got := e.parsed[key]
	if got == nil {
		s := &e.sources[p.source]
		got = Parse(Said{s.text[begin:end], strings.Join(s.speaker, " "), s.at})
		e.parsed[key] = got
	}
	return got
}
