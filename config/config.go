// Package config says what the settings are and which values they may have.
//
// A [Config] is a plain struct that holds the settings and does nothing; [Default] is what works without any, and
// [Config.Validate] finds what breaks a rule. Package settings reads one from files, the environment and flags.
//
// Secrets are no settings: a Config only says where the API key is found, and [Embedder.Key] and [Model.Key] fetch it from
// there.
//
// The package knows nothing of stores, embedders or memories; integration makes those from a Config.
package config

import (
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/adrg/xdg"
)

// Config is everything that can be set. Each field's name tag is its name in files, and the help tag what the user reads about it.
type Config struct {
	Store    Store    `name:"store"`
	Scope    Scope    `name:"scope"`
	Embedder Embedder `name:"embedder"`
	Index    string   `name:"index" oneof:"auto flat chromem" help:"vector index: auto, flat (exact SIMD scan) or chromem (chromem-go)"`
	Recall   Recall   `name:"recall"`
	Model    Model    `name:"model"`
	Respond  Respond  `name:"respond"`
	Serve    Serve    `name:"serve"`
	Log      Log      `name:"log"`
}

// Store says where the memories live.
type Store struct {
	Path string        `name:"path" help:"the store's file"`
	Wait time.Duration `name:"wait" range:"0 3600" help:"how long to wait for another process that holds the store, like 5s"`
	// Memory bounds what the index of the users that were asked for takes.
	Memory int `name:"memory" range:"1 1048576" help:"megabytes of memory for the index; what was not used longest is dropped"`
}

// Scope says whose memories a command works on.
type Scope struct {
	Tenant  string `name:"tenant" help:"tenant, matched exactly"`
	User    string `name:"user" help:"user, matched exactly"`
	Agent   string `name:"agent" help:"agent; empty: any"`
	Session string `name:"session" help:"session; empty: any"`
}

// Embedder says what turns text into vectors.
type Embedder struct {
	Type    string        `name:"type" oneof:"auto none local openai" help:"auto (the store's model, for a new one a local model if there is any), none (words alone), local (refine models), or openai (any OpenAI-compatible endpoint)"`
	Dim     int           `name:"dim" range:"0 16384" help:"length of the vectors (openai); 0: the embedder's own"`
	Model   string        `name:"model" help:"local: a name of refine models list, empty: the first; openai: the endpoint's model, empty: text-embedding-3-small"`
	BaseURL string        `name:"base_url" help:"the endpoint (openai); not from the folder's refine.yaml"`
	Timeout time.Duration `name:"timeout" range:"0 3600" help:"limit of one request (openai)"`

	KeyEnv     string `name:"key_env" help:"environment variable that holds the API key (openai)"`
	KeyFile    string `name:"key_file" help:"file that holds the API key, instead of key_env"`
	KeyCommand string `name:"key_command" help:"command that prints the API key, instead of key_env"`
}

// Recall says how memories are found and rescored.
type Recall struct {
	Limit  int    `name:"limit" range:"1 10000" help:"memories a search returns"`
	Preset string `name:"preset" oneof:"default ada" help:"weights of the signals: default (measured) or ada (the seed's)"`
	Mode   string `name:"mode" oneof:"learned fixed_point hybrid bm25 vector" help:"learned, or to compare with: fixed_point, hybrid, bm25, vector"`
	Steps  int    `name:"steps" range:"0 10000" help:"most steps of the recursion; 0: the measured number"`
	Rerank string `name:"rerank" help:"a local model reads the best memories with the question: ask (only for refine ask), auto (always), a number of memories (always), off; ask and auto go on without one"`
	Budget int    `name:"budget" range:"0 1e9" help:"tokens that packed memories may take; 0: they are not packed"`
	Pinned int    `name:"pinned" range:"0 1e9" help:"tokens that pinned memories may take in each prompt, before the others; 0: none are put there"`
}

