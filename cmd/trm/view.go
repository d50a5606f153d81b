package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/ui"
)

// view shows frames in place of each other on a terminal, and nothing elsewhere.
type view struct {
	term  *ui.Terminal
	live  bool
	lines int // of the frame that is shown
}

func newView(term *ui.Terminal, json bool) *view {
	return &view{term: term, live: term.Width > 0 && !json && os.Getenv("TERM") != "dumb"}
}

// show draws a frame over the one before.
func (v *view) show(frame string) {
	if !v.live {
		return
	}
	if v.lines > 0 {
		v.term.Printf("\x1b[%dA", v.lines) // up to the first line
	}
	for line := range strings.Lines(frame) {
		v.term.Printf("%s\x1b[K\n", strings.TrimSuffix(line, "\n")) // and clear what is left of the longer line before
	}
	v.lines = strings.Count(frame, "\n")
}

// wait lets a frame be seen.
func (v *view) wait(ctx context.Context, pace time.Duration) {
	if !v.live {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(pace):
	}
}
