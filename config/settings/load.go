// Package settings fills a [config.Config] from the places where settings are, the later one winning over the earlier:
//
//	defaults   [config.Default]
//	file       the user's config.yaml, then the folder's refine.yaml; or only the file that --config or REFINE_CONFIG names
//	env        REFINE_ and the key in capitals with "_" for ".": REFINE_RECALL_LIMIT is recall.limit; an empty one is unset
//	flags      what the command line says
//
// [Settings.Values] tells for every key its value and its origin. A key that does not exist, a value of the wrong type and
// a number out of range are errors that name the key, the place and the fix. A refine.yaml that happens to lie in the
// current folder may not say where API keys come from, or where they are sent.
//
// A program that imports the plugin makes its own Config and does not need this package, nor the libraries that it links.
package settings

import (
	"cmp"
	"encoding/json"
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
	"github.com/spf13/viper"

	"github.com/trm-go/refiner/config"
)

// folderFile is read from the current folder.
const folderFile = "refine.yaml"

// private are the keys that the folder's refine.yaml may not set: whoever put it there could otherwise run a command, or
// have the user's API key, or the memories, sent to a server of their own.
var private = []string{"embedder.base_url", "embedder.key_env", "embedder.key_file", "embedder.key_command",
	"model.type", "model.base_url", "model.key_env", "model.key_file", "model.key_command",
	"serve.keys_file", "serve.key_env", "serve.names", "serve.webhooks"}

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

// Settings are a config.Config and where it came from.
type Settings struct {
	config.Config
	// Values lists every setting in the order of [Keys].
	Values []Value
	// Files were read, the later winning over the earlier.
	Files []string
	// Warnings tell of things that are probably mistakes.
	Warnings []string
}

// Value is a setting, what it is (a duration as text) and where it was set: "default", a file's path, an environment variable's name or a
// flag.
type Value struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
}

// UserFile is the path of the user's own configuration file.
func UserFile() string { return filepath.Join(xdg.ConfigHome, "refine", "config.yaml") }

// Load reads the settings. An error names the key and the place at fault; a file that is asked for and missing is one.
func Load(opts *Options) (*Settings, error) {
	if opts == nil {
		opts = &Options{}
	}
	s := &Settings{Config: config.Default()}
	all, origins := fields(reflect.ValueOf(&s.Config).Elem(), ""), map[string]string{}
	set := func(origin, key string, value any) error {
		at := slices.IndexFunc(all, func(f field) bool { return f.Name == key })
		origins[key] = origin
		if err := decode(value, all[at].value); err != nil {
			return fmt.Errorf("%s: %s: %w", origin, key, err)
		}
		return nil
	}
	for _, file := range candidates(opts.File) {
		values, err := readFile(file)
		if errors.Is(err, fs.ErrNotExist) && !file.asked {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.Files = append(s.Files, file.path)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if err := set(file.path, key, values[key]); err != nil {
				return nil, err
			}
		}
	}
	known := map[string]bool{envFile: true}
	for _, f := range all {
		known[f.Env] = true
		if value := os.Getenv(f.Env); value != "" {
			if err := set(f.Env, f.Name, value); err != nil {
				return nil, err
			}
		}
	}
	s.Warnings = unknownEnv(known)
	for _, flag := range opts.Flags {
		if err := set("--"+flag.Name, flag.Key, flag.Value); err != nil {
			return nil, err
		}
	}
	if err := s.Validate(); err != nil {
		if bad := (*config.Invalid)(nil); errors.As(err, &bad) {
			return nil, fmt.Errorf("%s: %w", cmp.Or(origins[bad.Key], unset), err)
		}
		return nil, err
	}
	for _, f := range all {
		value := f.value.Interface()
		if d, ok := value.(time.Duration); ok {
			value = d.String()
		}
		s.Values = append(s.Values, Value{Key: f.Name, Value: value, Origin: cmp.Or(origins[f.Name], unset)})
	}
	return s, nil
}

// unset is the origin of a default.
const unset = "default"

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

// readFile reads one YAML file into values by the names of their settings.
func readFile(f file) (map[string]any, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is no configuration file: it must be a YAML file of at most 1 MiB", f.path)
	}
	v := viper.New()
	v.SetConfigFile(f.path)
	v.SetConfigType("yaml")
	if err := v.ReadInConfig(); err != nil {
		if parse := (viper.ConfigParseError{}); errors.As(err, &parse) {
			err = parse.Unwrap()
		}
		return nil, fmt.Errorf("%s: %s", f.path, strings.Join(strings.Fields(err.Error()), " "))
	}
	var names []string
	for _, key := range Keys() {
		names = append(names, key.Name)
	}
	values := map[string]any{}
	for _, key := range v.AllKeys() {
		if value := v.Get(key); value != nil { // what is empty is left out
			values[key] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(names, key) {
			return nil, fmt.Errorf("%s: %s", f.path, unknownKey(key, names))
		}
		if f.folder && slices.Contains(private, key) {
			return nil, fmt.Errorf("%s: %s may not be set by the file of a folder: set it in %s, or name this file with --config", f.path, key, UserFile())
		}
	}
	return values, nil
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

// decode reads a value of a file, or the text of a variable or a flag, into a field. Nothing is bent until it fits: 1.5 is no whole
// number, true is no 1, and 3 no three nanoseconds.
func decode(value any, into reflect.Value) error {
	text, isText := value.(string)
	switch x := into.Addr().Interface().(type) {
	case *string:
		if !isText {
			return fmt.Errorf("%v is no text: put it in quotes", value)
		}
		*x = text
	case *bool:
		yes, err := strconv.ParseBool(fmt.Sprint(value))
		if err != nil {
			return fmt.Errorf("%v is neither true nor false", value)
		}
		*x = yes
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%v is no duration: give it a unit, like %vs", value, value)
		}
		*x = d
	case *int, *float64:
		n, err := strconv.ParseFloat(fmt.Sprint(value), 64)
		switch {
		case err != nil:
			if isText {
				value = strconv.Quote(text)
			}
			return fmt.Errorf("%v is no number", value)
		case into.CanFloat():
			into.SetFloat(n)
		case n != math.Trunc(n) || math.Abs(n) > 1<<53:
			return fmt.Errorf("%v is no whole number", value)
		default:
			into.SetInt(int64(n))
		}
	default: // a list of groups, in a variable as JSON
		if !isText {
			raw, err := json.Marshal(value)
			if err != nil {
				return fmt.Errorf("%v is no list of groups", value)
			}
			text = string(raw)
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		into.SetZero()
		if err := d.Decode(x); err != nil {
			return fmt.Errorf(`%s is no list of these groups (in a variable write JSON, like [{"url": "https://example.org/hook"}]): %w`, text, err)
		}
	}
	return nil
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
