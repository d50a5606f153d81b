package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

// explanation is why a question recalled what it did. Its JSON is a contract: docs/cli-json.md.
type explanation struct {
	Query       string       `json:"query"`
	Scope       memory.Scope `json:"scope"`
	Candidates  int          `json:"candidates"` // memories that took part in the recursion
	Certificate certificate  `json:"certificate"`
	// Residuals are the largest change of a weight in each step.
	Residuals []float64   `json:"residuals"`
	Memories  []explained `json:"memories"`
}

// certificate says how the recursion ended.
type certificate struct {
	Stop     string  `json:"stop"`
	Steps    int     `json:"steps"`
	Residual float64 `json:"residual"`
	Bound    float64 `json:"bound"` // no weight is farther than this from its fixed point
	Alpha    float64 `json:"alpha"`
	Epsilon  float64 `json:"epsilon"`
}

func (c certificate) String() string {
	return fmt.Sprintf("%s after %s · residual %.1e · no weight is more than %.1e from its end", c.Stop, counted(c.Steps, "step"), c.Residual, c.Bound)
}

// explained is one recalled memory.
type explained struct {
	Place   int       `json:"place"`
	ID      memory.ID `json:"id"`
	Weight  float64   `json:"weight"`
	Created time.Time `json:"created"`
	Session string    `json:"session,omitempty"`
	Speaker string    `json:"speaker,omitempty"`
	Text    string    `json:"text"`
	// Signals started it: each one's value and what it added to the start.
	Signals []share `json:"signals"`
	// Weights after each step; the first is the start.
	Weights []float64 `json:"weights"`
	// Climb is how many places the recursion gained it among the recalled.
	Climb int `json:"climb"`
	// Lifted lists the neighbours from which most of its evidence flowed.
	Lifted []lift `json:"lifted_by"`
}

type share struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Weight float64 `json:"weight"`
	Added  float64 `json:"added"`
}

// lift is what one neighbour gave.
type lift struct {
	ID     memory.ID `json:"id"`
	Place  int       `json:"place,omitempty"` // of the neighbour, if it was recalled itself
	Reason string    `json:"reason"`
	Added  float64   `json:"added"`
	Text   string    `json:"text"`
}

// settling is the explanation as a picture.
func (e *explanation) settling() *ui.Settling {
	s := &ui.Settling{Query: e.Query, Certificate: e.Certificate.String(), Residuals: e.Residuals, Epsilon: e.Certificate.Epsilon}
	for _, m := range e.Memories {
		s.Lines = append(s.Lines, ui.Line{Label: said(m.Speaker, m.Created, m.Text), Weights: m.Weights})
	}
	return s
}

// said is who said what and when, in one line.
func said(speaker string, at time.Time, text string) string {
	head := at.Format(time.DateOnly)
	if speaker != "" {
		head += " " + speaker
	}
	return ui.Clean(head + ": " + text)
}

// sparkWidth is the number of steps that a line of bars shows.
const sparkWidth = 16

// print writes the explanation for people.
func (e *explanation) print(t *ui.Terminal) {
	t.Printf("%s\n%s\n", t.Paint(ui.Bold, ui.Clean(e.Query)), t.Paint(ui.Dim, fmt.Sprintf("%s of %s · %s",
		counted2(len(e.Memories), "memory", "memories"), counted(e.Candidates, "candidate"), e.Certificate)))
	s := e.settling()
	if places := s.Places(t); places != "" {
		t.Printf("\n%s", places)
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, m := range e.Memories {
		for _, w := range m.Weights {
			low, high = min(low, w), max(high, w)
		}
	}
	for i, m := range e.Memories {
		climb := "  "
		switch {
		case m.Climb > 0:
			climb = t.Paint(ui.Green, fmt.Sprintf("▲%d", m.Climb))
		case m.Climb < 0:
			climb = t.Paint(ui.Red, fmt.Sprintf("▼%d", -m.Climb))
		}
		line := said(m.Speaker, m.Created, m.Text)
		if t.Width > 0 {
			line = ui.Short(line, max(30, t.Width-22-sparkWidth))
		}
		t.Printf("\n%s %2d %s %.3f %s  %s\n", t.Paint(ui.Bold, ui.Letter(i)), m.Place, climb, m.Weight,
			t.Paint(ui.Cyan, ui.Pad(ui.Spark(m.Weights, low, high, sparkWidth), sparkWidth)), line)
		for k, sig := range m.Signals {
			head := "signals"
			if k > 0 {
				head = ""
			}
			t.Printf("    %-8s %-12s %s %5.2f × %4.2f = %6.3f\n", t.Paint(ui.Dim, ui.Pad(head, 8)), sig.Name, ui.Bar(sig.Value, 10), sig.Value, sig.Weight, sig.Added)
		}
		for k, l := range m.Lifted {
			head := "lifted by"
			if k > 0 {
				head = ""
			}
			who := strings.Repeat(" ", 1)
			if l.Place > 0 {
				who = ui.Letter(l.Place - 1)
			}
			text := ui.Short(l.Text, max(20, t.Width-46))
			if t.Width == 0 {
				text = ui.Clean(l.Text)
			}
			t.Printf("    %s %s +%.3f %s  %s\n", t.Paint(ui.Dim, ui.Pad(head, 9)), who, l.Added, l.Reason, t.Paint(ui.Dim, text))
		}
	}
}

// counted2 is counted for a unit with a plural of its own.
func counted2(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}
