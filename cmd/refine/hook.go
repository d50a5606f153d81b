package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

func (a *app) hookCommand() *cobra.Command {
	return cli.Group("hook", "Let coding agents recall and remember by themselves", a.hookRun(), a.hookChange("install"), a.hookChange("remove"))
}

// hookInput is what coding agents write to a hook's stdin, as far as it is read: the fields of Claude Code, Codex CLI, Gemini
// CLI and Cursor.
type hookInput struct {
	Event        string `json:"hook_event_name"`
	Session      string `json:"session_id"`
	Conversation string `json:"conversation_id"` // Cursor
	Prompt       string `json:"prompt"`
	Answer       string `json:"last_assistant_message"` // Claude Code, Codex
	Response     string `json:"prompt_response"`        // Gemini
	Text         string `json:"text"`                   // Cursor
}

// The bounds of a hook: an agent waits for it.
const (
	hookTime  = 8 * time.Second
	mostHook  = 16 << 20
	hookTurns = 500 // of the session that are read, so that nothing is recalled which the agent has before it anyway
)

func (a *app) hookRun() *cobra.Command {
	remember := true
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Answer one hook of a coding agent: JSON on stdin, JSON on stdout",
		Long: `Reads the event that a coding agent writes to a hook. When a prompt is sent, what bears on
it is recalled and printed as context, and the prompt is remembered; when the agent has
answered, the answer is. It never stops an agent: what fails is said on stderr, with
exit code 1. refine hook install puts it into an agent's settings.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := context.WithTimeout(cmd.Context(), hookTime)
			defer stop()
			cmd.SetContext(ctx)
			out, err := a.answerHook(cmd, remember)
			if err != nil {
				return ui.Fail(ui.ExitError, "the agent goes on without memory; `refine doctor` looks at the settings and the store", "%w", err) // 2 would stop the agent
			}
			encoder := json.NewEncoder(a.term.Out)
			encoder.SetEscapeHTML(false)
			return encoder.Encode(out)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return ui.Fail(ui.ExitError, "install the hook anew", "%w", err)
	})
	cmd.Flags().BoolVar(&remember, "remember", true, "write prompts and answers to memory")
	return cmd
}

// answerHook does what an event asks for, and returns what the agent is to read.
func (a *app) answerHook(cmd *cobra.Command, remember bool) (map[string]any, error) {
	var in hookInput
	text, err := io.ReadAll(io.LimitReader(a.term.In, mostHook))
	if err == nil {
		err = json.Unmarshal(text, &in)
	}
	if err != nil {
		return nil, fmt.Errorf("read the event of the hook: %w", err)
	}
	answer := cmp.Or(in.Answer, in.Response, in.Text)
	switch in.Event {
	case "UserPromptSubmit", "BeforeAgent", "beforeSubmitPrompt":
		answer = ""
	case "Stop", "AfterAgent", "afterAgentResponse":
		in.Prompt = ""
		if answer == "" || !remember {
			return map[string]any{}, nil
		}
	default: // an event that nobody asked for
		return map[string]any{}, nil
	}
	p, err := a.plugin(cmd, integration.Options{Create: true})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	turn, err := a.hookTurn(cmd.Context(), p, &in)
	if err != nil || turn == nil {
		return map[string]any{}, err
	}
	if answer == "" {
		if err := turn.Recall(cmd.Context()); err != nil {
			return nil, err
		}
	}
	if remember {
		if err := turn.Remember(cmd.Context(), answer); err != nil {
			return nil, err
		}
	}
	switch {
	case in.Event == "beforeSubmitPrompt":
		return map[string]any{"continue": true, "additional_context": turn.Notes}, nil
	case turn.Notes == "":
		return map[string]any{}, nil
	}
	return map[string]any{"hookSpecificOutput": map[string]any{"hookEventName": in.Event, "additionalContext": turn.Notes}}, nil
}

// hookTurn is the turn of the prompt, behind what the store holds of the session; without a prompt it is that of the last one
// in the store, nil if there is none.
func (a *app) hookTurn(ctx context.Context, p *integration.Plugin, in *hookInput) (*integration.Turn, error) {
	session := cmp.Or(p.Scope.Session, in.Session, in.Conversation, "agent")
	scope := p.Scope
	scope.Session = session
	records, _, err := p.Store.List(ctx, scope, &memory.ListOptions{Limit: hookTurns})
	if err != nil {
		return nil, err
	}
	slices.Reverse(records)
	var messages []specialists.Message
	for _, r := range records {
		if r.Role == "user" || r.Role == "assistant" {
			messages = append(messages, specialists.Message{Role: r.Role, Content: r.Text})
		}
	}
	last, err := p.Store.LastPosition(ctx, scope)
	if err != nil {
		return nil, err
	}
	before := max(0, last+1-len(messages))
	if strings.TrimSpace(in.Prompt) != "" {
		messages = append(messages, specialists.Message{Role: "user", Content: in.Prompt})
	} else if !slices.ContainsFunc(records, func(r memory.Record) bool { return r.Role == "user" }) {
		return nil, nil
	}
	return p.Turn(messages, &integration.TurnOptions{Session: session, Before: before, Meta: map[string]string{"source": "hook"}})
}

// agent is a coding agent that hooks can be put into: the file of its settings, under the home or the project, and what runs when.
type agent struct {
	file   string
	events []string
	flat   bool   // an event's list holds the hooks themselves, and not groups of them
	limit  int    // of time, in the agent's own unit
	note   string // what else it needs
}

var agents = map[string]agent{
	"claude": {file: ".claude/settings.json", events: []string{"UserPromptSubmit", "Stop"}, limit: 10},
	"codex": {file: ".codex/hooks.json", events: []string{"UserPromptSubmit", "Stop"}, limit: 10,
		note: "older versions of Codex need codex_hooks = true under [features] in config.toml; /hooks shows and trusts them"},
	"gemini": {file: ".gemini/settings.json", events: []string{"BeforeAgent", "AfterAgent"}, limit: 10000},
	"cursor": {file: ".cursor/hooks.json", events: []string{"beforeSubmitPrompt", "afterAgentResponse"}, flat: true, limit: 10,
		note: "versions of Cursor that take no context from this hook recall with MCP: docs/mcp.md"},
}

func (a *app) hookChange(verb string) *cobra.Command {
	project := false
	file := ""
	cmd := &cobra.Command{
		Use:       verb + " claude|codex|cursor|gemini",
		Short:     map[string]string{"install": "Put the hooks into an agent's settings", "remove": "Take the hooks out of an agent's settings"}[verb],
		ValidArgs: []string{"claude", "codex", "cursor", "gemini"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		Long: `Changes the user's settings of the agent, or with --project those of this folder. What else
is in the file stays as it is and where it is; the file before is kept beside it, with
.bak at its end. Doing it twice changes nothing. The settings that are given here, such
as --user and --store, hold in the hooks.`,
		Example: "  refine hook " + verb + " claude --user mara\n  refine hook " + verb + " codex --project",
		RunE: func(cmd *cobra.Command, args []string) error {
			agent := agents[args[0]]
			if file == "" {
				root, err := os.UserHomeDir()
				if project {
					root, err = os.Getwd()
				}
				if err != nil {
					return err
				}
				file = filepath.Join(root, filepath.FromSlash(agent.file))
			}
			command := ""
			if verb == "install" {
				var err error
				if command, err = hookLine(cmd); err != nil {
					return err
				}
			}
			changed, err := changeHooks(file, &agent, command)
			if err != nil {
				return ui.Fail(ui.ExitError, "fix the file, or name another with --file; it was left as it is", "%w", err)
			}
			switch {
			case !changed:
				a.term.Notef("%s is as it should be", file)
			default:
				a.term.Notef("changed %s", file)
			}
			if verb == "install" && agent.note != "" {
				a.term.Notef("%s", agent.note)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&project, "project", false, "the settings of this folder")
	cmd.Flags().StringVar(&file, "file", "", "change this file")
	return cmd
}

// hookLine is the command of a hook: this program with the settings of the command line.
func hookLine(cmd *cobra.Command) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	words := []string{program, "hook", "run"}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if value := f.Value.String(); len(f.Annotations[settingKey]) > 0 || f.Name == "config" {
			if f.Name == "store" || f.Name == "config" {
				if path, err := filepath.Abs(value); err == nil {
					value = path
				}
			}
			words = append(words, "--"+f.Name+"="+value)
		}
	})
	for i, word := range words {
		if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=/.:@") != "" {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " "), nil
}