// Model says which language model writes and revises answers.
type Model struct {
	Type        string        `name:"type" oneof:"none openai" help:"none (answers quote the memories, offline) or openai (any OpenAI-compatible endpoint); not from the folder's refine.yaml"`
	Model       string        `name:"model" help:"the endpoint's model (openai)"`
	BaseURL     string        `name:"base_url" help:"the endpoint (openai); not from the folder's refine.yaml"`
	Timeout     time.Duration `name:"timeout" range:"0 3600" help:"limit of one answer, or of a stream's silence (openai)"`
	Concurrency int           `name:"concurrency" range:"0 1000" help:"requests under way at one time; 0: 4"`
	MaxTokens   int           `name:"max_tokens" range:"0 1e7" help:"most tokens of one completion; 0: the endpoint's own limit"`
	PriceIn     float64       `name:"price_in" range:"0 1e6" help:"price of a million tokens of prompts, in any currency"`
	PriceOut    float64       `name:"price_out" range:"0 1e6" help:"price of a million tokens of completions, in the same"`

	KeyEnv     string `name:"key_env" help:"environment variable that holds the API key (openai)"`
	KeyFile    string `name:"key_file" help:"file that holds the API key, instead of key_env"`
	KeyCommand string `name:"key_command" help:"command that prints the API key, instead of key_env"`
}

// Respond says how answers are refined, and what that may cost.
type Respond struct {
	Refine    string        `name:"refine" oneof:"auto always off" help:"when a draft is refined: auto (unless it passes), always or off"`
	Chain     string        `name:"chain" oneof:"rules none" help:"specialists that examine a draft: rules or none"`
	Threshold float64       `name:"threshold" range:"0 1" help:"score from which a draft passes, above 0 to 1; 0: the usual .8"`
	Rounds    int           `name:"rounds" range:"0 100" help:"most rounds of refinement; 0: the usual 3"`
	Tokens    int           `name:"tokens" range:"0 1e9" help:"most tokens of language models for one answer; 0: no limit"`
	Cost      float64       `name:"cost" range:"0 1e9" help:"most money for one answer, in the currency of the prices; 0: no limit"`
	Time      time.Duration `name:"time" range:"0 86400" help:"most time for one answer; 0s: no limit"`
	Budget    int           `name:"budget" range:"1 1e9" help:"tokens that memories may take in the model's prompt"`
}

// Serve says how refine serve answers. Its upstream is the model.
type Serve struct {
	Listen       string        `name:"listen" help:"address and port; without keys a loopback address only"`
	Names        string        `name:"names" help:"names of the server besides localhost, separated by commas, where there are no keys"`
	KeysFile     string        `name:"keys_file" help:"file of the callers' API keys (refine serve key); empty: none; not from the folder's refine.yaml"`
	KeyEnv       string        `name:"key_env" help:"environment variable that may hold one more key, for the configured scope"`
	TLSCert      string        `name:"tls_cert" help:"certificate file, PEM; empty: plain HTTP"`
	TLSKey       string        `name:"tls_key" help:"the certificate's private key, PEM"`
	Rate         float64       `name:"rate" range:"0 1e6" help:"requests a second of each caller; 0: no limit"`
	Burst        int           `name:"burst" range:"0 1e6" help:"requests of a caller at once; 0: twice the rate"`
	MaxBody      int           `name:"max_body" range:"1024 1073741824" help:"bytes of the largest request"`
	Silence      time.Duration `name:"silence" range:"1 86400" help:"how long the upstream may say nothing, before its answer and within"`
	ShutdownWait time.Duration `name:"shutdown_wait" range:"0 3600" help:"how long answers under way may take to end when the server is stopped"`
	Refine       string        `name:"refine" oneof:"auto always off" help:"when an upstream's answers are refined: auto (unless the draft passes), always or off; a request may say otherwise"`
	Remember     bool          `name:"remember" help:"write chats to memory"`
	Tasks        string        `name:"tasks" help:"regular expressions, one a line, of what a client asks for itself, such as titles: neither remembered nor given memories; the line known: those of many clients"`
	Memories     int           `name:"memories" range:"1 1000" help:"most memories in a chat's prompt"`
	Budget       int           `name:"budget" range:"1 1e9" help:"tokens that they may take"`
	Ada          bool          `name:"ada" help:"answer as Ada's brain does too, under /v1"`
	MCP          bool          `name:"mcp" help:"serve the Model Context Protocol too, at /mcp"`
	Webhooks     []Webhook     `name:"webhooks" help:"who is told of what was remembered, changed and deleted: a list of url, secret_env, events and plain (docs/serve.md), in the variable as JSON; not from the folder's refine.yaml"`
}

