package main

import (
	"context"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
)

// traces are where spans go. Without an endpoint they go nowhere, and cost nothing.
type traces struct {
	provider trace.TracerProvider // nil: nowhere
	end      func()               // sends what is left
}

// traces reads the standard OTEL_* variables: an endpoint in OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
// switches tracing on; headers, sampling, batching and OTEL_SERVICE_NAME are the SDK's own affair.
func (a *app) traces(ctx context.Context) (traces, error) {
	none := traces{end: func() {}}
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" ||
		os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return none, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(name); protocol != "" && protocol != "http/protobuf" {
			return none, ui.Fail(ui.ExitUsage, "set it to http/protobuf, and the endpoint to the collector's port for HTTP (4318)", "%s is %q, which is not spoken here", name, protocol)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return none, ui.Fail(ui.ExitUsage, "check the OTEL_EXPORTER_OTLP_* variables", "trace: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "refine"), attribute.String("service.version", cli.Info().Version)), resource.WithFromEnv(), resource.WithTelemetrySDK(), resource.WithHost())
	if err != nil {
		return none, ui.Fail(ui.ExitUsage, "check OTEL_RESOURCE_ATTRIBUTES", "trace: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return traces{provider: provider, end: func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer stop()
		if err := provider.Shutdown(ctx); err != nil {
			a.log.Warn("some traces were not sent", "error", err)
		}
	}}, nil
}

// flushTime is how long the end of the process waits for a collector.
const flushTime = 5 * time.Second
