package config

import (
	"github.com/spf13/pflag"

	"github.com/sojournhq/sojourn/internal/telemetry"
)

// Server is everything that `sojourn serve` can be told. Each field is a flag, an environment variable and a key of
// the file: --max-backlog, SOJOURN_MAX_BACKLOG and max-backlog are the same setting.
type Server struct {
	File string // the YAML file; only as flag or variable

	Data string
	// DatabaseURL is the address of a PostgreSQL database, which may hold a password. Then there is no Data.
	DatabaseURL         telemetry.Secret
	Migrate             bool
	DatabaseNotify      bool
	DatabasePooler      bool
	DatabaseConnections int
	DatabaseWait        Duration

	Listen       string
	TLSCert      string
	TLSKey       string
	InsecureHTTP bool

	PublicURL     string
	CORSOrigins   List
	CallbackAllow List
	CallbackHTTP  bool
	SecretKeyFile string

	// APIKey is a fixed admin key. It is not read from the variable SOJOURN_API_KEY, which is the client's key.
	APIKey telemetry.Secret
	// APIKeyFile holds the fixed admin key.
	APIKeyFile string

	Retention   Duration
	Timeout     Duration
	Lease       Duration
	CancelGrace Duration
	Drain       Duration
	MaxBacklog  int64
	LowDisk     Size

	Files     string
	MaxFile   Size
	FileQuota Size

	MaxConnections           int
	MaxConnectionsPerAddress int

	LogLevel      string
	LogFormat     string
	TraceEndpoint string
	Metrics       bool

	settings []setting
}

// setting is one of the fields with its names.
type setting struct {
	name  string
	value pflag.Value
	noEnv bool
	noKey bool // not in the file
	given bool // in the environment or the file
}

// DefaultData is where a server keeps everything that is told neither a directory nor a database.
const DefaultData = ".sojourn"

// Defaults are the values before anything is read. They are those of the command; a zero stands for the default of the
// package server.
func Defaults() *Server {
	return &Server{
		Listen: "127.0.0.1:7373", Data: DefaultData, Migrate: true, DatabaseNotify: true, DatabaseConnections: 16, DatabaseWait: 60 * second, LogLevel: "info", LogFormat: "auto", Metrics: true,
		Retention: Duration(30 * day), LowDisk: 256 << 20, MaxBacklog: 10_000_000, Lease: 15 * second,
		MaxFile: 1 << 30, FileQuota: 50 << 30, CancelGrace: 30 * second, Drain: 25 * second, MaxConnections: 20_000, MaxConnectionsPerAddress: 2_000,
	}
}

