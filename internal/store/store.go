// Package store is what the engine needs from a database: the transaction that every change goes through, and the
// reads of the API.
//
// Rules live in package execution, storage in the packages below this one; storetest holds them to the promises
// written here.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// Store is a database of executions. Its methods may be called at the same time; commits may take turns.
type Store interface {
	// Commit runs one durable write transaction: it reads under lock what need names, calls decide with it, saves
	// the changes that decide returns and commits. When it returns nil the changes are on stable storage.
	//
	// decide is quick and does no I/O. It runs again, with what is then loaded, when the database wants the transaction
	// repeated. A nil or empty Changes commits nothing but reservations are given back. On error
	// nothing was changed, except that ErrUnknown says that it may have been. ErrRefused says that the database refused
	// the changes themselves: another batch may pass. ErrUnavailable says that no batch would pass now. ErrFailed says that
	// the store must not be used any more.
	Commit(ctx context.Context, need *Need, decide func(*Loaded) *Changes) error

	// Now is the store's clock. It never runs backwards within one process.
	Now() execution.Time

	// NewKey draws an integer key that no other project, workflow, version, API key or session has.
	NewKey(ctx context.Context) (int64, error)

	// Epoch identifies the timeline of the data. It changes when a backup is restored.
	Epoch() uint64

	// Get reads one execution of the project, or ErrNotFound.
	Get(ctx context.Context, project int64, id execution.ID) (*Row, error)
	// Events reads events of an execution with a revision above after, in order, at most limit (0: all).
	Events(ctx context.Context, row *Row, after int64, limit int) ([]execution.Event, error)
	// Feed reads events of a project that were committed after a place in the journal, those of one execution in order of
	// revision. An event is in one page of a reader that goes on from Next, whatever is committed meanwhile; those of
	// deleted executions are gone. A cursor of another timeline gives ErrCursor.
	Feed(ctx context.Context, q FeedQuery) (*FeedPage, error)
	// Ends reads the first event and, when the row is final, the last one; nil otherwise.
	Ends(ctx context.Context, row *Row) (first, last *execution.Event, err error)
	// Logs reads log lines of an execution, ordered by step, attempt and arrival.
	Logs(ctx context.Context, row *Row, q LogQuery) ([]Log, error)
	// Tombstone reads the trace that a deleted or redacted execution left, or nil.
	Tombstone(ctx context.Context, project int64, id execution.ID) (*Tombstone, error)

	// List reads one page of executions, newest first.
	List(ctx context.Context, q ListQuery) (*ListPage, error)
	// Counts reads how many executions there are in each state.
	Counts(ctx context.Context, q CountQuery) (Counts, error)
	// Series reads counters by hour or day. It reads as many rows as there are workflows, states and periods.
	Series(ctx context.Context, q SeriesQuery) ([]SeriesPoint, error)
	// Sample reads the newest executions of each workflow, state and span, in no order. It reads no others.
	Sample(ctx context.Context, q SampleQuery) ([]Sampled, error)
	// Oldest tells for each of the workflows that has a queue since when that execution of it is ready that has waited
	// longest. It looks at one execution of each priority.
	Oldest(ctx context.Context, workflows []int64) (map[int64]execution.Time, error)

	// Due are executions of the part whose DueAt is at or before now, earliest first.
	Due(ctx context.Context, now execution.Time, part Part, limit int) ([]execution.ID, error)
	// NextDue is the earliest DueAt of all, zero when there is none.
	NextDue(ctx context.Context) (execution.Time, error)
	// Held are the executions whose lease the session has; with session 0 all that any session has.
	Held(ctx context.Context, session int64) ([]*Row, error)
	// Queues are the workflows that have executions in the queue.
	Queues(ctx context.Context) ([]Queue, error)
	// Ended are finished executions of the workflow that were created before the instant and ended before it, and of
	// which no message waits for delivery; at most limit.
	Ended(ctx context.Context, workflow int64, before execution.Time, limit int) ([]execution.ID, error)

	// File reads the record of a file of the project, or ErrNotFound.
	File(ctx context.Context, project int64, id execution.ID) (*File, error)
	// Files reads records of files, newest first.
	Files(ctx context.Context, q FileQuery) ([]File, error)
	// FileUsed reports whether the execution uses the file.
	FileUsed(ctx context.Context, file, execution execution.ID) (bool, error)
	// FileBytes is how much room the files of each project take, by its key.
	FileBytes(ctx context.Context) (map[int64]int64, error)
	// ExpiredFiles are files that expired at or before now, earliest first.
	ExpiredFiles(ctx context.Context, now execution.Time, limit int) ([]execution.ID, error)

	// DueDeliveries reads deliveries whose time has come, a few of each destination.
	DueDeliveries(ctx context.Context, q DueQuery) (*DuePage, error)
	// Delivery reads a delivery of the project with its attempts, or ErrNotFound.
	Delivery(ctx context.Context, project int64, id execution.ID) (*Delivery, []DeliveryAttempt, error)
	// Deliveries reads deliveries of a project, newest first.
	Deliveries(ctx context.Context, q DeliveryQuery) ([]Delivery, error)
	// EndedDeliveries are deliveries to the endpoint that were made before the instant and ended before it, at most limit.
	EndedDeliveries(ctx context.Context, endpoint int64, before execution.Time, limit int) ([]execution.ID, error)
	// DeliveryBacklog tells what waits for delivery in all projects.
	DeliveryBacklog(ctx context.Context, now execution.Time) (DeliveryBacklog, error)

	// Catalog reads all projects, workflows and versions, endpoints and signing secrets.
	Catalog(ctx context.Context) (*Catalog, error)
	// Key reads an API key by its public id, or ErrNotFound.
	Key(ctx context.Context, publicID string) (*Key, error)
	// Keys reads all API keys of a project, or of all projects when project is 0, newest first.
	Keys(ctx context.Context, project int64) ([]Key, error)
	// Link reads an approval link by the hash of its token, or ErrNotFound.
	Link(ctx context.Context, hash [32]byte) (*ApprovalLink, error)
	// Sessions reads all worker sessions.
	Sessions(ctx context.Context) ([]Session, error)

	// Audit runs the invariant queries and returns what violates them. It only reads.
	Audit(ctx context.Context) ([]Finding, error)
	// Backup writes a consistent copy to path, which must not exist, while the store stays in use. Opening the copy
	// begins a new epoch.
	Backup(ctx context.Context, path string) error
	// Usage tells how much room the data takes.
	Usage(ctx context.Context) (Usage, error)
	// About tells which store it is, one for each that it lies in. It is cheap enough to be asked by people.
	About(ctx context.Context) ([]About, error)
	// Close releases the store. Everything committed stays.
	Close() error
}

