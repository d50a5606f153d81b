package consolidate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/trm-go/refiner/memory"
)

// Op is what a change does.
type Op string

// The operations of a plan.
const (
	Summarise Op = "summarise" // several turns, or summaries, become one summary
	Merge     Op = "merge"     // facts that say the same become one
	Expire    Op = "expire"    // a fact that a later one updates stays true until then
)

// Change writes one derived record in the place of others.
type Change struct {
	Op    Op     `json:"op"`
	Level Level  `json:"level,omitempty"`
	Why   string `json:"why"`
	// Write is the record to be written, with its ID.
	Write memory.Record `json:"write"`
	// Replaces are the records in whose place it is shown: it supersedes summaries and facts, and stands for turns, which stay.
	Replaces []memory.ID `json:"replaces"`
	// Before and After are the tokens that recall packs, with the day and who said it.
	Before int `json:"tokens_before"`
	After  int `json:"tokens_after"`
	// Dropped are the facts of records below the policy's Keep that are in none of the quotes any more.
	Dropped []string `json:"dropped,omitempty"`
}

// Conflict is two facts that cannot both be true while nothing says which one is. Neither is touched: somebody must say.
type Conflict struct {
	Earlier memory.ID `json:"earlier"`
	Later   memory.ID `json:"later"`
	Texts   [2]string `json:"texts"`
	Why     string    `json:"why"`
}

// Size is an amount of memory. Tokens are those that recall packs, with the day and who said it.
type Size struct {
	Records int `json:"records"`
	Tokens  int `json:"tokens"`
}

// Coverage counts the names, numbers, dates and negations of the turns that are consolidated.
type Coverage struct {
	Asked   int `json:"asked"`   // of records that must keep them
	Kept    int `json:"kept"`    // of those, how many are kept
	Dropped int `json:"dropped"` // of other records, how many are not
}

// Plan is what a consolidation would do. Making it reads only; its JSON is all that Apply needs.
type Plan struct {
	Version   int          `json:"version"`
	Scope     memory.Scope `json:"scope"`
	Policy    Policy       `json:"policy"`
	Before    Size         `json:"before"` // what recall shows of the scope: a summary in the place of its turns
	After     Size         `json:"after"`
	Coverage  Coverage     `json:"coverage"`
	Steps     int          `json:"steps"` // of the recursion
	Changes   []Change     `json:"changes"`
	Conflicts []Conflict   `json:"conflicts,omitempty"`
	// Hash is over everything else, and Signature is the store's, over the hash: only a plan that it has made is applied.
	Hash      string `json:"hash"`
	Signature string `json:"signature"`
}

const planVersion = 2

// Errors of a plan that cannot be used.
var (
	// ErrTampered is returned for a plan that is not as it was made.
	ErrTampered = errors.New("the plan was changed since it was made")
	// ErrStale is returned for a plan that names a record which has changed since.
	ErrStale = errors.New("a record has changed since the plan was made")
	// ErrUngrounded is returned for a change that says what its sources do not.
	ErrUngrounded = errors.New("ungrounded")
	// ErrPlan is returned for a file that is no plan.
	ErrPlan = errors.New("not a plan")
)

// Name is the short name of a plan, by which its run is logged and undone.
func (p *Plan) Name() string { return p.Hash[:min(12, len(p.Hash))] }

func (p *Plan) sum() string {
	q := *p
	q.Hash, q.Signature = "", ""
	data, err := json.Marshal(&q)
	if err != nil {
		panic(fmt.Sprintf("consolidate: a plan is not JSON: %v", err)) // every field is
	}
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// Write writes the plan as JSON.
func (p *Plan) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(p)
}

// Read reads a plan that Write has written, and refuses one that was changed since.
func Read(r io.Reader) (*Plan, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var p Plan
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("read plan: %w: %w", ErrPlan, err)
	}
	if d.More() {
		return nil, fmt.Errorf("read plan: %w: something follows it", ErrPlan)
	}
	if p.Version != planVersion {
		return nil, fmt.Errorf("read plan: %w of version %d: make it anew", ErrPlan, planVersion)
	}
	if p.sum() != p.Hash {
		return nil, fmt.Errorf("read plan: %w: make it anew", ErrTampered)
	}
	return &p, nil
}