// Flags adds the settings to a set of flags.
func (s *Server) Flags(fs *pflag.FlagSet) {
	s.settings = nil
	add := func(name, usage string) *setting {
		s.settings = append(s.settings, setting{name: name, value: fs.Lookup(name).Value})
		fs.Lookup(name).Usage = usage
		return &s.settings[len(s.settings)-1]
	}
	str := func(p *string, name, usage string) *setting {
		fs.StringVar(p, name, *p, usage)
		return add(name, usage)
	}
	val := func(v pflag.Value, name, usage string) *setting {
		fs.Var(v, name, usage)
		return add(name, usage)
	}
	str(&s.File, "config", "read settings from this YAML `file`; flags and SOJOURN_* variables win over it").noKey = true
	str(&s.Data, "data", "keep everything in this `directory`")
	val(&s.DatabaseURL, "database-url", "keep everything in the PostgreSQL database at this `url`, which several servers may share; better set as a variable, where other users of the machine cannot see it")
	fs.BoolVar(&s.Migrate, "migrate", s.Migrate, "")
	add("migrate", "bring an older schema of the database up to date at the start; false refuses it (see `sojourn migrate`)")
	fs.BoolVar(&s.DatabaseNotify, "database-notify", s.DatabaseNotify, "")
	add("database-notify", "wake other servers by LISTEN and NOTIFY; false lets them find out within a second")
	fs.BoolVar(&s.DatabasePooler, "database-pooler", s.DatabasePooler, "")
	add("database-pooler", "the address is that of a pooler in transaction mode such as PgBouncer: keep nothing in sessions, and do not notify")
	fs.IntVar(&s.DatabaseConnections, "database-connections", s.DatabaseConnections, "")
	add("database-connections", "hold at most this `many` connections to the database")
	val(&s.DatabaseWait, "database-wait", "keep trying for this `time` when the database cannot be reached at the start")
	str(&s.Listen, "listen", "serve on this `host:port`; port 0 picks a free one")
	str(&s.TLSCert, "tls-cert", "serve HTTPS with the certificate in this PEM `file`; read again when it changes")
	str(&s.TLSKey, "tls-key", "private key of --tls-cert, a PEM `file`")
	fs.BoolVar(&s.InsecureHTTP, "insecure-http", s.InsecureHTTP, "")
	add("insecure-http", "allow clear-text HTTP that other machines can reach, for example behind a proxy")
	str(&s.PublicURL, "public-url", "clients reach the server at this `url`, for links in messages; default: where it listens")
	val(&s.CORSOrigins, "cors-origins", "let pages of this `origin` use the API in a browser, as https://app.example.com; http://localhost:* is any port; may be repeated")
	val(&s.CallbackAllow, "callback-allow", "let callbacks and webhooks also reach this `network`, address or host name; may be repeated")
	fs.BoolVar(&s.CallbackHTTP, "callback-allow-http", s.CallbackHTTP, "")
	add("callback-allow-http", "let callbacks and webhooks go to http:// URLs")
	str(&s.SecretKeyFile, "secret-key-file", "encrypt webhook secrets under the key in this `file`; default: secret.key in the data directory, or a key that lies in the database")
	val(&s.APIKey, "api-key", "also accept this `text` of 16 or more characters as an admin key, for scripts and tests").noEnv = true
	str(&s.APIKeyFile, "api-key-file", "read that fixed admin key from a `file`")
	val(&s.Retention, "retention", "keep finished executions for this `time`; 0 keeps them for ever")
	val(&s.Timeout, "timeout", "deadline of executions that name none, a `time` from creation; 0 means none")
	val(&s.Lease, "lease", "give the executions of a silent worker to others after this `time`")
	val(&s.CancelGrace, "cancel-grace", "let workers take this `time` to stop a cancelled execution")
	val(&s.Drain, "drain", "let requests finish for this `time` when stopping")
	fs.Int64Var(&s.MaxBacklog, "max-backlog", s.MaxBacklog, "")
	add("max-backlog", "refuse starts while a project has this `many` open executions")
	val(&s.LowDisk, "low-disk", "refuse starts below this free disk `space`; 0 does not watch the disk")
	str(&s.Files, "files", "keep the contents of files at this `url`: file:///folder or s3://bucket?region=…; default: the folder files in --data, or the database")
	val(&s.MaxFile, "max-file", "most `space` of one file")
	val(&s.FileQuota, "file-quota", "most `space` of a project's files together")
	fs.IntVar(&s.MaxConnections, "max-connections", s.MaxConnections, "")
	add("max-connections", "disconnect clients above this `many` connections")
	fs.IntVar(&s.MaxConnectionsPerAddress, "max-connections-per-address", s.MaxConnectionsPerAddress, "")
	add("max-connections-per-address", "how `many` of them one other machine may have")
	str(&s.LogLevel, "log-level", "`level` of the log: debug, info, warn or error")
	str(&s.LogFormat, "log-format", "`format` of the log: text, json, or auto: text on a terminal")
	str(&s.TraceEndpoint, "trace-endpoint", "send OpenTelemetry traces to the OTLP/HTTP collector at this `url`")
	fs.BoolVar(&s.Metrics, "metrics", s.Metrics, "")
	add("metrics", "serve Prometheus metrics at /metrics")
}
