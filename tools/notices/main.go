// Command notices writes the licences of every module that the commands link, as their licences ask of whoever hands the
// binaries on. It runs in the root of the module and writes to stdout.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licence is what a file is called that holds a licence, or what it asks to be said.
var licence = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|copyright)([-._].*)?$`)

// credits are for licences that ask for the name of the author, which their text does not say.
var credits = map[string]string{"github.com/ajstarks/svgo": "SVGo, by Anthony J. Starks, under the Creative Commons Attribution 4.0 International Public License; used unchanged."}

type module struct{ Path, Version, Dir string }

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func run(w io.Writer) error {
	modules, err := linked()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Third-party software in the binaries of Refiner: %d modules, each with its licence.\n", len(modules))
	for _, m := range modules {
		entries, err := os.ReadDir(m.Dir)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\n%s\n%s %s\nhttps://pkg.go.dev/%s\n", strings.Repeat("=", 78), m.Path, m.Version, m.Path)
		if credit := credits[m.Path]; credit != "" {
			fmt.Fprintf(w, "\n%s\n", credit)
		}
		found := 0
		for _, e := range entries {
			if e.IsDir() || !licence.MatchString(e.Name()) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(m.Dir, e.Name()))
			if err != nil {
				return err
			}
			found++
			fmt.Fprintf(w, "\n--- %s\n\n%s\n", e.Name(), bytes.TrimSpace(text))
		}
		if found == 0 {
			return fmt.Errorf("module %s has no licence in its root: look for it, and name it here", m.Path)
		}
	}
	return nil
}

// linked are the modules that the commands link, and Go itself, by their paths.
func linked() ([]module, error) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}", "./cmd/...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	root, err := exec.Command("go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return nil, err
	}
	goroot := strings.Fields(string(root))
	all := map[string]module{"std": {"std", goroot[1], goroot[0]}}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
			all[f[0]] = module{f[0], f[1], f[2]}
		}
	}
	list := make([]module, 0, len(all))
	for _, m := range all {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}
