package ui

import (
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
)

// Progress shows how far a long work has come, in one line of a live terminal. On anything else it shows nothing. Its methods
// may be called at once.
type Progress struct {
	t           *Terminal
	label, unit string
	total       int64

	mu           sync.Mutex
	done         int64
	start, drawn time.Time
}

// progressTime is the least time between two drawings.
const progressTime = 80 * time.Millisecond

// Progress begins one. total < 0 means that the amount of work is not known; unit is what is counted, like "turns".
func (t *Terminal) Progress(label, unit string, total int64) *Progress {
	return &Progress{t: t, label: label, unit: unit, total: total, start: time.Now()}
}

// Set says how much is done.
func (p *Progress) Set(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = done
	p.draw()
}

// Add says that n more are done.
func (p *Progress) Add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(n)
	p.draw()
}

func (p *Progress) draw() {
	now := time.Now()
	if !p.t.Live || now.Sub(p.drawn) < progressTime {
		return
	}
	p.drawn = now
	rate := humanize.Comma(int64(float64(p.done)/max(now.Sub(p.start).Seconds(), 1e-3))) + " " + p.unit + "/s"
	if p.total > 0 {
		share := float64(p.done) / float64(p.total)
		fmt.Fprintf(p.t.Err, "\r%s %s %3.0f%% (%s of %s, %s)\x1b[K", p.label, Bar(share, 30), 100*share, humanize.Comma(p.done), humanize.Comma(p.total), rate)
		return
	}
	fmt.Fprintf(p.t.Err, "\r%s %s %s (%s)\x1b[K", p.label, humanize.Comma(p.done), p.unit, rate)
}

// Write counts bytes as work that is done, so that a reader can be teed to the bar.
func (p *Progress) Write(b []byte) (int, error) {
	p.Add(len(b))
	return len(b), nil
}

// Done takes the bar away.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.drawn.IsZero() {
		fmt.Fprint(p.t.Err, "\r\x1b[K")
		p.drawn = time.Time{}
	}
}
