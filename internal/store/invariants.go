package store

import (
	"fmt"
	"slices"

	"github.com/sojournhq/sojourn/internal/execution"
)

// Invariant is a promise about stored data that an audit can check.
type Invariant struct {
	Name    string
	Promise string
}

// Invariants are all that Store.Audit checks, in either store.
var Invariants = []Invariant{
	{"database_sound", "The database's own check of its files and indexes finds nothing."},
	{"guards_installed", "The triggers that refuse illegal changes are those of the table of states."},
	{"identity", "An execution's stored key and the rest of its id form a valid id."},
	{"status_known", "An execution is in one of the nine states, and has an intended outcome only while it is finalizing."},
	{"completed_when_final", "An execution has the time it ended exactly when its state is final."},
	{"times_in_order", "An execution starts no later than it ends."},
	{"lease_whole", "An execution has a session and a lease, or neither, and only while it is running."},
	{"queued_when_eligible", "An execution is in the queue exactly when it is eligible and no worker holds it."},
	{"due_follows_rule", "The stored time at which the engine must look at an execution is the one that the rules give."},
	{"nothing_stuck", "Every open execution is held, queued, or will be looked at by the engine."},
	{"waiting_for_something", "A waiting execution has a timer or an open wait."},
	{"inbox_follows_history", "The open waits and kept signals of an execution are those that its history tells."},
	{"counters_of_row", "An execution's counts of attempts, steps, failures and strikes fit each other and its revision."},
	{"error_code_fits", "A failed, cancelled or rejected execution says why by a code, and no other does."},
	{"cancel_recorded", "A requested cancel has its time and who asked; only a held execution waits for its worker to stop."},
	{"progress_in_range", "Progress is between 0 and 1."},
	{"history_whole", "An execution's events have the revisions 1, 2, 3 and so on up to its own, in one chain."},
	{"history_begins", "The first event of an execution says that it was created."},
	{"history_ends", "A final execution has exactly one final event, the last, which agrees with its state; an open one has none."},
	{"history_in_time", "No event is earlier than the one before it."},
	{"history_owned", "Every event belongs to an execution."},
	{"step_once", "A step's result, and the start of a sleep or a wait, is recorded once."},
	{"steps_counted", "An execution counts as many completed steps as its history has."},
	{"catalog_whole", "What executions, workflows, versions, keys and sessions refer to exists, within one project."},
	{"names_unique", "Projects, the workflows of a project that are not deleted, and the versions of a workflow have unique names."},
	{"keys_unique", "No two projects, workflows, versions, API keys or sessions share an integer key, and none is above the highest drawn."},
	{"session_exists", "The session that holds an execution exists."},
	{"links_owned", "Every approval link belongs to an execution of its project."},
	{"secret_hashed", "An API key keeps a SHA-256 of its secret."},
	{"counts_agree", "The counters say how many executions there are."},
	{"metadata_owned", "Every pair of metadata belongs to an execution of its workflow."},
	{"logs_owned", "Every log line belongs to an execution, and no step and attempt has more than the limit."},
	{"idempotency_agrees", "An idempotency key names the execution that it was taken for."},
	{"files_owned", "A file belongs to a project, and what uses it to an execution of the same project."},
	{"files_expire", "A file expires exactly when no execution uses it."},
	{"redaction_kept", "A deleted execution is gone, and a redacted one has no payload, message, detail, metadata or log line left."},
	{"callback_once", "A final execution with a callback has one message for it, and an open one none."},
	{"deliveries_owned", "Every message belongs to a project, and to an execution or an endpoint of it."},
	{"attempts_counted", "A delivery counts as many attempts as are recorded."},
	{"timeline_named", "The data has an epoch, unless it is a backup that was not opened yet."},
}

// Findings collects what an audit finds, a few of each invariant in full and the rest as a number.
type Findings struct {
	found map[string][]string
	more  map[string]int
}

// maxSubjects is how many violations of one invariant are told one by one.
const maxSubjects = 20

// Add notes a violation.
func (f *Findings) Add(invariant, format string, args ...any) {
	if f.found == nil {
		f.found, f.more = map[string][]string{}, map[string]int{}
	}
	if len(f.found[invariant]) >= maxSubjects {
		f.more[invariant]++
		return
	}
	f.found[invariant] = append(f.found[invariant], fmt.Sprintf(format, args...))
}

// List is what was noted, in the order of Invariants.
func (f *Findings) List() []Finding {
	var list []Finding
	for _, i := range Invariants {
		for _, subject := range f.found[i.Name] {
			list = append(list, Finding{Invariant: i.Name, Promise: i.Promise, Subject: subject})
		}
		if n := f.more[i.Name]; n > 0 {
			list = append(list, Finding{Invariant: i.Name, Promise: i.Promise, Subject: fmt.Sprintf("and %d more", n)})
		}
	}
	return list
}

