package memory

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
)

// fill sets what was left open and checks the record.
func (r *incoming) fill(scope Scope, now time.Time) error {
	for _, part := range []struct {
		of   *string
		from string
	}{{&r.Scope.Tenant, scope.Tenant}, {&r.Scope.User, scope.User}, {&r.Scope.Agent, scope.Agent}, {&r.Scope.Session, scope.Session}} {
		if *part.of == "" {
			*part.of = part.from
		}
	}
	if !r.imported && !scope.Contains(r.Scope) {
		return fmt.Errorf("%w: its scope %s lies outside of %s", ErrInvalid, r.Scope, scope)
	}
	// A name stands on one line of a prompt, and must not begin another.
	r.Speaker, r.Role = foldName(r.Speaker), foldName(r.Role)
	for i, part := range []string{r.Scope.Tenant, r.Scope.User, r.Scope.Agent, r.Scope.Session, r.Key} {
		if strings.ContainsFunc(part, unicode.IsControl) {
			return fmt.Errorf("%w: the %s %q holds a control character", ErrInvalid, []string{"tenant", "user", "agent", "session", "key"}[i], part)
		}
	}
	if r.Kind == "" {
		r.Kind = KindTurn
	}
	if r.Origin == "" {
		r.Origin = Observed
	}
	if r.Created.IsZero() && !r.imported {
		r.Created = now
	}
	if r.ID != "" {
		if _, err := ulid.ParseStrict(string(r.ID)); err != nil {
			return fmt.Errorf("%w: the ID %q is not a ULID: leave it empty, and use the key for an ID of your own", ErrInvalid, r.ID)
		}
	}
	return r.Validate()
}

// foldName leaves one space where a name has white space, and nothing where it has characters that are not seen.
func foldName(s string) string {
	fold := func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '\u0085':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}
	if s == "" || !utf8.ValidString(s) {
		return s // which is refused
	}
	return strings.Join(strings.Fields(strings.Map(fold, s)), " ")
}
