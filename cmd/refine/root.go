package main

import (
	"log/slog"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/config/settings"
	"github.com/trm-go/refiner/internal/ui"
)

// app is what the commands share.
type app struct {
	term     *ui.Terminal
	json     bool               // --json
	file     string             // --config
	implied  []settings.Flag    // settings that a flag brings along with its own
	settings *settings.Settings // set once the command line is read
	log      *slog.Logger
}

func (a *app) root() *cobra.Command {
	root := cli.Root(&cobra.Command{
		Use:   "refine",
		Short: "A memory for assistants that checks itself",
		Long: `refine keeps what was said in conversations and recalls it: memories that match a
question are ranked by a learned model that reads each with the turns around it, its
session, its speaker and its time. It works in any language, offline.`,
		Example: `  refine init
  refine import --sample
  refine search "when are Jo and Dev going to the cottage?"
  refine explain "when are Jo and Dev going to the cottage?" --plot settling.svg`,
	}, a.term, &a.json, "docs/cli-json.md", `0 done, 1 error, 2 usage, 3 completed with failures or below a threshold,
  10 no store, 11 locked, 12 corrupt, 130 interrupted`)
	root.CompletionOptions.HiddenDefaultCmd = false

	flags := root.PersistentFlags()
	flags.StringVar(&a.file, "config", "", "read this configuration file alone")
	a.setting(root, true, "store", "store.path")
	a.setting(root, true, "tenant", "scope.tenant")
	a.setting(root, true, "user", "scope.user")
	a.setting(root, true, "agent", "scope.agent")
	a.setting(root, true, "session", "scope.session")
	a.setting(root, true, "embedder", "embedder.type")
	a.setting(root, true, "index", "index")
	a.setting(root, true, "log-level", "log.level")

	a.addCommands(root)
	cli.UsageErrors(root)
	return root
}

// addCommands adds the commands in groups.
func (a *app) addCommands(root *cobra.Command) {
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Memories:", []*cobra.Command{a.initCommand(), a.importCommand(), a.addCommand(), a.searchCommand(), a.askCommand(), a.explainCommand(), a.listCommand(), a.editCommand(), a.pinCommand(), a.historyCommand(), a.evalCommand()}},
		{"The store:", []*cobra.Command{a.statsCommand(), a.usersCommand(), a.consolidateCommand(), a.exportCommand(), a.checkCommand(), a.snapshotCommand(), a.restoreCommand(), a.deleteCommand(), a.reembedCommand(), a.migrateCommand(), a.modelsCommand()}},
		{"Servers and hooks:", []*cobra.Command{a.serveCommand(), a.mcpCommand(), a.hookCommand(), a.adaCommand()}},
		{"This command:", []*cobra.Command{a.configCommand(), a.doctorCommand(), cli.VersionCommand(a.term, &a.json)}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID("This command:")
	root.SetCompletionCommandGroupID("This command:")
}

// settingKey annotates a flag that stands for a setting with the setting's name.
const settingKey = "refiner.setting"

// setting adds a flag that stands for a setting, with the setting's own help.
func (a *app) setting(cmd *cobra.Command, persistent bool, flag, key string) {
	flags := cmd.Flags()
	if persistent {
		flags = cmd.PersistentFlags()
	}
	keys := settings.Keys()
	at := slices.IndexFunc(keys, func(k settings.Key) bool { return k.Name == key })
	if at < 0 {
		panic("there is no setting " + key)
	}
	flags.String(flag, "", keys[at].Help)
	// The flag itself says which setting it stands for: two commands may have a flag of the same name for different ones.
	if err := flags.SetAnnotation(flag, settingKey, []string{key}); err != nil {
		panic(err) // the flag was added above
	}
	if choices := keys[at].Choices; len(choices) > 0 {
		if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // the flag was added above
		}
	}
}

// load reads the settings that the command line, the environment and the files make together.
func (a *app) load(cmd *cobra.Command) error {
	opts := &settings.Options{File: a.file}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		for _, key := range f.Annotations[settingKey] {
			opts.Flags = append(opts.Flags, settings.Flag{Name: f.Name, Key: key, Value: f.Value.String()})
		}
	})
	opts.Flags = append(opts.Flags, a.implied...)
	settings, err := settings.Load(opts)
	if err != nil {
		return ui.Fail(ui.ExitUsage, "see every setting and where it comes from with `refine config show --origin`", "%w", err)
	}
	for _, warning := range settings.Warnings {
		a.term.Notef("warning: %s", warning)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(settings.Log.Level)); err != nil {
		return err
	}
	a.settings = settings
	var handler slog.Handler = slog.NewTextHandler(a.term.Err, &slog.HandlerOptions{Level: level})
	if settings.Log.Format == "json" {
		handler = slog.NewJSONHandler(a.term.Err, &slog.HandlerOptions{Level: level})
	}
	a.log = slog.New(handler)
	return nil
}

// counted is "1 turn" or "1,234 turns".
func counted(n int, unit string) string { return plural(n, unit, unit+"s") }

// plural is counted, for a unit with a plural of its own.
func plural(n int, one, many string) string {
	return thousands(n) + " " + english.PluralWord(n, one, many)
}

func thousands(n int) string { return humanize.Comma(int64(n)) }

// recallSettings adds the flags that stand for the settings of the recall.
func (a *app) recallSettings(cmd *cobra.Command, persistent bool) {
	a.setting(cmd, persistent, "mode", "recall.mode")
	a.setting(cmd, persistent, "preset", "recall.preset")
	a.setting(cmd, persistent, "rerank", "recall.rerank")
}
