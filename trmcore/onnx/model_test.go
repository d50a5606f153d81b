package onnx

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// tiny is a mixer of a few kilobytes.
func tiny(t testing.TB) *Model {
	t.Helper()
	m, err := Random(Arch{VocabSize: 5, SeqLen: 6, PuzzleEmbLen: 2, HiddenSize: 8, LLayers: 1, HCycles: 2, LCycles: 2, MLPT: true, InterSize: 8, InterTokens: 8}, 1, .5)
	if err != nil {
		t.Fatal(err)
	}
	m.Card.Task = "sudoku"
	return m
}

// stateDict writes the model's weights under other names, some left out or replaced.
func stateDict(t testing.TB, m *Model, prefix string, change func(map[string]Tensor)) []byte {
	t.Helper()
	tensors := map[string]Tensor{}
	for key, w := range m.weights {
		tensors[key] = w
	}
	if m.table.rows > 0 {
		tensors[keyPuzzle] = Tensor{[]int{m.table.rows, m.Arch.PuzzleEmbNdim}, m.table.values}
	}
	if change != nil {
		change(tensors)
	}
	named := map[string]Tensor{}
	for key, v := range tensors {
		named[prefix+key] = v
	}
	var b bytes.Buffer
	if err := writeTensors(&b, typeF32, named, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestACheckpointOfTheOfficialCode has neither cycles nor heads nor a card: the task says what was published. As a pickle it
// is refused with the line that converts it.
func TestACheckpointOfTheOfficialCode(t *testing.T) {
	want := mustLoad(t, "mixer-prefix")
	fsys := fstest.MapFS{"step_100.safetensors": {Data: stateDict(t, want, "_orig_mod.model.inner.", nil)}, "step_100": {Data: []byte("PK\x03\x04 and so on")}}
	got, err := LoadFS(fsys, "step_100.safetensors", &LoadOptions{Task: "sudoku", Arch: Arch{SeqLen: 16, VocabSize: 11, NumHeads: 4}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Arch, got.Arch); diff != "" {
		t.Errorf("architecture (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.weights, got.weights); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
	for id := range 2 {
		a, err := want.PuzzleVec(id)
		if err != nil {
			t.Fatal(err)
		}
		b, err := got.PuzzleVec(id)
		if err != nil || !slices.Equal(a, b) {
			t.Errorf("puzzle %d differs: %v", id, err)
		}
	}
	if _, err := got.PuzzleVec(2); !errors.Is(err, ErrProblem) {
		t.Errorf("puzzle 2 of 2: error %v, want ErrProblem", err)
	}
	if _, err := LoadFS(fsys, "step_100", nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "save_file") {
		t.Errorf("a pickle: error %v, want ErrFormat and how to convert it", err)
	}
}

func TestPrefixesInAnyCombination(t *testing.T) {
	m := tiny(t)
	for _, prefix := range []string{"", "_orig_mod.", "model.inner.", "_orig_mod.model.inner.", "model._orig_mod.inner.", "module.model.inner."} {
		fsys := fstest.MapFS{"w": {Data: stateDict(t, m, prefix, nil)}}
		got, err := LoadFS(fsys, "w", &LoadOptions{Arch: m.Arch})
		if err != nil {
			t.Errorf("prefix %q: %v", prefix, err)
			continue
		}
		if diff := cmp.Diff(m.Arch, got.Arch); diff != "" {
			t.Errorf("prefix %q (-want +got):\n%s", prefix, diff)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	m := tiny(t)
	m.Card.Metrics = map[string]any{"exact": .5}
	dir := t.TempDir()
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := LoadModel(dir, &LoadOptions{Task: "sudoku"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.weights, got.weights); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
	if got.Card.SHA256 == "" {
		t.Error("the card has no hash")
	}
	got.Card.SHA256 = ""
	if diff := cmp.Diff(m.Card, got.Card); diff != "" {
		t.Errorf("card (-want +got):\n%s", diff)
	}
}

func TestExportRefusesAnUnknownPrecision(t *testing.T) {
	if err := tiny(t).Export(&bytes.Buffer{}, "fp4"); err == nil || !strings.Contains(err.Error(), "fp4") {
		t.Errorf("unknown precision: error %v", err)
	}
}

func TestResized(t *testing.T) {
	m := mustLoad(t, "grid")
	larger, err := m.Resized(49)
	if err != nil || larger.Arch.Len() != 49 || m.Arch.SeqLen != 36 {
		t.Errorf("a square of 7: %v, %v; the model itself %v", larger, err, m.Arch)
	}
	for _, n := range []int{0, 1, 48} {
		if _, err := m.Resized(n); !errors.Is(err, ErrArch) {
			t.Errorf("%d tokens are no square: %v", n, err)
		}
	}
	if _, err := tiny(t).Resized(7); !errors.Is(err, ErrArch) {
		t.Errorf("a mixer of 6 tokens for 7: %v", err)
	}
}

func TestLoadNamesWhatIsWrong(t *testing.T) {
	m := tiny(t)
	card := func(change func(*Card)) []byte {
		c := m.Card
		change(&c)
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	plain := stateDict(t, m, "", nil)
	reshape := func(key string, shape ...int) []byte {
		return stateDict(t, m, "", func(all map[string]Tensor) {
			n := 1
			for _, d := range shape {
				n *= d
			}
			all[key] = Tensor{shape, make([]float32, n)}
		})
	}
	cases := map[string]struct {
		weights, card []byte
		options       LoadOptions
		want          error
		text          string
	}{
		"another task":     {plain, card(func(*Card) {}), LoadOptions{Task: "maze"}, ErrTask, "trained for sudoku, not maze"},
		"another shape":    {reshape(keyLMHead, 5, 9), card(func(*Card) {}), LoadOptions{}, ErrArch, "lm_head.weight has the shape [5 9]"},
		"another head":     {reshape(keyQHead, 1, 8), card(func(*Card) {}), LoadOptions{}, ErrArch, "q_head.weight"},
		"card of another":  {plain, card(func(c *Card) { c.Arch.HiddenSize = 16 }), LoadOptions{}, ErrArch, "hidden_size is 8 by the weights and 16"},
		"other vocabulary": {plain, card(func(c *Card) { c.Arch.VocabSize = 11 }), LoadOptions{}, ErrArch, "vocab_size"},
		"other length":     {plain, card(func(c *Card) { c.Arch.SeqLen = 81 }), LoadOptions{}, ErrArch, "spans 8 positions"},
		"a wrong hash":     {plain, card(func(c *Card) { c.SHA256 = "00" }), LoadOptions{}, ErrFormat, "its card says 00"},
		"card not JSON":    {plain, []byte("{"), LoadOptions{}, ErrFormat, "model card"},
		"no length":        {plain, nil, LoadOptions{}, ErrArch, "say seq_len"},
		"no cycles":        {plain, nil, LoadOptions{Arch: Arch{SeqLen: 6}}, ErrArch, "H_cycles and L_cycles are not in the weights"},
		"too many passes":  {plain, nil, LoadOptions{Arch: Arch{SeqLen: 6, HCycles: 100, LCycles: 100}}, ErrArch, "passes"},
		"missing weights":  {stateDict(t, m, "", func(all map[string]Tensor) { delete(all, keyLInit) }), card(func(*Card) {}), LoadOptions{}, ErrArch, "L_init is missing"},
		"no TRM":           {stateDict(t, m, "", func(all map[string]Tensor) { delete(all, keyEmbed) }), card(func(*Card) {}), LoadOptions{}, ErrArch, "not a TRM"},
		"puzzle table":     {reshape(keyPuzzle, 1, 9), card(func(c *Card) { c.Arch.PuzzleEmbNdim = 9 }), LoadOptions{}, nil, ""},
		"twice": {stateDict(t, m, "", func(all map[string]Tensor) {
			all["model."+keyLInit] = all[keyLInit]
		}), card(func(*Card) {}), LoadOptions{}, ErrFormat, "are the same weights"},
		"truncated":        {plain[:len(plain)-5], card(func(*Card) {}), LoadOptions{}, ErrFormat, "truncated"},
		"text":             {[]byte("hello, world"), nil, LoadOptions{}, ErrFormat, "not safetensors"},
		"empty":            {nil, nil, LoadOptions{}, ErrFormat, "not safetensors"},
		"negative epsilon": {plain, card(func(c *Card) { c.Arch.RMSNormEps = -1 }), LoadOptions{}, ErrArch, "rms_norm_eps"},
	}
	for name, c := range cases {
		fsys := fstest.MapFS{"m/model.safetensors": {Data: c.weights}}
		if c.card != nil {
			fsys["m/card.json"] = &fstest.MapFile{Data: c.card}
		}
		_, err := LoadFS(fsys, "m", &c.options)
		if !errors.Is(err, c.want) || c.want != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error %v, want %v with %q", name, err, c.want, c.text)
		}
	}
	if _, err := LoadModel(filepath.Join(t.TempDir(), "absent"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file: error %v", err)
	}
}

func TestAttentionNeedsItsLength(t *testing.T) {
	if _, err := LoadFS(fstest.MapFS{"w": {Data: mustRead(t, "testdata/attention-learned/model.safetensors")}}, "w", nil); !errors.Is(err, ErrArch) {
		t.Errorf("error %v, want ErrArch", err)
	}
	if _, err := Random(Arch{VocabSize: 5, SeqLen: 6, HiddenSize: 10, NumHeads: 3, LLayers: 1, HCycles: 1, LCycles: 1}, 1, 1); !errors.Is(err, ErrArch) {
		t.Errorf("3 heads of 10: error %v, want ErrArch", err)
	}
}

// TestALargeTableStaysOnDisk reads rows of a table that is not kept in memory.
func TestALargeTableStaysOnDisk(t *testing.T) {
	m := tiny(t)
	rows := tableInMemory/8 + 3
	weights := stateDict(t, m, "", func(all map[string]Tensor) {
		v := Tensor{[]int{rows, 8}, make([]float32, rows*8)}
		for i := range v.Values {
			v.Values[i] = float32(i / 8)
		}
		all[keyPuzzle] = v
	})
	path := filepath.Join(t.TempDir(), "step_7")
	if err := os.WriteFile(path, weights, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := LoadModel(path, &LoadOptions{Arch: m.Arch})
	if err != nil {
		t.Fatal(err)
	}
	if got.table.values != nil || got.Puzzles() != rows {
		t.Fatalf("%d rows, in memory %v", got.Puzzles(), got.table.values != nil)
	}
	row, err := got.PuzzleVec(rows - 1)
	if err != nil || !slices.Equal(row, slices.Repeat([]float32{float32(rows - 1)}, 8)) {
		t.Errorf("the last row is %v, %v", row, err)
	}
}

func TestOfficialSizes(t *testing.T) {
	// The numbers of parameters and operations that were computed for the published models.
	for name, c := range map[string]struct {
		arch   Arch
		params int64
		gflop  float64
	}{
		"mixer":     {Arch{VocabSize: 11, SeqLen: 81, PuzzleEmbLen: 16, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 6, MLPT: true}, 5028866, 25.6},
		"no prefix": {Arch{VocabSize: 11, SeqLen: 81, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 6, MLPT: true}, 4855298, 18.7},
		"attention": {Arch{VocabSize: 11, SeqLen: 81, PuzzleEmbLen: 16, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 6}, 6828034, 28.6},
		"arc":       {Arch{VocabSize: 12, SeqLen: 900, PuzzleEmbLen: 16, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 4}, 6829058, 239},
	} {
		m, err := Random(c.arch, 1, .5)
		if err != nil {
			t.Fatal(err)
		}
		if m.Card.Params != c.params {
			t.Errorf("%s: %d parameters, want %d", name, m.Card.Params, c.params)
		}
		if got := m.Arch.FLOPs() / 1e9; got < .99*c.gflop || got > 1.01*c.gflop {
			t.Errorf("%s: %.1f GFLOP a step, want %.1f", name, got, c.gflop)
		}
	}
}

func TestQuantise(t *testing.T) {
	w := Tensor{[]int{2, 3}, []float32{1, 0, -.5, -2, 0, .25}}
	for bits, top := range map[int]float32{8: 127, 7: 63} {
		values, scales, _ := quantise(w, bits)
		for i, v := range w.Values {
			got := float32(int8(values[i])) * scales[i%3]
			if d := got - v; d > scales[i%3]/2+1e-6 || d < -scales[i%3]/2-1e-6 {
				t.Errorf("%d bits: %v became %v", bits, v, got)
			}
			if q := int8(values[i]); float32(q) > top || float32(q) < -top {
				t.Errorf("%d bits: value %d", bits, q)
			}
		}
		if scales[0] != 2/top || scales[1] <= 0 {
			t.Errorf("%d bits: scales %v", bits, scales)
		}
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func FuzzLoad(f *testing.F) {
	f.Add(stateDict(f, tiny(f), "_orig_mod.", nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := LoadFS(fstest.MapFS{"m": {Data: raw}}, "m", &LoadOptions{Task: "sudoku", Arch: Arch{HCycles: 1, LCycles: 1}})
		if err == nil {
			if err := m.Arch.check(); err != nil {
				t.Errorf("loaded, but %v", err)
			}
			return
		}
		if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrArch) && !errors.Is(err, ErrTask) {
			t.Errorf("error %v is none of ErrFormat, ErrArch, ErrTask", err)
		}
	})
}
