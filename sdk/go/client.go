package sojourn

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// DefaultBaseURL is where a client looks for the server when neither Config nor the environment names one.
const DefaultBaseURL = "http://127.0.0.1:7373"

// sdkVersion is sent as the user agent and shown in the list of workers.
const sdkVersion = "0.1.0"

// Config configures a Client. Zero fields mean the defaults.
type Config struct {
	// APIKey authenticates every request. Default: the environment variable SOJOURN_API_KEY.
	APIKey string
	// BaseURL is the server's address, without /v1. Default: SOJOURN_BASE_URL, else DefaultBaseURL.
	BaseURL string
	// HTTPClient sends the requests. Default: one of the client's own that keeps up to 256 connections and follows no
	// redirects. A Timeout in it also cuts long polls; prefer Config.Timeout.
	HTTPClient *http.Client
	// MaxRetries is how often a request is sent again after a connection error, 408, 429 or 5xx. Default 2; negative:
	// never.
	MaxRetries int
	// Timeout bounds one attempt of a request; the time a request asks the server to hold it is added. Default 30 s.
	Timeout time.Duration
	// UserAgent is put before the SDK's own name in the User-Agent header.
	UserAgent string
	// Logger gets a line at debug level for every retry. Default: none.
	Logger *slog.Logger
}

// Client talks to a Sojourn server. It is safe for concurrent use; make one and keep it.
type Client struct {
	// Executions starts, reads, cancels and deletes executions.
	Executions *ExecutionService
	// Workflows registers and reads workflows and their versions.
	Workflows *WorkflowService
	// Keys makes, lists and revokes API keys.
	Keys *KeyService
	// Workers lists the live worker sessions.
	Workers *WorkerService
	// Webhooks manages webhook endpoints and the deliveries to them, callbacks included.
	Webhooks *WebhookService
	// Files stores, reads and deletes files.
	Files *FileService
	// Projects makes and lists projects; it needs an admin key.
	Projects *ProjectService

	base       string
	key        string
	userAgent  string
	http       *http.Client
	apart      *http.Client // for a worker's polls; the same when the program gave one
	maxRetries int
	timeout    time.Duration
	log        *slog.Logger
}

// NewClient makes a client. It fails when no API key is given or the address is not an http or https URL; it does not
// contact the server.
func NewClient(config Config) (*Client, error) {
	c := &Client{
		base:       strings.TrimRight(firstOf(config.BaseURL, os.Getenv("SOJOURN_BASE_URL"), DefaultBaseURL), "/"),
		key:        strings.TrimSpace(firstOf(config.APIKey, os.Getenv("SOJOURN_API_KEY"))),
		userAgent:  strings.TrimSpace(config.UserAgent + " sojourn-go/" + sdkVersion),
		http:       config.HTTPClient,
		maxRetries: config.MaxRetries,
		timeout:    config.Timeout,
		log:        config.Logger,
	}
	if c.key == "" {
		return nil, errors.New("sojourn: no API key: set Config.APIKey or the environment variable SOJOURN_API_KEY")
	}
	if strings.ContainsFunc(c.key, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, errors.New("sojourn: the API key holds a character that cannot be in a key; was it copied whole?")
	}
	u, err := url.Parse(c.base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("sojourn: base URL %q is not an http:// or https:// address", c.base)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("sojourn: base URL %q must not have a query or a fragment", c.base)
	}
	switch {
	case c.maxRetries == 0:
		c.maxRetries = 2
	case c.maxRetries < 0:
		c.maxRetries = 0
	}
	if c.timeout <= 0 {
		c.timeout = 30 * time.Second
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.apart = c.http
	if c.http == nil {
		// A worker's session lives at the server that its polls reach, so they keep to connections of their own: among the
		// others the next poll might find one to another server.
		c.http, c.apart = newHTTPClient(), newHTTPClient()
	}
	c.Executions = &ExecutionService{c}
	c.Workflows = &WorkflowService{c}
	c.Keys = &KeyService{c}
	c.Workers = &WorkerService{c}
	c.Projects = &ProjectService{c}
	c.Webhooks = &WebhookService{&WebhookEndpointService{c}, &WebhookDeliveryService{c}, c}
	c.Files = &FileService{c}
	return c, nil
}

// BaseURL is the server's address, without a slash at the end.
func (c *Client) BaseURL() string { return c.base }

// CloseIdleConnections closes connections that no request uses. The client stays usable.
func (c *Client) CloseIdleConnections() {
	c.http.CloseIdleConnections()
	c.apart.CloseIdleConnections()
}

func newHTTPClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 256, 256
	transport.DisableCompression = true
	return &http.Client{
		Transport: transport,
		// A redirect would carry the key elsewhere; the server never sends one.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
