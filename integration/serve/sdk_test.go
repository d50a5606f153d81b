package serve_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/trm-go/refiner/integration/serve"
)

// The clients in clients/ against a server over real HTTP, where their languages are at hand.
func TestOwnClients(t *testing.T) {
	secret, key := serve.NewKey("client", ada)
	for name, line := range map[string][]string{"python": {"python3", "testdata/client.py"}, "typescript": {"node", "--experimental-strip-types", "--no-warnings", "testdata/client.mjs"},
		"langchain": {filepath.Join(os.Getenv("REFINER_CLIENTS"), "venv/bin/python"), "testdata/langchain.py"}} {
		t.Run(name, func(t *testing.T) {
			if name == "langchain" && os.Getenv("REFINER_CLIENTS") == "" {
				t.Skip("make test-clients installs LangChain")
			}
			p := start(t, newPlugin(t), &serve.Options{Keys: []serve.Key{key}})
			line = append(line, p.URL, secret)
			if compiled := filepath.Join(os.Getenv("REFINER_CLIENTS"), "typescript", "refiner.js"); name == "typescript" && os.Getenv("REFINER_CLIENTS") != "" {
				line = append([]string{"node", line[3]}, line[4], line[5], compiled)
			} else if name == "typescript" && exec.Command("node", "--experimental-strip-types", "-e", "").Run() != nil {
				t.Skip("there is no Node that reads TypeScript: 22.6 or later; make test-clients compiles it")
			}
			if _, err := exec.LookPath(line[0]); err != nil {
				t.Skip(err)
			}
			client := exec.CommandContext(t.Context(), line[0], line[1:]...)
			client.Dir = "../../clients"
			if out, err := client.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
