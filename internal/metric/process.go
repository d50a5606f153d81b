package metric

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Process adds what Prometheus's own clients say of a process, under their names: goroutines and memory, and on Linux its
// resident memory, processor time and open files.
func (r *Registry) Process() {
	started := float64(time.Now().UnixMilli()) / 1000
	r.Gauge("go_goroutines", "Goroutines that exist.", func() float64 { return float64(runtime.NumGoroutine()) })
	r.Gauge("go_memstats_alloc_bytes", "Bytes of live and unswept objects.", func() float64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.Alloc)
	})
	r.Gauge("process_start_time_seconds", "When the process began to count, in Unix time.", func() float64 { return started })
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		return
	}
	r.Gauge("process_resident_memory_bytes", "Resident memory.", func() float64 {
		return proc("/proc/self/statm", 1) * float64(os.Getpagesize())
	})
	r.Func("counter", "process_cpu_seconds_total", "Processor time, user and system.", nil, func() []Value {
		const ticks = 100 // a second, on every Linux that Go supports
		return []Value{{Value: (proc("/proc/self/stat", 13) + proc("/proc/self/stat", 14)) / ticks}}
	})
	r.Gauge("process_open_fds", "Open file descriptors.", func() float64 {
		entries, _ := os.ReadDir("/proc/self/fd")
		return float64(len(entries))
	})
}

// proc is a field of a file under /proc, counted from 0; 0 where it cannot be read.
func proc(path string, field int) float64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	text := string(data)
	if end := strings.LastIndexByte(text, ')'); end >= 0 { // the name in stat may hold spaces
		text = "0 0" + text[end+1:]
	}
	fields := strings.Fields(text)
	if field >= len(fields) {
		return 0
	}
	v, _ := strconv.ParseFloat(fields[field], 64)
	return v
}