// Webhook is an address that refine serve tells of changes to the memories.
type Webhook struct {
	URL       string   `json:"url"`
	SecretEnv string   `json:"secret_env,omitempty"` // variable that holds what signs
	Events    []string `json:"events,omitempty"`     // remembered, changed, deleted; none: all
	Plain     bool     `json:"plain,omitempty"`      // http to other machines too
}

// Log says what is logged to stderr.
type Log struct {
	Level  string `name:"level" oneof:"debug info warn error" help:"debug, info, warn or error"`
	Format string `name:"format" oneof:"text json" help:"text, or json: an object a line"`
}

// Default is what holds where nothing is set.
func Default() Config {
	return Config{
		Store:    Store{Path: filepath.Join(xdg.DataHome, "refine", "store.db"), Wait: 5 * time.Second, Memory: 512},
		Embedder: Embedder{Type: "auto", BaseURL: "https://api.openai.com/v1", Timeout: 30 * time.Second, KeyEnv: "OPENAI_API_KEY"},
		Index:    "auto",
		Recall:   Recall{Limit: 10, Preset: "default", Mode: "learned", Rerank: "ask", Pinned: 300},
		Model:    Model{Type: "none", Model: "gpt-4o-mini", BaseURL: "https://api.openai.com/v1", Timeout: 30 * time.Second, KeyEnv: "OPENAI_API_KEY"},
		Respond:  Respond{Refine: "auto", Chain: "rules", Time: time.Minute, Budget: 2000},
		Serve: Serve{Listen: "127.0.0.1:8377", KeyEnv: "REFINER_API_KEY", Rate: 50, MaxBody: 32 << 20, Silence: 5 * time.Minute,
			ShutdownWait: 30 * time.Second, Refine: "auto", Remember: true, Tasks: "known", Memories: 10, Budget: 800, MCP: true},
		Log: Log{Level: "warn", Format: "text"},
	}
}

// Invalid is a value that breaks a rule.
type Invalid struct {
	Key string // of the setting, like recall.limit
	fix string
}

func (e *Invalid) Error() string { return e.Key + " " + e.fix }

// Validate reports the first setting that is out of its range.
func (c *Config) Validate() error {
	if c.Store.Path == "" {
		return &Invalid{"store.path", "is empty: name a file"}
	}
	if _, port, err := net.SplitHostPort(c.Serve.Listen); err != nil || port == "" {
		return &Invalid{"serve.listen", fmt.Sprintf("is %q: use an address and a port, like 127.0.0.1:8377", c.Serve.Listen)}
	}
	if err := c.Recall.validateRerank(); err != nil {
		return err
	}
	return validate(reflect.ValueOf(c).Elem(), "")
}

// validate holds the settings of a group against their tags: the words of oneof, and the lowest and the highest number of range,
// which for times are seconds.
func validate(group reflect.Value, prefix string) error {
	for f, value := range group.Fields() {
		key := prefix + f.Tag.Get("name")
		if value.Kind() == reflect.Struct {
			if err := validate(value, key+"."); err != nil {
				return err
			}
		}
		if words := strings.Fields(f.Tag.Get("oneof")); len(words) > 0 && !slices.Contains(words, value.String()) {
			return &Invalid{key, fmt.Sprintf("is %q: use %s", value, strings.Join(words, ", "))}
		}
		low, high, bounded := strings.Cut(f.Tag.Get("range"), " ")
		if !bounded {
			continue
		}
		number := 0.
		switch x := value.Interface().(type) {
		case int:
			number = float64(x)
		case float64:
			number = x
		case time.Duration:
			number = x.Seconds()
		}
		least, _ := strconv.ParseFloat(low, 64)
		most, _ := strconv.ParseFloat(high, 64)
		if !(number >= least && number <= most) { // true for NaN
			return &Invalid{key, fmt.Sprintf("is %v: use a number from %s to %s", number, low, high)}
		}
	}
	return nil
}

// validateRerank reports a value that is neither a word nor a number of memories.
func (r *Recall) validateRerank() error {
	switch r.Rerank {
	case "off", "ask", "auto":
		return nil
	}
	if n, err := strconv.Atoi(r.Rerank); err != nil || n < 2 || n > 1000 {
		return &Invalid{"recall.rerank", fmt.Sprintf("is %q: use off, ask, auto, or a number from 2 to 1000", r.Rerank)}
	}
	return nil
}
