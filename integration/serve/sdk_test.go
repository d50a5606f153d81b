package serve_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/trm-go/refiner/integration/serve"
)

// The clients in clients/ against a server over real HTTP, where their languages are at hand.
func TestOwnClients(t *testing.T) {
	secret, key := serve.NewKey("client", ada)
	for name, line := range map[string][]string{"python": {"python3", "testdata/client.py"}, "typescript": {"node", "--experimental-strip-types", "--no-warnings", "testdata/client.mjs"}} {
		t.Run(name, func(t *testing.T) {
			p := start(t, newPlugin(t), &serve.Options{Keys: []serve.Key{key}})
			line = append(line, p.URL, secret)
			if installed := os.Getenv("REFINER_CLIENTS"); name == "typescript" && installed != "" {
				line = []string{"node", line[3], line[4], line[5], filepath.Join(installed, "node/refiner/refiner.js")}
			} else if name == "typescript" && exec.Command("node", "--experimental-strip-types", "-e", "").Run() != nil {
				t.Skip("there is no Node that reads TypeScript: 22.6 or later; make test-clients compiles it")
			}
			if _, err := exec.LookPath(line[0]); err != nil {
				t.Skip(err)
			}
			runClient(t, "../../clients", line)
		})
	}
}

// What the clients are to LangChain, LlamaIndex and the AI SDK, and the examples of docs/serve.md, against a process of refine serve.
func TestFrameworks(t *testing.T) {
	installed := os.Getenv("REFINER_CLIENTS")
	if installed == "" {
		t.Skip("make test-clients installs LangChain, LlamaIndex and the AI SDK")
	}
	python, node := filepath.Join(installed, "venv/bin/python"), filepath.Join(installed, "node")
	upstream := office{asked: map[string]int{}}
	model := httptest.NewServer(http.HandlerFunc(upstream.serve))
	defer model.Close()
	t.Setenv("MODEL_URL", model.URL+"/v1")
	for name, c := range map[string]struct {
		dir  string
		line []string
	}{
		"langchain":            {"../../clients", []string{python, "testdata/langchain.py"}},
		"llamaindex":           {"../../clients", []string{python, "testdata/llamaindex.py"}},
		"llamaindex's example": {"../../clients/python", []string{python, filepath.Join(installed, "example.py")}},
		"the AI SDK":           {node, []string{"node", "vercel.mjs"}},
		"the AI SDK's example": {node, []string{"node", "refiner/example.js"}},
	} {
		t.Run(name, func(t *testing.T) {
			url, key := serveProcess(t, filepath.Join(installed, "refine"))
			t.Setenv("REFINER_URL", url)
			t.Setenv("REFINER_KEY", key)
			t.Setenv("PYTHONPATH", ".")
			out := runClient(t, c.dir, append(c.line, url, key))
			if strings.HasSuffix(name, "example") && !strings.Contains(out, "Lisbon") && !strings.Contains(out, officeSaid) {
				t.Errorf("it says %q", out)
			}
		})
	}
}

// serveProcess starts refine serve on a store of its own, and returns its address and a key for ada.
func serveProcess(t *testing.T, refine string) (url, key string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	keys := filepath.Join(dir, "keys.json")
	made, err := exec.CommandContext(t.Context(), refine, "serve", "key", "client", "--user", "ada", "--keys-file", keys).Output()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), refine, "serve", "--listen", "127.0.0.1:0", "--store", filepath.Join(dir, "store.db"), "--keys-file", keys)
	said, err := server.StderrPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		if err := server.Wait(); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	var log strings.Builder
	for lines := bufio.NewScanner(said); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if found := regexp.MustCompile(`(http://127\.0\.0\.1:\d+) \(the page\)`).FindStringSubmatch(lines.Text()); found != nil {
			go func() {
				for lines.Scan() {
				}
			}()
			return found[1], strings.TrimSpace(string(made))
		}
	}
	t.Fatalf("the server does not start: %s", log.String())
	return "", ""
}

func runClient(t *testing.T, dir string, line []string) string {
	t.Helper()
	client := exec.CommandContext(t.Context(), line[0], line[1:]...)
	client.Dir = dir
	out, err := client.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}
