//go:build !unix

package memory

func isReadOnlyFS(error) bool { return false }

func isFull(error) bool { return false }
