package onnx

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trm-go/refiner/trmcore/onnx/internal/safetensors"
)

// Model is a trained TRM: an architecture, its weights and a card. It is never changed after it was loaded and may be
// used by many goroutines at once.
type Model struct {
	Arch Arch
	Card Card

	weights map[string]matrix // all but the puzzle table
	table   table             // puzzle embeddings
	initH   []float32         // [D]
	initL   []float32         // [D]
	dtype   safetensors.DType // that the weights were stored in
}

// LoadOptions says what a file cannot.
type LoadOptions struct {
	// Task is the task that the model must be for: a model whose card names another is refused with ErrTask. For a file
	// without a card, one of the published tasks (sudoku, arc, maze) also fills the architecture as published.
	Task string
	// Arch fills what neither the weights nor a card say: H_cycles, L_cycles, num_heads, seq_len. Zero fields are unknown.
	Arch Arch
}

// convertCheckpoint writes a checkpoint of the official code, a pickle, as safetensors with the same names.
const convertCheckpoint = `python -c "import sys,torch; from safetensors.torch import save_file; save_file({k: v.contiguous() for k, v in torch.load(sys.argv[1], map_location='cpu').items()}, sys.argv[2])" CHECKPOINT model.safetensors`

// LoadModel reads a model from a path: a directory with [WeightsFile] and [CardFile], or a .safetensors file with the names
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
		cardName, name = path.Join(name, CardFile), path.Join(name, WeightsFile)
	} else if path.Base(name) == WeightsFile {
		cardName = path.Join(path.Dir(name), CardFile)
	}
	var card Card
	text, err := fs.ReadFile(fsys, cardName)
	switch {
	case err == nil:
		if card, err = ParseCard(text); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	src, size, closer, err := open(fsys, name)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	if card.SHA256 != "" {
		sum, err := hash(src, size)
		if err != nil {
			return nil, err
		}
		if !strings.EqualFold(sum, card.SHA256) {
			return nil, fmt.Errorf("%w: %s has the SHA-256 %s, but its card says %s: corrupt, or a card of other weights", ErrFormat, path.Base(name), sum, card.SHA256)
		}
	}

	var refs []safetensors.Ref
	magic := make([]byte, 9)
	n, _ := src.ReadAt(magic, 0)
	switch {
	case n == 9 && magic[8] == '{':
		var metadata map[string]string
		if refs, metadata, err = safetensors.Index(src, size); err == nil && card.Task == "" {
			card.Task = metadata["task"]
		}
	case n >= 4 && string(magic[:2]) == "PK":
		err = fmt.Errorf("%w: a checkpoint of torch.save, which is a program; write its weights as safetensors: %s", ErrFormat, convertCheckpoint)
	default:
		err = fmt.Errorf("%w: not safetensors", ErrFormat)
	}
	if err != nil {
		return nil, err
	}
	m := &Model{Card: card, weights: map[string]matrix{}}
	if err := m.read(fsys, name, src, refs, o); err != nil {
		return nil, err
	}
	return m, nil
}

// read fills the model from the tensors of a file.
func (m *Model) read(fsys fs.FS, name string, src io.ReaderAt, refs []safetensors.Ref, o *LoadOptions) error {
	found, shapes := map[string]safetensors.Ref{}, map[string][]int{}
	for _, r := range refs {
		bare := bareName(r.Name)
		if twin, ok := found[bare]; ok {
			return fmt.Errorf("%w: %q and %q are the same weights", ErrFormat, twin.Name, r.Name)
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
		values, err := r.Read(src)
		if err != nil {
			return err
		}
		m.weights[key] = matrix{want, values}
		if key == layerKey(0, keyDown) {
			m.dtype = r.DType
		}
	}
	if r, ok := found[keyPuzzle]; ok && m.Arch.PuzzleEmbLen > 0 {
		if len(r.Shape) != 2 || r.Shape[1] != m.Arch.PuzzleEmbNdim {
			return fmt.Errorf("%w: %s has the shape %v, but rows of %d are needed", ErrArch, keyPuzzle, r.Shape, m.Arch.PuzzleEmbNdim)
		}
		m.table = table{fsys: fsys, name: name, ref: r, rows: r.Shape[0], width: r.Shape[1]}
		if n, _ := r.Len(); n <= tableInMemory {
			if m.table.values, err = r.Read(src); err != nil {
				return err
			}
		}
	}
	m.finish()
	return nil
}

// finish derives what follows from the weights.
func (m *Model) finish() {
	m.initH, m.initL = m.weights[keyHInit].values, m.weights[keyLInit].values
	m.Card.Arch = m.Arch
	if m.Card.Params == 0 {
		for key, w := range m.weights {
			if key != keyHInit && key != keyLInit { // buffers, never trained
				m.Card.Params += int64(len(w.values))
			}
		}
	}
}

// Save writes the model into a directory as [WeightsFile] and [CardFile]. The weights keep the type they were read in.
func (m *Model) Save(dir string) error {
	var b bytes.Buffer
	if err := m.writeWeights(&b); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	card := m.Card
	sum := sha256.Sum256(b.Bytes())
	card.SHA256 = hex.EncodeToString(sum[:])
	text, err := json.MarshalIndent(card, "", "  ")
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, WeightsFile), b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, CardFile), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return nil
}

func (m *Model) writeWeights(w io.Writer) error {
	tensors := make([]safetensors.Tensor, 0, len(m.weights)+1)
	for key, v := range m.weights {
		tensors = append(tensors, safetensors.Tensor{Name: key, Shape: v.shape, Values: v.values})
	}
	if m.table.rows > 0 {
		if m.table.values == nil {
			return fmt.Errorf("the puzzle table of %d rows is too large to be saved beside the weights", m.table.rows)
		}
		tensors = append(tensors, safetensors.Tensor{Name: keyPuzzle, Shape: []int{m.table.rows, m.table.width}, Values: m.table.values})
	}
	dtype := safetensors.F32
	if m.dtype == safetensors.F16 {
		dtype = m.dtype
	}
	return safetensors.Write(w, dtype, tensors, map[string]string{"task": m.Card.Task})
}

// open opens a file for reading at any place.
func open(fsys fs.FS, name string) (io.ReaderAt, int64, io.Closer, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, 0, nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory", name)
	}
	if err != nil {
		return nil, 0, nil, errors.Join(err, f.Close())
	}
	if src, ok := f.(io.ReaderAt); ok {
		return src, info.Size(), f, nil
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, 0, nil, errors.Join(err, f.Close())
	}
	return bytes.NewReader(data), int64(len(data)), f, nil
}

func hash(src io.ReaderAt, size int64) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(src, 0, size)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