// Has reports whether a violation of the invariant was noted.
func (f *Findings) Has(invariant string) bool { return len(f.found[invariant]) > 0 }

// Row checks one execution by itself. due is its stored DueAt.
func (f *Findings) Row(r *Row, due execution.Time) {
	fail := func(invariant, format string, args ...any) {
		f.Add(invariant, "%s: %s", r.ID, fmt.Sprintf(format, args...))
	}
	if int(r.Status) >= execution.Statuses || int(r.Intended) >= execution.Statuses {
		fail("status_known", "status %d, intended %d", r.Status, r.Intended)
		return // the rules below speak of states
	}
	final, leased := r.Status.Final(), r.Leased()
	if finalizing := r.Status == execution.Finalizing; finalizing != r.Intended.Final() || !finalizing && r.Intended != execution.Created {
		fail("status_known", "%s with intended outcome %s", r.Status, r.Intended)
	}
	if final != (r.CompletedAt != 0) {
		fail("completed_when_final", "%s, completed at %d", r.Status, r.CompletedAt)
	}
	if r.CompletedAt != 0 && r.StartedAt > r.CompletedAt {
		fail("times_in_order", "started at %s, ended at %s", r.StartedAt, r.CompletedAt)
	}
	if leased && r.Status != execution.Running {
		fail("lease_whole", "%s, and session %d holds it", r.Status, r.Session)
	}
	if leased != (r.Lease != execution.Lease{}) {
		fail("lease_whole", "session %d without its lease, or a lease without session", r.Session)
	}
	if queued := r.ReadyAt != 0; queued != eligible(r) {
		fail("queued_when_eligible", "%s, leased: %t, waits until %d, queued: %t", r.Status, leased, r.WakeAt, queued)
	}
	if want := r.DueAt(); due != want {
		fail("due_follows_rule", "stored %d, the rules say %d", due, want)
	}
	waits := len(r.Inbox.Waits()) > 0
	if r.Status == execution.Waiting && r.WakeAt == 0 && !waits {
		fail("waiting_for_something", "it waits for nothing since revision %d", r.Revision)
	}
	if !final && !leased && r.ReadyAt == 0 && r.DueAt() == 0 && (r.Status != execution.Waiting || !waits) && (r.Status != execution.Finalizing || r.Finalizers == 0) {
		fail("nothing_stuck", "%s since revision %d", r.Status, r.Revision)
	}
	if r.Revision < 1 || r.Attempt < 0 || r.Failures < 0 || r.Failures > r.Attempt || r.Strikes < 0 ||
		r.Strikes > execution.MaxStrikes || r.Steps < 0 || int64(r.Steps) >= r.Revision || r.Bytes < 0 || r.Finalizers < 0 ||
		leased && r.Attempt < 1 || r.Attempt > 0 && r.StartedAt == 0 {
		fail("counters_of_row", "revision %d, attempt %d, failures %d, strikes %d, steps %d, bytes %d", r.Revision, r.Attempt,
			r.Failures, r.Strikes, r.Steps, r.Bytes)
	}
	outcome := r.Status
	if outcome == execution.Finalizing {
		outcome = r.Intended
	}
	if explained := outcome.Final() && outcome != execution.Completed; explained != (r.ErrorCode != "") {
		fail("error_code_fits", "%s with code %q", r.Status, r.ErrorCode)
	}
	if (r.CancelRequestedAt != 0) != (r.CancelReason != execution.CancelNone) {
		fail("cancel_recorded", "requested at %d, reason %d", r.CancelRequestedAt, r.CancelReason)
	}
	if r.CancelBy != 0 && (!leased || r.CancelRequestedAt == 0) || leased && r.CancelRequestedAt != 0 && r.CancelBy == 0 {
		fail("cancel_recorded", "%s, leased: %t, requested at %d, cancelled by %d", r.Status, leased, r.CancelRequestedAt, r.CancelBy)
	}
	if r.Progress < 0 || r.Progress > 1 {
		fail("progress_in_range", "%g", r.Progress)
	}
}

// eligible says from the other fields whether an execution belongs in the queue.
func eligible(r *Row) bool {
	switch {
	case r.Leased():
		return false
	case r.Status == execution.Pending:
		return true
	case r.Status == execution.Running:
		return r.Why == execution.WhyWorker
	default:
		return false
	}
}

// Counted checks the counters of executions against a recount.
func (f *Findings) Counted(stored, recounted map[CountKey]int64) {
	keys := make([]CountKey, 0, len(recounted))
	for k := range recounted {
		keys = append(keys, k)
	}
	for k := range stored {
		if _, both := recounted[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, CountKey.Compare)
	for _, k := range keys {
		if stored[k] != recounted[k] {
			f.Add("counts_agree", "project %d, workflow %d, %s, hour %d: counter %d, executions %d", k.Project, k.Workflow, k.Status,
				k.Hour, stored[k], recounted[k])
		}
	}
}
