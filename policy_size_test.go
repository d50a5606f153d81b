package refiner

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "shorten the lists in testdata/policy to what still breaks a limit; nothing is ever added")

// The limits of a function and of a package, outside tests.
const (
	maxFunctionLines = 80
	maxComplexity    = 30
	maxPackageLines  = 5000
)

// TestFunctionsStaySmall holds lines and cyclomatic complexity of each function. What was larger before there was a limit
// is listed in testdata/policy/functions, a file a package and a line "function measure limit" a function; it may shrink,
// and is taken off the list when it is within the limit ("go test . -run Small -update" does so).
func TestFunctionsStaySmall(t *testing.T) {
	over := map[string]map[string]int{} // by package, "function measure"
	for _, f := range parsed(t) {
		for _, d := range f.file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line + 1
			for measure, v := range map[string][2]int{"lines": {lines, maxFunctionLines}, "complexity": {complexity(fn), maxComplexity}} {
				if v[0] > v[1] {
					if over[f.folder] == nil {
						over[f.folder] = map[string]int{}
					}
					over[f.folder][functionName(fn)+" "+measure] = v[0]
				}
			}
		}
	}
	folders := slices.Collect(maps.Keys(over))
	lists, err := filepath.Glob("testdata/policy/functions/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		folder := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(l), ".txt"), "_", "/")
		if !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	for _, folder := range folders {
		ratchet(t, "testdata/policy/functions/"+strings.ReplaceAll(folder, "/", "_")+".txt", folder+": ", over[folder])
	}
}

func TestPackagesStaySmall(t *testing.T) {
	lines := map[string]int{}
	for _, f := range parsed(t) {
		lines[f.folder] += f.set.Position(f.file.FileEnd).Line - 1
	}
	maps.DeleteFunc(lines, func(_ string, n int) bool { return n <= maxPackageLines })
	ratchet(t, "testdata/policy/packages.txt", "lines of ", lines)
}

// TestPluginStaysLight holds what a program links that imports integration: modules, and bytes of a stripped binary.
// testdata/policy/plugin.txt may only fall.
func TestPluginStaysLight(t *testing.T) {
	if testing.Short() {
		t.Skip("links a program")
	}
	golden := readList(t, "testdata/policy/plugin.txt")
	deps, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./integration").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := slices.Compact(slices.Sorted(strings.FieldsSeq(string(deps))))
	if n := len(modules) - 1; n > golden["modules"] {
		t.Errorf("integration links %d modules, at most %d are allowed:\n%s", n, golden["modules"], strings.Join(modules, "\n"))
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return // the bytes are those of this platform
	}
	binary := filepath.Join(t.TempDir(), "plugin")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "./testdata/policy/plugin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	if kb := int(info.Size() / 1000); kb > golden["kilobytes"] {
		t.Errorf("a program that imports integration has %d kB, at most %d are allowed", kb, golden["kilobytes"])
	}
	t.Logf("%d modules, %d bytes", len(modules)-1, info.Size())
}

// ratchet compares what breaks a limit with the list of what may.
func ratchet(t *testing.T, path, subject string, over map[string]int) {
	t.Helper()
	listed := readList(t, path)
	for name, n := range over {
		switch limit, ok := listed[name]; {
		case !ok:
			t.Errorf("%s%s is %d: more than the limit, and not in %s", subject, name, n, path)
		case n > limit:
			t.Errorf("%s%s is %d: it may only shrink from %d (%s)", subject, name, n, limit, path)
		}
	}
	var keep []string
	stale := false
	for name, limit := range listed {
		n, ok := over[name]
		if ok {
			keep = append(keep, fmt.Sprintf("%s %d\n", name, min(n, limit)))
			continue
		}
		if stale = true; !*update {
			t.Errorf("%s%s is within the limit: take it off %s (go test . -update does)", subject, name, path)
		}
	}
	if !*update {
		return
	}
	slices.Sort(keep)
	var err error
	if len(keep) > 0 {
		err = os.WriteFile(path, []byte(strings.Join(keep, "")), 0o644)
	} else if stale {
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// readList reads lines of a name and a number. A file that is not there is an empty list.
func readList(t *testing.T, path string) map[string]int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	list := map[string]int{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		at := strings.LastIndexByte(line, ' ')
		n, err := strconv.Atoi(line[at+1:])
		if at < 0 || err != nil {
			t.Fatalf("%s: %q is no name and number", path, line)
		}
		list[line[:at]] = n
	}
	return list
}

type parsedFile struct {
	folder string
	file   *ast.File
	set    *token.FileSet
}

// parsed are the files outside tests.
func parsed(t *testing.T) []parsedFile {
	t.Helper()
	var files []parsedFile
	for _, s := range sources(t) {
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, s.path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, parsedFile{s.folder, f, set})
	}
	return files
}

// functionName is a function's name, after its receiver's type if it has one.
func functionName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	typ := fn.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.Name + "." + fn.Name.Name
		default:
			return fn.Name.Name
		}
	}
}

// complexity is McCabe's: one, and one for each branch and each && and ||.
func complexity(fn *ast.FuncDecl) int {
	n := 1
	ast.Inspect(fn, func(node ast.Node) bool {
		switch x := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if x.List != nil {
				n++
			}
		case *ast.CommClause:
			if x.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if x.Op == token.LAND || x.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}
