package postgres_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/trm-go/refiner/adapters/postgres"
	"github.com/trm-go/refiner/memory"
)

// refineServer is a process of refine-postgres serve, which can be killed and started again at another address.
type refineServer struct {
	line    []string
	mu      sync.Mutex
	process *exec.Cmd
	address string
}

func (s *refineServer) start(ctx context.Context) error {
	process := exec.CommandContext(ctx, s.line[0], s.line[1:]...)
	said, err := process.StderrPipe()
	if err == nil {
		err = process.Start()
	}
	if err != nil {
		return err
	}
	var log strings.Builder
	for lines := bufio.NewScanner(said); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if found := regexp.MustCompile(`(http://127\.0\.0\.1:\d+) \(the page\)`).FindStringSubmatch(lines.Text()); found != nil {
			go func() {
				for lines.Scan() {
				}
			}()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.process, s.address = process, found[1]
			return nil
		}
	}
	return fmt.Errorf("%w: the server does not start: %s", process.Wait(), log.String())
}

func (s *refineServer) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// call sends a request and returns the status; 0: nothing that counts as an answer came.
func (s *refineServer) call(ctx context.Context, method, path, key string, body, into any) int {
	s.mu.Lock()
	address := s.address
	s.mu.Unlock()
	text, err := json.Marshal(body)
	if err != nil {
		return 0
	}
	r, err := http.NewRequestWithContext(ctx, method, address+"/api/v1/"+path, bytes.NewReader(text))
	if err != nil {
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if answer.StatusCode < 300 && json.NewDecoder(answer.Body).Decode(into) != nil {
		return 0
	}
	return answer.StatusCode
}

// writes are what eight writers know of what they did.
type writes struct {
	mu                          sync.Mutex
	added                       map[string]bool // acknowledged
	counted, uncertain, refused int             // steps of ada's counter: acknowledged, maybe made, made by another before
	failed                      int
}

// write adds memories through one server after the other, each until that is acknowledged, and counts on in the counter.
func (w *writes) write(ctx context.Context, servers []*refineServer, writer int, key string) {
	for n, at := 0, writer; ctx.Err() == nil; n++ {
		text := fmt.Sprintf("writer %d wrote %d", writer, n)
		fact := map[string]any{"memories": []any{map[string]any{"text": text, "key": text, "kind": "fact"}}}
		for ; ctx.Err() == nil; at++ {
			status := servers[at%len(servers)].call(ctx, "POST", "memories", key, fact, &struct{}{})
			w.mu.Lock()
			if status == http.StatusOK || status == http.StatusCreated {
				w.added[text] = true
				w.mu.Unlock()
				break
			}
			w.failed++
			w.mu.Unlock()
			time.Sleep(20 * time.Millisecond)
		}
		w.count(ctx, servers[at%len(servers)], key)
	}
}

// count reads the number in a memory and puts the next one in its place: of two who do so at once, one must be refused.
func (w *writes) count(ctx context.Context, server *refineServer, key string) {
	var page struct {
		Memories []struct{ ID, Text string }
	}
	if server.call(ctx, "GET", "memories?session=counter", key, nil, &page) != http.StatusOK || len(page.Memories) != 1 {
		return
	}
	var n int
	_, _ = fmt.Sscan(page.Memories[0].Text, &n)
	next := map[string]any{"memory": map[string]any{"text": fmt.Sprint(n + 1), "session": "counter"}}
	status := server.call(ctx, "POST", "memories/"+page.Memories[0].ID+"/supersede", key, next, &struct{}{})
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case status >= 200 && status < 300:
		w.counted++
	case status == http.StatusBadRequest:
		w.refused++
	default:
		w.uncertain++
	}
}

// Eight writers at four servers: what was acknowledged is there once after a server and the database were killed, and no update of
// one writer is lost under another's.
func TestKilledServers(t *testing.T) {
	command, dir := script(t)
	program := os.Getenv("REFINER_POSTGRES_COMMAND")
	if program == "" {
		t.Skip("REFINER_POSTGRES_COMMAND names no refine-postgres: run `make test-engines`")
	}
	role(t)
	home := t.TempDir()
	for _, name := range []string{"XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, home)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	at, file := address(t, "servers"), filepath.Join(home, "keys.json")
	store := open(t, at)
	var keys []string
	for _, user := range []string{"ada", "eve"} {
		made, err := exec.CommandContext(ctx, program, "serve", "key", user, "--user", user, "--keys-file", file).Output()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, strings.TrimSpace(string(made)))
		if _, err := store.Add(ctx, memory.Scope{User: user}, memory.Record{Text: "0", Scope: memory.Scope{Session: "counter"}}); err != nil {
			t.Fatal(err)
		}
	}
	servers := make([]*refineServer, 4)
	for i := range servers {
		servers[i] = &refineServer{line: []string{program, "serve", "--listen", "127.0.0.1:0", "--store", at, "--keys-file", file, "--embedder", "none"}}
		if err := servers[i].start(ctx); err != nil {
			t.Fatal(err)
		}
		defer func() { servers[i].kill() }()
	}
	writing, done := context.WithCancel(ctx)
	var working sync.WaitGroup
	known := []*writes{{added: map[string]bool{}}, {added: map[string]bool{}}} // of ada and eve
	for n := range 8 {
		working.Go(func() { known[n/4].write(writing, servers, n, keys[n/4]) })
	}
	for round := range 2 {
		time.Sleep(time.Second)
		servers[round].kill()
		if err := servers[round].start(ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		kill(t)
		restart(t, ctx, command, dir)
	}
	time.Sleep(time.Second)
	done()
	working.Wait()
	for i, user := range []string{"ada", "eve"} {
		known[i].check(t, store, memory.Scope{User: user})
	}
}

// restart starts PostgreSQL and waits until it answers.
func restart(t *testing.T, ctx context.Context, command, dir string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		out, err := exec.CommandContext(ctx, command, "start", dir).CombinedOutput()
		if err == nil {
			var c *pgx.Conn
			if c, err = pgx.Connect(ctx, server(t)); err == nil {
				_ = c.Close(ctx)
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not start again: %v\n%s", err, out)
		}
	}
}

// check compares what the writers know with what a user has.
func (w *writes) check(t *testing.T, store *postgres.Store, scope memory.Scope) {
	t.Helper()
	there, counted := map[string]int{}, 0
	for r, err := range store.All(t.Context(), scope, &memory.AllOptions{History: true}) {
		if err != nil {
			t.Fatal(err)
		}
		there[r.Text]++
		if r.Scope.Session == "counter" {
			counted++
		}
	}
	for text := range w.added {
		if there[text] != 1 {
			t.Errorf("%q was acknowledged and is there %d times", text, there[text])
		}
	}
	steps := counted - 1
	for n := range counted {
		if there[fmt.Sprint(n)] != 1 {
			t.Errorf("%d was counted %d times", n, there[fmt.Sprint(n)])
		}
	}
	if steps < w.counted || steps > w.counted+w.uncertain {
		t.Errorf("the counter is at %d after %d steps that were acknowledged and %d that may have been made", steps, w.counted, w.uncertain)
	}
	t.Logf("%s: %d memories acknowledged, %d attempts failed; counted to %d: %d acknowledged, %d uncertain, %d refused", scope, len(w.added), w.failed, steps, w.counted, w.uncertain, w.refused)
	if len(w.added) < 20 || w.failed == 0 || w.counted < 20 {
		t.Error("too little was written: nothing was killed under load")
	}
}
