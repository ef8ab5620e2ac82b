package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// browserPatience is how long a browser that was opened may take to ask where to go.
const browserPatience = time.Minute

func (c *cli) dashboardCommand() *cobra.Command {
	var open bool
	cmd := &cobra.Command{
		Use:   "dashboard",
		Short: "print the address that signs in to the dashboard, or open it",
		Long: `Print the address of the dashboard with the API key behind it, as this command line has it: whoever opens the address is
signed in with that key. Keep it to yourself. The page takes the key out of the address before it does anything else.

With --open a browser is started instead (the one that BROWSER names, else the system's), and the key is not shown.`,
		Example: `  sojourn dashboard
  sojourn dashboard --open
  sojourn dashboard --url https://sojourn.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.dashboard(cmd.Context(), open)
		},
	}
	cmd.Flags().BoolVar(&open, "open", false, "open it in a browser")
	return cmd
}

func (c *cli) dashboard(ctx context.Context, open bool) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	if _, err := client.Info(ctx); err != nil { // a page that refuses the key would come too late
		return err
	}
	base, key := c.discover()
	address, err := signInAddress(base, key)
	if err != nil {
		return usagef("%w", err)
	}
	if !keepsCookies(ctx, address) {
		c.say("%s browsers stay signed in only over https:// and on this machine: put a proxy with TLS in front, or use ssh -L", c.styles.bad("!"))
	}
	if open {
		c.say("opening %s", strings.TrimRight(base, "/"))
		return handOver(ctx, address.String(), func(ctx context.Context, url string) error { return browse(ctx, c.env["BROWSER"], url) })
	}
	if c.structured() {
		return c.value(map[string]string{"url": address.String()})
	}
	_, err = fmt.Fprintln(c.out, address)
	return err
}

// signInAddress is the page that signs in with the key. Browsers keep to themselves what follows the #.
func signInAddress(base, key string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(base, "/") + "/signin")
	if err != nil {
		return nil, err
	}
	u.Fragment = key
	return u, nil
}

// keepsCookies reports whether a browser keeps the sign-in that it makes at the address.
func keepsCookies(ctx context.Context, u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	return err == nil && len(found) > 0 && found[0].Unmap().IsLoopback()
}

// handOver opens the address in a browser without a word of it in the list of processes, which other users of the machine
// may read: the browser is sent to a port of this process, which tells it once where to go.
func handOver(ctx context.Context, address string, browse func(context.Context, string) error) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	path := "/" + rand.Text()
	var once sync.Once
	asked := make(chan struct{})
	s := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path || r.Method != http.MethodGet {
			http.NotFound(w, r)
			return
		}
		first := false
		once.Do(func() { first = true })
		if !first {
			http.Error(w, "this address was good once; run the command again", http.StatusGone)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Location", address)
		w.WriteHeader(http.StatusFound)
		close(asked)
	})}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	browsed := make(chan error, 1)
	go func() { browsed <- browse(ctx, "http://"+l.Addr().String()+path) }()
	wait, cancel := context.WithTimeout(ctx, browserPatience)
	defer cancel()
	err = nil
	for done := false; !done; {
		select {
		case <-asked:
			done = true
		case err = <-browsed: // many a program that starts the browser ends before it
			done, browsed = err != nil, nil
		case <-wait.Done():
			err, done = errors.New("no browser came: open the address that `sojourn dashboard` prints"), true
		}
	}
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if err := s.Shutdown(ending); err != nil { // lets the answer reach the browser
		return err
	}
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		return errors.Join(err, end)
	}
	return err
}

// browse starts the browser: the one that is wanted, else the system's. The browser may outlive this process.
func browse(ctx context.Context, wanted, url string) error {
	command := strings.Fields(wanted)
	if len(command) == 0 {
		switch runtime.GOOS {
		case "windows":
			command = []string{"rundll32", "url.dll,FileProtocolHandler"}
		case "darwin":
			command = []string{"open"}
		default:
			command = []string{"xdg-open"}
		}
	}
	if err := exec.CommandContext(context.WithoutCancel(ctx), command[0], append(command[1:], url)...).Run(); err != nil {
		return fmt.Errorf("start a browser: %w; name one in BROWSER, or open the address that `sojourn dashboard` prints", err)
	}
	return nil
}
