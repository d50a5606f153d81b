package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/config/settings"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/internal/otlp"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Give any client of the OpenAI API a memory, and show it on a page",
		Long: `Answers the OpenAI API in front of the configured model (model.base_url), or of none:
what bears on the last message is recalled and put into the prompt, the answer is
refined, and the turn is written back. Point any client at it:

  OPENAI_BASE_URL=http://127.0.0.1:8377/v1 your-app

The same address has a page for people at /, a REST API at /api/v1, MCP at /mcp
(serve.mcp), /healthz, /readyz and /metrics, and with --ada (serve.ada) it answers as
Ada's brain does. Without keys it listens on this machine only. docs/serve.md
has every endpoint and setting.`,
		Example: `  refine serve
  REFINE_MODEL_TYPE=openai REFINE_MODEL_BASE_URL=http://localhost:11434/v1 refine serve
  refine serve --listen 0.0.0.0:8377 --keys-file keys.json --tls-cert cert.pem --tls-key key.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("upstream") {
				a.implied = append(a.implied, settings.Flag{Name: "upstream", Key: "model.type", Value: "openai"})
			}
			if err := a.load(cmd); err != nil {
				return err
			}
			return a.serve(cmd.Context())
		},
	}
	a.setting(cmd, true, "listen", "serve.listen")
	a.setting(cmd, true, "keys-file", "serve.keys_file")
	a.setting(cmd, false, "tls-cert", "serve.tls_cert")
	a.setting(cmd, false, "tls-key", "serve.tls_key")
	a.setting(cmd, false, "refine", "serve.refine")
	a.setting(cmd, false, "ada", "serve.ada")
	a.setting(cmd, false, "mcp", "serve.mcp") // off with --mcp=false
	for _, name := range []string{"ada", "mcp"} {
		cmd.Flags().Lookup(name).NoOptDefVal = "true" // --ada alone means it
	}
	a.setting(cmd, false, "model", "model.model")
	a.setting(cmd, false, "upstream", "model.base_url")
	cmd.AddCommand(a.keyCommand(), a.healthCommand())
	return cmd
}

// serve answers until ctx is done. What the settings say is checked before anything is made.
func (a *app) serve(ctx context.Context) error {
	c := a.settings.Serve
	o := &serve.Options{Refine: refine.Refinement(c.Refine), Forget: !c.Remember, Tasks: c.Tasks, Limit: c.Memories, Budget: c.Budget, Hosts: strings.Split(c.Names, ","),
		Rate: c.Rate, Burst: c.Burst, MaxBody: int64(c.MaxBody), Wait: c.ShutdownWait, Ada: c.Ada, MCP: c.MCP, Version: cli.Info().Version, Log: a.log}
	var err error
	if o.Keys, err = a.serveKeys(); err != nil {
		return ui.Fail(ui.ExitUsage, "make keys with `refine serve key NAME`", "%w", err)
	}
	if o.Webhooks, err = webhooks(c.Webhooks); err != nil {
		return ui.Fail(ui.ExitUsage, "put a long random secret into the variable, like that of `openssl rand -hex 32`", "%w", err)
	}
	if m := a.settings.Model; m.Type == "openai" {
		key, err := m.Key(ctx)
		if err != nil {
			return err
		}
		o.Upstream = &serve.Upstream{BaseURL: m.BaseURL, Key: key, Model: m.Model, Silence: c.Silence}
	}
	var secure *tls.Config
	if c.TLSCert != "" || c.TLSKey != "" {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return ui.Fail(ui.ExitUsage, "check serve.tls_cert and serve.tls_key: both are PEM files", "load the certificate: %w", err)
		}
		secure = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	if err := serve.CheckListen(c.Listen, len(o.Keys)); err != nil {
		return ui.Fail(ui.ExitUsage, "make a key with `refine serve key NAME --keys-file FILE`, or listen on 127.0.0.1", "%w", err)
	}
	traces, err := otlp.FromEnv("refine", cli.Info().Version, a.log)
	if err != nil {
		return ui.Fail(ui.ExitUsage, "docs/serve.md has the variables", "%w", err)
	}
	if traces != nil {
		defer traces.Close()
		o.Traces = traces
	}
	_, missing := os.Stat(a.settings.Config.Store.Path)
	p, err := integration.New(ctx, a.settings.Config, &integration.Options{Log: a.log, Create: true})
	if err != nil {
		return err
	}
	defer p.Close()
	if missing != nil && integration.IsFile(a.settings.Store.Path) {
		a.term.Notef("made the store %s", p.Store.Path())
	}
	server, err := serve.New(p, o)
	if err != nil {
		return ui.Fail(ui.ExitUsage, "see the settings with `refine config show`", "%w", err)
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return ui.Fail(ui.ExitError, "choose another address with --listen", "%w", err)
	}
	a.announce(listener.Addr(), secure != nil, o, p.Scope)
	go a.watchKeys(ctx, server) // ends with ctx
	return server.Run(ctx, listener, secure)
}

// announce says what is served, and where.
func (a *app) announce(at net.Addr, secure bool, o *serve.Options, scope memory.Scope) {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	address := scheme + "://" + at.String()
	a.term.Notef("serving %s (the page), %[1]s/v1 (the OpenAI API), %[1]s/api/v1 (REST)", address)
	if o.MCP {
		a.term.Notef("serving %s/mcp (MCP)", address)
	}
	if o.Ada {
		a.term.Notef("serving %s/v1/chat/stream, /v1/memory and the rest of Ada's brain", address)
	}
	if o.Upstream == nil {
		a.term.Notef("no model is configured: the memories answer for themselves; set model.type and model.base_url for one")
	} else {
		a.term.Notef("upstream: %s", o.Upstream.BaseURL)
	}
	if len(o.Keys) == 0 {
		a.term.Notef("no keys: everybody on this machine reads and writes the memories %s", described(scope))
	}
}

// webhooks are those of the settings, with their secrets.
func webhooks(list []config.Webhook) (hooks []serve.Webhook, err error) {
	for i, h := range list {
		secret := strings.TrimSpace(os.Getenv(h.SecretEnv))
		if h.SecretEnv != "" && secret == "" {
			return nil, fmt.Errorf("serve.webhooks: %d: the variable %s, which secret_env names, is empty", i+1, h.SecretEnv)
		}
		hooks = append(hooks, serve.Webhook{URL: h.URL, Secret: secret, Events: h.Events, Plain: h.Plain})
	}
	return hooks, nil
}

// keysEvery is how often the file of keys is looked at.
const keysEvery = 2 * time.Second

// watchKeys hands the keys to the server anew when their file has changed. A file that cannot be used changes nothing.
func (a *app) watchKeys(ctx context.Context, server *serve.Server) {
	path := a.settings.Serve.KeysFile
	if path == "" {
		return
	}
	before, _ := os.Stat(path)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(keysEvery):
		}
		now, err := os.Stat(path)
		if err == nil && before != nil && os.SameFile(now, before) && now.ModTime().Equal(before.ModTime()) && now.Size() == before.Size() {
			continue
		}
		if err != nil && before == nil {
			continue // it was said
		}
		var keys []serve.Key
		if before = now; err == nil {
			keys, err = a.serveKeys()
		}
		if err == nil {
			err = server.SetKeys(keys)
		}
		if err != nil {
			a.log.Error("the file of keys cannot be used; the keys before hold on", "error", err)
			continue
		}
		a.term.Notef("read %s anew", counted(len(keys), "key"))
	}
}

// serveKeys are the keys of the file, and the one in the environment.
func (a *app) serveKeys() ([]serve.Key, error) {
	c := a.settings.Serve
	var keys []serve.Key
	if c.KeysFile != "" {
		var err error
		if keys, err = serve.LoadKeys(c.KeysFile); err == nil && len(keys) == 0 {
			err = errors.New("the file of keys holds none")
		}
		if err != nil {
			return nil, err
		}
	}
	if secret := strings.TrimSpace(os.Getenv(c.KeyEnv)); c.KeyEnv != "" && secret != "" {
		const shortest = 20
		if len(secret) < shortest {
			return nil, ui.Fail(ui.ExitUsage, "use a long random one, like that of `openssl rand -hex 32`", "the key in %s has fewer than %d characters: it could be guessed", c.KeyEnv, shortest)
		}
		keys = append(keys, serve.Key{Name: "env:" + c.KeyEnv, Hash: serve.HashKey(secret), Scope: integration.Scope(a.settings.Config), Metrics: true})
	}
	return keys, nil
}

func (a *app) keyCommand() *cobra.Command {
	var k serve.Key
	cmd := &cobra.Command{
		Use:   "key NAME",
		Short: "Make an API key that is bound to a scope",
		Long: `Makes a key for the scope of --tenant, --user, --agent and --session, and puts its
