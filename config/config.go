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
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/adrg/xdg"
)

// Config is everything that can be set. Each field's help tag is what the user reads about it.
type Config struct {
	Store    Store    `mapstructure:"store"`
	Scope    Scope    `mapstructure:"scope"`
	Embedder Embedder `mapstructure:"embedder"`
	Index    string   `mapstructure:"index" help:"vector index: auto, flat (exact SIMD scan) or chromem (chromem-go)"`
	Recall   Recall   `mapstructure:"recall"`
	Model    Model    `mapstructure:"model"`
	Respond  Respond  `mapstructure:"respond"`
	Serve    Serve    `mapstructure:"serve"`
	Log      Log      `mapstructure:"log"`
}

// Store says where the memories live.
type Store struct {
	Path string        `mapstructure:"path" help:"the store's file"`
	Wait time.Duration `mapstructure:"wait" help:"how long to wait for another process that holds the store, like 5s"`
	// Memory bounds what the index of the users that were asked for takes.
	Memory int `mapstructure:"memory" help:"megabytes of memory for the index; what was not used longest is dropped"`
}

// Scope says whose memories a command works on.
type Scope struct {
	Tenant  string `mapstructure:"tenant" help:"tenant, matched exactly"`
	User    string `mapstructure:"user" help:"user, matched exactly"`
	Agent   string `mapstructure:"agent" help:"agent; empty: any"`
	Session string `mapstructure:"session" help:"session; empty: any"`
}

// Embedder says what turns text into vectors.
type Embedder struct {
	Type    string        `mapstructure:"type" help:"auto (the store's model, for a new one a local model if there is any), none (words alone), local (refine models), or openai (any OpenAI-compatible endpoint)"`
	Dim     int           `mapstructure:"dim" help:"length of the vectors (openai); 0: the embedder's own"`
	Model   string        `mapstructure:"model" help:"local: a name of refine models list, empty: the first; openai: the endpoint's model, empty: text-embedding-3-small"`
	BaseURL string        `mapstructure:"base_url" help:"the endpoint (openai); not from the folder's refine.yaml"`
	Timeout time.Duration `mapstructure:"timeout" help:"limit of one request (openai)"`

	KeyEnv     string `mapstructure:"key_env" help:"environment variable that holds the API key (openai)"`
	KeyFile    string `mapstructure:"key_file" help:"file that holds the API key, instead of key_env"`
	KeyCommand string `mapstructure:"key_command" help:"command that prints the API key, instead of key_env"`
}

// Recall says how memories are found and rescored.
type Recall struct {
	Limit  int    `mapstructure:"limit" help:"memories a search returns"`
	Preset string `mapstructure:"preset" help:"weights of the signals: default (measured) or ada (the seed's)"`
	Mode   string `mapstructure:"mode" help:"learned, or to compare with: fixed_point, hybrid, bm25, vector"`
	Steps  int    `mapstructure:"steps" help:"most steps of the recursion; 0: the measured number"`
	Rerank string `mapstructure:"rerank" help:"a local model reads the best memories with the question: ask (only for refine ask), auto (always), a number of memories (always), off; ask and auto go on without one"`
	Budget int    `mapstructure:"budget" help:"tokens that packed memories may take; 0: they are not packed"`
	Pinned int    `mapstructure:"pinned" help:"tokens that pinned memories may take in each prompt, before the others; 0: none are put there"`
}

// Model says which language model writes and revises answers.
type Model struct {
	Type        string        `mapstructure:"type" help:"none (answers quote the memories, offline) or openai (any OpenAI-compatible endpoint); not from the folder's refine.yaml"`
	Model       string        `mapstructure:"model" help:"the endpoint's model (openai)"`
	BaseURL     string        `mapstructure:"base_url" help:"the endpoint (openai); not from the folder's refine.yaml"`
	Timeout     time.Duration `mapstructure:"timeout" help:"limit of one answer, or of a stream's silence (openai)"`
	Concurrency int           `mapstructure:"concurrency" help:"requests under way at one time; 0: 4"`
	MaxTokens   int           `mapstructure:"max_tokens" help:"most tokens of one completion; 0: the endpoint's own limit"`
	PriceIn     float64       `mapstructure:"price_in" help:"price of a million tokens of prompts, in any currency"`
	PriceOut    float64       `mapstructure:"price_out" help:"price of a million tokens of completions, in the same"`

	KeyEnv     string `mapstructure:"key_env" help:"environment variable that holds the API key (openai)"`
	KeyFile    string `mapstructure:"key_file" help:"file that holds the API key, instead of key_env"`
	KeyCommand string `mapstructure:"key_command" help:"command that prints the API key, instead of key_env"`
}

