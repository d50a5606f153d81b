package refiner

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// around is what the snippets of the documents leave out: what a reader has already.
const around = `
// What the snippets take as given.
var (
	ctx      context.Context
	key      string
	mux      *http.ServeMux
	chat     http.Handler
	messages []specialists.Message
	scope    memory.Scope
	id       string
	auth     session
	model    func(ctx context.Context, notes string, messages []specialists.Message) (string, error)
)

type session struct{}

func (session) User(context.Context) (struct{ ID, Conversation string }, bool) {
	return struct{ ID, Conversation string }{}, false
}
`

// TestDocumentsCompile compiles every block of Go in README.md and docs, each as the body of a function that may use the
// plugin which an earlier block of the page has made.
func TestDocumentsCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles")
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]string{
		"config": module + "/config", "integration": module + "/integration", "serve": module + "/integration/serve",
		"memory": module + "/memory", "refine": module + "/refine", "specialists": module + "/specialists", "importance": module + "/importance",
		"consolidate": module + "/refine/consolidate", "trmcore": module + "/trmcore", "onnx": module + "/trmcore/onnx", "sudoku": module + "/trmcore/puzzle/sudoku",
		"ada": module + "/integration/ada", "mcp": module + "/adapters/mcp", "openai": "github.com/sashabaranov/go-openai",
		"context": "context", "errors": "errors", "fmt": "fmt", "http": "net/http", "slog": "log/slog", "os": "os", "time": "time",
	}
	var body strings.Builder
	n := 0
	for _, page := range append(pages, "README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range goBlock.FindAllSubmatch(text, -1) {
			n++
			code := string(block[1])
			given, end := "", "return nil"
			if !strings.Contains(code, "plugin, err :=") {
				given = "var plugin *integration.Plugin\n_ = plugin\n"
			}
			if regexp.MustCompile(`(?m)^return`).MatchString(code) {
				end = ""
			}
			for _, m := range regexp.MustCompile(`(?m)^(\w+)(?:, (\w+))? :=`).FindAllStringSubmatch(code, -1) {
				for _, name := range m[1:] {
					if name != "" && end != "" {
						end = "_ = " + name + "\n" + end
					}
				}
			}
			fmt.Fprintf(&body, "\n// %s\nfunc block%d() error {\n%s%s\n%s\n}\n", page, n, given, code, end)
		}
	}
	if n < 5 {
		t.Fatalf("only %d blocks found", n)
	}
	code := around + body.String()
	imports := ""
	for name, path := range packages {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(code) {
			imports += fmt.Sprintf("\t%s %q\n", name, path)
		}
	}
	dir, err := os.MkdirTemp("testdata", "snippets")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "snippets.go"), []byte("package snippets\n\nimport (\n"+imports+")\n"+code), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", "-unusedresult=false", "./"+dir).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, code)
	}
}
