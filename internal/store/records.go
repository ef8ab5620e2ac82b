package store

import (
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// Project owns workflows, executions and keys.
type Project struct {
	Key        int64
	ID         execution.ID
	Name       string // unique
	CreatedAt  execution.Time
	MaxBacklog int64 // most executions that may wait or run at a time; 0: the server's default
}

// Workflow is a named piece of work.
type Workflow struct {
	Key       int64
	Project   int64
	ID        execution.ID
	Name      string // the slug, unique among the project's workflows that are not deleted
	CreatedAt execution.Time
	UpdatedAt execution.Time
	DeletedAt execution.Time // its executions remain
	Current   int64          // key of the current version, 0: none
	Retention time.Duration  // how long finished executions are kept; 0: the server's default
	Timeout   time.Duration  // default deadline of executions; 0: none
	Closed    bool           // starts through the API are refused
}

// Version is one version of a workflow.
type Version struct {
	Key         int64
	Workflow    int64
	ID          execution.ID
	Number      int32  // 1, 2, 3 … within the workflow
	Label       string // the author's name for it, may be empty; unique within the workflow when set
	CreatedAt   execution.Time
	InputSchema []byte // JSON Schema 2020-12, may be nil
	Description string
}

// Catalog is everything that executions refer to.
type Catalog struct {
	// Version is never 0, and grows with every commit that changes projects, workflows, versions, API keys, endpoints or
	// secrets.
	Version   int64
	Projects  []Project
	Workflows []Workflow
	Versions  []Version
	Endpoints []Endpoint
	Secrets   []SecretSet
}

// Key is an API key. The secret itself is never stored.
type Key struct {
	Key        int64
	Project    int64
	ID         execution.ID
	PublicID   string // the part of the key that names it
	Name       string
	Hash       [32]byte // SHA-256 of the secret
	Last4      string
	Scopes     []string
	Workflows  []string // for worker keys: the only workflows it may serve; nil: all
	RateLimit  float64  // requests per second; 0: no limit
	CreatedAt  execution.Time
	ExpiresAt  execution.Time
	RevokedAt  execution.Time
	LastUsedAt execution.Time
}

// ApprovalLink lets whoever has its token decide one approval, once. The token itself is never stored.
type ApprovalLink struct {
	Hash      [32]byte // SHA-256 of the token
	Project   int64
	Execution execution.ID
	Step      string // of the wait that it decides, which may still be to come
	CreatedAt execution.Time
	ExpiresAt execution.Time
	UsedAt    execution.Time // zero: not yet
}

// Session is a live worker. A store that one server uses at a time need not keep what is said to be of a cluster.
type Session struct {
	Key       int64
	Project   int64
	ID        execution.ID
	Name      string
	SDK       string
	Version   string // of the worker's code
	Workflows []int64
	Capacity  int32
	CreatedAt execution.Time
	SeenAt    execution.Time
	ExpiresAt execution.Time // zero: it has ended, and what it held is being taken back
	Draining  bool

	// Of a cluster.
	Node     int64 // key of the server in whose memory it lives; 0: of none
	Term     int32 // how often it has moved from one server to another
	Received int64 // every delivery up to this one has arrived, as servers heard that do not have it
	Unsure   bool  // its worker must list what it holds
}

// File is the record of a file whose content lies outside the store.
type File struct {
	ID        execution.ID
	Project   int64
	Name      string // as its sender called it; never part of a path
	MIME      string
	Size      int64
	SHA256    [32]byte
	CreatedAt execution.Time
	ExpiresAt execution.Time // when it may be removed; zero as long as an execution uses it
}
