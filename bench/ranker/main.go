// Command ranker exports what the learned ranking is trained on: the features of the candidates of each question, as package
// importance reads them in use, so that training and use cannot differ.
//
//	go run ./bench/ranker -data ../shared/data -everyday ../shared/everyday/dev -out features.bin
//	python bench/ranker/train.py features.bin importance/ranker.bin
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/integration/models"
	"github.com/trm-go/refiner/memory"
)

func main() {
	data := flag.String("data", "../shared/data", "folder with locomo and beam")
	everyday := flag.String("everyday", "../shared/everyday/dev", "folder of the everyday suite")
	out := flag.String("out", "features.bin", "file to write")
	histories := flag.String("people", "bench/people", "folder of invented histories")
	only := flag.String("only", "", "names of kinds with commas between, to export no others")
	model := flag.String("embedder", "", "installed model whose vectors the memories have, such as minilm; empty: none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, sources{*data, *everyday, *histories}, *only, *out, *model); err != nil {
		fmt.Fprintln(os.Stderr, "ranker:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, from sources, only, out, model string) error {
	kinds, err := load(ctx, from)
	if err != nil {
		return err
	}
	if only != "" {
		kinds = slices.DeleteFunc(kinds, func(k kind) bool { return !slices.Contains(strings.Split(only, ","), k.name) })
	}
	var embedder memory.Embedder
	if model != "" {
		encoder, err := models.Encoder(model)
		if err != nil {
			return err
		}
		defer encoder.Close()
		embedder = &remembering{Embedder: encoder, vectors: map[string][]float32{}}
	}
	dir, err := os.MkdirTemp("", "refiner-ranker-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for n, k := range kinds {
		for i, c := range k.convs {
			if err := c.export(ctx, k.name, filepath.Join(dir, fmt.Sprintf("%d-%d.db", n, i)), embedder, w); err != nil {
				return fmt.Errorf("%s: %w", c.id, err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// remembering embeds no text twice: most kinds are made of the same ones.
type remembering struct {
	memory.Embedder
	mu      sync.Mutex
	vectors map[string][]float32
}

// Embed returns the vectors of texts.
func (r *remembering) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([][]float32, len(texts))
	for i, t := range texts {
		if r.vectors[t] == nil {
			v, err := r.Embedder.Embed(ctx, []string{t})
			if err != nil {
				return nil, err
			}
			r.vectors[t] = v[0]
		}
		out[i] = r.vectors[t]
	}
	return out, nil
}

// head is a line of JSON that precedes the features of a question: rows × len(importance.Names) float32, little-endian.
type head struct {
	Kind     string     `json:"kind"`
	ID       string     `json:"id"`     // of the conversation
	Source   string     `json:"source"` // what it was made of
	Question string     `json:"question"`
	Names    []string   `json:"names,omitempty"`
	Refs     []string   `json:"refs"`    // of the rows
	Lexical  []float64  `json:"lexical"` // of the rows
	Sets     [][]string `json:"sets"`    // references, each set answers by itself
	Stale    []string   `json:"stale,omitempty"`
}

// export writes what the questions of a conversation see.
func (c *conversation) export(ctx context.Context, kind, path string, embedder memory.Embedder, w *bufio.Writer) error {
	store, err := memory.Create(ctx, path, &memory.Options{Embedder: embedder})
	if err != nil {
		return err
	}
	defer store.Close()
	scope := memory.Scope{User: "user"}
	records := make([]memory.Record, len(c.records))
	for i, r := range c.records {
		r.ID, r.Key, r.Embedding, r.Model = "", "", nil, ""
		r.Scope = memory.Scope{User: "user", Session: r.Scope.Session}
		records[i] = r
	}
	if _, err := store.Add(ctx, scope, records...); err != nil {
		return err
	}
	refs := map[int64]string{}
	for _, q := range c.questions {
		query := memory.Query{Text: q.text, Until: q.at}
		candidates, err := store.Candidates(ctx, scope, query)
		if err != nil {
			return fmt.Errorf("%q: %w", q.text, err)
		}
		if !q.at.IsZero() {
			candidates.Now = q.at.Unix()
		}
		t := importance.Features(candidates, importance.NewSequence(candidates.List))
		t.Accept(t.Top(t.Relevance, importance.Accepted))
		h := head{Kind: kind, ID: c.id, Source: c.source, Question: q.text, Sets: q.sets, Stale: q.stale, Names: importance.Names}
		for _, at := range t.At {
			row := candidates.List[at].Row
			if refs[row] == "" {
				found, err := store.Fetch(ctx, scope, row)
				if err != nil || len(found) == 0 {
					return fmt.Errorf("row %d: %w", row, err)
				}
				refs[row] = eval.Ref(found[0])
			}
			h.Refs = append(h.Refs, refs[row])
			h.Lexical = append(h.Lexical, candidates.List[at].Lexical)
		}
		line, err := json.Marshal(h)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
		if err := binary.Write(w, binary.LittleEndian, t.Values); err != nil {
			return err
		}
	}
	return nil
}
