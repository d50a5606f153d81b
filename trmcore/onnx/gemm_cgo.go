//go:build cgo

package onnx

import (
	"errors"
	"fmt"
	"sync"
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

// timeMatMul times matMulRepeats products on each of several threads at once.
func timeMatMul(library string, graph []byte, threads int) (took time.Duration, err error) {
	if err := start(library); err != nil {
		return 0, err
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return 0, fmt.Errorf("make session options: %w", err)
	}
	defer options.Destroy()
	if err := options.SetIntraOpNumThreads(1); err != nil {
		return 0, fmt.Errorf("set session options: %w", err)
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(graph, []string{"a"}, []string{"c"}, options)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, session.Destroy()) }()
	var (
		ready, done sync.WaitGroup
		begin       = make(chan struct{})
		failed      = make([]error, threads)
	)
	ready.Add(threads)
	for i := range threads {
		done.Go(func() {
			failed[i] = multiply(session, func() {
				ready.Done()
				<-begin
			})
		})
	}
	ready.Wait()
	since := time.Now()
	close(begin)
	done.Wait()
	return time.Since(since), errors.Join(failed...)
}

// multiply makes one product to warm up, waits, and makes the rest.
func multiply(session *ort.DynamicAdvancedSession, wait func()) (err error) {
	waited := false
	defer func() {
		if !waited {
			wait()
		}
	}()
	shape := ort.NewShape(matMulSize, matMulSize)
	var values [2]ort.Value
	for i := range values {
		t, err := ort.NewEmptyTensor[float32](shape)
		if err != nil {
			return err
		}
		defer t.Destroy()
		values[i] = t
	}
	for i := range matMulRepeats + 1 {
		if i == 1 {
			waited = true
			wait()
		}
		if err := session.Run(values[:1], values[1:]); err != nil {
			return err
		}
	}
	return nil
}
