package otlp

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Tracer makes spans; their scope has a name.
func (t *Provider) Tracer(name string, _ ...trace.TracerOption) trace.Tracer {
	return &tracer{provider: t, scope: name}
}

type tracer struct {
	noop.Tracer
	provider *Provider
	scope    string
}

// Start begins a span beneath the one in ctx, which may be another process's.
func (t *tracer) Start(ctx context.Context, name string, o ...trace.SpanStartOption) (context.Context, trace.Span) {
	c := trace.NewSpanStartConfig(o...)
	parent := trace.SpanContextFromContext(ctx)
	id := trace.SpanContextConfig{TraceID: parent.TraceID(), TraceState: parent.TraceState()}
	binary.BigEndian.PutUint64(id.SpanID[:], rand.Uint64()|1)
	if !parent.IsValid() {
		binary.BigEndian.PutUint64(id.TraceID[:8], rand.Uint64()|1)
		binary.BigEndian.PutUint64(id.TraceID[8:], rand.Uint64())
	}
	if sampled := float64(binary.BigEndian.Uint64(id.TraceID[8:])>>1) < t.provider.share*(1<<63); parent.IsValid() && t.provider.parent && parent.IsSampled() ||
		sampled && !(parent.IsValid() && t.provider.parent) {
		id.TraceFlags = trace.FlagsSampled
	}
	s := &span{provider: t.provider, scope: t.scope, id: trace.NewSpanContext(id)}
	s.out = otlpSpan{TraceID: s.id.TraceID().String(), SpanID: s.id.SpanID().String(), Name: name, Kind: int(max(c.SpanKind(), trace.SpanKindInternal)), Start: nanos(time.Now())}
	if parent.IsValid() {
		s.out.ParentID = parent.SpanID().String()
	}
	s.SetAttributes(c.Attributes()...)
	return trace.ContextWithSpan(ctx, s), s
}

type span struct {
	noop.Span
	provider *Provider
	scope    string
	id       trace.SpanContext

	mu    sync.Mutex
	out   otlpSpan
	ended bool
}

func (s *span) SpanContext() trace.SpanContext { return s.id }

func (s *span) IsRecording() bool { return s.id.IsSampled() }

func (s *span) SetAttributes(attributes ...attribute.KeyValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range attributes {
		s.out.Attributes = append(s.out.Attributes, asOTLP(a))
	}
}

func (s *span) SetStatus(code codes.Code, description string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch code {
	case codes.Ok:
		s.out.Status = otlpStatus{Code: 1}
	case codes.Error:
		s.out.Status = otlpStatus{2, description}
	}
}

// End hands the span over, once.
func (s *span) End(...trace.SpanEndOption) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || !s.id.IsSampled() {
		return
	}
	s.ended, s.out.End = true, nanos(time.Now())
	out := s.out
	out.scope = s.scope
	s.provider.take(out)
}

// The messages of OTLP in JSON: ids in hexadecimal, times as decimal strings.
type (
	otlpResourceSpans struct {
		Resource struct {
			Attributes []keyValue `json:"attributes"`
		} `json:"resource"`
		ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
	}
	otlpScopeSpans struct {
		Scope struct {
			Name string `json:"name"`
		} `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	otlpSpan struct {
		TraceID    string     `json:"traceId"`
		SpanID     string     `json:"spanId"`
		ParentID   string     `json:"parentSpanId,omitempty"`
		Name       string     `json:"name"`
		Kind       int        `json:"kind"`
		Start      string     `json:"startTimeUnixNano"`
		End        string     `json:"endTimeUnixNano"`
		Attributes []keyValue `json:"attributes,omitempty"`
		Status     otlpStatus `json:"status"`
		scope      string
	}
	otlpStatus struct {
		Code    int    `json:"code,omitempty"`
		Message string `json:"message,omitempty"`
	}
	keyValue struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
)

func asOTLP(a attribute.KeyValue) keyValue {
	switch a.Value.Type() {
	case attribute.BOOL:
		return keyValue{string(a.Key), map[string]any{"boolValue": a.Value.AsBool()}}
	case attribute.INT64:
		return keyValue{string(a.Key), map[string]any{"intValue": strconv.FormatInt(a.Value.AsInt64(), 10)}}
	case attribute.FLOAT64:
		return keyValue{string(a.Key), map[string]any{"doubleValue": a.Value.AsFloat64()}}
	}
	return keyValue{string(a.Key), map[string]any{"stringValue": a.Value.String()}}
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