// Respond says how answers are refined, and what that may cost.
type Respond struct {
	Refine    string        `mapstructure:"refine" help:"when a draft is refined: auto (unless it passes), always or off"`
	Chain     string        `mapstructure:"chain" help:"specialists that examine a draft: rules or none"`
	Threshold float64       `mapstructure:"threshold" help:"score from which a draft passes, above 0 to 1; 0: the usual .8"`
	Rounds    int           `mapstructure:"rounds" help:"most rounds of refinement; 0: the usual 3"`
	Tokens    int           `mapstructure:"tokens" help:"most tokens of language models for one answer; 0: no limit"`
	Cost      float64       `mapstructure:"cost" help:"most money for one answer, in the currency of the prices; 0: no limit"`
	Time      time.Duration `mapstructure:"time" help:"most time for one answer; 0s: no limit"`
	Budget    int           `mapstructure:"budget" help:"tokens that memories may take in the model's prompt"`
}

// Serve says how refine serve answers. Its upstream is the model.
type Serve struct {
	Listen       string        `mapstructure:"listen" help:"address and port; without keys a loopback address only"`
	Names        string        `mapstructure:"names" help:"names of the server besides localhost, separated by commas, where there are no keys"`
	KeysFile     string        `mapstructure:"keys_file" help:"file of the callers' API keys (refine serve key); empty: none; not from the folder's refine.yaml"`
	KeyEnv       string        `mapstructure:"key_env" help:"environment variable that may hold one more key, for the configured scope"`
	TLSCert      string        `mapstructure:"tls_cert" help:"certificate file, PEM; empty: plain HTTP"`
	TLSKey       string        `mapstructure:"tls_key" help:"the certificate's private key, PEM"`
	Rate         float64       `mapstructure:"rate" help:"requests a second of each caller; 0: no limit"`
	Burst        int           `mapstructure:"burst" help:"requests of a caller at once; 0: twice the rate"`
	MaxBody      int           `mapstructure:"max_body" help:"bytes of the largest request"`
	Silence      time.Duration `mapstructure:"silence" help:"how long the upstream may say nothing, before its answer and within"`
	ShutdownWait time.Duration `mapstructure:"shutdown_wait" help:"how long answers under way may take to end when the server is stopped"`
	Refine       string        `mapstructure:"refine" help:"when an upstream's answers are refined: auto (unless the draft passes), always or off; a request may say otherwise"`
	Remember     bool          `mapstructure:"remember" help:"write chats to memory"`
	Tasks        string        `mapstructure:"tasks" help:"regular expressions, one a line, of what a client asks for itself, such as titles: neither remembered nor given memories; the line known: those of many clients"`
	Memories     int           `mapstructure:"memories" help:"most memories in a chat's prompt"`
	Budget       int           `mapstructure:"budget" help:"tokens that they may take"`
	Ada          bool          `mapstructure:"ada" help:"answer as Ada's brain does too, under /v1"`
	MCP          bool          `mapstructure:"mcp" help:"serve the Model Context Protocol too, at /mcp"`
	Webhooks     []Webhook     `mapstructure:"webhooks" help:"who is told of what was remembered, changed and deleted: a list of url, secret_env, events and plain (docs/serve.md), in the variable as JSON; not from the folder's refine.yaml"`
}

// Webhook is an address that refine serve tells of changes to the memories.
type Webhook struct {
	URL       string   `mapstructure:"url" json:"url"`
	SecretEnv string   `mapstructure:"secret_env" json:"secret_env,omitempty"` // variable that holds what signs
	Events    []string `mapstructure:"events" json:"events,omitempty"`         // remembered, changed, deleted; none: all
	Plain     bool     `mapstructure:"plain" json:"plain,omitempty"`           // http to other machines too
}

