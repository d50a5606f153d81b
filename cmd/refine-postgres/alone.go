//go:build !refine

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "this program was built without the files of cmd/refine: build it with `make refine-postgres`")
	os.Exit(1)
}
