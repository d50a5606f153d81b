package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"go.yaml.in/yaml/v3"
)

// folderFile is read from the current folder.
const folderFile = "refine.yaml"

// private are the keys that the folder's refine.yaml may not set: whoever put it there could otherwise run a command, or
// have the user's API key, or the memories, sent to a server of their own.
var private = []string{"embedder.base_url", "embedder.key_env", "embedder.key_file", "embedder.key_command",
	"model.type", "model.base_url", "model.key_env", "model.key_file", "model.key_command",
	"serve.keys_file", "serve.key_env", "serve.names"}

// Options say what Load reads. Nil and the zero value read the usual files and the environment.
type Options struct {
	// File is read instead of the usual files. Empty: what REFINE_CONFIG names, else the usual files.
	File string
	// Flags are the values that the command line gives.
	Flags []Flag
}

// Flag is a value from the command line.
type Flag struct {
	Name  string // without dashes
	Key   string // the setting it stands for
	Value any
}

// Settings are a Config and where it came from.
type Settings struct {
	Config
	// Values lists every setting in the order of [Keys].
	Values []Value
	// Files were read, the later winning over the earlier.
	Files []string
	// Warnings tell of things that are probably mistakes.
	Warnings []string
}

// Value is a setting, what it is and where it was set: "default", a file's path, an environment variable's name or a
// flag.
type Value struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
}

// Defaults lists every setting with its default, in the order of [Keys].
func Defaults() []Value {
	c := Default()
	values := leaves(&c)
	var list []Value
	for _, key := range Keys() {
		list = append(list, Value{Key: key.Name, Value: values[key.Name].Interface(), Origin: "default"})
	}
	return list
}

// UserFile is the path of the user's own configuration file.
func UserFile() string { return filepath.Join(xdg.ConfigHome, "refine", "config.yaml") }

// Load reads the settings. An error names the key and the place at fault; a file that is asked for and missing is one.
func Load(opts *Options) (*Settings, error) {
	if opts == nil {
		opts = &Options{}
	}
	s := &Settings{Config: Default()}
	found := map[string]setting{}
	for _, file := range candidates(opts.File) {
		values, err := readFile(file)
		if errors.Is(err, fs.ErrNotExist) && !file.asked {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.Files = append(s.Files, file.path)
		for key, value := range values {
			found[key] = setting{value, file.path}
		}
	}
	known := map[string]bool{envFile: true}
	for _, key := range Keys() {
		known[key.Env] = true
		if value := os.Getenv(key.Env); value != "" {
			found[key.Name] = setting{value, key.Env}
		}
	}
	s.Warnings = unknownEnv(known)
	for _, flag := range opts.Flags {
		found[flag.Key] = setting{flag.Value, "--" + flag.Name}
	}
	origin := func(key string) string { return cmp.Or(found[key].origin, "default") }
	fields := leaves(&s.Config)
	for _, key := range Keys() {
		if x, ok := found[key.Name]; ok {
			if err := assign(fields[key.Name], x.value); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", x.origin, key.Name, err)
			}
		}
	}
	if err := s.Validate(); err != nil {
		if bad := (*invalid)(nil); errors.As(err, &bad) {
			return nil, fmt.Errorf("%s: %w", origin(bad.key), err)
		}
		return nil, err
	}
	for _, key := range Keys() {
		s.Values = append(s.Values, Value{Key: key.Name, Value: fields[key.Name].Interface(), Origin: origin(key.Name)})
	}
	return s, nil
}

// setting is a value and where it was set.
type setting struct {
	value  any
	origin string
}

// file is one that may hold settings.
type file struct {
	path   string
	asked  bool // named by the user: it must exist
	folder bool // found in the current folder: not trusted with secrets
}

func candidates(asked string) []file {
	if asked == "" {
		asked = os.Getenv(envFile)
	}
	if asked != "" {
		return []file{{path: asked, asked: true}}
	}
	return []file{{path: UserFile()}, {path: folderFile, folder: true}}
}

// maxFile bounds a configuration file: what is longer is something else.
const maxFile = 1 << 20

