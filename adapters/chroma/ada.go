package chroma

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate/mirror"
)

// kinds of memories by the types of Ada's documents. What has another type is a fact, if nobody said it.
var kinds = map[string]memory.Kind{
	"turn": memory.KindTurn, "summary": memory.KindSummary, "memory": memory.KindFact, "pattern": memory.KindFact,
	"faq": memory.KindFAQ, "persona": memory.KindPersona,
}

// types are the reverse.
var types = map[memory.Kind]string{
	memory.KindTurn: "turn", memory.KindSummary: "summary", memory.KindFact: "memory", memory.KindFAQ: "faq", memory.KindPersona: "persona",
}

// kept are the members of a document that its record keeps, and that a derived document has if all its sources agree.
var kept = []string{"scope", "conversation_id", "entity", "tags", "topic", "version"}

// Record reads a document with Ada's metadata. A document without a timestamp, as a persona may be, is of 1970.
func (c *Collection) Record(d mirror.Document) (memory.Record, error) {
	r := memory.Record{Text: d.Text, Confidence: 1, Importance: .5, Created: time.Unix(0, 0).UTC(), Meta: map[string]string{}}
	member := func(key string) string {
		switch v := d.Meta[key].(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		}
		return ""
	}
	r.Role, r.Scope.Session = member("role"), member("conversation_id")
	if kind, ok := kinds[member("type")]; ok {
		r.Kind = kind
	} else if r.Kind = memory.KindFact; r.Role != "" {
		r.Kind = memory.KindTurn
	}
	for key, to := range map[string]*time.Time{"timestamp": &r.Created, "valid_until": &r.ValidUntil} {
		if stamp := member(key); stamp != "" {
			at, err := text.ParseStamp(stamp)
			if err != nil {
				return r, fmt.Errorf("%s is %w", key, err)
			}
			*to = at.UTC()
		}
	}
	if s := member("importance"); s != "" {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(n) {
			return r, fmt.Errorf("importance is %q, not a number", s)
		}
		r.Importance = importance(n)
	}
	for _, key := range append([]string{"type", "source"}, kept...) {
		if v := member(key); v != "" && key != "conversation_id" {
			r.Meta[key] = v
		}
	}
	return r, nil
}

// importance maps Ada's scales to [0, 1]: 1 to 5 of its schema, of which 3 is usual; below 1 what its tools send; above 5
// what its nightly script writes.
func importance(n float64) float64 {
	if n < 1 {
		return max(0, n)
	}
	return max(.1, min(1, (n-1)/4)) // what was kept at all is of some use
}

// stars are the reverse: 1 to 5.
func stars(importance float64) int { return int(math.Round(1 + 4*max(0, min(1, importance)))) }

// stamp writes a time as Ada does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }

// Document writes a derived memory with the metadata that Ada looks for.
func (c *Collection) Document(ctx context.Context, id string, r *memory.Record, from []mirror.Document) (mirror.Document, error) {
	d := mirror.Document{ID: id, Text: r.Text, Meta: map[string]any{
		"type": types[r.Kind], "source": "consolidation", "timestamp": stamp(r.Created), "importance": stars(r.Importance), "confidence": r.Confidence,
	}}
	for _, key := range kept {
		if v := agreed(from, key); v != nil {
			d.Meta[key] = v
		}
	}
	if d.Meta["scope"] == nil {
		d.Meta["scope"] = cmp.Or(map[memory.Kind]string{memory.KindSummary: "conversation"}[r.Kind], "global")
	}
	if r.Role != "" {
		d.Meta["role"] = r.Role
	}
	for key, t := range map[string]time.Time{"valid_from": r.ValidFrom, "valid_until": r.ValidUntil} {
		if !t.IsZero() {
			d.Meta[key] = stamp(t)
		}
	}
	for _, key := range []string{"level", "single_source", "replaced_by"} {
		if v := r.Meta[key]; v != "" {
			d.Meta[key] = v
		}
	}
	if c.embed == nil {
		d.Embedding = mean(from)
	} else {
		vectors, err := c.embed(ctx, []string{r.Text})
		if err != nil {
			return d, err
		}
		if len(vectors) != 1 {
			return d, fmt.Errorf("%d vectors were made of one text", len(vectors))
		}
		d.Embedding = vectors[0]
	}
	if len(d.Embedding) == 0 || c.dim > 0 && len(d.Embedding) != c.dim {
		return d, fmt.Errorf("%w: %d instead of %d", ErrDimension, len(d.Embedding), c.dim)
	}
	return d, nil
}

// agreed is what all documents have under a key, or nil.
func agreed(from []mirror.Document, key string) any {
	var v any
	for i, d := range from {
		if i > 0 && d.Meta[key] != v {
			return nil
		}
		v = d.Meta[key]
	}
	return v
}

// mean is the direction in which the documents lie together, at their mean length: a point between them in every space.
func mean(from []mirror.Document) []float32 {
	var sum []float32
	size, n := 0.0, 0.0
	for _, d := range from {
		length, ok := vector.Length(d.Embedding)
		if !ok || sum != nil && len(d.Embedding) != len(sum) {
			continue
		}
		if sum == nil {
			sum = make([]float32, len(d.Embedding))
		}
		for i, x := range d.Embedding {
			sum[i] += float32(float64(x) / length)
		}
		size, n = size+length, n+1
	}
	if _, ok := vector.Length(sum); !ok {
		return nil
	}
	vector.Unit(sum, sum)
	for i := range sum {
		sum[i] *= float32(size / n)
	}
	return sum
}
