package memory

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// corpusOf makes n turns as people write them: sessions of about 20 turns between two speakers, 25 words each, drawn
// from a Zipf distribution over 30,000 words with names, dates and function words.
func corpusOf(n int, seed uint64) []Record {
	r := rand.New(rand.NewPCG(seed, 7))
	words := vocabulary()
	zipf := rand.NewZipf(r, 1.1, 12, uint64(len(words)-1))
	names := []string{"Caroline", "Melanie", "Jon", "Gina", "Maria", "Tim", "Audrey", "Andrew", "Nate", "Joanna", "Deborah", "Jolene"}
	records := make([]Record, n)
	at := time.Date(2023, 1, 3, 9, 0, 0, 0, time.UTC)
	session, position := 0, 0
	for i := range records {
		if position == 20 {
			session, position = session+1, 0
			at = at.Add(31 * time.Hour)
		}
		var b strings.Builder
		for w := range 15 + r.IntN(20) {
			if w > 0 {
				b.WriteByte(' ')
			}
			switch r.IntN(25) {
			case 0:
				b.WriteString(names[r.IntN(len(names))])
			case 1:
				b.WriteString("on " + strconv.Itoa(1+r.IntN(28)) + " May 2023,")
			case 2, 3, 4, 5, 6, 7, 8, 9:
				b.WriteString(functionWords[r.IntN(len(functionWords))])
			default:
				b.WriteString(words[zipf.Uint64()])
			}
		}
		b.WriteByte('.')
		records[i] = Record{Scope: Scope{Tenant: "bench", User: "ann", Session: "s" + strconv.Itoa(session)}, Kind: KindTurn, Origin: Observed,
			Speaker: names[(session%6)*2+i%2], Text: b.String(), Position: position, Created: at,
			Key: strconv.Itoa(i), Importance: .5, Confidence: 1, Meta: map[string]string{"topic": strconv.Itoa(r.IntN(10))}}
		position++
		at = at.Add(time.Minute)
	}
	return records
}

var functionWords = strings.Fields("the a of to and in that it is was for on you he be with as i his they at my your what we so")

