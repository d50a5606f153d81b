package encoder

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Errors.
var (
	// ErrFormat is returned for files that are no model, or one of a kind that is not supported.
	ErrFormat = errors.New("not a usable model")
	// ErrNoModel is returned for a folder that holds no model.
	ErrNoModel = errors.New("no model there")
)

// CardFile is the name of the card in a model's folder.
const CardFile = "model.json"

// Kind is what a model is for.
type Kind string

// The kinds.
const (
	KindEncoder  Kind = "encoder"  // a text becomes a vector
	KindReranker Kind = "reranker" // a question and a passage become a score
)

// The ways in which the vectors of a text's pieces become one.
const (
	poolMean  = "mean" // their mean
	poolFirst = "cls"  // that of the first, the special token [CLS]
)

// Card says what a folder's model is and how it is used. Zero fields mean the defaults that are named.
type Card struct {
	Name      string            `json:"name"`
	Kind      Kind              `json:"kind"`
	Weights   string            `json:"weights"`             // file name: *.onnx or *.safetensors
	Tokenizer string            `json:"tokenizer,omitempty"` // file name; tokenizer.json
	Dim       int               `json:"dim,omitempty"`       // length of the vectors; of an encoder
	Pooling   string            `json:"pooling,omitempty"`   // mean, or cls: the vector of the first piece
	Query     string            `json:"query_prefix,omitempty"`
	Document  string            `json:"document_prefix,omitempty"`
	Tokens    int               `json:"tokens,omitempty"` // pieces read at once, with the special ones; 256
	Heads     int               `json:"heads,omitempty"`  // attention heads; of safetensors
	Files     map[string]string `json:"sha256"`           // of each file
	Licence   string            `json:"licence,omitempty"`
	Languages string            `json:"languages,omitempty"`
	Source    string            `json:"source,omitempty"`
}

// ReadCard reads the card of a folder.
func ReadCard(dir string) (Card, error) {
	raw, err := os.ReadFile(filepath.Join(dir, CardFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Card{}, fmt.Errorf("%w: %s has no %s", ErrNoModel, dir, CardFile)
	}
	if err != nil {
		return Card{}, err
	}
	var c Card
	if err := json.Unmarshal(raw, &c); err != nil {
		return Card{}, fmt.Errorf("%w: %s of %s: %w", ErrFormat, CardFile, dir, err)
	}
	return c.complete(), c.validate()
}

// Write puts the card into a folder.
func (c Card) Write(dir string) error {
	if err := c.validate(); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, CardFile), append(raw, '\n'), 0o644)
}

// complete fills in the defaults.
func (c Card) complete() Card {
	c.Kind = cmp.Or(c.Kind, KindEncoder)
	c.Tokenizer = cmp.Or(c.Tokenizer, "tokenizer.json")
	c.Pooling = cmp.Or(c.Pooling, poolMean)
	c.Tokens = cmp.Or(c.Tokens, 256)
	return c
}

func (c Card) validate() error {
	c = c.complete()
	switch {
	case c.Name == "" || c.Name != filepath.Base(c.Name) || strings.ContainsAny(c.Name, "@ \t\n") || c.Name[0] == '.':
		return fmt.Errorf("%w: the name %q is none for a folder", ErrFormat, c.Name)
	case c.Kind != KindEncoder && c.Kind != KindReranker:
		return fmt.Errorf("%w: %s has the kind %q: use %s or %s", ErrFormat, c.Name, c.Kind, KindEncoder, KindReranker)
	case c.Kind == KindEncoder && (c.Dim <= 0 || c.Dim > 16384):
		return fmt.Errorf("%w: %s has the dimension %d", ErrFormat, c.Name, c.Dim)
	case c.Pooling != poolMean && c.Pooling != poolFirst:
		return fmt.Errorf("%w: %s has the pooling %q: use %s or %s", ErrFormat, c.Name, c.Pooling, poolMean, poolFirst)
	case c.Tokens < 8 || c.Tokens > 8192:
		return fmt.Errorf("%w: %s reads %d tokens at once", ErrFormat, c.Name, c.Tokens)
	case !c.Graph() && filepath.Ext(c.Weights) != ".safetensors":
		return fmt.Errorf("%w: %s has the weights %q: use an .onnx or a .safetensors file", ErrFormat, c.Name, c.Weights)
	}
	for _, file := range []string{c.Weights, c.Tokenizer} {
		if file != filepath.Base(file) {
			return fmt.Errorf("%w: %s has the file %q outside of its folder", ErrFormat, c.Name, file)
		}
	}
	return nil
}

// Graph reports whether the weights are an ONNX graph.
func (c Card) Graph() bool { return filepath.Ext(c.Weights) == ".onnx" }

// Model is the name that a store remembers: the card's name, and after an @ eight digits for the files and everything else that
// changes a vector.
func (c Card) Model() string {
	c = c.complete()
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n%q\n%q\n%d\n", c.Files[c.Weights], c.Files[c.Tokenizer], c.Pooling, c.Query, c.Document, c.Tokens)
	return c.Name + "@" + hex.EncodeToString(h.Sum(nil)[:4])
}

// Describe makes the card of a folder as model hubs lay it out: config.json, tokenizer.json, weights, and what the
// sentence-transformers library adds. It fills in what the given card leaves open, and not the hashes.
func Describe(dir string, c Card) (Card, error) {
	read := func(file string, into any) error {
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrFormat, file, err)
		}
		return nil
	}
	var config struct {
		Architectures []string
		Hidden        int `json:"hidden_size"`
		Heads         int `json:"num_attention_heads"`
	}
	var pooling struct {
		First bool `json:"pooling_mode_cls_token"`
	}
	var sentence struct {
		Tokens int `json:"max_seq_length"`
	}
	if err := errors.Join(read("config.json", &config), read("1_Pooling/config.json", &pooling), read("pooling.json", &pooling),
		read("sentence_bert_config.json", &sentence)); err != nil {
		return c, err
	}
	if c.Kind == "" && slices.ContainsFunc(config.Architectures, func(a string) bool { return strings.HasSuffix(a, "ForSequenceClassification") }) {
		c.Kind = KindReranker
	}
	if c.Pooling == "" && pooling.First {
		c.Pooling = poolFirst
	}
	c.Dim, c.Heads, c.Tokens = cmp.Or(c.Dim, config.Hidden), cmp.Or(c.Heads, config.Heads), cmp.Or(c.Tokens, min(sentence.Tokens, 512))
	if c.Weights == "" {
		for _, file := range []string{"model_quantized.onnx", "model.onnx", "model.safetensors"} {
			if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
				c.Weights = file
				break
			}
		}
	}
	if c.Weights == "" {
		return c, fmt.Errorf("%w: %s holds neither model.onnx nor model.safetensors", ErrNoModel, dir)
	}
	return c.complete(), c.validate()
}
