package consolidate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Level is how much time one summary may span.
type Level string

// The levels, each made from the one before it and checked against the turns.
const (
	Day   Level = "day"
	Week  Level = "week"
	Month Level = "month"
)

// levels in the order in which they are made.
var levels = []Level{Day, Week, Month}

// Policy says what is consolidated, how far, and what must be kept. The zero Policy is the default one.
type Policy struct {
	// Level is the highest level that is made. Empty: Month.
	Level Level `json:"level"`
	// Age is how old a record must be before it is consolidated, measured against Now of the options. Zero: every age.
	Age time.Duration `json:"age,omitempty"`
	// Size is how many tokens the live records may have before anything is summarised. Zero: none.
	Size int `json:"size,omitempty"`
	// Share is how many of a group's tokens its summary may have before what is lost is put back, in (0, 1], where Level is
	// Month; where it is Week a quarter more, and where it is Day half more. Zero: DefaultShare.
	Share float64 `json:"share"`
	// Unit is about how many tokens of turns one summary stands for at the day level, and twice of what one may have.
	// Small units are found more precisely, large ones compress better. Zero: DefaultUnit.
	Unit int `json:"unit"`
	// Keep is the importance from which on every name, number, date and negation of a record must survive. Below it they
	// survive as far as the share reaches. In (0, 1]; zero: DefaultKeep.
	Keep float64 `json:"keep"`
}

// detail is what Share is multiplied with at each level: what is older is remembered in less detail.
var detail = map[Level]float64{Day: 1.5, Week: 1.25, Month: 1}

// Defaults of a Policy, chosen on the LoCoMo and BEAM development halves; docs/consolidate.md has the curves.
const (
	DefaultShare = .43
	DefaultUnit  = 180
	DefaultKeep  = .5
)

// ErrPolicy is returned for a policy that would keep nothing, or that cannot be.
var ErrPolicy = errors.New("unusable policy")

// filled returns p with its defaults, or what is wrong with it.
func (p Policy) filled() (Policy, error) {
	p.Level = cmp.Or(p.Level, Month)
	p.Share = cmp.Or(p.Share, DefaultShare)
	p.Unit = cmp.Or(p.Unit, DefaultUnit)
	p.Keep = cmp.Or(p.Keep, DefaultKeep)
	switch {
	case !slices.Contains(levels, p.Level):
		return p, fmt.Errorf("%w: level %q is none of day, week and month", ErrPolicy, p.Level)
	case !(p.Share > 0 && p.Share <= 1):
		return p, fmt.Errorf("%w: share is %v, not above 0 and at most 1", ErrPolicy, p.Share)
	case !(p.Keep > 0 && p.Keep <= 1):
		return p, fmt.Errorf("%w: keep is %v, not above 0 and at most 1; a policy that keeps nothing is refused", ErrPolicy, p.Keep)
	case p.Unit < 20:
		return p, fmt.Errorf("%w: a unit of %d tokens holds no statement: use 20 or more", ErrPolicy, p.Unit)
	case p.Age < 0 || p.Size < 0:
		return p, fmt.Errorf("%w: an age or a size is negative", ErrPolicy)
	}
	return p, nil
}
