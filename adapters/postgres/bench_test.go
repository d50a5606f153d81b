package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// What loading and searching cost in both engines, in one run: REFINER_BENCH_ENGINES="file,postgres 10000x1" make test-engines, with
// the engines, the records in all and the users. Times are of the clock and of the CPU: of this process, and of PostgreSQL's.
func TestBenchEngines(t *testing.T) {
	var engines string
	var records, users int
	if n, _ := fmt.Sscanf(os.Getenv("REFINER_BENCH_ENGINES"), "%s %dx%d", &engines, &records, &users); n != 3 {
		t.Skip("REFINER_BENCH_ENGINES does not say what to measure")
	}
	role(t)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	const questions = 200
	for _, name := range strings.Split(engines, ",") {
		var store refine.Store
		if name == "file" {
			file, err := memory.Create(t.Context(), filepath.Join(t.TempDir(), "store.db"), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			store = file
		} else {
			store = open(t, address(t, "bench"))
		}
		start, own, theirs := time.Now(), ownCPU(), postgresCPU(t)
		for u := range users {
			_, err := store.AddAll(t.Context(), user(u), func(yield func(memory.Record, error) bool) {
				for n := range records / users {
					text := fmt.Sprintf("Turn %d is about topic%d, place%d and the kettle of colour%d.", n, n%97, n%31, n%7)
					if !yield(memory.Record{Text: text, Scope: memory.Scope{Session: fmt.Sprint(n / 50)}, Position: n % 50, Meta: map[string]string{"m": fmt.Sprint(n % 10)}}, nil) {
						return
					}
				}
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		load := time.Since(start)
		stats, err := store.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: load %.1f s, CPU %.1f s and %.1f s in PostgreSQL; %d records, %d MB on disk", name, load.Seconds(), (ownCPU() - own).Seconds(), (postgresCPU(t) - theirs).Seconds(),
			stats.Records, stats.Bytes/1e6)
		for _, kind := range []string{"first search of a user", "search", "filtered search"} {
			var clock, cpu []time.Duration
			theirs := postgresCPU(t)
			for n := range questions {
				q := memory.Query{Text: fmt.Sprintf("topic%d at place%d", n%97, n%31)}
				if kind == "filtered search" {
					q.Where = map[string]string{"m": "3"}
				}
				if kind == "first search of a user" && n >= users {
					break
				}
				start, own := time.Now(), ownCPU()
				if _, err := refine.Recall(context.Background(), store, user(n%users), q, nil); err != nil {
					t.Fatal(err)
				}
				clock, cpu = append(clock, time.Since(start)), append(cpu, ownCPU()-own)
			}
			asked := time.Duration(len(clock))
			t.Logf("%s: %s (%d): clock p50 %v, p95 %v; CPU p50 %v, p95 %v, and %v in PostgreSQL", name, kind, asked, rank(clock, .5), rank(clock, .95), rank(cpu, .5), rank(cpu, .95),
				((postgresCPU(t) - theirs) / asked).Round(10*time.Microsecond))
		}
		load1, _ := os.ReadFile("/proc/loadavg")
		t.Logf("%s: %d MB held; load average %s", name, resident()/1e6, load1)
	}
}

func user(n int) memory.Scope { return memory.Scope{User: fmt.Sprint("user", n)} }

func rank(times []time.Duration, share float64) time.Duration {
	slices.Sort(times)
	return times[int(share*float64(len(times)))].Round(10 * time.Microsecond)
}

// ownCPU is what this process has used, of all cores.
func ownCPU() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// resident is the memory that this process holds, in bytes.
func resident() (pages int64) {
	text, _ := os.ReadFile("/proc/self/statm")
	var all int64
	_, _ = fmt.Sscan(string(text), &all, &pages)
	return pages * int64(os.Getpagesize())
}

// postgresCPU is what PostgreSQL's processes have used, in steps of 10 ms; of those that ended what the postmaster knows.
func postgresCPU(t *testing.T) time.Duration {
	var ticks int64
	for i, pid := range processes(t) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has just ended
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		for _, f := range fields[11 : 13+2*max(0, 1-i)] { // user and system; for the first also its children's
			var n int64
			_, _ = fmt.Sscan(f, &n)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
