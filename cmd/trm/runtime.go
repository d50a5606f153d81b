package main

import (
	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/trmcore/onnx"
)

func (a *app) runtimeCommand() *cobra.Command {
	return cli.Group("runtime", "Look after ONNX Runtime's shared library", a.runtimeInstallCommand(), a.runtimePathCommand())
}

func (a *app) runtimeInstallCommand() *cobra.Command {
	o := onnx.InstallOptions{}
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install ONNX Runtime's shared library, pinned and checked by its hash",
		Long: `Install ONNX Runtime's shared library into the user's cache, where trm finds it.

npm fetches the package of a pinned version, and the one library that is needed is kept
if its hash is right. Without a network, fetch the package elsewhere with npm pack and
give it with --package.

For an NVIDIA GPU on Linux, take Python's package instead, and name its folder:

  pip install 'onnxruntime-gpu[cuda,cudnn]'
  export ` + onnx.LibraryVariable + `=.../site-packages`,
		Example: "  trm runtime install",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log = cli.Talk(a.term)
			library, err := onnx.InstallLibrary(cmd.Context(), &o)
			if err != nil {
				return err
			}
			return a.printLibrary(library)
		},
	}
	cmd.Flags().StringVar(&o.Dir, "dir", "", "folder to install into; empty is the user's cache")
	cmd.Flags().StringVar(&o.Package, "package", "", "package `file` that was fetched before")
	return cmd
}

func (a *app) runtimePathCommand() *cobra.Command {
	explicit := ""
	cmd := &cobra.Command{
		Use:   "path",
		Short: "Print the path of the library that is found",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			library, err := onnx.FindLibrary(explicit)
			if err != nil {
				return err
			}
			return a.printLibrary(library)
		},
	}
	cmd.Flags().StringVar(&explicit, "library", "", "look at this path alone")
	return cmd
}

func (a *app) printLibrary(library onnx.Library) error {
	if a.json {
		return a.term.JSON(library)
	}
	a.term.Printf("%s\n", library.Path)
	a.term.Notef("found by %s", library.Source)
	return nil
}
