package onnx

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The names of the files in a model's directory.
const (
	weightsFile = "model.safetensors"
	cardFile    = "card.json"
)

// Card is the model card: what the weights are, what they were trained on and what they reach. Fields that this package
// does not act upon may hold any JSON.
type Card struct {
	Name     string `json:"name"`
	Task     string `json:"task"` // "sudoku", "arc", "maze", or a name of one's own
	Arch     Arch   `json:"arch"`
	Params   int64  `json:"params,omitempty"`   // without the puzzle table
	Steps    int    `json:"steps,omitempty"`    // supervision steps that solving takes at most unless told otherwise; 0 is trmcore.DefaultSteps
	Retries  int    `json:"retries,omitempty"`  // likewise, the retries of an answer that the rules do not accept
	Data     any    `json:"data,omitempty"`     // what it was trained on
	Training any    `json:"training,omitempty"` // how
	Metrics  any    `json:"metrics,omitempty"`  // what it reaches, and how that was measured
	Licence  string `json:"licence,omitempty"`
	Note     string `json:"note,omitempty"`
	SHA256   string `json:"sha256,omitempty"` // of the weights' file
}

// Model is a trained TRM: an architecture, its weights and a card. It is never changed after it was loaded and may be
// used by many goroutines at once.
type Model struct {
	Arch Arch
	Card Card

	weights map[string]Tensor // all but the puzzle table
	table   table             // puzzle embeddings
	initH   []float32         // [D]
	initL   []float32         // [D]
	stored  elementType       // of the weights in their file
}

// LoadOptions says what a file cannot.
type LoadOptions struct {
	// Task is the task that the model must be for: a model whose card names another is refused with ErrTask. For a file
	// without a card, one of the published tasks (sudoku, arc, maze) also fills the architecture as published.
	Task string
	// Arch fills what neither the weights nor a card say: H_cycles, L_cycles, num_heads, seq_len. Zero fields are unknown.
	Arch Arch
}

// LoadModel reads a model from a path: a directory with model.safetensors and card.json, or a .safetensors file with the names
// of the official code. A card beside the file (card.json beside model.safetensors, else NAME.card.json) is read as well.
func LoadModel(name string, o *LoadOptions) (*Model, error) {
	name = filepath.Clean(name)
	return LoadFS(os.DirFS(filepath.Dir(name)), filepath.Base(name), o)
}

// LoadFS is [LoadModel] within a file system, such as an embedded one.
func LoadFS(fsys fs.FS, name string, o *LoadOptions) (*Model, error) {
	if o == nil {
		o = &LoadOptions{}
	}
	m, err := load(fsys, name, o)
	if err != nil {
		return nil, fmt.Errorf("load model %q: %w", name, err)
	}
	if o.Task != "" && m.Card.Task != "" && o.Task != m.Card.Task {
		return nil, fmt.Errorf("load model %q: %w: it was trained for %s, not %s", name, ErrTask, m.Card.Task, o.Task)
	}
	return m, nil
}

