// Package torch talks to the PyTorch side of a comparison of speed: a Python process, bench/parity/speed.py, that waits
// for its turn, so that both sides are measured alternately in one run.
package torch

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Side is the process. It answers one question at a time.
type Side struct {
	Name string // what it says of itself: version, threads or device, precision

	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// Start starts the script on a model's folder and waits until the model is loaded.
func Start(ctx context.Context, python, script, model string, arguments ...string) (*Side, error) {
	script, err := filepath.Abs(script)
	if err != nil {
		return nil, err
	}
	s := &Side{cmd: exec.CommandContext(ctx, python, append([]string{script, model}, arguments...)...)}
	s.cmd.Stderr = os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.lines = bufio.NewScanner(out)
	if s.Name, err = s.read(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Side) read() (string, error) {
	if !s.lines.Scan() {
		return "", fmt.Errorf("the PyTorch side ended: %w", cmp.Or(s.lines.Err(), io.ErrUnexpectedEOF))
	}
	return s.lines.Text(), nil
}

func (s *Side) ask(question string) (time.Duration, error) {
	if _, err := fmt.Fprintln(s.in, question); err != nil {
		return 0, err
	}
	text, err := s.read()
	if err != nil {
		return 0, err
	}
	seconds, err := strconv.ParseFloat(text, 64)
	return time.Duration(seconds * float64(time.Second)), err
}

// Steps is the time of so many supervision steps of a batch.
func (s *Side) Steps(batch, steps int) (time.Duration, error) {
	return s.ask(fmt.Sprint(batch, " ", steps))
}

// GEMM is the time of one square matrix product in the side's precision.
func (s *Side) GEMM(size int) (time.Duration, error) { return s.ask(fmt.Sprint("gemm ", size)) }

// Close ends the process.
func (s *Side) Close() error { return errors.Join(s.in.Close(), s.cmd.Wait()) }
