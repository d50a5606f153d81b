package refiner

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/trm-go/refiner"

// layers orders the packages from the core outwards: a package may import its own layer's folder and the layers before
// it, never one after it.
var layers = []string{"internal", "trmcore", "memory", "importance", "specialists", "refine", "adapters", "integration", "adapters/mcp", "integration/serve", "adapters/langchaingo", "adapters/genkit", "internal/eval", "cmd", "bench"}

// onlyIn lists the imports that are allowed in some folders alone, with the reason.
var onlyIn = []struct{ path, folders, reason string }{
	{"C", "trmcore/onnx", "go install works without cgo; only the puzzles need it"},
	{"github.com/yalue/onnxruntime_go", "trmcore/onnx", "ONNX Runtime is the only cgo"},
	{"github.com/spf13/viper", "config/settings", "one place decides what a setting means"},
	{"github.com/spf13/cobra", "cmd", "libraries know no command line"},
	{"github.com/philippgille/chromem-go", "adapters/chromem", "one adapter, one dependency"},
	{"github.com/sashabaranov/go-openai", "adapters/openai integration", "the adapter, and the client that integration.Chat decorates"},
	{"github.com/modelcontextprotocol/go-sdk", "adapters/mcp", "one adapter, one dependency"},
	{"github.com/jackc/pgx/v5", "adapters/postgres", "one adapter, one dependency"},
	{"modernc.org/sqlite", "memory", "the store is the one durable truth"},
	{module + "/internal/testing", "bench", "a scripted model answers tests and studies, never a user"},
}

// source is one Go file of the module.
type source struct {
	path, folder string // folder is slash-separated and relative to the module
	name         string // the package's name
	doc          bool   // it holds a package comment
	imports      []string
}

func sources(t *testing.T) []source {
	t.Helper()
	var files []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "tools") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{path: path, folder: filepath.ToSlash(filepath.Dir(path)), name: f.Name.Name, doc: f.Doc != nil}
		for _, i := range f.Imports {
			s.imports = append(s.imports, strings.Trim(i.Path.Value, `"`))
		}
		files = append(files, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d Go files found: the test looks in the wrong place", len(files))
	}
	return files
}

// layer is the position of a folder in layers, the last that it lies in, or -1.
func layer(folder string) int {
	for i, l := range slices.Backward(layers) {
		if within(folder, l) {
			return i
		}
	}
	return -1
}

func within(folder, parent string) bool {
	return folder == parent || strings.HasPrefix(folder, parent+"/")
}

func TestImportsRunOneWay(t *testing.T) {
	for _, f := range sources(t) {
		test := strings.HasSuffix(f.path, "_test.go")
		for _, path := range f.imports {
			for _, rule := range onlyIn {
				allowed := func(folder string) bool { return within(f.folder, folder) }
				if within(path, rule.path) && !slices.ContainsFunc(strings.Fields(rule.folders+" examples"), allowed) && !test {
					t.Errorf("%s imports %s, which belongs in %s: %s", f.path, path, rule.folders, rule.reason)
				}
			}
			target, ours := strings.CutPrefix(path, module+"/")
			if !ours || test {
				continue
			}
			switch {
			case f.folder == "config":
				t.Errorf("%s imports %s: config imports no sister package", f.path, path)
			case within(f.folder, "trmcore") && !within(target, "trmcore") && !within(target, "internal"):
				t.Errorf("%s imports %s: trmcore depends on no other part", f.path, path)
			case f.folder == "trmcore":
				t.Errorf("%s imports %s: trmcore itself imports only the standard library", f.path, path)
			case within(f.folder, "adapters") && within(target, "adapters") && f.folder != target:
				t.Errorf("%s imports %s: an adapter imports no other", f.path, path)
			case layer(f.folder) >= 0 && layer(target) > layer(f.folder):
				t.Errorf("%s imports %s: imports run %s", f.path, path, strings.Join(layers, " ← "))
			}
		}
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	documented, seen := map[string]bool{}, map[string]bool{}
	for _, f := range sources(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		seen[f.folder] = true
		documented[f.folder] = documented[f.folder] || f.doc
	}
	for folder := range seen {
		if !documented[folder] {
			t.Errorf("%s has no package comment", folder)
		}
	}
}

func TestFilesStaySmall(t *testing.T) {
	const limit = 600
	for _, f := range sources(t) {
		text, err := os.ReadFile(f.path)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > limit {
			t.Errorf("%s has %d lines, more than %d: is it still one concept?", f.path, n, limit)
		}
	}
}
