package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/sojournhq/sojourn/internal/api"
)

// Defaults of a Config.
const (
	DefaultData   = ".sojourn"
	DefaultListen = "127.0.0.1:7373"
	// DefaultDrain is how long Run lets requests under way finish.
	DefaultDrain = 25 * time.Second
	// DefaultProject owns what no other project is named for.
	DefaultProject = "default"
)

// Config configures a Server. Zero fields mean the defaults.
type Config struct {
	// Data is the directory of the database; it is created if need be. Default DefaultData. One server at a time can
	// have it open.
	Data string
	// Database is the address of a PostgreSQL database, version 14 or later, that has everything in place of Data: a URL
	// such as postgres://user@host:5432/sojourn, or keywords and values as libpq reads them, with several hosts if need
	// be. Any number of servers may share it. Several URLs with spaces between them, the home first, name databases that
	// are used as one: its cells. What it does not say comes from PGPASSWORD, PGPASSFILE and so on.
	Database string
	// DatabaseConnections is the most connections to it; default 16.
	DatabaseConnections int
	// DatabaseWait is how long Open keeps trying when it cannot be reached; default 1 minute; negative: it tries once.
	DatabaseWait time.Duration
	// NoNotify leaves out LISTEN and NOTIFY: what another server did is then seen within a second.
	NoNotify bool
	// Pooler says that Database is the address of a pooler in transaction mode such as PgBouncer: nothing is kept in
	// sessions, and there is no LISTEN and NOTIFY.
	Pooler bool
	// NoMigrate refuses a database with an older schema; default: it is brought up to date.
	NoMigrate bool

	// Memory keeps the data in a temporary directory that is removed at the end, without waiting for the disk. For
	// tests and trials; Data must be empty.
	Memory bool
	// Synchronous is SQLite's setting of that name; default FULL. With any other value an acknowledged start can be
	// lost when the power fails.
	Synchronous string

	// Listen is the address to serve on, host:port; port 0 picks a free one. Default DefaultListen.
	Listen string
	// NoListener serves nothing but Handler.
	NoListener bool
	// TLSCert and TLSKey name PEM files; both or none. They are read again when they change.
	TLSCert, TLSKey string
	// InsecureHTTP allows a listener without TLS that other machines can reach. Keys and payloads then travel in clear
	// text, unless a proxy in front encrypts them.
	InsecureHTTP bool
	// MaxConnections is how many clients may be connected; default 20,000. Further ones are disconnected at once.
	MaxConnections int
	// MaxConnectionsPerAddress is how many of them may come from one address; default 2,000. Connections from this
	// machine are not counted.
	MaxConnectionsPerAddress int

	// PublicURL is where clients reach the server, for links in messages and on pages; default: the listener's own URL.
	PublicURL string

	// Origins are the pages that may use the API in a browser, as https://app.example.com; http://localhost:* is any port
	// of this machine, * every page. Default: none, but for the EigenPal dialect, which every page may use.
	Origins []string

	// CallbackAllow are networks (10.1.0.0/16), addresses and host names that callbacks and webhooks may reach on any port,
	// besides ports 80 and 443 of public addresses.
	CallbackAllow []string
	// CallbackHTTP allows callbacks and webhooks to http:// URLs; default: https:// alone.
	CallbackHTTP bool
	// SecretKeyFile holds the key under which the secrets of callbacks and webhooks are encrypted in the database, and the
	// cookies of the dashboard: base64 of 32 bytes on each line, the newest first. Default: secret.key in the data
	// directory, made by the first start; with Database a key that lies in the database, too: whoever can read the whole
	// database then knows the secrets.
	SecretKeyFile string

	// AdminKey is the text of an admin key of the default project, at least 16 characters, for development and tests.
	// Default: none.
	AdminKey string
	// NoAdminFile leaves out the file admin.json in the data directory, by which command-line tools of the same user
	// manage a running server.
	NoAdminFile bool

	// Retention is how long finished executions are kept; default 30 days; negative: for ever. A workflow may set its
	// own.
	Retention time.Duration
	// ExecutionTimeout is the deadline of executions that name none, from their creation; default: none.
	ExecutionTimeout time.Duration
	// MaxBacklog is the most open executions of a project; default 10,000,000.
	MaxBacklog int64
	// Lease is how long a silent worker keeps its executions; default 15 s.
	Lease time.Duration
	// CancelGrace is how long a worker may take to stop an execution that is cancelled; default 30 s.
	CancelGrace time.Duration
	// LowDisk is the free disk space in bytes below which starts are refused; default 256 MiB; negative: the disk is
	// not watched.
	LowDisk int64

	// Files is where the contents of files are kept: file:///folder or s3://bucket?region=…&endpoint=…. Default:
	// the folder files in Data, or the database. Servers with data of their own need places of their own.
	Files string
	// MaxFile is the most bytes of one file; default 1 GiB.
	MaxFile int64
	// FileQuota is the most bytes that a project's files may take together; default 50 GiB.
	FileQuota int64

	// Drain is how long Run lets requests under way finish once its context has ended; default DefaultDrain.
	Drain time.Duration

	// Clock is read for the time of all executions and timers; default time.Now. For tests, which call Settle when they
	// have moved it. Readings without a monotonic part are followed as they are, except backwards. Workers are alive or
	// lost by the system's clock all the same.
	Clock func() time.Time

	// Log receives what happens; default: discards.
	Log *slog.Logger
	// NoMetrics leaves out /metrics.
	NoMetrics bool
	// TraceEndpoint is the URL of an OpenTelemetry collector that takes traces over OTLP/HTTP, such as
	// http://127.0.0.1:4318. Default: no traces are made.
	TraceEndpoint string
	// Version is shown by /v1/info; default "dev".
	Version string
}

