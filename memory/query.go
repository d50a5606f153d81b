package memory

import (
	"time"

	"github.com/trm-go/refiner/memory/internal/index"
)

// Query is what is asked of a scope's memories. Its filters only narrow what the scope allows.
type Query struct {
	// Text is the question. Words in double quotes must occur as a phrase, a word that ends in * must occur as the
	// beginning of a word, and what follows a - at the beginning of a word must not occur.
	Text string
	// Vector is the question's embedding. Empty: the store's embedder makes it from Text.
	Vector []float32
	// Limit is how many records are wanted of what ranks the candidates. Zero means DefaultLimit.
	Limit int
	// At asks what was true at a moment: records created later, superseded earlier or not valid then are left out, and what was
	// derived later. Zero means now.
	At time.Time
	// Since and Until bound Created, inclusive and exclusive. Zero: open.
	Since, Until time.Time
	// Kinds and Where keep only records of these kinds, and with these metadata values. Empty: all.
	Kinds []Kind
	Where map[string]string
}

// DefaultLimit is the number of hits of a query that asks for none in particular.
const DefaultLimit = 10

// Term is the number of a term in a store's dictionary. It means something only within one Candidates.
type Term = index.Term

// Candidate is what scoring knows of a record: everything but its text. The slices are shared with
// the store: read them only.
type Candidate struct {
	Row     int64   // the store's integer key, for Fetch
	Summary int64   // the row of the live summary that took its place; 0: none did, or the query may not see it
	Lexical float64 // BM25 score of the query's terms, ≥ 0; 0 without a common term
	Vector  float64 // cosine with the query, in [-1, 1]; 0 without vectors, or if the index tells only the nearest

	Tie float64 // of a remark: how near it and what follows it are, less how near they are to everything; 0: not among the nearest

	Kind     Kind
	Session  int32 // number of the record's session within this Candidates
	Speaker  int32 // number of its speaker, else of its role; -1: neither
	Position int32 // order within the session; negative: none

	Created    int64 // Unix seconds
	LastShown  int64 // Unix seconds; 0: never
	LastUsed   int64
	Shown      int32
	Used       int32
	Importance float32
	Surprise   float32 // novelty against what was known before it, in [0, 1]; fixed when it is written
	Asks       bool    // it ends in a question

	Role  Role   // who spoke, as far as that is known
	Terms []Term // sorted, distinct: the words of its text, its speaker and its day
	// Information is the mean inverse document frequency of its terms in the scope: what "Thanks!" has little of.
	Information float32
	// Meant is how much of the query it covers by what its words mean, in [0, 1]: a word counts as far as one of the record means the
	// same, in any language. Subject is the cosine of the mean meanings of the words of both, less that with all records of the
	// scope.
	Meant, Subject float32
}

// Role is who spoke a record.
type Role uint8

// The roles.
const (
	Unknown   Role = iota
	Human          // a user, or anybody with a name
	Assistant      // a model
)

// Candidates are the records a query may be answered from: those that match, and their neighbours in the conversation.
type Candidates struct {
	List      []Candidate // by session, then position, then row
	Query     []Term      // the query's terms that occur in the scope, distinct, in their order
	Weights   []float64   // how much each tells: its inverse document frequency in the scope times text.Weight
	Missing   float64     // the sum of the weights of the query's terms that do not occur in the scope
	Speakers  []int32     // speakers whom the query names
	Now       int64       // the moment of the question, in Unix seconds
	Len       int         // live records of the scope
	MeanTerms float64     // terms of a record on average, with repeats
	// Word is the text of a term.
	Word func(Term) string
	// Remark reports that the query asks nothing: it was said, and may remind of something. Of its nearest candidates Tie is set.
	Remark bool
	// Mean is the mean cosine of the query with all vectors of the tenant and user: what is above it is nearer than most.
	Mean float64
}
