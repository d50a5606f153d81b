//go:build !unix

package main

import "time"

// processTime is not to be had here: the clock's time is.
func processTime() time.Duration { return time.Since(start) }
