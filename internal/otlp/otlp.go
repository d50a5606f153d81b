// Package otlp sends traces to a collector: OTLP over HTTP in JSON (opentelemetry.io/docs/specs/otlp).
//
// OpenTelemetry's SDK samples and batches by its OTEL_* variables. Its exporters link gRPC and protocol buffers, for which this
// one stands in.
package otlp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// ErrVariable is a variable with a value that cannot be obeyed.
var ErrVariable = errors.New("trace")

// Provider makes tracers and sends what they record.
type Provider struct{ *trace.TracerProvider }

// flushTime is how long Close waits for a collector.
const flushTime = 5 * time.Second

// Close sends what is left, and ends the goroutine that sends.
func (p *Provider) Close() {
	ctx, stop := context.WithTimeout(context.Background(), flushTime)
	defer stop()
	_ = p.Shutdown(ctx) // the exporter logs what it cannot send
}

// FromEnv makes the provider that the environment asks for, by OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT; nil if it asks for none. Errors wrap [ErrVariable].
func FromEnv(service, version string, log *slog.Logger) (*Provider, error) {
	e := &exporter{endpoint: os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), headers: http.Header{}, client: &http.Client{Timeout: 10 * time.Second}, log: log}
	if base := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); e.endpoint == "" && base != "" {
		e.endpoint = strings.TrimSuffix(base, "/") + "/v1/traces"
	}
	if e.endpoint == "" || os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	if u, err := url.Parse(e.endpoint); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%w: OTEL_EXPORTER_OTLP_ENDPOINT is %q: use an address like http://collector:4318", ErrVariable, e.endpoint)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if os.Getenv(name) == "grpc" {
			return nil, fmt.Errorf("%w: %s is \"grpc\": set it to http/json, and the endpoint to the collector's port for HTTP (4318)", ErrVariable, name)
		}
	}
	if ms, err := strconv.Atoi(os.Getenv("OTEL_EXPORTER_OTLP_TIMEOUT")); err == nil && ms > 0 {
		e.client.Timeout = time.Duration(ms) * time.Millisecond
	}
	headers := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS"), os.Getenv("OTEL_EXPORTER_OTLP_HEADERS"))
	for part := range strings.SplitSeq(headers, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		key, value, found := strings.Cut(part, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !found || key == "" || err != nil {
			return nil, fmt.Errorf("%w: OTEL_EXPORTER_OTLP_HEADERS holds what is no key=value", ErrVariable) // which may be a secret
		}
		e.headers.Set(key, value)
	}
	// The SDK goes on with a sampler of its own where it does not know the one that is asked for.
	if name := os.Getenv("OTEL_TRACES_SAMPLER"); !samplers.MatchString(name) {
		return nil, fmt.Errorf("%w: OTEL_TRACES_SAMPLER is %q: use always_on, always_off or traceidratio, with or without parentbased_ before it", ErrVariable, name)
	}
	if share := os.Getenv("OTEL_TRACES_SAMPLER_ARG"); share != "" {
		if x, err := strconv.ParseFloat(share, 64); err != nil || !(x >= 0 && x <= 1) {
			return nil, fmt.Errorf("%w: OTEL_TRACES_SAMPLER_ARG is %q: use a share from 0 to 1", ErrVariable, share)
		}
	}
	about, err := resource.New(context.Background(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("%w: OTEL_RESOURCE_ATTRIBUTES: %w", ErrVariable, err)
	}
	return &Provider{trace.NewTracerProvider(trace.WithResource(about), trace.WithBatcher(e))}, nil
}

var samplers = regexp.MustCompile(`^((parentbased_)?(always_on|always_off|traceidratio))?$`)

// exporter sends batches of spans. What a collector refuses is lost: it is logged once a batch, and answers do not wait for it.
type exporter struct {
	endpoint string
	headers  http.Header
	client   *http.Client
	log      *slog.Logger
}

func (e *exporter) Shutdown(context.Context) error { return nil }

func (e *exporter) ExportSpans(ctx context.Context, spans []trace.ReadOnlySpan) error {
	if err := e.send(ctx, spans); err != nil {
		e.log.Warn("traces were not sent", "spans", len(spans), "error", err)
	}
	return nil
}

func (e *exporter) send(ctx context.Context, spans []trace.ReadOnlySpan) error {
	scopes := map[string][]object{}
	for _, s := range spans {
		scopes[s.InstrumentationScope().Name] = append(scopes[s.InstrumentationScope().Name], spanObject(s))
	}
	var scopeSpans []object
	for name, list := range scopes {
		scopeSpans = append(scopeSpans, object{"scope": object{"name": name}, "spans": list})
	}
	body, err := json.Marshal(object{"resourceSpans": []object{{"resource": object{"attributes": attributes(spans[0].Resource().Attributes())}, "scopeSpans": scopeSpans}}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = e.headers.Clone()
	r.Header.Set("Content-Type", "application/json")
	response, err := e.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection can be used again
	if response.StatusCode >= 300 {
		return fmt.Errorf("the collector answers %s", response.Status)
	}
	return nil
}

// object is a message of OTLP in JSON: ids in hexadecimal, times and whole numbers as decimal strings.
type object map[string]any

func spanObject(s trace.ReadOnlySpan) object {
	o := object{"traceId": s.SpanContext().TraceID().String(), "spanId": s.SpanContext().SpanID().String(), "name": s.Name(), "kind": int(s.SpanKind()),
		"startTimeUnixNano": strconv.FormatInt(s.StartTime().UnixNano(), 10), "endTimeUnixNano": strconv.FormatInt(s.EndTime().UnixNano(), 10),
		"attributes": attributes(s.Attributes()), "status": object{}}
	if s.Parent().IsValid() {
		o["parentSpanId"] = s.Parent().SpanID().String()
	}
	switch s.Status().Code {
	case codes.Ok:
		o["status"] = object{"code": 1}
	case codes.Error:
		o["status"] = object{"code": 2, "message": s.Status().Description}
	}
	return o
}

func attributes(list []attribute.KeyValue) []object {
	out := make([]object, len(list))
	for i, a := range list {
		value := object{"stringValue": a.Value.String()}
		switch a.Value.Type() {
		case attribute.BOOL:
			value = object{"boolValue": a.Value.AsBool()}
		case attribute.INT64:
			value = object{"intValue": strconv.FormatInt(a.Value.AsInt64(), 10)}
		case attribute.FLOAT64:
			value = object{"doubleValue": a.Value.AsFloat64()}
		}
		out[i] = object{"key": string(a.Key), "value": value}
	}
	return out
}