// readFile reads one YAML file and checks its keys and the types of its values.
func readFile(f file) (map[string]any, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is no configuration file: it must be a YAML file of at most 1 MiB", f.path)
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("%s: %s", f.path, strings.Join(strings.Fields(err.Error()), " "))
	}
	values := map[string]any{}
	flatten(tree, "", values)
	var names []string
	for _, key := range Keys() {
		names = append(names, key.Name)
	}
	fields := leaves(&Config{})
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(names, key) {
			return nil, fmt.Errorf("%s: %s", f.path, unknownKey(key, names))
		}
		if f.folder && slices.Contains(private, key) {
			return nil, fmt.Errorf("%s: %s may not be set by the file of a folder: set it in %s, or name this file with --config", f.path, key, UserFile())
		}
		if err := assign(fields[key], values[key]); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", f.path, key, err)
		}
	}
	return values, nil
}

// flatten puts the leaves of a tree into values, by the names of settings.
func flatten(tree map[string]any, prefix string, values map[string]any) {
	for name, value := range tree {
		name = prefix + strings.ToLower(name)
		switch x := value.(type) {
		case map[string]any:
			flatten(x, name+".", values)
		case nil: // nothing is said
		default:
			values[name] = value
		}
	}
}

// unknownKey says what is wrong with a key that is not among the names.
func unknownKey(key string, names []string) string {
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, key+".") }) {
		return fmt.Sprintf("%q is a group: put its settings beneath it, indented", key)
	}
	if like := nearest(key, names); like != "" {
		return fmt.Sprintf("there is no setting %q: did you mean %q?", key, like)
	}
	return fmt.Sprintf("there is no setting %q: `refine config show` lists them all", key)
}

// assign gives a setting a value from a file, the environment or a flag. It bends nothing until it fits: 1.5 is no whole
// number, true is not 1, and 3 is not three nanoseconds.
func assign(field reflect.Value, value any) error {
	text, isText := value.(string)
	if field.Type() == reflect.TypeFor[time.Duration]() {
		if d, ok := value.(time.Duration); ok {
			field.SetInt(int64(d))
			return nil
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%v is no duration: give it a unit, like %vs", value, value)
		}
		field.SetInt(int64(d))
		return nil
	}
	switch field.Kind() {
	case reflect.String:
		if !isText {
			return fmt.Errorf("%v is no text: put it in quotes", value)
		}
		field.SetString(text)
	case reflect.Bool:
		b, ok := value.(bool)
		if isText {
			var err error
			b, err = strconv.ParseBool(text)
			ok = err == nil
		}
		if !ok {
			return fmt.Errorf("%v is neither true nor false", value)
		}
		field.SetBool(b)
	default:
		x, err := number(value)
		switch {
		case err != nil:
			return err
		case field.CanFloat():
			field.SetFloat(x)
		case x != math.Trunc(x) || math.Abs(x) > 1<<53:
			return fmt.Errorf("%v is no whole number", value)
		default:
			field.SetInt(int64(x))
		}
	}
	return nil
}

func number(value any) (float64, error) {
	switch x := value.(type) {
	case int:
		return float64(x), nil
	case int64:
		return float64(x), nil
	case uint64:
		return float64(x), nil
	case float64:
		return x, nil
	case string:
		if n, err := strconv.ParseFloat(x, 64); err == nil {
			return n, nil
		}
		return 0, fmt.Errorf("%q is no number", x)
	}
	return 0, fmt.Errorf("%v is no number", value)
}

// leaves are the settings of a configuration by their names; they can be set.
func leaves(c *Config) map[string]reflect.Value {
	values := map[string]reflect.Value{}
	var visit func(v reflect.Value, prefix string)
	visit = func(v reflect.Value, prefix string) {
		for i := range v.NumField() {
			name := prefix + v.Type().Field(i).Tag.Get("key")
			if field := v.Field(i); field.Kind() == reflect.Struct {
				visit(field, name+".")
			} else {
				values[name] = field
			}
		}
	}
	visit(reflect.ValueOf(c).Elem(), "")
	return values
}

// unknownEnv warns of variables that look like settings and are none. They are no error: container platforms set names
// like REFINE_SERVICE_HOST on their own.
func unknownEnv(known map[string]bool) []string {
	var names []string
	for name := range known {
		names = append(names, strings.TrimPrefix(name, envPrefix)) // what all have in common makes none of them alike
	}
	slices.Sort(names)
	var warnings []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || known[name] || strings.HasPrefix(name, envPrefix+"SERVICE_") {
			continue
		}
		if like := nearest(strings.TrimPrefix(name, envPrefix), names); like != "" {
			warnings = append(warnings, fmt.Sprintf("%s is no setting: did you mean %s?", name, envPrefix+like))
		}
	}
	slices.Sort(warnings)
	return warnings
}
