package bench

import (
	"fmt"
	"image/color"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/trm-go/refiner/bench/internal/liar"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/internal/ui"
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

// Plot draws unsupported claims and kept true claims by round, a column for each model, into a .svg or .png file.
func (r *StudyReport) Plot(path string) error {
	colours := map[string]color.Color{
		ArmNaive: color.RGBA{R: 0xcc, G: 0x33, B: 0x11, A: 0xff}, ArmThreshold: color.RGBA{R: 0xee, G: 0x99, B: 0x33, A: 0xff},
		ArmRefiner: color.RGBA{R: 0x00, G: 0x77, B: 0xbb, A: 0xff},
	}
	highest := 0.0
	for _, m := range r.Models {
		for _, a := range m.Arms {
			for _, e := range a.Unsupported {
				highest = max(highest, e.CI95[1])
			}
		}
	}
	rows := make([][]*plot.Plot, 2)
	for _, m := range r.Models {
		for row, of := range []func(ArmResult) []Estimate{func(a ArmResult) []Estimate { return a.Unsupported }, func(a ArmResult) []Estimate { return a.Kept }} {
			p := plot.New()
			p.X.Label.Text, p.X.Min, p.X.Max = "round", 0, float64(r.Rounds)
			p.X.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick {
				var ticks []plot.Tick
				for k := range r.Rounds + 1 {
					ticks = append(ticks, plot.Tick{Value: float64(k), Label: fmt.Sprint(k)})
				}
				return ticks
			})
			if row == 0 {
				p.Title.Text = fmt.Sprintf("%s: invents %.0f %%, drops %.0f %%", m.Name, 100*m.Invent, 100*m.Drop)
				if m.Agree {
					p.Title.Text = fmt.Sprintf("%s: invents %.0f %%, then agrees", m.Name, 100*m.Invent)
				}
				p.Y.Label.Text, p.Y.Min, p.Y.Max = "unsupported claims", 0, 1.05*highest
				p.Legend.Top, p.Legend.Left = true, true
			} else {
				p.Y.Label.Text, p.Y.Min, p.Y.Max = "true claims kept", 0, 1.02
				p.Legend.Left = true
			}
			for _, arm := range Arms {
				if err := addArm(p, arm, of(m.Arms[arm]), colours[arm]); err != nil {
					return err
				}
			}
			rows[row] = append(rows[row], p)
		}
	}
	width, height := vg.Length(len(r.Models))*8*vg.Centimeter, 13*vg.Centimeter
	return drawTiles(path, rows, width, height)
}

// addArm draws an arm's line with its intervals as a band.
func addArm(p *plot.Plot, name string, values []Estimate, colour color.Color) error {
	var line, band plotter.XYs
	for k, e := range values {
		line = append(line, plotter.XY{X: float64(k), Y: e.Mean})
		band = append(band, plotter.XY{X: float64(k), Y: e.CI95[1]})
	}
	for k, e := range slices.Backward(values) {
		band = append(band, plotter.XY{X: float64(k), Y: e.CI95[0]})
	}
	area, err := plotter.NewPolygon(band)
	if err != nil {
		return fmt.Errorf("plot %s: %w", name, err)
	}
	r, g, b, _ := colour.RGBA()
	area.Color, area.LineStyle.Width = color.NRGBA{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8), A: 0x30}, 0
	l, points, err := plotter.NewLinePoints(line)
	if err != nil {
		return fmt.Errorf("plot %s: %w", name, err)
	}
	l.Color, l.Width, points.Color, points.Radius = colour, vg.Points(1.6), colour, vg.Points(2)
	points.Shape = draw.CircleGlyph{}
	p.Add(area, l, points)
	p.Legend.Add(name, l)
	return nil
}

func drawTiles(path string, rows [][]*plot.Plot, width, height vg.Length) error {
	return ui.SavePicture(path, width, height, func(canvas draw.Canvas) error {
		pad := vg.Points(8)
		tiles := draw.Tiles{Rows: len(rows), Cols: len(rows[0]), PadX: pad, PadY: pad, PadTop: pad, PadBottom: pad, PadLeft: pad, PadRight: pad}
		for i, row := range plot.Align(rows, tiles, canvas) {
			for j, c := range row {
				rows[i][j].Draw(c)
			}
		}
		return nil
	})
}
