package consolidate_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/trm-go/refiner/refine/consolidate"
)

// FuzzRead holds that no input but a plan as it was made is read, and that what is read writes back the same.
func FuzzRead(f *testing.F) {
	s := open(f, chatter(24, 20))
	var b bytes.Buffer
	if err := plan(f, s, consolidate.Policy{}).Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add(strings.Replace(b.String(), "euros", "pounds", 1))
	f.Add(`{"version": 1}`)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := consolidate.Read(strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, consolidate.ErrPlan) && !errors.Is(err, consolidate.ErrTampered) {
				t.Fatalf("an error without a kind: %v", err)
			}
			return
		}
		var out bytes.Buffer
		if err := p.Write(&out); err != nil {
			t.Fatal(err)
		}
		again, err := consolidate.Read(&out)
		if err != nil || again.Hash != p.Hash {
			t.Fatalf("it does not read back: %v", err)
		}
	})
}
