package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/trm-go/refiner/adapters/encoder"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// PullOptions say how a model is fetched. Nil is the same as a zero PullOptions.
type PullOptions struct {
	// Card says of a model that is not in the catalogue what its files do not: its name, pooling, prefixes.
	Card encoder.Card
	// Progress is told how much of a download is there, in bytes; total is -1 where nobody knows. Nil: nobody is told.
	Progress func(file string, done, total int64)
	// Log tells what is done. Nil discards.
	Log *slog.Logger
	// Client fetches from hubs. Nil: http.DefaultClient.
	Client *http.Client
}

// Pull fetches a model into the folder: one that [Catalogue] names, the model in a folder of this machine, or that of an address
// of a hub. A model of the same name is replaced once the new one is complete. If the model needs ONNX Runtime and there
// is none, that is fetched too.
func Pull(ctx context.Context, what string, o *PullOptions) (Installed, error) {
	var opts PullOptions
	if o != nil {
		opts = *o
	}
	opts.Log, opts.Client = cmp.Or(opts.Log, slog.New(slog.DiscardHandler)), cmp.Or(opts.Client, http.DefaultClient)
	if opts.Progress == nil {
		opts.Progress = func(string, int64, int64) {}
	}
	m, err := pull(ctx, what, &opts)
	if err != nil {
		return m, fmt.Errorf("pull %s: %w", what, err)
	}
	return m, nil
}

func pull(ctx context.Context, what string, o *PullOptions) (Installed, error) {
	if err := os.MkdirAll(Root(), 0o755); err != nil {
		return Installed{}, err
	}
	if strings.Contains(what, "://") {
		return pullURL(ctx, what, o)
	}
	at := slices.IndexFunc(Catalogue, func(e Entry) bool { return e.Name == what })
	if at < 0 {
		if _, err := os.Stat(what); errors.Is(err, fs.ErrNotExist) {
			var names []string
			for _, e := range Catalogue {
				names = append(names, e.Name)
			}
			return Installed{}, fmt.Errorf("%w: use one of %s, a folder or an address", ErrUnknown, strings.Join(names, ", "))
		}
		return pullFolder(ctx, what, o)
	}
	e := Catalogue[at]
	other := cmp.Or(e.Instead, e.Name) != e.Name
	switch {
	case other && !cgo:
		o.Log.Warn("this program was built without cgo and cannot run the model; taking another", "model", e.Name, "instead", e.Instead)
		return pull(ctx, e.Instead, o)
	case other && e.Package.command("") == nil:
		o.Log.Warn("the package client is missing; taking another model", "client", e.Package.Client, "model", e.Name, "instead", e.Instead)
		return pull(ctx, e.Instead, o)
	}
	o.Log.Info("fetching "+e.Name+", "+e.Size, "package", e.Package.String())
	return place(ctx, e.Name, o, func(dir string) error { return e.install(ctx, dir) })
}

// place lets fill make a model's folder, and puts it where the model belongs once it is complete.
func place(ctx context.Context, name string, o *PullOptions, fill func(dir string) error) (Installed, error) {
	work, err := os.MkdirTemp(Root(), ".pull-")
	if err != nil {
		return Installed{}, err
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil {
		return Installed{}, err
	}
	if err := fill(work); err != nil {
		return Installed{}, err
	}
	card, err := encoder.ReadCard(work)
	if err != nil {
		return Installed{}, err
	}
	if err := try(ctx, work, card, o); err != nil {
		return Installed{}, err
	}
	to := filepath.Join(Root(), name)
	if err := errors.Join(os.RemoveAll(to), os.Rename(work, to)); err != nil {
		return Installed{}, err
	}
	return find(name)
}

// try runs a new model once, so that what cannot work is not kept. ONNX Runtime is fetched if it is needed and missing.
func try(ctx context.Context, dir string, card encoder.Card, o *PullOptions) error {
	if card.Graph() {
		if !cgo {
			return fmt.Errorf("%w; or take %s", onnx.ErrNoRuntime, suggestion(card.Kind))
		}
		if _, err := onnx.FindLibrary(library()); errors.Is(err, onnx.ErrNoLibrary) {
			o.Log.Info("fetching ONNX Runtime, which runs the model")
			if _, err := onnx.InstallLibrary(ctx, &onnx.InstallOptions{Dir: libraryDir(), Log: o.Log}); err != nil {
				return err
			}
		}
	}
	options := &encoder.Options{Library: library()}
	if card.Kind == encoder.KindReranker {
		r, err := encoder.OpenReranker(dir, options)
		if err == nil {
			_, err = r.Score(ctx, "What is kept?", []string{"A memory."})
			err = errors.Join(err, r.Close())
		}
		return err
	}
	e, err := encoder.Open(dir, options)
	if err == nil {
		_, err = e.Embed(ctx, []string{"A memory."})
		err = errors.Join(err, e.Close())
	}
	return err
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// nameOf makes a name for a model from that of its folder or repository.
func nameOf(s string) string {
	return strings.Trim(strings.ToLower(unfit.ReplaceAllString(s, "-")), "-.")
}

// modelFiles are what is taken of a folder or a repository besides the weights; those in folders lose them.
var modelFiles = []string{"tokenizer.json", "config.json", "1_Pooling/config.json", "sentence_bert_config.json", encoder.CardFile}

// localName is the name that a repository's file has in a model's folder.
func localName(file string) string {
	if file == "1_Pooling/config.json" {
		return "pooling.json"
	}
	return filepath.Base(filepath.FromSlash(file))
}

// pullFolder copies the model in a folder, or beside a file of weights.
func pullFolder(ctx context.Context, path string, o *PullOptions) (Installed, error) {
	card := o.Card
	info, err := os.Stat(path)
	if err != nil {
		return Installed{}, err
	}
	if !info.IsDir() {
		card.Weights = filepath.Base(path)
		path = filepath.Dir(path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return Installed{}, err
	}
	if given, err := encoder.ReadCard(abs); err == nil && info.IsDir() {
		given.Name, given.Kind = cmp.Or(card.Name, given.Name), cmp.Or(card.Kind, given.Kind)
		given.Pooling, given.Tokens = cmp.Or(card.Pooling, given.Pooling), cmp.Or(card.Tokens, given.Tokens)
		given.Query, given.Document = cmp.Or(card.Query, given.Query), cmp.Or(card.Document, given.Document)
		card = given
	}
	card.Name = cmp.Or(card.Name, nameOf(filepath.Base(abs)))
	if card, err = encoder.Describe(abs, card); err != nil {
		return Installed{}, err
	}
	return place(ctx, card.Name, o, func(dir string) error {
		for _, file := range append([]string{card.Weights}, modelFiles...) {
			src, err := os.Open(filepath.Join(abs, filepath.FromSlash(file)))
			if errors.Is(err, fs.ErrNotExist) && file != card.Weights && file != card.Tokenizer {
				continue
			}
			if err != nil {
				return err
			}
			_, err = writeFile(filepath.Join(dir, localName(file)), src)
			if err = errors.Join(err, src.Close()); err != nil {
				return err
			}
		}
		return seal(dir, card)
	})
}

// seal hashes a model's files and writes its card.
func seal(dir string, card encoder.Card) error {
	card.Files = map[string]string{}
	for _, file := range []string{card.Weights, card.Tokenizer} {
		sum, err := hashFile(filepath.Join(dir, file), 64)
		if err != nil {
			return err
		}
		card.Files[file] = sum
	}
	return card.Write(dir)
}
