package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/trmcore/onnx"
)

func (a *app) runtimeCommand() *cobra.Command {
	return cli.Group("runtime", "Look after ONNX Runtime's shared library", a.runtimeInstallCommand(), a.runtimePathCommand())
}

func (a *app) runtimeInstallCommand() *cobra.Command {
	o, cuda := onnx.InstallOptions{}, ""
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install ONNX Runtime's shared library, pinned and checked by its hash",
		Long: `Install ONNX Runtime's shared library into the user's cache, where trm finds it.

npm fetches the package of a pinned version, its hash is checked, and the one library
that is needed is kept. Without a network, fetch the package elsewhere with npm pack
and give it with --package.

With --cuda, pip fetches the library with its CUDA provider, CUDA and cuDNN instead, for
Linux on x86-64: 1.3 GB, 2 GB on disk. The driver decides whether for CUDA 12 or 13;
--cuda=12 and --cuda=13 choose.`,
		Example: `  trm runtime install
  trm runtime install --cuda`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log, o.Output = slog.New(slog.NewTextHandler(a.term.Err, nil)), a.term.Err
			version := map[string]int{"auto": onnx.SupportedCUDA(), "12": 12, "13": 13}[cuda]
			switch {
			case cuda != "" && version == 0:
				return cli.Usagef(cmd, "--cuda=%s: want auto, 12 or 13", cuda)
			case cuda != "" && o.Package != "":
				return cli.Usagef(cmd, "--package is npm's; for CUDA pip has options of its own, such as PIP_FIND_LINKS")
			case cuda != "":
				library, err := onnx.InstallCUDA(cmd.Context(), version, &o)
				if err != nil {
					return err
				}
				return a.printLibrary(library)
			}
			library, err := onnx.InstallLibrary(cmd.Context(), &o)
			if err != nil {
				return err
			}
			return a.printLibrary(library)
		},
	}
	cmd.Flags().StringVar(&o.Dir, "dir", "", "folder to install into; empty is the user's cache")
	cmd.Flags().StringVar(&o.Package, "package", "", "package `file` that was fetched before")
	cmd.Flags().StringVar(&cuda, "cuda", "", "with CUDA: `version` auto, 12 or 13")
	cmd.Flags().Lookup("cuda").NoOptDefVal = "auto"
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