// Errors of a store.
var (
	// ErrNotFound is something that is not there, or is another project's.
	ErrNotFound = errors.New("not found")
	// ErrCursor is a cursor that names no place in the data as it is: it is of another store, of a timeline that a restore
	// has ended, or no cursor at all.
	ErrCursor = errors.New("cursor of another timeline")
	// ErrUnknown is a transaction of which nobody knows whether it was committed.
	ErrUnknown = errors.New("outcome unknown")
	// ErrRefused is a change that a constraint or trigger of the database refused: a mistake in the engine.
	ErrRefused = errors.New("refused by the database")
	// ErrOvertaken is an ErrRefused that is no mistake: the changes follow from a catalog that another server has changed
	// meanwhile. Who reads it again may go on.
	ErrOvertaken = fmt.Errorf("%w: another server was quicker to change the catalog", ErrRefused)
	// ErrFailed is a store that can no longer be trusted to write: input/output error, full disk, corruption.
	ErrFailed = errors.New("store failed")
	// ErrUnavailable is a database that cannot be reached or is not ready for work. Nothing happened, and the same may pass
	// later.
	ErrUnavailable = errors.New("database unavailable")
	// ErrLocked is a store that another server has open.
	ErrLocked = errors.New("in use by another server")
)

// Row is an execution with its store's bookkeeping.
type Row struct {
	execution.Execution
	// First and Last belong to the store: where the execution's first and latest events lie.
	First, Last int64
	// Mark belongs to the caller of Commit while decide runs; a loaded row has 0.
	Mark int
}

