package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/adapters/chroma"
	"github.com/trm-go/refiner/adapters/jsonl"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate/mirror"
)

// remoteFlags name a store that somebody else owns.
type remoteFlags struct {
	chroma, jsonl  string
	remove, shrink bool
}

func (f *remoteFlags) register(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.chroma, "chroma", "", "consolidate this collection of a Chroma server, like http://localhost:8000/conversations; $CHROMA_TOKEN is its token")
	flags.StringVar(&f.jsonl, "jsonl", "", "consolidate this file of JSON Lines")
	flags.BoolVar(&f.remove, "remove", false, "with --chroma or --jsonl: take out what summaries stand for instead of marking it; undo puts it back")
	flags.BoolVar(&f.shrink, "forget-missing", false, "with --chroma or --jsonl: go on if more than half of what was there is gone, and forget it")
}

// given reports whether there is one.
func (f *remoteFlags) given() bool { return f.chroma != "" || f.jsonl != "" }

// consolidated is what is consolidated: a store, or the mirror of another one.
type consolidated struct {
	*integration.Plugin
	mirror *mirror.Mirror // nil: the store is our own
}

// push writes back to the remote, if there is one.
func (c *consolidated) push(ctx context.Context) (*mirror.Pushed, error) {
	if c.mirror == nil {
		return nil, nil
	}
	done, err := c.mirror.Push(ctx)
	if err != nil {
		return nil, ui.Fail(ui.ExitError, "run the same command again: it goes on where it stopped", "%w", err)
	}
	return &done, nil
}

// mirrorPath is where the mirror of a remote lies: beside the configured store, named by what it mirrors.
func (a *app) mirrorPath(f *remoteFlags) (string, error) {
	if !integration.IsFile(a.settings.Store.Path) {
		return "", ui.Fail(ui.ExitUsage, "name one with --store", "a mirror is kept beside a store that is a file")
	}
	of := f.chroma
	if f.jsonl != "" {
		path, err := filepath.Abs(f.jsonl)
		if err != nil {
			return "", err
		}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		of = "jsonl:" + path
	}
	sum := sha256.Sum256([]byte(strings.TrimRight(of, "/")))
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, filepath.Base(strings.TrimRight(of, "/")))
	return filepath.Join(filepath.Dir(a.settings.Store.Path), "mirrors", name[:min(len(name), 40)]+"-"+hex.EncodeToString(sum[:6])+".db"), nil
}

// openConsolidated opens what is to be consolidated: the store, or the remote's mirror, brought up to date.
func (a *app) openConsolidated(cmd *cobra.Command, f *remoteFlags, write bool) (*consolidated, error) {
	if !f.given() {
		if f.remove || f.shrink {
			return nil, ui.Fail(ui.ExitUsage, "name the other store with --chroma or --jsonl", "--remove and --forget-missing are for a store of somebody else")
		}
		open := a.look
		if write {
			open = a.open
		}
		p, err := open(cmd)
		return &consolidated{Plugin: p}, err
	}
	if f.chroma != "" && f.jsonl != "" {
		return nil, ui.Fail(ui.ExitUsage, "one after the other", "--chroma and --jsonl are two stores")
	}
	if err := a.load(cmd); err != nil {
		return nil, err
	}
	ctx := cmd.Context()
	remote, err := a.remote(ctx, f)
	if err != nil {
		return nil, err
	}
	path, err := a.mirrorPath(f)
	if err != nil {
		return nil, err
	}
	settings := a.settings.Config
	settings.Store.Path, settings.Embedder.Type, settings.Embedder.Dim = path, "auto", 0
	_, err = os.Stat(path)
	fresh := errors.Is(err, os.ErrNotExist)
	if fresh {
		settings.Embedder.Type = "none" // nobody searches in a mirror
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	}
	p, err := integration.New(ctx, settings, &integration.Options{Create: fresh, Log: a.log})
	if err != nil {
		return nil, fmt.Errorf("the mirror: %w", err)
	}
	tenant := memory.Scope{Tenant: p.Scope.Tenant, User: p.Scope.User}
	c := &consolidated{p, mirror.New(p.Store, tenant, remote, &mirror.Options{Remove: f.remove, Shrink: f.shrink})}
	bar := a.term.Progress("reading", "documents", -1)
	pulled, err := c.mirror.Pull(ctx)
	bar.Done()
	if err != nil {
		return nil, errors.Join(a.pullFailure(err), p.Close())
	}
	if !a.json && pulled.Added+pulled.Deleted > 0 {
		a.term.Notef("%s, of which %s new and %s gone since the last time", counted(pulled.Documents, "document"), thousands(pulled.Added), thousands(pulled.Deleted))
	}
	return c, nil
}

func (a *app) pullFailure(err error) error {
	switch {
	case errors.Is(err, mirror.ErrShrunk):
		return ui.Fail(ui.ExitError, "check the address; if they were deleted on purpose, say so with --forget-missing", "%w", err)
	case errors.Is(err, mirror.ErrForeign):
		return ui.Fail(ui.ExitError, "use --store to name the store beside which the mirror lies, or undo it there first", "%w", err)
	}
	return err
}

// remote opens the store that somebody else owns.
func (a *app) remote(ctx context.Context, f *remoteFlags) (mirror.Remote, error) {
	if f.jsonl != "" {
		file, err := jsonl.Open(f.jsonl)
		if err != nil {
			return nil, ui.Fail(ui.ExitError, "check the name", "%w", err)
		}
		return file, nil
	}
	o := &chroma.Options{Token: os.Getenv("CHROMA_TOKEN")}
	if t := a.settings.Embedder.Type; t == "local" || t == "openai" {
		e, err := integration.Embedder(ctx, a.settings.Config)
		if err != nil {
			return nil, err
		}
		o.Embed = e.Embed
	}
	c, err := chroma.Open(ctx, f.chroma, o)
	if err != nil {
		return nil, ui.Fail(ui.ExitError, "check the address, and that the server runs: curl "+strings.TrimRight(f.chroma, "/")+"/api/v2/heartbeat without the collection", "%w", err)
	}
	return c, nil
}
