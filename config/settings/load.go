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
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/adrg/xdg"
	"github.com/go-viper/mapstructure/v2"
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

// Value is a setting, what it is and where it was set: "default", a file's path, an environment variable's name or a
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
	v := viper.NewWithOptions(viper.ExperimentalBindStruct())
	v.SetEnvPrefix(strings.TrimSuffix(envPrefix, "_"))
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	v.AutomaticEnv()

	s := &Settings{}
	origins := map[string]string{}
	for _, key := range Keys() {
		v.SetDefault(key.Name, key.Default)
		origins[key.Name] = "default"
	}
	for _, file := range candidates(opts.File) {
		values, err := readFile(file)
		if errors.Is(err, fs.ErrNotExist) && !file.asked {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := v.MergeConfigMap(values.AllSettings()); err != nil {
			return nil, fmt.Errorf("%s: %w", file.path, err)
		}
		s.Files = append(s.Files, file.path)
		for _, key := range values.AllKeys() {
			origins[key] = file.path
		}
	}
	known := map[string]bool{envFile: true}
	for _, key := range Keys() {
		known[key.Env] = true
		if os.Getenv(key.Env) != "" {
			origins[key.Name] = key.Env
		}
	}
	s.Warnings = unknownEnv(known)
	for _, flag := range opts.Flags {
		v.Set(flag.Key, flag.Value)
		origins[flag.Key] = "--" + flag.Name
	}

	// Each value is decoded alone first: only so can an error say where a wrong one came from.
	for _, key := range Keys() {
		if err := decode(map[string]any{key.Name: v.Get(key.Name)}); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", origins[key.Name], key.Name, err)
		}
	}
	if err := v.UnmarshalExact(&s.Config, viper.DecodeHook(hooks)); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		if bad := (*config.Invalid)(nil); errors.As(err, &bad) {
			return nil, fmt.Errorf("%s: %w", origins[bad.Key], err)
		}
		return nil, err
	}
	values := flatten(s.Config)
	for _, key := range Keys() {
		s.Values = append(s.Values, Value{Key: key.Name, Value: values[key.Name], Origin: origins[key.Name]})
	}
	return s, nil
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
func readFile(f file) (*viper.Viper, error) {
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
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	var names []string
	for _, key := range Keys() {
		names = append(names, key.Name)
	}
	keys := v.AllKeys()
	slices.Sort(keys)
	for _, key := range keys {
		if !slices.Contains(names, key) {
			return nil, fmt.Errorf("%s: %s", f.path, unknownKey(key, names))
		}
		if f.folder && slices.Contains(private, key) {
			return nil, fmt.Errorf("%s: %s may not be set by the file of a folder: set it in %s, or name this file with --config", f.path, key, UserFile())
		}
		if err := decode(map[string]any{key: v.Get(key)}); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", f.path, key, err)
		}
	}
	return v, nil
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

// decode checks that values are of their settings' types.
func decode(values map[string]any) error {
	v := viper.New()
	for key, value := range values {
		v.Set(key, value)
	}
	var c config.Config
	err := v.UnmarshalExact(&c, viper.DecodeHook(hooks))
	if one := (*mapstructure.DecodeError)(nil); errors.As(err, &one) {
		err = one.Unwrap()
	}
	return err
}

var hooks = mapstructure.ComposeDecodeHookFunc(mapstructure.StringToTimeDurationHookFunc(), list, exact)

// list reads a list of groups that a variable gives as JSON.
func list(from, to reflect.Type, value any) (any, error) {
	if from.Kind() != reflect.String || to.Kind() != reflect.Slice || to.Elem().Kind() != reflect.Struct {
		return value, nil
	}
	var groups []map[string]any
	if err := json.Unmarshal([]byte(value.(string)), &groups); err != nil {
		return nil, fmt.Errorf(`%q is no list: in a variable write JSON, like [{"url": "https://example.org/hook"}]`, value)
	}
	return groups, nil
}

// exact refuses what mapstructure would bend until it fits: 1.5 as a whole number, true as 1, 3 as three nanoseconds.
func exact(from, to reflect.Value) (any, error) {
	value := from.Interface()
	number := to.Kind() >= reflect.Int && to.Kind() <= reflect.Float64
	switch x := value.(type) {
	case bool:
		if number {
			return nil, fmt.Errorf("%v is no number", x)
		}
	case string:
		if _, err := strconv.ParseFloat(x, 64); number && err != nil && to.Type() != durationType {
			return nil, fmt.Errorf("%q is no number", x)
		}
	case float64:
		if to.CanInt() && x != math.Trunc(x) {
			return nil, fmt.Errorf("%v is no whole number", x)
		}
	}
	if to.Type() == durationType && from.Type() != durationType {
		return nil, fmt.Errorf("%v is no duration: give it a unit, like %vs", value, value)
	}
	if to.Kind() == reflect.String && from.Kind() != reflect.String {
		return nil, fmt.Errorf("%v is no text: put it in quotes", value)
	}
	return value, nil
}

var durationType = reflect.TypeOf(config.Default().Store.Wait)

// flatten maps the name of every setting to its value.
func flatten(c config.Config) map[string]any {
	values := map[string]any{}
	var visit func(v reflect.Value, prefix string)
	visit = func(v reflect.Value, prefix string) {
		for f := range fields(v.Type()) {
			name, field := prefix+f.Tag.Get("mapstructure"), v.FieldByIndex(f.Index)
			if field.Kind() == reflect.Struct {
				visit(field, name+".")
				continue
			}
			values[name] = field.Interface()
		}
	}
	visit(reflect.ValueOf(c), "")
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
