package bench

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/bench/internal/liar"
	"github.com/trm-go/refiner/internal/chart"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/specialists"
)

// weigh asks the judge's grounding about every claim by itself, and counts where it errs.
func (s *study) weigh(t *specialists.Task, claims []liar.Stated) {
	t.Prepare()
	for _, c := range claims {
		if key := t.Question + "\x00" + c.Text; s.seen[key] {
			continue
		} else {
			s.seen[key] = true
		}
		s.count(c.How, c.Invented, specialists.Ground(t, c.Text+"."))
	}
	if s.known[t.Question] == "" || s.seen[t.Question] {
		return
	}
	s.seen[t.Question] = true
	for _, wrong := range s.misplaced(t) {
		s.count("misplaced", true, specialists.Ground(t, wrong+"."))
	}
}

func (s *study) count(how string, invented bool, claims []specialists.Claim) {
	e := s.errors[how]
	if e == nil {
		e = &JudgeErrors{Claims: how, Invented: invented}
		s.errors[how] = e
	}
	e.N++
	switch verdict(claims) {
	case specialists.Supported:
		e.Supported++
	case specialists.Contradicted:
		e.Contradicted++
	default:
		e.Unknown++
	}
}

// misplaced are up to three short answers that are right for other questions about the same conversation and wrong for
// this one, of which the memories of this one have every word: what a careless model would answer.
func (s *study) misplaced(t *specialists.Task) []string {
	own := terms(s.known[t.Question])
	var texts []string
	for _, r := range t.Evidence {
		texts = append(texts, r.Text)
	}
	held := terms(strings.Join(texts, " "))
	var wrong []string
	for _, other := range s.tasks {
		answer := terms(s.known[other.Question])
		fits := other.Scope == t.Scope && len(answer) > 0
		for w := range answer {
			fits = fits && held[w] && !own[w]
		}
		if fits {
			if wrong = append(wrong, s.known[other.Question]); len(wrong) == 3 {
				break
			}
		}
	}
	return wrong
}

func terms(s string) map[string]bool {
	set := map[string]bool{}
	for _, t := range text.Terms(s) {
		set[t] = true
	}
	return set
}

// verdict is what the parts of a claim come to: it is as good as its worst part.
func verdict(claims []specialists.Claim) specialists.Support {
	worst := specialists.Neutral
	for _, c := range claims {
		switch {
		case c.Support == specialists.Contradicted, worst == specialists.Contradicted:
			worst = specialists.Contradicted
		case c.Support == specialists.Unknown, worst == specialists.Unknown:
			worst = specialists.Unknown
		case c.Support == specialists.Supported:
			worst = specialists.Supported
		}
	}
	return worst
}

// judged are the shares of what the judge says, by the sort of claim.
func (s *study) judged() []JudgeErrors {
	var all []JudgeErrors
	for _, how := range append([]string{"plain", "quoted", "known"}, append(slices.Clone(liar.Inventions), "misplaced")...) {
		if e := s.errors[how]; e != nil {
			n := float64(e.N)
			e.Supported, e.Unknown, e.Contradicted = e.Supported/n, e.Unknown/n, e.Contradicted/n
			all = append(all, *e)
		}
	}
	return all
}

func column(rows [][]float64, k int) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = r[k]
	}
	return out
}

func (s *study) estimate(values []float64) Estimate {
	d := eval.Bootstrap([][]float64{values}, s.Resamples, s.Seed)
	return Estimate{Mean: d.Mean, CI95: d.CI95}
}

// ratio is the sum of a over the sum of b, with its bootstrap interval over questions.
func (s *study) ratio(a, b []float64) Estimate {
	sum := func(pick func(i int) int) float64 {
		x, y := 0.0, 0.0
		for i := range a {
			j := pick(i)
			x, y = x+a[j], y+b[j]
		}
		if y == 0 {
			return 0
		}
		return x / y
	}
	rng := rand.New(rand.NewPCG(s.Seed, 1))
	return Estimate{Mean: sum(func(i int) int { return i }), CI95: eval.Percentiles(s.Resamples, func() float64 { return sum(func(int) int { return rng.IntN(len(a)) }) })}
}

// Plot draws unsupported claims and kept true claims by round, a column for each model, into an .svg file.
func (r *StudyReport) Plot(path string) error {
	highest := 0.0
	for _, m := range r.Models {
		for _, a := range m.Arms {
			for _, e := range a.Unsupported {
				highest = max(highest, e.CI95[1])
			}
		}
	}
	const width, height = 227.0, 184.0 // of one chart, in points
	f := chart.New(width*float64(len(r.Models)), 2*height)
	for column, m := range r.Models {
		for row, of := range []func(ArmResult) []Estimate{func(a ArmResult) []Estimate { return a.Unsupported }, func(a ArmResult) []Estimate { return a.Kept }} {
			left, top := width*float64(column), height*float64(row)
			p := chart.Panel{Left: left + 52, Right: left + width - 12, Top: top + 26, Bottom: top + height - 36,
				X: chart.Axis{Label: "round", Max: float64(r.Rounds), Ticks: chart.Steps(0, r.Rounds)}}
			title := ""
			if row == 0 {
				title = fmt.Sprintf("%s: invents %.0f %%, drops %.0f %%", m.Name, 100*m.Invent, 100*m.Drop)
				if m.Agree {
					title = fmt.Sprintf("%s: invents %.0f %%, then agrees", m.Name, 100*m.Invent)
				}
				p.Y = chart.Axis{Label: "unsupported claims", Max: 1.05 * highest}
			} else {
				p.Y = chart.Axis{Label: "true claims kept", Max: 1.02}
			}
			p.Y.Ticks = chart.Ticks(0, p.Y.Max, 5)
			f.Panel(p, title)
			var keys []chart.Key
			for i, arm := range Arms {
				stroke := chart.Stroke{Color: []string{"#cc3311", "#ee9933", "#0077bb"}[i%3], Width: 1.6}
				drawArm(f, p, of(m.Arms[arm]), stroke)
				keys = append(keys, chart.Key{Name: arm, Stroke: stroke})
			}
			if row == 0 {
				f.Legend(chart.Point{X: p.Left + 8, Y: p.Top + 8}, keys...)
			}
		}
	}
	return save(path, f)
}

// drawArm draws an arm's line with its intervals as a band.
func drawArm(f *chart.Figure, p chart.Panel, values []Estimate, stroke chart.Stroke) {
	var line, low, band []chart.Point
	for k, e := range values {
		line = append(line, p.At(float64(k), e.Mean))
		band = append(band, p.At(float64(k), e.CI95[1]))
		low = append(low, p.At(float64(k), e.CI95[0]))
	}
	slices.Reverse(low)
	f.Area(stroke.Color, append(band, low...)...)
	f.Line(stroke, line...)
	for _, at := range line {
		f.Dot(at, 2, stroke.Color)
	}
}

// save writes a figure to a file.
func save(path string, f *chart.Figure) error {
	var b bytes.Buffer
	if _, err := f.WriteTo(&b); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
