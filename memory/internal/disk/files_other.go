//go:build !unix

package disk

func isReadOnlyFS(error) bool { return false }

func isFull(error) bool { return false }