var vocabulary = sync.OnceValue(func() []string {
	r := rand.New(rand.NewPCG(3, 4))
	syllables := strings.Fields("ba be bi bo ca ce co da de di do fa fe fi ga go ha he ho ja jo ka ke ki la le li lo lu ma me mi mo mu na ne ni no pa pe pi po ra re ri ro ru sa se si so ta te ti to tu va ve vi wa we wi ya za ing er ment tion ly")
	seen := map[string]bool{}
	var words []string
	for len(words) < 30000 {
		var b strings.Builder
		for range 2 + r.IntN(3) {
			b.WriteString(syllables[r.IntN(len(syllables))])
		}
		if w := b.String(); !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	return words
})

// questions are asked about records: a few of a record's words in the form of a question.
func questions(records []Record, n int) []string {
	r := rand.New(rand.NewPCG(5, 6))
	qs := make([]string, n)
	for i := range qs {
		rec := records[r.IntN(len(records))]
		words := strings.Fields(strings.Trim(rec.Text, "."))
		q := "What did " + rec.Speaker + " say about"
		for range 4 {
			q += " " + words[r.IntN(len(words))]
		}
		qs[i] = q + "?"
	}
	return qs
}

// benchStore is a store of n turns, made once for each n.
func benchStore(b testing.TB, n int) (string, []Record) {
	b.Helper()
	benchMu.Lock()
	defer benchMu.Unlock()
	records := corpusOf(n, 1)
	if path, ok := benchPaths[n]; ok {
		return path, records
	}
	if benchDir == "" {
		dir, err := os.MkdirTemp("", "memory-bench")
		if err != nil {
			b.Fatal(err)
		}
		benchDir = dir
	}
	path := filepath.Join(benchDir, fmt.Sprintf("%d.db", n))
	if kept := os.Getenv(benchKept); kept != "" {
		path = filepath.Join(kept, fmt.Sprintf("memory-%d.db", n))
		if _, err := os.Stat(path); err == nil {
			benchPaths[n] = path
			return path, records
		}
	}
	s, err := Create(b.Context(), path, nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Add(b.Context(), Scope{Tenant: "bench", User: "ann"}, records...); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	benchPaths[n] = path
	return path, records
}

// benchKept is a folder where stores stay, so that what is measured again need not be made again.
const benchKept = "REFINER_BENCH_DIR"

var (
	benchMu    sync.Mutex
	benchDir   string // removed by TestMain
	benchPaths = map[int]string{}
)

// percentiles times each call of f and reports the median and the 95th percentile, by the clock and by the processor time
// of all cores, which other work on the machine disturbs less.
func percentiles(b *testing.B, f func(i int)) {
	var times, cpu []time.Duration
	for i := 0; b.Loop(); i++ {
		used, start := processTime(), time.Now()
		f(i)
		times = append(times, time.Since(start))
		cpu = append(cpu, processTime()-used)
	}
	for name, d := range map[string][]time.Duration{"": times, "cpu-": cpu} {
		slices.Sort(d)
		b.ReportMetric(float64(d[len(d)/2].Microseconds())/1000, name+"p50-ms")
		b.ReportMetric(float64(d[len(d)*95/100].Microseconds())/1000, name+"p95-ms")
	}
}

var sizes = []int{1_000, 10_000, 100_000}

func BenchmarkCandidates(b *testing.B) {
	for _, n := range sizes {
		path, records := benchStore(b, n)
		s, err := Open(b.Context(), path, nil)
		if err != nil {
			b.Fatal(err)
		}
		qs := questions(records, 512)
		scope := Scope{Tenant: "bench", User: "ann"}
		for _, c := range []struct {
			name  string
			scope Scope
			query Query
		}{
			{"all", scope, Query{}},
			{"session", Scope{Tenant: "bench", User: "ann", Session: "s3"}, Query{}},
			{"metadata", scope, Query{Where: map[string]string{"topic": "3"}}},
			{"since", scope, Query{Since: records[n/2].Created}},
			{"phrase", scope, Query{Text: `"` + strings.Join(strings.Fields(records[n/3].Text)[:3], " ") + `" `}},
		} {
			b.Run(fmt.Sprintf("n=%d/%s", n, c.name), func(b *testing.B) {
				found := 0
				percentiles(b, func(i int) {
					q := c.query
					q.Text += qs[i%len(qs)]
					got, err := s.Candidates(b.Context(), c.scope, q)
					if err != nil {
						b.Fatal(err)
					}
					found += len(got.List)
				})
				b.ReportMetric(float64(found)/float64(b.N), "candidates/op")
			})
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			path, records := benchStore(b, n)
			s, err := Open(b.Context(), path, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			qs := questions(records, 512)
			percentiles(b, func(i int) {
				if _, err := search(b.Context(), s, Scope{Tenant: "bench", User: "ann"}, Query{Text: qs[i%len(qs)]}); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			path, _ := benchStore(b, n)
			percentiles(b, func(int) {
				s, err := Open(b.Context(), path, nil)
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			})
			runtime.GC()
		})
	}
}

// measure searches a little and says what the process holds in memory, in MB.
func measure(ctx context.Context, s *Store) error {
	for _, q := range questions(corpusOf(1000, 1), 50) {
		if _, err := search(ctx, s, Scope{Tenant: "bench", User: "ann"}, Query{Text: q}); err != nil {
			return err
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for _, line := range strings.Split(string(status), "\n") {
		if f := strings.Fields(line); len(f) == 3 && (f[0] == "VmRSS:" || f[0] == "VmHWM:") {
			kb, err := strconv.Atoi(f[1])
			if err != nil {
				return err
			}
			fmt.Println(f[0], kb/1024)
		}
	}
	return nil
}

// BenchmarkResident measures a process of its own that opens a store and searches it: what it holds, and what it held at
// most.
func BenchmarkResident(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc/self/status")
	}
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			path, _ := benchStore(b, n)
			for b.Loop() {
				c, in, out := child(b, "measure", path)
				_ = in.Close()
				for out.Scan() {
					f := strings.Fields(out.Text())
					mb, err := strconv.ParseFloat(f[1], 64)
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(mb, map[string]string{"VmRSS:": "resident-MB", "VmHWM:": "peak-MB"}[f[0]])
				}
				if err := c.Wait(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{10_000, 50_000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			records := corpusOf(n, 2)
			dir := b.TempDir()
			i := 0
			for b.Loop() {
				i++
				s, err := Create(b.Context(), filepath.Join(dir, strconv.Itoa(i)+".db"), nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Add(b.Context(), Scope{Tenant: "bench", User: "ann"}, records...); err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "turns/s")
		})
	}
}

// BenchmarkAddOnto adds 5,000 turns at once to a store that holds n.
func BenchmarkAddOnto(b *testing.B) {
	for _, n := range sizes[1:] {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			path, _ := benchStore(b, n)
			all := corpusOf(n+5000, 1)
			s, err := Open(b.Context(), path, nil)
			if err != nil {
				b.Fatal(err)
			}
			copied := filepath.Join(b.TempDir(), "copy.db")
			if _, err := s.Snapshot(b.Context(), copied); err != nil {
				b.Fatal(err)
			}
			_ = s.Close()
			if s, err = Open(b.Context(), copied, nil); err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			round := 0
			for b.Loop() {
				round++
				more := slices.Clone(all[n:])
				for i := range more {
					more[i].Key += "-" + strconv.Itoa(round)
				}
				if _, err := s.Add(b.Context(), Scope{Tenant: "bench", User: "ann"}, more...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(5000*float64(b.N)/b.Elapsed().Seconds(), "turns/s")
		})
	}
}
