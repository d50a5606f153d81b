// Package metric counts and measures, and writes the figures as Prometheus reads them (text exposition format 0.0.4).
package metric

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Registry holds metrics in the order in which they were made. The zero value is ready; all methods may be called at once.
type Registry struct {
	mu       sync.Mutex
	families []func(*bufio.Writer)
}

// ContentType is that of what [Registry.Write] writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Write writes every metric.
func (r *Registry) Write(w io.Writer) error {
	r.mu.Lock()
	families := slices.Clone(r.families)
	r.mu.Unlock()
	b := bufio.NewWriter(w)
	for _, write := range families {
		write(b)
	}
	return b.Flush()
}

func (r *Registry) add(kind, name, help string, write func(*bufio.Writer)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.families = append(r.families, func(b *bufio.Writer) {
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
		write(b)
	})
}

// Counter only rises, one figure for each set of label values.
type Counter struct{ values series[float64] }

// Counter makes one. Without labels it begins at 0; with labels a figure appears once it is counted.
func (r *Registry) Counter(name, help string, labels ...string) *Counter {
	c := &Counter{newSeries[float64](labels)}
	r.add("counter", name, help, func(b *bufio.Writer) {
		c.values.each(func(labels string, v *float64) { line(b, name, labels, *v) })
	})
	return c
}

// Add adds v ≥ 0 to the figure of these label values.
func (c *Counter) Add(v float64, labels ...string) {
	c.values.change(labels, func(at *float64) { *at += v })
}

// Value is a figure with the values of its labels.
type Value struct {
	Labels []string
	Value  float64
}

// Func makes a metric of a kind, counter or gauge, whose figures are asked for each time the metrics are written.
func (r *Registry) Func(kind, name, help string, labels []string, read func() []Value) {
	r.add(kind, name, help, func(b *bufio.Writer) {
		for _, v := range read() {
			line(b, name, render(labels, v.Labels), v.Value)
		}
	})
}

// Gauge makes a gauge without labels that is read each time the metrics are written.
func (r *Registry) Gauge(name, help string, read func() float64) {
	r.Func("gauge", name, help, nil, func() []Value { return []Value{{Value: read()}} })
}

// Histogram counts observations in buckets, for each set of label values.
type Histogram struct {
	bounds []float64
	values series[observed]
}

type observed struct {
	counts []uint64 // by bucket, not cumulative; the last has no bound
	sum    float64
}

// Histogram makes one with the upper bounds of its buckets, in rising order.
func (r *Registry) Histogram(name, help string, bounds []float64, labels ...string) *Histogram {
	h := &Histogram{bounds, newSeries[observed](labels)}
	r.add("histogram", name, help, func(b *bufio.Writer) {
		h.values.each(func(labels string, o *observed) {
			total := uint64(0)
			for i, n := range slices.Concat(o.counts, make([]uint64, len(bounds)+1-len(o.counts))) {
				bound := math.Inf(1)
				if i < len(bounds) {
					bound = bounds[i]
				}
				total += n
				line(b, name+"_bucket", strings.TrimPrefix(labels+",", ",")+`le="`+number(bound)+`"`, float64(total))
			}
			line(b, name+"_sum", labels, o.sum)
			line(b, name+"_count", labels, float64(total))
		})
	})
	return h
}

// Observe counts v for these label values.
func (h *Histogram) Observe(v float64, labels ...string) {
	h.values.change(labels, func(o *observed) {
		if o.counts == nil {
			o.counts = make([]uint64, len(h.bounds)+1)
		}
		i, _ := slices.BinarySearch(h.bounds, v)
		o.counts[i]++
		o.sum += v
	})
}

// series holds a value for each set of label values, by the labels as they are written.
type series[T any] struct {
	*sync.Mutex
	labels []string
	values map[string]*T
}

func newSeries[T any](labels []string) series[T] {
	s := series[T]{new(sync.Mutex), labels, map[string]*T{}}
	if len(labels) == 0 {
		s.values[""] = new(T)
	}
	return s
}

func (s series[T]) change(values []string, f func(*T)) {
	key := render(s.labels, values)
	s.Lock()
	defer s.Unlock()
	if s.values[key] == nil {
		s.values[key] = new(T)
	}
	f(s.values[key])
}

func (s series[T]) each(f func(labels string, v *T)) {
	s.Lock()
	defer s.Unlock()
	var keys []string
	for key := range s.values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		f(key, s.values[key])
	}
}

var escaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// render writes labels as they stand between braces. As many values as names must be given.
func render(names, values []string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name + `="` + escaper.Replace(values[i]) + `"`)
	}
	return b.String()
}

func line(b *bufio.Writer, name, labels string, v float64) {
	if labels != "" {
		labels = "{" + labels + "}"
	}
	fmt.Fprintf(b, "%s%s %s\n", name, labels, number(v))
}

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
