package eval

import "testing"

func TestScoreAnswer(t *testing.T) {
	for _, c := range []struct {
		known, said       string
		contains, all, f1 float64
	}{
		{"7 May 2023", "On 7 May 2023. [1]", 1, 1, 6. / 7},
		{"a cat and the dog", "Dogs [2]", .5, 0, 2. / 3},
		{"£1,450", "It cost £1450.", 1, 1, .5},
		{"yes", "No.", 0, 0, 0},
		{"yes", "", 0, 0, 0},
	} {
		s := ScoreAnswer(c.known, c.said)
		if s.Contains != c.contains || s.All != c.all || s.F1 < c.f1-1e-9 || s.F1 > c.f1+1e-9 {
			t.Errorf("%q against %q: %+v", c.said, c.known, s)
		}
	}
}
