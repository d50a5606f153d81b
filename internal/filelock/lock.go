// Package filelock has locks between processes, which the operating system gives back when a process ends, however it ends.
package filelock

import (
	"context"
	"errors"
	"time"
)

// ErrHeld is returned where another process, or another part of this one, holds the lock for longer than one was to wait.
var ErrHeld = errors.New("held by another")

// Lock takes the lock that the file at path stands for, and makes the file. It waits that long for who holds it; zero: not
// at all. The file stays.
func Lock(ctx context.Context, path string, wait time.Duration) (unlock func(), err error) {
	for end := time.Now().Add(wait); ; {
		f, err := tryLock(path)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil
		case !errors.Is(err, ErrHeld) || !time.Now().Before(end):
			return nil, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
