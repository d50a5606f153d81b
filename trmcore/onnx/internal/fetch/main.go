// Command fetch installs ONNX Runtime into a project's .cache, for make. Users have trm runtime install.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"

	"github.com/trm-go/refiner/trmcore/onnx"
)

func main() {
	project := flag.String("project", ".", "folder whose .cache gets the library")
	tarball := flag.String("package", "", "tarball of the package, if it was fetched before")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	library, err := onnx.InstallLibrary(ctx, &onnx.InstallOptions{
		Dir: onnx.InstallDir(*project), Package: *tarball, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
	fmt.Println(library.Path)
}
