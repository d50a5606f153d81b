package importance

import (
	"fmt"
	"math"
)

// Scale is a range on which some program states importance. Within this module it is always [Unit].
type Scale struct {
	Least, Most float64
}

// The scales found in one and the same assistant: stored memories from 1 to 5, scores from 0 to 1, consolidated
// memories from 0 to 10.
var (
	Unit  = Scale{0, 1}
	Stars = Scale{1, 5}
	Ten   = Scale{0, 10}
)

// ToUnit maps a value of the scale to [0, 1], linearly. A value outside is an error: it is likely of another scale.
func (s Scale) ToUnit(x float64) (float64, error) {
	if !(x >= s.Least && x <= s.Most) {
		return 0, fmt.Errorf("importance %v is not on the scale from %v to %v", x, s.Least, s.Most)
	}
	return (x - s.Least) / (s.Most - s.Least), nil
}

// FromUnit maps x in [0, 1] to the scale; what lies outside is taken as the nearest end.
func (s Scale) FromUnit(x float64) float64 {
	return s.Least + clamp(x)*(s.Most-s.Least)
}

// Whole is FromUnit rounded to a whole number, as scales of stars want it.
func (s Scale) Whole(x float64) int { return int(math.Round(s.FromUnit(x))) }
