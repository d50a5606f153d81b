package importance

// What the tests look at from outside.
var (
	Retention   = retention
	Habituation = habituation
	Relevance   = relevant
	ReadTrees   = readTrees
	ErrTrees    = errTrees
	Ranker      = ranker
	ByReason    = byReason
)

const (
	Most            = mostRanked
	DefaultHalfLife = defaultHalfLife
)

type Trees = trees

func (t *trees) Score(row []float32) float64            { return t.score(row) }
func (t *trees) Attribute(row []float32, out []float64) { t.attribute(row, out) }
