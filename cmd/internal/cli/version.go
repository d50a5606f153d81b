package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/internal/ui"
)

// Version is set by the commands' main packages, from what the linker gave them when a release was built.
var Version string

// Build describes a binary.
type Build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a changed working tree
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Info describes this binary.
func Info() Build {
	b := Build{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b Build) String() string { return b.Version + " " + b.Go + " " + b.Platform }

// VersionCommand prints the version.
func VersionCommand(term *ui.Terminal, json *bool) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this command",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := Info()
			if *json {
				return term.JSON(b)
			}
			term.Printf("%s %s\n", cmd.Root().Name(), b)
			if b.Commit != "" {
				changed := ""
				if b.Modified {
					changed = ", with changes"
				}
				term.Printf("commit %s%s\n", b.Commit, changed)
			}
			return nil
		},
	}
}
