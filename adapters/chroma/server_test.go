package chroma_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// server answers as Chroma 1.x does, over real HTTP. TestRealServer holds it to the real one: both run the same tests.
type server struct {
	version string // v2, or v1 for the server before
	mu      sync.Mutex
	all     map[string]*collection
	// OnCall is called before each request; what it returns other than 0 is the answer's status.
	onCall func(operation string) int
}

type collection struct {
	id, name, space string
	dim             int
	ids             []string
	entries         map[string]*entry
}

type entry struct {
	document  *string
	meta      map[string]any
	embedding []float64
}

func serve(t *testing.T, version string) (*server, string) {
	s := &server{version: version, all: map[string]*collection{}}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, h.URL
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	refuse := func(status int, kind, message string) {
		answer(status, map[string]string{"error": kind, "message": message})
	}
	path, known := strings.CutPrefix(r.URL.Path, "/api/"+s.version+"/")
	if !known {
		refuse(http.StatusGone, "Unimplemented", "The v1 API is deprecated. Please use /v2 apis")
		return
	}
	if path == "heartbeat" {
		answer(200, map[string]int64{"nanosecond heartbeat": 1})
		return
	}
	if path == "pre-flight-checks" {
		answer(200, map[string]any{"max_batch_size": 40})
		return
	}
	if s.version == "v2" {
		if path, known = strings.CutPrefix(path, "tenants/default_tenant/databases/default_database/"); !known {
			refuse(404, "NotFoundError", "no such tenant")
			return
		}
	} else if r.URL.Query().Get("tenant") == "" && strings.Count(path, "/") == 1 {
		refuse(400, "ValueError", "tenant is missing")
		return
	}
	parts := strings.Split(path, "/")
	if parts[0] != "collections" || len(parts) > 3 {
		refuse(404, "NotFoundError", path)
		return
	}
	if len(parts) == 1 { // make one
		var in struct {
			Name          string
			Configuration struct{ HNSW struct{ Space string } }
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		c := &collection{id: fmt.Sprintf("00000000-0000-0000-0000-%012d", len(s.all)), name: in.Name, space: cmp.Or(in.Configuration.HNSW.Space, "l2"), entries: map[string]*entry{}}
		s.all[in.Name] = c
		answer(200, s.describe(c))
		return
	}
	if len(parts) == 2 { // by name
		c := s.all[parts[1]]
		if c == nil {
			refuse(404, "NotFoundError", "Collection ["+parts[1]+"] does not exist")
			return
		}
		answer(200, s.describe(c))
		return
	}
	var c *collection
	for _, x := range s.all {
		if x.id == parts[1] {
			c = x
		}
	}
	if c == nil {
		refuse(404, "NotFoundError", "Collection does not exist")
		return
	}
	if s.onCall != nil {
		if status := s.onCall(parts[2]); status != 0 {
			refuse(status, "Injected", "the server is busy")
			return
		}
	}
	if parts[2] == "count" {
		answer(200, len(c.ids))
		return
	}
	var in struct {
		IDs             []string
		Documents       []*string
		Metadatas       []map[string]any
		Embeddings      *[][]float64
		Limit, Offset   int
		Include         []string
		QueryEmbeddings [][]float64 `json:"query_embeddings"`
		NResults        int         `json:"n_results"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(422, "ChromaError", err.Error())
		return
	}
	for i, m := range in.Metadatas {
		for k, v := range m {
			switch v.(type) {
			case string, float64, bool, nil:
			default:
				refuse(422, "ChromaError", fmt.Sprintf("metadatas[%d].%s: data did not match any variant of untagged enum UpdateMetadataValue", i, k))
				return
			}
		}
	}
	merge := func(e *entry, i int) {
		if i < len(in.Documents) && in.Documents[i] != nil {
			e.document = in.Documents[i]
		}
		if i < len(in.Metadatas) {
			for k, v := range in.Metadatas[i] {
				if e.meta == nil {
					e.meta = map[string]any{}
				}
				if e.meta[k] = v; v == nil {
					delete(e.meta, k)
				}
			}
		}
	}
	switch parts[2] {
	case "upsert":
		if in.Embeddings == nil {
			refuse(422, "ChromaError", "Failed to deserialize the JSON body into the target type: missing field `embeddings`")
			return
		}
		if len(in.IDs) > 50 {
			refuse(400, "ChromaError", "the batch is too large")
			return
		}
		for _, v := range *in.Embeddings {
			if c.dim = cmp.Or(c.dim, len(v)); len(v) != c.dim {
				refuse(400, "InvalidArgumentError", fmt.Sprintf("Collection expecting embedding with dimension of %d, got %d", c.dim, len(v)))
				return
			}
		}
		for i, id := range in.IDs {
			e := c.entries[id]
			if e == nil {
				e = &entry{}
				c.entries[id] = e
				c.ids = append(c.ids, id)
			}
			e.embedding = (*in.Embeddings)[i]
			merge(e, i)
		}
		answer(200, map[string]any{})
	case "update":
		for i, id := range in.IDs {
			if e := c.entries[id]; e != nil { // one that is missing is no error
				merge(e, i)
			}
		}
		answer(200, map[string]any{})
	case "delete":
		if len(in.IDs) == 0 {
			refuse(400, "InvalidArgumentError", "neither ids nor where")
			return
		}
		for _, id := range in.IDs {
			delete(c.entries, id)
		}
		c.ids = slices.DeleteFunc(c.ids, func(id string) bool { return c.entries[id] == nil })
		answer(200, map[string]any{"deleted": len(in.IDs)})
	case "get":
		ids := slices.Clone(c.ids)
		if in.IDs != nil {
			ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(in.IDs, id) })
		}
		ids = ids[min(in.Offset, len(ids)):]
		if in.Limit > 0 {
			ids = ids[:min(in.Limit, len(ids))]
		}
		out := c.columns(ids, in.Include)
		answer(200, out)
	default:
		refuse(404, "NotFoundError", parts[2])
	}
}

func (s *server) describe(c *collection) map[string]any {
	out := map[string]any{"id": c.id, "name": c.name, "dimension": nil, "metadata": nil}
	if c.dim > 0 {
		out["dimension"] = c.dim
	}
	if s.version == "v2" {
		out["configuration_json"] = map[string]any{"hnsw": map[string]any{"space": c.space}, "spann": nil}
	} else {
		out["metadata"] = map[string]any{"hnsw:space": c.space}
	}
	return out
}

func (c *collection) columns(ids, include []string) map[string]any {
	documents, metas, embeddings := []*string{}, []map[string]any{}, [][]float64{}
	for _, id := range ids {
		e := c.entries[id]
		documents, metas, embeddings = append(documents, e.document), append(metas, e.meta), append(embeddings, e.embedding)
	}
	out := map[string]any{"ids": ids, "documents": nil, "metadatas": nil, "embeddings": nil, "include": include}
	for name, column := range map[string]any{"documents": documents, "metadatas": metas, "embeddings": embeddings} {
		if slices.Contains(include, name) {
			out[name] = column
		}
	}
	return out
}