func load(fsys fs.FS, name string, o *LoadOptions) (*Model, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	cardName := strings.TrimSuffix(name, path.Ext(name)) + ".card.json"
	if info.IsDir() {
		cardName, name = path.Join(name, cardFile), path.Join(name, weightsFile)
	} else if path.Base(name) == weightsFile {
		cardName = path.Join(path.Dir(name), cardFile)
	}
	m := &Model{weights: map[string]Tensor{}}
	if text, err := fs.ReadFile(fsys, cardName); err == nil {
		if err := json.Unmarshal(text, &m.Card); err != nil {
			return nil, fmt.Errorf("%w: the model card: %w", ErrFormat, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := open(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if m.Card.SHA256 != "" {
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(f, 0, f.size)); err != nil {
			return nil, err
		}
		if sum := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(sum, m.Card.SHA256) {
			return nil, fmt.Errorf("%w: %s has the SHA-256 %s, but its card says %s: corrupt, or a card of other weights", ErrFormat, path.Base(name), sum, m.Card.SHA256)
		}
	}
	refs, metadata, err := index(f, f.size)
	if err != nil {
		return nil, err
	}
	m.Card.Task = cmp.Or(m.Card.Task, metadata["task"])
	m.table.open = func() (*file, error) { return open(fsys, name) }
	return m, m.read(f, refs, o)
}

// read fills the model from the tensors of a file.
func (m *Model) read(src io.ReaderAt, refs []ref, o *LoadOptions) error {
	found, shapes := map[string]ref{}, map[string][]int{}
	for _, r := range refs {
		bare := bareName(r.name)
		if twin, ok := found[bare]; ok {
			return fmt.Errorf("%w: %q and %q are the same weights", ErrFormat, twin.name, r.name)
		}
		found[bare], shapes[bare] = r, r.Shape
	}
	known := m.Card.Arch.or(o.Arch)
	if m.Card.Task == "" && m.Card.Arch == (Arch{}) {
		m.Card.Task = o.Task
		known = known.or(tasks[o.Task])
	}
	var err error
	if m.Arch, err = infer(shapes, known); err != nil {
		return err
	}
	for key, want := range m.Arch.want() {
		r, ok := found[key]
		if !ok {
			return fmt.Errorf("%w: %s is missing", ErrArch, key)
		}
		if !slices.Equal(r.Shape, want) {
			return fmt.Errorf("%w: %s has the shape %v, but %s needs %v", ErrArch, key, r.Shape, m.Arch, want)
		}
		values, err := r.read(src, 0, r.len())
		if err != nil {
			return err
		}
		m.weights[key] = Tensor{want, values}
	}
	m.stored = found[layerKey(0, keyDown)].Type
	if r, ok := found[keyPuzzle]; ok && m.Arch.PuzzleEmbLen > 0 {
		if len(r.Shape) != 2 || r.Shape[1] != m.Arch.PuzzleEmbNdim {
			return fmt.Errorf("%w: %s has the shape %v, but rows of %d are needed", ErrArch, keyPuzzle, r.Shape, m.Arch.PuzzleEmbNdim)
		}
		m.table.rows, m.table.ref = r.Shape[0], r
		if r.len() <= tableInMemory {
			if m.table.values, err = r.read(src, 0, r.len()); err != nil {
				return err
			}
		}
	}
	m.finish()
	return nil
}

// finish derives what follows from the weights.
func (m *Model) finish() {
	m.initH, m.initL = m.weights[keyHInit].Values, m.weights[keyLInit].Values
	m.Card.Arch = m.Arch
	if m.Card.Params == 0 {
		for key, w := range m.weights {
			if key != keyHInit && key != keyLInit { // buffers, never trained
				m.Card.Params += int64(len(w.Values))
			}
		}
	}
}

// initial gives the latents that a problem begins with, [Len, D] each. Noise in z_L tells the slots of the cover mixer
// apart; it depends on the seed alone, so that an answer depends on the puzzle and the seed.
func (m *Model) initial(seed uint64) (h, l []float32) {
	h, l = slices.Repeat(m.initH, m.Arch.Len()), slices.Repeat(m.initL, m.Arch.Len())
	if sigma := float32(m.Arch.InitNoise); sigma > 0 {
		rng := rand.New(rand.NewPCG(seed, 0))
		for i := range l {
			l[i] += sigma * float32(rng.NormFloat64())
		}
	}
	return h, l
}

// Resized returns the model for problems of seqLen tokens, sharing the weights. Only a grid mixer, whose weights do not
// depend on the size, can be of another than its own. The error is [ErrArch].
func (m *Model) Resized(seqLen int) (*Model, error) {
	if seqLen == m.Arch.SeqLen {
		return m, nil
	}
	if !m.Arch.Grid {
		return nil, fmt.Errorf("%w: it reads problems of %d tokens, not of %d", ErrArch, m.Arch.SeqLen, seqLen)
	}
	resized := *m
	resized.Arch.SeqLen = seqLen
	resized.Card.Arch.SeqLen = seqLen
	return &resized, resized.Arch.check()
}

// Save writes the model into a directory as model.safetensors and card.json. The weights keep the type they were read in.
func (m *Model) Save(dir string) error {
	if err := m.save(dir); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return nil
}

func (m *Model) save(dir string) error {
	tensors := maps.Clone(m.weights)
	if m.table.rows > 0 {
		if m.table.values == nil {
			return fmt.Errorf("the puzzle table of %d rows is too large to be saved beside the weights", m.table.rows)
		}
		tensors[keyPuzzle] = Tensor{[]int{m.table.rows, m.Arch.PuzzleEmbNdim}, m.table.values}
	}
	stored := typeF32
	if m.stored == typeF16 {
		stored = typeF16
	}
	var weights bytes.Buffer
	if err := writeTensors(&weights, stored, tensors, map[string]string{"task": m.Card.Task}); err != nil {
		return err
	}
	card := m.Card
	sum := sha256.Sum256(weights.Bytes())
	card.SHA256 = hex.EncodeToString(sum[:])
	text, err := json.MarshalIndent(card, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, weightsFile), weights.Bytes(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, cardFile), append(text, '\n'), 0o644)
}

// tableInMemory is the number of elements up to which a puzzle table is read with the model. Sudoku and Maze have one
// row; ARC has up to 1.2 million, of which a run needs a few thousand.
const tableInMemory = 1 << 20

// table is the puzzle embedding: a vector for each training task and augmentation.
type table struct {
	rows   int
	values []float32 // nil if it is too large: then rows are read from the file
	ref    ref
	open   func() (*file, error)
}

// Puzzles is the number of rows of the puzzle embedding table, 0 if there is none.
func (m *Model) Puzzles() int { return m.table.rows }

// PuzzleVec returns row id of the puzzle embedding table, PuzzleEmbNdim numbers. Large tables stay on disk; then every
// call reads its row from the file.
func (m *Model) PuzzleVec(id int) ([]float32, error) {
	t, width := m.table, m.Arch.PuzzleEmbNdim
	if id < 0 || id >= t.rows {
		return nil, fmt.Errorf("%w: there is no puzzle %d in a table of %d", ErrProblem, id, t.rows)
	}
	if t.values != nil {
		return part(t.values, id, width), nil
	}
	f, err := t.open()
	if err != nil {
		return nil, fmt.Errorf("read puzzle embedding %d: %w", id, err)
	}
	defer f.Close()
	return t.ref.read(f, int64(id)*int64(width), int64(width))
}
