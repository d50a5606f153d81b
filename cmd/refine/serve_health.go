package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/internal/ui"
)

func (a *app) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the server at serve.listen whether it is ready",
		Long: `Asks the server at serve.listen, on this machine, whether it is ready, and exits with 1 if it is not: for the
health check of a container.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(cmd); err != nil {
				return err
			}
			c := a.settings.Serve
			host, port, err := net.SplitHostPort(c.Listen)
			if err != nil {
				return err
			}
			if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
				host = "127.0.0.1"
			}
			scheme := "http"
			if c.TLSCert != "" {
				scheme = "https"
			}
			// The certificate is one for the server's public name, and nothing secret is sent.
			client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
			url := fmt.Sprintf("%s://%s/readyz", scheme, net.JoinHostPort(host, port))
			request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			response, err := client.Do(request)
			if err != nil {
				return ui.Fail(ui.ExitError, "start it with `refine serve`", "no server answers: %w", err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				reason, _ := io.ReadAll(io.LimitReader(response.Body, 512))
				return ui.Fail(ui.ExitError, "", "%s is not ready: %s %s", url, response.Status, reason)
			}
			a.term.Printf("ready\n")
			return nil
		},
	}
}
