package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/trm-go/refiner/adapters/postgres"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

func open(t testing.TB, at string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), at, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// What was acknowledged is there after the server was killed, and writers go on by themselves.
func TestKilledServer(t *testing.T) {
	script := strings.Fields(os.Getenv("REFINER_POSTGRES_SERVER"))
	if len(script) != 2 {
		t.Skip("REFINER_POSTGRES_SERVER does not say how the server is started: run `make test-engines`")
	}
	role(t)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	at := address(t, "killed")
	open(t, at) // makes it
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var failed int
	var working sync.WaitGroup
	done := make(chan struct{})
	for w := range 8 {
		s, err := postgres.Open(ctx, at, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		scope := memory.Scope{User: fmt.Sprint("user", w%4)} // two write for each
		working.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				text := fmt.Sprintf("writer %d wrote %d", w, n)
				_, err := s.Add(ctx, scope, memory.Record{Text: text, Key: text})
				mu.Lock()
				if err == nil {
					acknowledged[text] = true
				} else {
					failed++
				}
				mu.Unlock()
				if err != nil {
					time.Sleep(20 * time.Millisecond)
				}
			}
		})
	}
	for range 3 {
		time.Sleep(700 * time.Millisecond)
		kill(t, filepath.Join(script[1], "data", "postmaster.pid"))
		deadline := time.Now().Add(20 * time.Second)
		for {
			out, err := exec.CommandContext(ctx, script[0], "start", script[1]).CombinedOutput()
			if err == nil {
				var c *pgx.Conn
				if c, err = pgx.Connect(ctx, server(t)); err == nil {
					_ = c.Close(ctx)
					break
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("the server does not start again: %v\n%s", err, out)
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	time.Sleep(700 * time.Millisecond)
	close(done)
	working.Wait()
	there := map[string]int{}
	s := open(t, at)
	for w := range 4 {
		for r, err := range s.All(ctx, memory.Scope{User: fmt.Sprint("user", w)}, nil) {
			if err != nil {
				t.Fatal(err)
			}
			there[r.Text]++
		}
	}
	for text := range acknowledged {
		if there[text] != 1 {
			t.Errorf("%q was acknowledged and is there %d times", text, there[text])
		}
	}
	t.Logf("%d writes acknowledged, %d failed over three kills, %d there", len(acknowledged), failed, len(there))
	if len(acknowledged) < 50 || failed == 0 {
		t.Errorf("%d writes were acknowledged and %d failed: the server was not killed under load", len(acknowledged), failed)
	}
}

// kill ends the server and its children at once.
func kill(t *testing.T, pidFile string) {
	t.Helper()
	data, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	pids := []int{pid}
	for _, f := range children {
		list, _ := os.ReadFile(f)
		for child := range strings.FieldsSeq(string(list)) {
			if n, err := strconv.Atoi(child); err == nil {
				pids = append(pids, n)
			}
		}
	}
	for _, p := range pids {
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	// Until it is reaped, pg_ctl takes it for alive.
	for deadline := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
}

// A connection sees nothing before it says for whom it is, and only theirs after that, whatever it asks.
func TestRowLevelSecurity(t *testing.T) {
	role(t)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	at := address(t, "security")
	s := open(t, at)
	for _, user := range []string{"ann", "bob"} {
		if _, err := s.Add(t.Context(), memory.Scope{Tenant: "acme", User: user}, memory.Record{Text: "of " + user}); err != nil {
			t.Fatal(err)
		}
	}
	told, err := s.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(told)
	schema := at[strings.Index(at, "schema=")+len("schema="):]
	plain := strings.NewReplacer("schema="+schema, "search_path="+schema, "pool_max_conns=3&", "").Replace(at)
	c, err := pgx.Connect(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	count := func() (n int) {
		t.Helper()
		if err := c.QueryRow(t.Context(), "SELECT count(*) FROM records").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 0 {
		t.Errorf("a connection that is for nobody sees %d records", n)
	}
	if _, err := c.Exec(t.Context(), "SELECT set_config('refiner.tenant', 't:acme', false), set_config('refiner.user', 'u:ann', false)"); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 1 {
		t.Errorf("ann's connection sees %d records, not 1", n)
	}
	if _, err := c.Exec(t.Context(), "UPDATE records SET owner = owner + 1"); err == nil {
		t.Error("ann's connection gives a record to another")
	}
}

// The everyday questions are answered alike, to the order: by candidates, signals and weights.
func TestSameAsTheFile(t *testing.T) {
	dir := os.Getenv("REFINER_EVERYDAY")
	if dir == "" {
		t.Skip("REFINER_EVERYDAY names no folder of questions")
	}
	role(t)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	suite, err := eval.ReadEveryday(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	file, err := memory.Create(t.Context(), filepath.Join(t.TempDir(), "store.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range suite.Conversations {
		if _, err := file.Add(t.Context(), c.Scope, c.Records...); err != nil {
			t.Fatal(err)
		}
	}
	database := open(t, address(t, "everyday"))
	copyAll(t, file, database)
	same, memories := 0, 0
	for _, q := range suite.Questions {
		scope := memory.Scope{User: q.Scope}
		var told [2]string
		for i, s := range []refine.Store{file, database} {
			r, err := refine.Recall(t.Context(), s, scope, memory.Query{Text: q.Text}, &refine.Options{Now: q.At})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range r.Memories {
				told[i] += fmt.Sprintf("%s %.9f\n", m.ID, m.Weight)
				memories++
			}
		}
		if told[0] != told[1] {
			t.Errorf("%s: %q\nfile:\n%sdatabase:\n%s", q.ID, q.Text, told[0], told[1])
			continue
		}
		same++
	}
	t.Logf("%d of %d questions answered alike, %d memories", same, len(suite.Questions), memories/2)
}

func copyAll(t *testing.T, from, to refine.Store) {
	t.Helper()
	r, w := io.Pipe()
	go func() {
		_, err := from.Export(context.Background(), w)
		_ = w.CloseWithError(err)
	}()
	if _, err := to.Import(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
}
