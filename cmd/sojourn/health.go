package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/config"
	"github.com/sojournhq/sojourn/sdk/go"
)

const (
	// healthPatience is how long a server may take to say that it is ready.
	healthPatience = 5 * time.Second
	// healthPause is the time between two questions.
	healthPause = 100 * time.Millisecond
)

func (c *cli) healthCommand() *cobra.Command {
	var wait config.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "ask whether a server is ready; the health check of containers",
		Long: `Ask the server at --url whether it is ready for work. It needs no API key. The exit code is 0 when the server is ready,
1 when it says why it is not, and 69 when nothing answers.`,
		Example: `  sojourn health
  sojourn health --url http://10.0.0.7:7373 --wait 1m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, _ := c.discover()
			url = strings.TrimRight(url, "/")
			for end := time.Now().Add(time.Duration(wait)); ; {
				err := ready(cmd.Context(), url)
				if err == nil {
					break
				}
				if !time.Now().Before(end) {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return err
				case <-time.After(healthPause):
				}
			}
			c.say("%s ready", c.styles.good("✓"))
			return nil
		},
	}
	cmd.Flags().Var(&wait, "wait", "keep asking for this `time` until it is ready")
	return cmd
}

// ready asks the server at the address whether it is ready.
func ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", http.NoBody)
	if err != nil {
		return usagef("%w", err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return &sojourn.ConnectionError{Method: r.Method, URL: url, Err: err}
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return &sojourn.ConnectionError{Method: r.Method, URL: url, Err: err}
	}
	var said struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	}
	if json.Unmarshal(text, &said) != nil || said.Status == "" {
		return fmt.Errorf("%s answers %s, and not as a server of Sojourn", url, answer.Status)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", first(said.Reason, said.Status))
	}
	return nil
}
