package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trm-go/refiner/config"
)

// home gives the test an empty home and an empty current folder, without settings in the environment.
func home(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	for _, key := range Keys() {
		t.Setenv(key.Env, "")
	}
	t.Setenv(envFile, "")
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	t.Chdir(t.TempDir())
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func origin(s *Settings, key string) string {
	for _, v := range s.Values {
		if v.Key == key {
			return fmt.Sprintf("%v from %s", v.Value, v.Origin)
		}
	}
	return ""
}

func TestDefaultsHold(t *testing.T) {
	home(t)
	s, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), s.Config); diff != "" {
		t.Errorf("settings without any source (-want +got):\n%s", diff)
	}
	for _, v := range s.Values {
		if v.Origin != "default" {
			t.Errorf("%s comes from %s, want default", v.Key, v.Origin)
		}
	}
	if len(s.Values) != len(Keys()) {
		t.Errorf("%d values, want one for each of the %d keys", len(s.Values), len(Keys()))
	}
}

func TestPrecedence(t *testing.T) {
	home(t)
	write(t, UserFile(), "recall: {limit: 2}\nrespond: {threshold: 0.2}\nlog: {level: info}\nscope: {user: ada}\n")
	write(t, folderFile, "recall: {limit: 3}\nrespond: {threshold: 0.3}\nlog: {level: error}\n")
	t.Setenv("REFINE_RECALL_LIMIT", "4")
	t.Setenv("REFINE_RESPOND_THRESHOLD", "0.4")
	s, err := Load(&Options{Flags: []Flag{{Name: "limit", Key: "recall.limit", Value: 5}}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, key := range []string{"recall.limit", "respond.threshold", "log.level", "scope.user", "index"} {
		got[key] = origin(s, key)
	}
	want := map[string]string{
		"recall.limit":      "5 from --limit",
		"respond.threshold": "0.4 from REFINE_RESPOND_THRESHOLD",
		"log.level":         "error from refine.yaml",
		"scope.user":        "ada from " + UserFile(),
		"index":             "auto from default",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values and origins (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{UserFile(), folderFile}, s.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestNamedFileStandsAlone(t *testing.T) {
	home(t)
	write(t, UserFile(), "recall: {limit: 2}\n")
	write(t, folderFile, "recall: {limit: 3}\n")
	write(t, "other.yaml", "log: {level: debug}\nembedder: {base_url: \"http://localhost:1\"}\n")
	byFlag, err := Load(&Options{File: "other.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envFile, "other.yaml")
	byEnv, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Settings{"--config": byFlag, envFile: byEnv} {
		if s.Log.Level != "debug" || s.Recall.Limit != config.Default().Recall.Limit || s.Embedder.BaseURL != "http://localhost:1" {
			t.Errorf("%s: level %s, limit %d, url %s: want the named file alone", name, s.Log.Level, s.Recall.Limit, s.Embedder.BaseURL)
		}
	}
}

func TestErrorsNameThePlaceAndTheKey(t *testing.T) {
	for _, test := range []struct {
		name, text string
		env        [2]string
		flag       *Flag
		want       []string
	}{
		{name: "typo", text: "recall: {limti: 3}", want: []string{"refine.yaml", `"recall.limti"`, `did you mean "recall.limit"`}},
		{name: "stranger", text: "xyzzy: 3", want: []string{"refine.yaml", `"xyzzy"`, "config show"}},
		{name: "group", text: "recall: 3", want: []string{"refine.yaml", `"recall" is a group`}},
		{name: "not YAML", text: "recall: [", want: []string{"refine.yaml", "line 1"}},
		{name: "word for a number", text: "recall: {limit: many}", want: []string{"refine.yaml", "recall.limit", "many"}},
		{name: "fraction for a whole number", text: "recall: {limit: 1.5}", want: []string{"recall.limit", "1.5 is no whole number"}},
		{name: "truth for a number", text: "recall: {limit: true}", want: []string{"recall.limit", "true is no number"}},
		{name: "duration without unit", text: "store: {wait: 5}", want: []string{"store.wait", "like 5s"}},
		{name: "number for a text", text: "scope: {user: 5}", want: []string{"scope.user", "quotes"}},
		{name: "list for a text", text: "index: [flat]", want: []string{"refine.yaml", "index"}},
		{name: "out of range", text: "respond: {threshold: 2}", want: []string{"refine.yaml", "respond.threshold", "from 0 to 1"}},
		{name: "NaN", text: "respond: {threshold: .nan}", want: []string{"respond.threshold", "NaN"}},
		{name: "unknown choice", text: "index: hnsw", want: []string{"index", "auto, flat, chromem"}},
		{name: "command from a folder", text: "embedder: {key_command: \"rm -rf x\"}", want: []string{"refine.yaml", "embedder.key_command", "--config"}},
		{name: "endpoint from a folder", text: "embedder: {base_url: \"http://evil\"}", want: []string{"refine.yaml", "embedder.base_url"}},
		{name: "keys from a folder", text: "serve: {keys_file: \"mine.json\"}", want: []string{"refine.yaml", "serve.keys_file", "--config"}},
		{name: "address without a port", text: "serve: {listen: localhost}", want: []string{"refine.yaml", "serve.listen", "like 127.0.0.1:8377"}},
		{name: "no room for a request", text: "serve: {max_body: 10}", want: []string{"serve.max_body", "from 1024"}},
		{name: "unknown way to refine", text: "serve: {refine: hard}", want: []string{"serve.refine", "auto, always, off"}},
		{name: "environment", env: [2]string{"REFINE_RECALL_LIMIT", "abc"}, want: []string{"REFINE_RECALL_LIMIT", "recall.limit", "abc"}},
		{name: "environment out of range", env: [2]string{"REFINE_RESPOND_COST", "-3"}, want: []string{"REFINE_RESPOND_COST", "respond.cost"}},
		{name: "flag", flag: &Flag{"index", "index", "tree"}, want: []string{"--index", "tree"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			home(t)
			if test.text != "" {
				write(t, folderFile, test.text+"\n")
			}
			if test.env[0] != "" {
				t.Setenv(test.env[0], test.env[1])
			}
			opts := &Options{}
			if test.flag != nil {
				opts.Flags = []Flag{*test.flag}
			}
			_, err := Load(opts)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %q", err)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	home(t)
	if _, err := Load(&Options{File: "nowhere.yaml"}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nowhere.yaml") {
		t.Errorf("a named file that is missing gives %v", err)
	}
	if err := os.Mkdir("folder.yaml", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(&Options{File: "folder.yaml"}); err == nil || !strings.Contains(err.Error(), "no configuration file") {
		t.Errorf("a folder gives %v", err)
	}
}

func TestUnknownVariablesAreWarnings(t *testing.T) {
	home(t)
	t.Setenv("REFINE_RECALL_LIMITS", "3")
	t.Setenv("REFINE_SERVICE_HOST", "10.0.0.1")
	s, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"REFINE_RECALL_LIMITS is no setting: did you mean REFINE_RECALL_LIMIT?"}
	if diff := cmp.Diff(want, s.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestEveryKeyCanBeSetEverywhere(t *testing.T) {
	for _, key := range Keys() {
		if key.Help == "" {
			t.Errorf("%s has no help", key.Name)
		}
		t.Run(key.Name, func(t *testing.T) {
			home(t)
			value := fmt.Sprint(key.Default)
			if value == "" {
				value = "x"
			}
			t.Setenv(key.Env, value)
			s, err := Load(nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := origin(s, key.Name), value+" from "+key.Env; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// The template must be valid once its comments are taken off, and must set every key to its default.
func TestTemplateIsTheDefaults(t *testing.T) {
	home(t)
	if err := Init("written.yaml"); err != nil {
		t.Fatal(err)
	}
	if err := Init("written.yaml"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second Init gives %v, want fs.ErrExist", err)
	}
	if s, err := Load(&Options{File: "written.yaml"}); err != nil || !reflect.DeepEqual(s.Config, config.Default()) {
		t.Errorf("the template as written gives %+v, %v", s, err)
	}
	var open []string
	for line := range strings.Lines(template()) {
		if body, ok := strings.CutPrefix(line, "# "); ok && strings.Contains(body, ":") {
			open = append(open, body)
		}
	}
	write(t, "open.yaml", strings.Join(open, ""))
	s, err := Load(&Options{File: "open.yaml"})
	if err != nil {
		t.Fatalf("%v in\n%s", err, strings.Join(open, ""))
	}
	for _, v := range s.Values {
		if v.Origin != "open.yaml" {
			t.Errorf("the template does not hold %s", v.Key)
		}
	}
	if diff := cmp.Diff(config.Default(), s.Config, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the template's values (-want +got):\n%s", diff)
	}
}

func TestKeyStaysHidden(t *testing.T) {
	home(t)
	const sesame = "sk-open-sesame"
	write(t, "key", sesame+"\nsecond line\n")
	t.Setenv("MY_KEY", sesame)
	for name, e := range map[string]config.Embedder{
		"env":     {KeyEnv: "MY_KEY"},
		"file":    {KeyEnv: "MY_OTHER", KeyFile: "key"},
		"command": {KeyEnv: "MY_OTHER", KeyFile: "absent", KeyCommand: "cat key"},
	} {
		key, err := e.Key(t.Context())
		if err != nil || string(key) != sesame {
			t.Errorf("%s: %q, %v", name, string(key), err)
		}
		text, _ := key.MarshalText()
		for _, shown := range []string{fmt.Sprint(key), fmt.Sprintf("%#v %+v %q", key, key, key), string(text)} {
			if strings.Contains(shown, "sesame") {
				t.Errorf("%s: the key shows itself as %q", name, shown)
			}
		}
	}
	write(t, "empty", "\n")
	for name, e := range map[string]config.Embedder{
		"missing file":   {KeyFile: "absent"},
		"empty file":     {KeyFile: "empty"},
		"failed command": {KeyCommand: "false"},
	} {
		if _, err := e.Key(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if key, err := (config.Model{KeyFile: "key"}).Key(t.Context()); err != nil || string(key) != sesame {
		t.Errorf("the model's key is %q, %v", string(key), err)
	}
	if _, err := (config.Model{KeyFile: "absent"}).Key(t.Context()); err == nil || !strings.Contains(err.Error(), "model.key_file") {
		t.Errorf("the error does not name the setting: %v", err)
	}
	if key, err := (config.Embedder{KeyEnv: "NOT_SET_ANYWHERE"}).Key(t.Context()); err != nil || key != "" {
		t.Errorf("no key: %v, %v; want none and no error", key, err)
	}
}

// A folder that somebody else made must not be able to send memories to a server.
func TestFolderCannotChooseTheModel(t *testing.T) {
	for _, line := range []string{"model: {type: openai}", "model: {base_url: 'http://evil.example/v1'}", "model: {key_command: cat}",
		"serve: {webhooks: [{url: 'https://evil.example'}]}"} {
		home(t)
		write(t, folderFile, line+"\n")
		if _, err := Load(nil); err == nil || !strings.Contains(err.Error(), "may not be set by the file of a folder") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestWebhooksAreAList(t *testing.T) {
	home(t)
	write(t, UserFile(), "serve:\n  webhooks:\n    - url: https://example.org/a\n      secret_env: A\n      events: [deleted]\n    - {url: http://127.0.0.1:9, plain: true}\n")
	want := []config.Webhook{{URL: "https://example.org/a", SecretEnv: "A", Events: []string{"deleted"}}, {URL: "http://127.0.0.1:9", Plain: true}}
	s, err := Load(nil)
	if err != nil || !reflect.DeepEqual(s.Serve.Webhooks, want) {
		t.Errorf("the file says %+v, %v", s, err)
	}
	t.Setenv("REFINE_SERVE_WEBHOOKS", `[{"url": "https://example.org/b", "events": ["changed"]}]`)
	if s, err = Load(nil); err != nil || !reflect.DeepEqual(s.Serve.Webhooks, []config.Webhook{{URL: "https://example.org/b", Events: []string{"changed"}}}) {
		t.Errorf("the variable says %+v, %v", s, err)
	}
	for value, says := range map[string]string{"https://example.org": "write JSON", `[{"ulr": "https://example.org"}]`: "ulr", `[{"url": 7}]`: "url of type string"} {
		t.Setenv("REFINE_SERVE_WEBHOOKS", value)
		if _, err := Load(nil); err == nil || !strings.Contains(err.Error(), "REFINE_SERVE_WEBHOOKS: serve.webhooks: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func TestRespondSettingsAreChecked(t *testing.T) {
	for key, set := range map[string]func(*config.Config){
		"model.type": func(c *config.Config) { c.Model.Type = "magic" }, "model.price_in": func(c *config.Config) { c.Model.PriceIn = -1 },
		"respond.refine": func(c *config.Config) { c.Respond.Refine = "perhaps" }, "respond.chain": func(c *config.Config) { c.Respond.Chain = "all" },
		"respond.threshold": func(c *config.Config) { c.Respond.Threshold = 1.5 }, "respond.rounds": func(c *config.Config) { c.Respond.Rounds = -1 },
		"respond.budget": func(c *config.Config) { c.Respond.Budget = 0 },
	} {
		c := config.Default()
		set(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+" ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	for _, seed := range []string{"", "recall: {limit: 3}", "recall:\n  limit: x", "a: &a [*a]", "\x00", "index: \xff", "? {}", "recall: {? [1]: 2}", "1: 2"} {
		f.Add(seed)
	}
	path := filepath.Join(f.TempDir(), "fuzz.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readFile(file{path: path}); err != nil && !strings.Contains(err.Error(), "fuzz.yaml") {
			t.Errorf("the error does not name the file: %v", err)
		}
	})
}