// complete fills in the defaults and refuses what contradicts itself.
func (c *Config) complete() error {
	if c.Memory && c.Data != "" {
		return errors.New("config: Memory goes without Data")
	}
	if c.Database != "" && (c.Memory || c.Data != "") {
		return errors.New("config: Database goes without Data and Memory")
	}
	if c.DatabaseConnections < 0 {
		return fmt.Errorf("config: DatabaseConnections must not be negative, it is %d", c.DatabaseConnections)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("config: TLSCert and TLSKey go together: give both or none")
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"Lease", c.Lease}, {"CancelGrace", c.CancelGrace}, {"ExecutionTimeout", c.ExecutionTimeout}, {"Drain", c.Drain}} {
		if d.value < 0 {
			return fmt.Errorf("config: %s must not be negative, it is %s", d.name, d.value)
		}
	}
	if c.Lease != 0 && c.Lease < time.Second {
		return fmt.Errorf("config: Lease must be at least 1s, it is %s", c.Lease)
	}
	if c.MaxConnections < 0 || c.MaxConnectionsPerAddress < 0 || c.MaxBacklog < 0 || c.MaxFile < 0 || c.FileQuota < 0 {
		return errors.New("config: MaxConnections, MaxConnectionsPerAddress, MaxBacklog, MaxFile and FileQuota must not be negative")
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return fmt.Errorf("config: PublicURL %q is not a URL such as https://sojourn.example.com", c.PublicURL)
		}
	}
	if err := api.CheckOrigins(c.Origins); err != nil {
		return fmt.Errorf("config: Origins: %w", err)
	}
	if c.Data == "" && !c.Memory && c.Database == "" {
		c.Data = DefaultData
	}
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.DatabaseConnections == 0 {
		c.DatabaseConnections = 16
	}
	if c.DatabaseWait == 0 {
		c.DatabaseWait = time.Minute
	}
	if c.Drain == 0 {
		c.Drain = DefaultDrain
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = 20_000
	}
	if c.MaxConnectionsPerAddress == 0 {
		c.MaxConnectionsPerAddress = 2_000
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	return nil
}