// Need is what a transaction reads under lock before its rules run.
type Need struct {
	Executions   []execution.ID
	Steps        []StepRef
	Reservations []Reservation
	Claims       []ClaimNeed
	Files        []execution.ID
	Deliveries   []execution.ID
	Links        [][32]byte // hashes of approval links' tokens
	Sessions     []int64    // keys of worker sessions
}

// Reset empties the need and keeps its memory.
func (n *Need) Reset() {
	clear(n.Steps)
	clear(n.Reservations)
	n.Executions, n.Steps, n.Reservations, n.Claims = n.Executions[:0], n.Steps[:0], n.Reservations[:0], n.Claims[:0]
	n.Files = n.Files[:0]
	n.Deliveries = n.Deliveries[:0]
	n.Links = n.Links[:0]
	n.Sessions = n.Sessions[:0]
}

// StepRef asks whether a step of an execution has its one record.
type StepRef struct {
	Execution execution.ID
	Step      string
}

// Reservation asks for an idempotency key: it is taken for the execution, unless it is taken already.
type Reservation struct {
	Project   int64
	Key       string
	Hash      uint64 // of the request
	Execution execution.ID
}

// ClaimNeed asks for executions of a workflow that are in the queue, highest priority and longest wait first.
type ClaimNeed struct {
	Workflow int64
	Limit    int
	Solo     SoloChoice
}

// SoloChoice says what becomes of executions that must run alone, as Execution.Solo tells, in a ClaimNeed.
type SoloChoice uint8

// The choices.
const (
	SoloIncluded SoloChoice = iota
	SoloLeftOut
	SoloOnly
)

// Loaded is what was read. Its slices are parallel to those of the Need, and valid until decide returns.
type Loaded struct {
	Now        execution.Time
	Executions []*Row          // nil: no such execution, or Busy. The same id gives the same pointer, also within Claims.
	Busy       []bool          // another server has the row locked just now; nil: none is
	Recorded   []bool          // the step has its record
	Taken      []*TakenKey     // nil: the key is reserved now, for the need's execution
	Claims     [][]Claimable   // per ClaimNeed, in queue order
	Deliveries []*Delivery     // nil: no such delivery. The same id gives the same pointer.
	Files      []*LoadedFile   // nil: no such file. The same id gives the same pointer.
	Links      []*ApprovalLink // nil: no such link. The same hash gives the same pointer.
	Sessions   []*Session      // nil: no such session. The same key gives the same pointer.
}

// LoadedFile is a file's record with who uses it.
type LoadedFile struct {
	File
	// Open says that an execution that is not final uses it.
	Open bool
	// Mark belongs to the caller of Commit while decide runs; a loaded file has 0.
	Mark int
}

// TakenKey is an idempotency key that was taken before, or earlier in the same Need.
type TakenKey struct {
	Hash      uint64
	Execution execution.ID
}

// ClaimBytes is how many payload bytes one transaction reads for claims, beyond the first execution.
const ClaimBytes = 32 << 20

// Claimable is an execution in the queue with what a worker needs to run it.
type Claimable struct {
	Row      *Row
	Withheld bool // it would have exceeded ClaimBytes: nothing below was read, and it is not to be claimed now
	Input    []byte
	Details  []byte               // of the first event
	Recorded []execution.Recorded // steps and sleeps of earlier attempts
}

