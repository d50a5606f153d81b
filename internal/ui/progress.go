package ui

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows how far a long work has come. On anything but a live terminal it shows nothing.
type Progress struct{ bar *progressbar.ProgressBar }

// Progress begins one. total < 0 means that the amount of work is not known; unit is what is counted, like "turns".
func (t *Terminal) Progress(label, unit string, total int64) *Progress {
	if !t.Live {
		return &Progress{}
	}
	return &Progress{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(t.Err),
		progressbar.OptionSetDescription(label),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionShowIts(),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(80*time.Millisecond),
		progressbar.OptionSetWidth(30),
		progressbar.OptionEnableColorCodes(false),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}),
		progressbar.OptionClearOnFinish(),
	)}
}

// Set says how much is done.
func (p *Progress) Set(done int64) {
	if p.bar != nil {
		_ = p.bar.Set64(done)
	}
}

// Add says that n more are done.
func (p *Progress) Add(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n)
	}
}

// Write counts bytes as work that is done, so that a reader can be teed to the bar.
func (p *Progress) Write(b []byte) (int, error) {
	p.Add(len(b))
	return len(b), nil
}

// Done takes the bar away.
func (p *Progress) Done() {
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}
