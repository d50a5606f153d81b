package specialists_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/internal/sample"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// sampleRecords reads the bundled conversation.
func sampleRecords(t testing.TB) []memory.Record {
	t.Helper()
	var out []memory.Record
	for line := range bytes.Lines(sample.Conversation) {
		var l struct {
			ID, Session, Role, Speaker, Text string
			Time                             time.Time
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		_, position, _ := strings.Cut(l.ID, ":")
		n, err := strconv.Atoi(position)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, memory.Record{ID: memory.ID(l.ID), Kind: memory.KindTurn, Role: l.Role, Speaker: l.Speaker, Text: l.Text,
			Created: l.Time, Position: n, Origin: memory.Observed, Scope: memory.Scope{Session: l.Session}})
	}
	return out
}

var (
	digits   = regexp.MustCompile(`\d+`)
	midNames = regexp.MustCompile(`([a-z,] )(Eli|Jo|Dev|Priya|Marcus|Martin|Helen|Gerald|Lisbon|Bristol|Sheffield|Biscuit|Gulbenkian)\b`)
	copulas  = regexp.MustCompile(`\b(is|are|was|were|can|will|has|have)\b`)
)

// mutate returns the sentence with one number, one name, or its negation changed.
func mutate(s string) map[string]string {
	out := map[string]string{}
	if at := digits.FindStringIndex(s); at != nil {
		n, err := strconv.Atoi(s[at[0]:at[1]])
		if err == nil && n < 1e6 {
			out["number"] = s[:at[0]] + strconv.Itoa(n+1) + s[at[1]:]
		}
	}
	if at := midNames.FindStringSubmatchIndex(s); at != nil {
		out["name"] = s[:at[4]] + "Ottokar" + s[at[5]:]
	}
	low := " " + strings.ToLower(s) + " "
	if at := copulas.FindStringIndex(s); at != nil && !strings.Contains(low, " not ") && !strings.Contains(low, "n't") && !strings.Contains(low, " no ") && !strings.Contains(low, " never ") {
		out["negation"] = s[:at[1]] + " not" + s[at[1]:]
	}
	return out
}

// changed is the support of the claim of after that holds its first difference to before.
func changed(before, after string, claims []specialists.Claim) specialists.Support {
	at := 0
	for at < len(before) && at < len(after) && before[at] == after[at] {
		at++
	}
	from := 0
	for _, c := range claims {
		i := strings.Index(after[from:], c.Text) + from
		if at >= i && at < i+len(c.Text) {
			return c.Support
		}
		from = i + len(c.Text)
	}
	return ""
}

// TestGroundSample holds that the very words of a memory are supported, and hardly ever with a number, a name or the negation
// changed.
func TestGroundSample(t *testing.T) {
	records := sampleRecords(t)
	stated, supported, neutral := 0, 0, 0
	wrong := map[string]int{}
	tried := map[string]int{}
	for i, r := range records {
		if r.Role != "user" {
			continue
		}
		// The memory among its neighbours and some from elsewhere.
		evidence := slices.Clone(records[max(0, i-3):min(len(records), i+4)])
		for j := 1; j <= 10; j++ {
			evidence = append(evidence, records[(i+37*j)%len(records)])
		}
		// Asked when it was said: what came later has not overruled it yet.
		task := &specialists.Task{Question: "What did I say?", Evidence: evidence, Now: r.Created.Add(time.Minute)}
		for k := range task.Evidence {
			if task.Evidence[k].Created.After(r.Created) {
				task.Evidence[k].ValidFrom = task.Evidence[k].Created
			}
		}
		for _, s := range text.Sentences(r.Text) {
			if strings.HasSuffix(s, "?") || len(strings.Fields(s)) < 4 {
				continue
			}
			got := supportOf(specialists.Ground(task, s))
			stated++
			switch got {
			case specialists.Supported:
				supported++
			case specialists.Neutral:
				neutral++
			default:
				if testing.Verbose() {
					t.Logf("%q is %s: %v", s, got, specialists.Ground(task, s))
				}
			}
			if got != specialists.Supported {
				continue
			}
			for what, m := range mutate(s) {
				tried[what]++
				if changed(s, m, specialists.Ground(task, m)) == specialists.Supported {
					wrong[what]++
					if testing.Verbose() {
						t.Logf("%s: %q is supported: %v", what, m, specialists.Ground(task, m))
					}
				}
			}
		}
	}
	t.Logf("%d sentences: %d supported, %d neutral; mutated: %v, of them supported: %v", stated, supported, neutral, tried, wrong)
	if supported+neutral < stated*98/100 {
		t.Errorf("%d of %d verbatim sentences are supported or neutral", supported+neutral, stated)
	}
	for what, n := range wrong {
		if 20*n > tried[what] {
			t.Errorf("of %d sentences with another %s %d are supported", tried[what], what, n)
		}
	}
}
