package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// useMCP does with a server what an assistant does, and fails the test if the memory does not hold.
func useMCP(t *testing.T, transport mcp.Transport) {
	t.Helper()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	call := func(tool string, args map[string]any) map[string]any {
		t.Helper()
		r, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
		if err != nil {
			t.Fatal(err)
		}
		if r.IsError {
			t.Fatalf("%s %v: %v", tool, args, r.Content[0].(*mcp.TextContent).Text)
		}
		return r.StructuredContent.(map[string]any)
	}
	id := call("remember", map[string]any{"text": "Mara's daughter Ines plays the cello."})["id"].(string)
	found := call("recall", map[string]any{"question": "Which instrument does Ines play?"})["memories"].([]any)
	if len(found) != 1 || found[0].(map[string]any)["id"] != id {
		t.Errorf("recalled %v, want %s", found, id)
	}
	if deleted := call("forget", map[string]any{"ids": []string{id}})["deleted"].([]any); len(deleted) != 1 || deleted[0] != id {
		t.Errorf("deleted %v", deleted)
	}
	if found := call("recall", map[string]any{"question": "Which instrument does Ines play?"})["memories"].([]any); len(found) != 0 {
		t.Errorf("after forgetting, recalled %v", found)
	}
}

// lines keeps what passes through.
type lines struct {
	io.Reader
	seen bytes.Buffer
}

func (l *lines) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	l.seen.Write(p[:n])
	return n, err
}

// A client starts the command and talks to its stdin and stdout, on which there is nothing but the protocol.
func TestMCPProcess(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store.db")
	cmd := exec.Command("refine", "mcp", "--store", store, "--user", "mara", "--init", "--log-level", "debug")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := &lines{Reader: out}
	useMCP(t, &mcp.IOTransport{Reader: io.NopCloser(heard), Writer: in}) // closing the session closes its stdin
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v: %s", err, errs.String())
	}
	for line := range strings.Lines(heard.seen.String()) {
		var message struct{ JSONRPC string }
		if json.Unmarshal([]byte(line), &message) != nil || message.JSONRPC != "2.0" {
			t.Errorf("stdout has %q", line)
		}
	}
	if _, err := os.Stat(store); err != nil {
		t.Error(err)
	}
}

func TestMCPOverHTTP(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store.db")
	cmd := exec.Command("refine", "mcp", "--store", store, "--user", "mara", "--init", "--http", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "REFINE_MCP_KEY=open-sesame")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	address := regexp.MustCompile(`http://\S+`).FindString(line)
	if err != nil || address == "" {
		t.Fatalf("it says %q, %v", line, err)
	}
	useMCP(t, &mcp.StreamableClientTransport{Endpoint: address, HTTPClient: &http.Client{Transport: keyed{}}})
	r, err := http.Post(address, "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a key the answer is %d", r.StatusCode)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		t.Error("it does not end")
	}
}

// keyed sends the key with each request.
type keyed struct{}

func (keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer open-sesame")
	return http.DefaultTransport.RoundTrip(r)
}
