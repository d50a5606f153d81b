package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/memory"
)

// childEnv makes this test binary a proxy of its own, so that its memory can be measured: STORE and UPSTREAM, separated by
// a space.
const childEnv = "REFINER_SERVE_CHILD"

// child serves until its stdin ends, if this process is to be a proxy.
func child() bool {
	store, upstream, found := strings.Cut(os.Getenv(childEnv), " ")
	if !found {
		return false
	}
	c := config.Default()
	c.Store.Path, c.Scope.User = store, ada.User
	p, err := integration.New(context.Background(), c, nil)
	if err != nil {
		panic(err)
	}
	s, err := serve.New(p, &serve.Options{Upstream: &serve.Upstream{BaseURL: upstream}})
	if err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	fmt.Println("http://" + listener.Addr().String())
	if err := s.Run(ctx, listener, nil); err != nil {
		panic(err)
	}
	if err := p.Close(); err != nil {
		panic(err)
	}
	return true
}

// spawn starts a proxy as a process of its own.
func spawn(t *testing.T, store, upstream string) (url string, pid int, end func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+store+" "+upstream)
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil || cmd.Start() != nil {
		t.Fatal("the proxy does not start")
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the proxy ends with %v", err)
		}
	})
	t.Cleanup(end)
	return strings.TrimSpace(line), cmd.Process.Pid, end
}

// peak is the greatest resident memory that a process had, in MiB; 0 where the system does not tell.
func peak(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// processor is the processor time that a process has used, which other processes do not lengthen as they do the wall's; 0
// where the system does not tell.
func processor(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name of the program may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	const tick = 10 * time.Millisecond // of every Linux there is
	return time.Duration(user+system) * tick
}

// filled makes a store of many memories.
func filled(t *testing.T, count int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := memory.Create(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	towns := []string{"Lisbon", "Ghent", "Oslo", "Porto", "Riga", "Turin", "Graz", "Bath"}
	things := []string{"rye bread", "the garden", "a red bicycle", "the old piano", "her sister", "the tax letter", "a walk", "plum jam", "the choir", "a blue coat"}
	added, err := s.AddAll(t.Context(), ada, func(yield func(memory.Record, error) bool) {
		for i := range count {
			text := fmt.Sprintf("In %s we spoke of %s and then of %s, number %d.", towns[i%len(towns)], things[i*7%len(things)], things[i*3%len(things)], i)
			if !yield(memory.Record{Scope: memory.Scope{Session: fmt.Sprint(i / 20)}, Role: "user", Text: text, Position: i % 20, Importance: .5, Confidence: 1,
				Created: time.Date(2024, 1, 1, 0, i, 0, 0, time.UTC)}, nil) {
				return
			}
		}
	}, nil)
	if err != nil || added.Count != count {
		t.Fatal(added.Count, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// streamOnce sends a stream's request and returns the time to its first token, and its text.
func streamOnce(ctx context.Context, client *http.Client, url, question string) (first time.Duration, text string, err error) {
	body, err := json.Marshal(map[string]any{"model": "scripted", "stream": true, "messages": []any{map[string]string{"role": "user", "content": question}}})
	if err != nil {
		return 0, "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/chat/completions", strings.NewReader(string(body)))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	start := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	if response.StatusCode != 200 {
		return 0, "", fmt.Errorf("status %d", response.StatusCode)
	}
	reader := bufio.NewReader(response.Body)
	var b strings.Builder
	done := false
	for {
		line, err := reader.ReadString('\n')
		if err == io.EOF {
			if !done {
				return first, "", io.ErrUnexpectedEOF
			}
			return first, b.String(), nil
		}
		if err != nil {
			return first, "", err
		}
		data, found := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !found {
			continue
		}
		if first == 0 {
			first = time.Since(start)
		}
		if done = data == "[DONE]"; done {
			continue
		}
		var c struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			return first, "", err
		}
		for _, choice := range c.Choices {
			b.WriteString(choice.Delta.Content)
		}
	}
}

// manyStreams sends streams at once, and returns how many failed or said something else.
func manyStreams(t *testing.T, url string, count int, want string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: count}}
	defer client.CloseIdleConnections()
	var failed atomic.Int64
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() {
			_, text, err := streamOnce(t.Context(), client, url, fmt.Sprintf("What did we say in Lisbon about rye bread, number %d?", i))
			if err != nil || text != want {
				if failed.Add(1) <= 3 {
					t.Errorf("stream %d: %q, %v", i, text, err)
				}
			}
		})
	}
	all.Wait()
	return int(failed.Load())
}