// Log says what is logged to stderr.
type Log struct {
	Level  string `mapstructure:"level" help:"debug, info, warn or error"`
	Format string `mapstructure:"format" help:"text, or json: an object a line"`
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

// choices are the values of the settings that have no others.
var choices = map[string][]string{
	"embedder.type":  {"auto", "none", "local", "openai"},
	"index":          {"auto", "flat", "chromem"},
	"recall.preset":  {"default", "ada"},
	"recall.mode":    {"learned", "fixed_point", "hybrid", "bm25", "vector"},
	"model.type":     {"none", "openai"},
	"respond.refine": {"auto", "always", "off"},
	"respond.chain":  {"rules", "none"},
	"serve.refine":   {"auto", "always", "off"},
	"log.level":      {"debug", "info", "warn", "error"},
	"log.format":     {"text", "json"},
}

// Choices are the values that a setting may have; none if it is free.
func Choices(key string) []string { return slices.Clone(choices[key]) }

// Invalid is a value that breaks a rule.
type Invalid struct {
	Key string // of the setting, like recall.limit
	fix string
}

func (e *Invalid) Error() string { return e.Key + " " + e.fix }

// Validate reports the first setting that is out of its range.
func (c *Config) Validate() error {
	chosen := func(key, value string) error {
		if slices.Contains(choices[key], value) {
			return nil
		}
		return &Invalid{key, fmt.Sprintf("is %q: use %s", value, strings.Join(choices[key], ", "))}
	}
	within := func(key string, value, low, high float64) error {
		if value >= low && value <= high { // false for NaN
			return nil
		}
		return &Invalid{key, fmt.Sprintf("is %v: use a number from %v to %v", value, low, high)}
	}
	if c.Store.Path == "" {
		return &Invalid{"store.path", "is empty: name a file"}
	}
	errs := []error{
		within("store.wait", c.Store.Wait.Seconds(), 0, 3600),
		within("store.memory", float64(c.Store.Memory), 1, 1<<20),
		chosen("embedder.type", c.Embedder.Type),
		within("embedder.dim", float64(c.Embedder.Dim), 0, 16384),
		within("embedder.timeout", c.Embedder.Timeout.Seconds(), 0, 3600),
		chosen("index", c.Index),
		within("recall.limit", float64(c.Recall.Limit), 1, 10000),
		chosen("recall.preset", c.Recall.Preset),
		chosen("recall.mode", c.Recall.Mode),
		within("recall.steps", float64(c.Recall.Steps), 0, 10000),
		c.Recall.validateRerank(),
		within("recall.budget", float64(c.Recall.Budget), 0, 1e9),
		within("recall.pinned", float64(c.Recall.Pinned), 0, 1e9),
		chosen("model.type", c.Model.Type),
		within("model.timeout", c.Model.Timeout.Seconds(), 0, 3600),
		within("model.concurrency", float64(c.Model.Concurrency), 0, 1000),
		within("model.max_tokens", float64(c.Model.MaxTokens), 0, 1e7),
		within("model.price_in", c.Model.PriceIn, 0, 1e6),
		within("model.price_out", c.Model.PriceOut, 0, 1e6),
		chosen("respond.refine", c.Respond.Refine),
		chosen("respond.chain", c.Respond.Chain),
		within("respond.threshold", c.Respond.Threshold, 0, 1),
		within("respond.rounds", float64(c.Respond.Rounds), 0, 100),
		within("respond.tokens", float64(c.Respond.Tokens), 0, 1e9),
		within("respond.cost", c.Respond.Cost, 0, 1e9),
		within("respond.time", c.Respond.Time.Seconds(), 0, 86400),
		within("respond.budget", float64(c.Respond.Budget), 1, 1e9),
		c.Serve.validate(),
		chosen("serve.refine", c.Serve.Refine),
		within("serve.rate", c.Serve.Rate, 0, 1e6),
		within("serve.burst", float64(c.Serve.Burst), 0, 1e6),
		within("serve.max_body", float64(c.Serve.MaxBody), 1024, 1<<30),
		within("serve.silence", c.Serve.Silence.Seconds(), 1, 86400),
		within("serve.shutdown_wait", c.Serve.ShutdownWait.Seconds(), 0, 3600),
		within("serve.memories", float64(c.Serve.Memories), 1, 1000),
		within("serve.budget", float64(c.Serve.Budget), 1, 1e9),
		chosen("log.level", c.Log.Level),
		chosen("log.format", c.Log.Format),
	}
	for _, err := range errs {
		if err != nil {
			return err
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

func (s *Serve) validate() error {
	if _, port, err := net.SplitHostPort(s.Listen); err != nil || port == "" {
		return &Invalid{"serve.listen", fmt.Sprintf("is %q: use an address and a port, like 127.0.0.1:8377", s.Listen)}
	}
	return nil
}
