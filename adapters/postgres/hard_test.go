package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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

// kill ends PostgreSQL's processes at once.
func kill(t *testing.T) {
	t.Helper()
	pids := processes(t)
	for _, p := range pids {
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	// Until it is reaped, pg_ctl takes it for alive.
	for deadline := time.Now().Add(10 * time.Second); syscall.Kill(pids[0], 0) == nil && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
}

// script is the command that starts PostgreSQL, and its folder.
func script(t *testing.T) (command, dir string) {
	t.Helper()
	command, dir, ok := strings.Cut(os.Getenv("REFINER_POSTGRES_SERVER"), " ")
	if !ok {
		t.Skip("REFINER_POSTGRES_SERVER does not say how PostgreSQL is started: run `make test-engines`")
	}
	return command, dir
}

// processes are the numbers of PostgreSQL's processes, the postmaster first.
func processes(t *testing.T) []int {
	t.Helper()
	_, dir := script(t)
	data, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	pids := []int{pid}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	for child := range strings.FieldsSeq(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
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
