package settings

import (
	"reflect"
	"strings"

	"github.com/trm-go/refiner/config"
)

// envPrefix begins the name of every environment variable of the command.
const envPrefix = "REFINE_"

// envFile names the configuration file, like --config.
const envFile = envPrefix + "CONFIG"

// Key is one setting.
type Key struct {
	Name string // as in the file: recall.limit
	Env  string // as in the environment: REFINE_RECALL_LIMIT
	Help string // one line

	Default any
}

// Keys lists every setting in the order of [config.Config].
func Keys() []Key {
	var keys []Key
	values := flatten(config.Default())
	walk(reflect.TypeFor[config.Config](), "", func(name, help string) {
		keys = append(keys, Key{Name: name, Env: envName(name), Help: help, Default: values[name]})
	})
	return keys
}

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// walk visits the leaves of a struct of settings.
func walk(t reflect.Type, prefix string, visit func(name, help string)) {
	for f := range fields(t) {
		name := prefix + f.Tag.Get("mapstructure")
		if f.Type.Kind() == reflect.Struct {
			walk(f.Type, name+".", visit)
			continue
		}
		visit(name, f.Tag.Get("help"))
	}
}

func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// nearest is the known name closest to a mistyped one, or "" if none is close.
func nearest(name string, known []string) string {
	best, least := "", 1+len(name)/3
	for _, k := range known {
		if d := distance(name, k); d <= least {
			best, least = k, d-1
		}
	}
	return best
}

// distance is Levenshtein's edit distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