// Changes is what a transaction saves.
type Changes struct {
	Insert []*Row
	Update []Update
	// Events in order; the events of one execution in order of revision. Their rows are in Insert or Update.
	Events []RowEvent
	// Released are indexes of the Need's reservations that are given up.
	Released []int
	Metadata []Metadata
	Counts   map[CountKey]int64 // differences; zero entries are allowed
	Logs     []Log              // N is set by the store

	// Shards, set by a Celled store, are those that the transaction is about: a cell that does not have all of them, as its
	// seat says, gives ErrMoved.
	Shards []int

	// Basis, when it is not 0, is the version of the catalog that the changes of it follow from: with another one they are
	// refused.
	Basis int64

	Projects   []Project  // written whole, by key
	Workflows  []Workflow // written whole, by key
	Versions   []Version  // written whole, by key
	Keys       []Key      // written whole, by key
	KeyUses    []Key      // only LastUsedAt is written, and never lowered
	Sessions   []Session  // written whole, by key
	Gone       []int64    // keys of sessions to remove
	Tombstones []Tombstone
	Delete     []*Row // final executions to remove with all they own, but for their idempotency keys
	// Redact are final executions whose payloads, messages, details, metadata and logs are removed. Their messages that
	// wait for delivery are cancelled, and what receivers answered is removed too.
	Redact []*Row

	Deliveries       []Delivery // new ones
	DeliveryUpdates  []DeliveryUpdate
	DeliveryAttempts []DeliveryAttempt
	DeliveriesGone   []execution.ID // ended deliveries to remove with their attempts
	Endpoints        []Endpoint     // written whole, by key
	Secrets          []SecretSet    // written whole, by owner

	Files    []File    // new records; their ExpiresAt is taken as it is
	FileUses []FileUse // from now on the execution uses the file, which then does not expire; a repeat changes nothing
	// FilesGone are files whose records are removed, with what uses them. A file that no execution uses any more, because
	// the last one was deleted or redacted, expires a FileGrace after it was made.
	FilesGone []execution.ID

	Links []ApprovalLink // new ones, and those whose UsedAt is to be written; they go with their execution
	// SweepLinks removes approval links that expired before this, a bounded number of them.
	SweepLinks execution.Time

	// SweepKeys removes idempotency keys taken before this, a bounded number from where the last sweep stopped.
	SweepKeys execution.Time
}

// FileUse is an execution that uses a file.
type FileUse struct {
	File      execution.ID
	Execution execution.ID
}

// FileGrace is how long a file is kept that no execution uses.
const FileGrace = 24 * time.Hour

// RowEvent is an event with the row whose history it extends.
type RowEvent struct {
	Row *Row
	execution.Event
}

// Update saves a loaded row on the condition that its stored revision is still From.
type Update struct {
	*Row
	From int64
}

// Reset empties the changes and keeps their memory.
func (c *Changes) Reset() {
	clear(c.Insert)
	clear(c.Update)
	clear(c.Events)
	clear(c.Metadata)
	clear(c.Logs)
	clear(c.Deliveries)
	clear(c.Counts)
	clear(c.Files)
	counts := c.Counts
	if counts == nil {
		counts = map[CountKey]int64{}
	}
	*c = Changes{
		Insert: c.Insert[:0], Update: c.Update[:0], Events: c.Events[:0], Released: c.Released[:0],
		Metadata: c.Metadata[:0], Counts: counts, Logs: c.Logs[:0], Deliveries: c.Deliveries[:0],
		Files: c.Files[:0], FileUses: c.FileUses[:0], FilesGone: c.FilesGone[:0],
	}
}

// Empty reports whether there is nothing to save.
func (c *Changes) Empty() bool {
	if len(c.Insert)+len(c.Update)+len(c.Events)+len(c.Metadata)+len(c.Logs)+len(c.Projects)+len(c.Workflows)+
		len(c.Versions)+len(c.Keys)+len(c.KeyUses)+len(c.Sessions)+len(c.Gone)+len(c.Tombstones)+len(c.Delete)+len(c.Redact)+
		len(c.Files)+len(c.FileUses)+len(c.FilesGone)+len(c.Deliveries)+len(c.DeliveryUpdates)+
		len(c.DeliveryAttempts)+len(c.DeliveriesGone)+len(c.Endpoints)+len(c.Secrets)+len(c.Links) > 0 {
		return false
	}
	for _, n := range c.Counts {
		if n != 0 {
			return false
		}
	}
	return c.SweepKeys == 0 && c.SweepLinks == 0
}

// Metadata is one pair of an execution's metadata, for the filter of lists.
type Metadata struct {
	Workflow  int64
	Execution execution.ID
	Key       string
	Value     string
}

// CountKey names one counter.
type CountKey struct {
	Project  int64
	Workflow int64
	Status   execution.Status
	Hour     int32 // of creation, in hours since the Unix epoch
}

// HourOf is the hour in which an execution was created, as counters have it.
func HourOf(id execution.ID) int32 { return int32(id.Millis() / 3_600_000) }
