package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"refine": main})
}

// letters is an endpoint of embeddings that count the letters of a text, of the length that its path names.
func letters(w http.ResponseWriter, r *http.Request) {
	var dim int
	var request struct{ Input []string }
	_, err := fmt.Sscanf(r.URL.Path, "/%d/v1/embeddings", &dim)
	if err == nil {
		err = json.NewDecoder(r.Body).Decode(&request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	type item struct {
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	}
	data := make([]item, len(request.Input))
	for i, text := range request.Input {
		data[i] = item{i, make([]float32, dim)}
		for _, c := range strings.ToLower(text) {
			data[i].Embedding[int(c)%dim]++
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "model": "letters", "data": data})
}

// Each script runs with an empty home of its own.
func TestScripts(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(letters))
	t.Cleanup(server.Close) // scripts run in parallel, and end before
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/home/config")
			env.Setenv("XDG_DATA_HOME", env.WorkDir+"/home/data")
			env.Setenv("REFINE_MODELS", env.WorkDir+"/models")
			env.Setenv("LETTERS", server.URL)
			env.Setenv("REFINE_EMBEDDER_MODEL", "")
			env.Setenv("OPENAI_API_KEY", "none")
			tiny, err := filepath.Abs("../../adapters/encoder/testdata/tiny/model.safetensors")
			env.Setenv("TINY", tiny) // a small random encoder
			return err
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}
