package examples

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/internal/testing/scripted"
)

// build compiles an example and returns a command that runs it.
func build(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles programs")
	}
	binary := filepath.Join(t.TempDir(), name)
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", binary, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exec.CommandContext(t.Context(), binary, append([]string{"-store", filepath.Join(t.TempDir(), "store.db")}, args...)...)
}

// serving starts an example and returns the address that it says it listens on.
func serving(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = f
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		f.Close()
	})
	address := regexp.MustCompile(`http://\S+`)
	for range 300 {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if found := address.Find(text); found != nil {
			return string(found)
		}
		time.Sleep(50 * time.Millisecond) // until the process has bound its port
	}
	t.Fatal("it does not listen")
	return ""
}

func post(t *testing.T, url, body string) string {
	t.Helper()
	var response *http.Response
	var err error
	for range 100 {
		if response, err = http.Post(url, "application/json", strings.NewReader(body)); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond) // announced, and not yet listening
	}
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// model is a language model that says what it is told to, and keeps what it was asked.
func model(t *testing.T) *scripted.Server {
	t.Helper()
	server, err := scripted.New(scripted.Sequence("How does she like it?", "She lives in Lisbon."))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// recalled reports whether the last question reached the model with what was said before.
func recalled(server *scripted.Server) bool {
	requests := server.Requests()
	for _, m := range requests[len(requests)-1].Messages {
		if strings.Contains(m.Content, "<memories>") && strings.Contains(m.Content, "Ruth moved to Lisbon") {
			return true
		}
	}
	return false
}

func TestChat(t *testing.T) {
	server := model(t)
	first := build(t, "chat")
	for _, said := range []string{"My sister Ruth moved to Lisbon.\n", "Where did Ruth move?\n"} { // two runs: only the store is kept
		cmd := exec.CommandContext(t.Context(), first.Path, first.Args[1:]...)
		cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+server.URL, "OPENAI_API_KEY=x")
		cmd.Stdin = strings.NewReader(said)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if !recalled(server) {
		t.Errorf("the second run knows nothing of the first: %+v", server.Requests())
	}
}

func TestMiddleware(t *testing.T) {
	url := serving(t, build(t, "middleware", "-listen", "127.0.0.1:18431"))
	post(t, url, `{"messages": [{"role": "user", "content": "My sister Ruth moved to Lisbon."}]}`)
	for range 40 { // the turn is written behind the answer
		if strings.Contains(post(t, url, `{"messages": [{"role": "user", "content": "Where did Ruth move?"}]}`), "Ruth moved to Lisbon") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the handler is not told what was said")
}

func TestProxy(t *testing.T) {
	server := model(t)
	cmd := build(t, "proxy", "-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+server.URL, "OPENAI_API_KEY=x")
	url := serving(t, cmd)
	post(t, url+"/chat/completions", `{"model": "m", "messages": [{"role": "user", "content": "My sister Ruth moved to Lisbon."}]}`)
	for range 40 { // the turn is written behind the answer
		post(t, url+"/chat/completions", `{"model": "m", "messages": [{"role": "user", "content": "Where did Ruth move?"}]}`)
		if recalled(server) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the model is not told what was said")
}

func TestMCP(t *testing.T) {
	cmd := build(t, "mcp")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(in, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/list"}
`)
	lines, tools := bufio.NewReader(out), ""
	for range 2 { // the answers to the first and the third message
		if tools, err = lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(tools, `"remember"`) || !strings.Contains(tools, `"recall"`) {
		t.Errorf("the tools are %s", tools)
	}
}

func TestConsolidation(t *testing.T) {
	cmd := build(t, "consolidation", "../internal/sample/sample.jsonl")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"read ", "summarise", "applied ", "taken back"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}
