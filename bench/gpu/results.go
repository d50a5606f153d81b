package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/trm-go/refiner/trmcore/onnx"
)

// result is one measurement.
type result struct {
	Model     string  `json:"model"`
	Mode      string  `json:"mode"` // plain (16 steps), halting, accuracy, q-halt
	Side      string  `json:"side"`
	Device    string  `json:"device"`
	Precision string  `json:"precision"`
	Batch     int     `json:"batch"`
	Version   string  `json:"version,omitempty"`
	Puzzles   float64 `json:"puzzles_per_second,omitempty"`
	Seconds   float64 `json:"seconds,omitempty"`
	TFLOPS    float64 `json:"tflop_s,omitempty"`    // of the matrix products
	Ceiling   float64 `json:"ceiling,omitempty"`    // TFLOP/s of one large product in the same precision, by PyTorch
	GoShare   float64 `json:"go_share,omitempty"`   // of the time, outside the steps; only with one lane
	MeanSteps float64 `json:"mean_steps,omitempty"` // not plain
	OverPlain float64 `json:"over_plain,omitempty"` // halting: puzzles a second against plain
	Agreement float64 `json:"agreement,omitempty"`  // accuracy: cells answered as the CPU does in fp32
	Exact     float64 `json:"exact,omitempty"`      // accuracy: puzzles right in every cell, with -data
	Error     string  `json:"error,omitempty"`
}

// rate notes the speed of problems that took so many seconds.
func (r *result) rate(a onnx.Arch, problems int, seconds float64) {
	r.Seconds, r.Puzzles = seconds, float64(problems)/seconds
	r.TFLOPS = a.FLOPs() * fullSteps * r.Puzzles / 1e12
}

// results are those of this run and the ones before.
type results struct {
	file *os.File
	all  []result
}

// openResults reads what a file holds, and goes on at its end.
func openResults(path string) (*results, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	r := &results{file: file}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var got result
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			file.Close()
			return nil, fmt.Errorf("%s: line %d is no result: %w", path, len(r.all)+1, err)
		}
		r.all = append(slices.DeleteFunc(r.all, got.same), got)
	}
	return r, lines.Err()
}

// same says whether two results are of the same measurement.
func (r result) same(o result) bool {
	return r.Model == o.Model && r.Mode == o.Mode && r.Side == o.Side && r.Device == o.Device && r.Precision == o.Precision && r.Batch == o.Batch
}

// has says whether a measurement was made; one that failed is made again.
func (r *results) has(what result) bool {
	return slices.ContainsFunc(r.all, func(x result) bool { return x.Error == "" && x.same(what) })
}

func (r *results) add(what result) error {
	r.all = append(slices.DeleteFunc(r.all, what.same), what)
	return json.NewEncoder(r.file).Encode(what)
}

// table is everything as Markdown.
func (r *results) table(a onnx.Arch) string {
	var b strings.Builder
	ceilings := map[string]float64{}
	for _, x := range r.all {
		ceilings[x.Precision] = max(ceilings[x.Precision], x.Ceiling)
	}
	ceilings["fp16"] = max(ceilings["fp16"], ceilings["bf16"])
	for _, p := range slices.Sorted(maps.Keys(ceilings)) {
		if ceilings[p] > 0 {
			fmt.Fprintf(&b, "Matrix products in %s: %.4g TFLOP/s.\n", p, ceilings[p])
		}
	}
	speeds := slices.DeleteFunc(slices.Clone(r.all), func(x result) bool { return x.Mode != "plain" && x.Mode != "halting" })
	slices.SortStableFunc(speeds, func(x, y result) int {
		return cmp.Or(cmp.Compare(x.Batch, y.Batch), -cmp.Compare(x.Mode, y.Mode), cmp.Compare(x.Precision, y.Precision), cmp.Compare(y.Puzzles, x.Puzzles))
	})
	fmt.Fprintf(&b, "\n| batch | mode | precision | side | device | puzzles/s | TFLOP/s | of ceiling | Go | halting |\n|---:|---|---|---|---|---:|---:|---:|---:|---:|\n")
	for _, x := range speeds {
		if x.Error != "" {
			fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | failed: %s | | | | |\n", x.Batch, x.Mode, x.Precision, x.Side, x.Device, strings.ReplaceAll(firstLine(x.Error), "|", "/"))
			continue
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %.4g | %s | %s | %s | %s |\n", x.Batch, x.Mode, x.Precision, x.Side, x.Device, x.Puzzles,
			number("%.3g", x.TFLOPS), share(x.TFLOPS, ceilings[x.Precision]), share(x.GoShare, 1), number("%.2fx", x.OverPlain))
	}
	fmt.Fprintf(&b, "\n| answers | precision | side | device | puzzles | as the CPU's | exact | mean steps |\n|---|---|---|---|---:|---:|---:|---:|\n")
	for _, x := range r.all {
		switch {
		case x.Mode != "accuracy" && x.Mode != "q-halt":
		case x.Error != "":
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | failed: %s | | |\n", x.Mode, x.Precision, x.Side, x.Device, x.Batch, strings.ReplaceAll(firstLine(x.Error), "|", "/"))
		default:
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %.4f %% | %s | %.2f |\n", x.Mode, x.Precision, x.Side, x.Device, x.Batch, 100*x.Agreement, number("%.4f", x.Exact), x.MeanSteps)
		}
	}
	return b.String()
}

func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return text
}

func number(format string, x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf(format, x)
}

func share(part, whole float64) string {
	if part == 0 || whole == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100*part/whole)
}
