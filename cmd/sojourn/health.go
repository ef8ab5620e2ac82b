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

	"github.com/sojournhq/sojourn/sdk/go"
)

// healthPatience is how long a server may take to say that it is ready.
const healthPatience = 5 * time.Second

func (c *cli) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "ask whether a server is ready; the health check of containers",
		Long: `Ask the server at --url whether it is ready for work. It needs no API key. The exit code is 0 when the server is ready,
1 when it says why it is not, and 69 when nothing answers.`,
		Example: `  sojourn health
  sojourn health --url http://10.0.0.7:7373`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, _ := c.discover()
			if err := ready(cmd.Context(), strings.TrimRight(url, "/")); err != nil {
				return err
			}
			c.say("%s ready", c.styles.good("✓"))
			return nil
		},
	}
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
