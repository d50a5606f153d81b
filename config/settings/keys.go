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
	Choices []string // the values that it may have; none: it is free
}

// Keys lists every setting in the order of [config.Config].
func Keys() []Key {
	c := config.Default()
	var keys []Key
	for _, f := range fields(reflect.ValueOf(&c).Elem(), "") {
		f.Default = f.value.Interface()
		keys = append(keys, f.Key)
	}
	return keys
}

// field is where a setting stands in a [config.Config].
type field struct {
	Key
	value reflect.Value
}

// fields are the leaves of a struct of settings.
func fields(group reflect.Value, prefix string) []field {
	var list []field
	for f, value := range group.Fields() {
		name := prefix + f.Tag.Get("name")
		if value.Kind() == reflect.Struct {
			list = append(list, fields(value, name+".")...)
			continue
		}
		env := envPrefix + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
		list = append(list, field{Key{Name: name, Env: env, Help: f.Tag.Get("help"), Choices: strings.Fields(f.Tag.Get("oneof"))}, value})
	}
	return list
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
