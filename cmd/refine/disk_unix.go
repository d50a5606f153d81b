//go:build linux || darwin

package main

import "syscall"

// freeSpace is what the user may still write to the disk of a folder, in bytes.
func freeSpace(folder string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
