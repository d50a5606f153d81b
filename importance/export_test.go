package importance

// What the tests look at from outside.
var (
	Retention   = retention
	Habituation = habituation
	Relevance   = relevant
	ErrTrees    = errTrees
	Ranker      = ranker
	ByReason    = byReason
)

const (
	Most            = mostRanked
	DefaultHalfLife = defaultHalfLife
)

func (t *Trees) Attribute(row []float32, out []float64) { t.attribute(row, out) }