func quantile(list []time.Duration, q float64) time.Duration {
	slices.Sort(list)
	return list[min(len(list)-1, int(q*float64(len(list))))]
}

// overhead measures what the proxy adds to the first token: directly and through the proxy in turn.
func overhead(t *testing.T, direct, through string, count int) (with, without []time.Duration) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i := range count + 5 {
		question := fmt.Sprintf("What did we say in Ghent about plum jam, time %d?", i)
		a, _, err1 := streamOnce(t.Context(), client, direct, question)
		b, _, err2 := streamOnce(t.Context(), client, through, question)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if i >= 5 { // the first open connections
			without, with = append(without, a), append(with, b)
		}
	}
	return with, without
}

func slow(text string, pause time.Duration) scripted.Script {
	return func(scripted.Request) scripted.Reply { return scripted.Reply{Text: text, Pause: pause} }
}

// 100 streams at once, none fails, and each is written. That nothing is left over is checked when all tests are done.
func TestManyStreams(t *testing.T) {
	const text = "one two three four five six seven eight nine ten"
	_, up := model(t, slow(text, 10*time.Millisecond))
	p := start(t, newPlugin(t, "We spoke of rye bread in Lisbon."), &serve.Options{Upstream: up})
	if failed := manyStreams(t, p.URL+"/v1", 100, text); failed > 0 {
		t.Errorf("%d of 100 streams failed", failed)
	}
	p.Flush()
	if n := len(records(t, p.plugin, ada)); n != 201 {
		t.Errorf("%d records, want 201", n)
	}
}

// The bound is far above the target of 5 ms, which make bench-serve measures on a quiet machine: here it must hold under
// the race detector, beside other tests. The best of the times says what the proxy itself takes.
func TestOverheadOfTheProxy(t *testing.T) {
	m, up := model(t, slow("one two", 0))
	p := start(t, newPlugin(t, "We spoke of plum jam in Ghent.", "We spoke of rye bread."), &serve.Options{Upstream: up})
	with, without := overhead(t, m.URL, p.URL+"/v1", 30)
	if added := slices.Min(with) - slices.Min(without); added > 50*time.Millisecond {
		t.Errorf("the proxy adds %s to the first token", added)
	}
}

// The full measurement: make bench-serve.
func TestBenchServe(t *testing.T) {
	if os.Getenv("REFINER_BENCH_SERVE") == "" {
		t.Skip("a measurement: run make bench-serve")
	}
	const text = "Each of these forty words is one event of a stream, which the proxy passes on as it comes, and which is read along so that the turn can be written to memory when the stream has come to its end."
	for _, memories := range []int{1, 10_000} {
		store := filled(t, memories)
		m, _ := model(t, slow("one two three", 0))
		url, pid, end := spawn(t, store, m.URL)
		began := processor(pid)
		with, without := overhead(t, m.URL, url+"/v1", 300)
		t.Logf("%6d memories: first token directly p50 %s p95 %s, through the proxy p50 %s p95 %s, added p50 %s p95 %s; processor %s a request, writing included; peak memory %.0f MiB", memories,
			quantile(without, .5), quantile(without, .95), quantile(with, .5), quantile(with, .95), quantile(with, .5)-quantile(without, .5), quantile(with, .95)-quantile(without, .95),
			(processor(pid)-began)/time.Duration(len(with)+5), peak(pid))
		if added := quantile(with, .5) - quantile(without, .5); added > 5*time.Millisecond {
			t.Errorf("the proxy adds %s to the first token, more than 5 ms", added)
		}
		end()

		m, _ = model(t, slow(text, 100*time.Millisecond))
		url, pid, end = spawn(t, store, m.URL)
		start := time.Now()
		failed := manyStreams(t, url+"/v1", 500, text)
		took := time.Since(start)
		mib := peak(pid)
		end() // writes what is still to be written
		t.Logf("%6d memories: 500 streams at once of %d events each in %.1f s, %d failed, all ended and written after %.1f s; peak memory %.0f MiB", memories,
			len(strings.Fields(text)), took.Seconds(), failed, time.Since(start).Seconds(), mib)
		if mib > 300 {
			t.Errorf("the proxy took %.0f MiB, more than 300", mib)
		}
	}
}
