package cli

import (
	"context"
	"log/slog"
	"strings"

	"github.com/trm-go/refiner/internal/ui"
)

// Talk is a logger that tells a person at the terminal what goes on: the message of each record from Info on, and the values
// of its attributes behind it.
func Talk(term *ui.Terminal) *slog.Logger { return slog.New(talk{term}) }

type talk struct{ term *ui.Terminal }

func (t talk) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (t talk) Handle(_ context.Context, r slog.Record) error {
	var values []string
	r.Attrs(func(a slog.Attr) bool {
		values = append(values, a.Value.String())
		return true
	})
	if len(values) > 0 {
		r.Message += ": " + strings.Join(values, ", ")
	}
	t.term.Notef("%s", r.Message)
	return nil
}

func (t talk) WithAttrs([]slog.Attr) slog.Handler { return t }
func (t talk) WithGroup(string) slog.Handler      { return t }
