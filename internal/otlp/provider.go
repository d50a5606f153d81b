// Package otlp sends traces to a collector: OTLP over HTTP in JSON (opentelemetry.io/docs/specs/otlp).
//
// A [Provider] implements OpenTelemetry's interface with the parts of its SDK that a server needs: sampling, batches, and the
// standard OTEL_* variables. The SDK's own exporter links gRPC and protocol buffers.
package otlp

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace/noop"
)

// ErrVariable is a variable with a value that cannot be obeyed.
var ErrVariable = errors.New("trace")

// Provider makes tracers and sends what they record.
type Provider struct {
	noop.TracerProvider
	endpoint string
	headers  map[string]string
	client   *http.Client
	resource []keyValue
	parent   bool    // the decision of whoever calls holds
	share    float64 // of the traces that are recorded, in [0, 1]
	log      *slog.Logger

	mu      sync.Mutex
	pending []otlpSpan
	dropped int
	wake    chan struct{} // holds one when a batch is full
	stop    chan struct{}
	stopped chan struct{}
}

// FromEnv makes the provider that the environment asks for, by OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT; nil if it asks for none. Errors wrap [ErrVariable].
func FromEnv(service, version string, log *slog.Logger) (*Provider, error) {
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if base := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); endpoint == "" && base != "" {
		endpoint = strings.TrimSuffix(base, "/") + "/v1/traces"
	}
	if endpoint == "" || os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%w: OTEL_EXPORTER_OTLP_ENDPOINT is %q: use an address like http://collector:4318", ErrVariable, endpoint)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if os.Getenv(name) == "grpc" {
			return nil, fmt.Errorf("%w: %s is \"grpc\": set it to http/json, and the endpoint to the collector's port for HTTP (4318)", ErrVariable, name)
		}
	}
	t := &Provider{endpoint: endpoint, log: log, client: &http.Client{Timeout: 10 * time.Second},
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{})}
	if ms, err := strconv.Atoi(os.Getenv("OTEL_EXPORTER_OTLP_TIMEOUT")); err == nil && ms > 0 {
		t.client.Timeout = time.Duration(ms) * time.Millisecond
	}
	var err error
	if t.headers, err = pairs("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"); err != nil {
		return nil, err
	}
	if err := t.sample(); err != nil {
		return nil, err
	}
	about, err := pairs("OTEL_RESOURCE_ATTRIBUTES")
	if err != nil {
		return nil, err
	}
	about["service.name"] = cmp.Or(os.Getenv("OTEL_SERVICE_NAME"), about["service.name"], service)
	about["service.version"] = cmp.Or(about["service.version"], version)
	if host, err := os.Hostname(); err == nil {
		about["host.name"] = cmp.Or(about["host.name"], host)
	}
	for key, value := range about {
		t.resource = append(t.resource, asOTLP(attribute.String(key, value)))
	}
	go t.run()
	return t, nil
}

// sample reads which traces are recorded.
func (t *Provider) sample() (err error) {
	name := cmp.Or(os.Getenv("OTEL_TRACES_SAMPLER"), "parentbased_always_on")
	sampler, parent := strings.CutPrefix(name, "parentbased_")
	t.parent = parent
	switch sampler {
	case "always_on":
		t.share = 1
	case "always_off":
	case "traceidratio":
		const argument = "OTEL_TRACES_SAMPLER_ARG"
		if t.share, err = strconv.ParseFloat(cmp.Or(os.Getenv(argument), "1"), 64); err != nil || !(t.share >= 0 && t.share <= 1) {
			return fmt.Errorf("%w: %s is %q: use a share from 0 to 1", ErrVariable, argument, os.Getenv(argument))
		}
	default:
		return fmt.Errorf("%w: OTEL_TRACES_SAMPLER is %q: use always_on, always_off or traceidratio, with or without parentbased_ before it", ErrVariable, name)
	}
	return nil
}

// pairs reads key=value,key=value from the first variable that is set, with values that are percent-encoded.
func pairs(names ...string) (map[string]string, error) {
	all := map[string]string{}
	for _, name := range names {
		for part := range strings.SplitSeq(os.Getenv(name), ",") {
			if strings.TrimSpace(part) == "" {
				continue
			}
			key, value, found := strings.Cut(part, "=")
			value, err := url.PathUnescape(strings.TrimSpace(value))
			if key = strings.TrimSpace(key); !found || key == "" || err != nil {
				return nil, fmt.Errorf("%w: %s holds what is no key=value", ErrVariable, name) // which may be a secret
			}
			all[key] = value
		}
		if len(all) > 0 {
			break
		}
	}
	return all, nil
}