hash into the file of keys. The key is printed once and kept nowhere.

--any-user makes a key for a backend that serves many: each request then names its
user in the header X-User-Id, within the key's tenant.`,
		Example: `  refine serve key laptop --user nora --keys-file keys.json
  refine serve key backend --tenant acme --any-user --keys-file keys.json
  refine serve key prometheus --metrics --read-only --keys-file keys.json`,
		Args: cobra.ExactArgs(1),
		RunE: a.loaded(func(cmd *cobra.Command, args []string) error {
			path := a.settings.Serve.KeysFile
			if path == "" {
				return ui.Fail(ui.ExitUsage, "name it with --keys-file, or set serve.keys_file", "there is no file to put the key into")
			}
			scope := integration.Scope(a.settings.Config)
			if k.AnyUser {
				if cmd.Flags().Changed("user") {
					return ui.Fail(ui.ExitUsage, "leave one of them out", "--any-user and --user exclude each other")
				}
				scope.User = ""
			}
			secret, made := serve.NewKey(args[0], scope)
			made.AnyUser, made.ReadOnly, made.Metrics = k.AnyUser, k.ReadOnly, k.Metrics
			if err := serve.AddKey(path, made); err != nil {
				return err
			}
			return a.show(map[string]any{"key": secret, "name": made.Name, "scope": scope}, func() {
				a.term.Printf("%s\n", secret)
				a.term.Notef("this is the only time it is shown; %s holds its hash. Send it as Authorization: Bearer KEY", path)
			})
		}),
	}
	flags := cmd.Flags()
	flags.BoolVar(&k.AnyUser, "any-user", false, "each request names its user, in X-User-Id")
	flags.BoolVar(&k.ReadOnly, "read-only", false, "the key changes no memory")
	flags.BoolVar(&k.Metrics, "metrics", false, "the key may read /metrics")
	return cmd
}

func (a *app) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the server at serve.listen whether it is ready",
		Long: `Asks the server at serve.listen, on this machine, whether it is ready, and exits with 1 if it is not: for the
health check of a container.`,
		Args: cobra.NoArgs,
		RunE: a.loaded(func(cmd *cobra.Command, _ []string) error {
			c := a.settings.Serve
			host, port, err := net.SplitHostPort(c.Listen)
			if err != nil {
				return err
			}
			if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
				host = "127.0.0.1"
			}
			scheme := "http"
			if c.TLSCert != "" {
				scheme = "https"
			}
			// The certificate is one for the server's public name, and nothing secret is sent.
			client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
			url := fmt.Sprintf("%s://%s/readyz", scheme, net.JoinHostPort(host, port))
			request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			response, err := client.Do(request)
			if err != nil {
				return ui.Fail(ui.ExitError, "start it with `refine serve`", "no server answers: %w", err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				reason, _ := io.ReadAll(io.LimitReader(response.Body, 512))
				return ui.Fail(ui.ExitError, "", "%s is not ready: %s %s", url, response.Status, reason)
			}
			a.term.Printf("ready\n")
			return nil
		}),
	}
}
