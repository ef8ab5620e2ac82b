// Package failpoint names the places where a crash or an error is worth testing. Without the build tag failpoints all
// of it compiles to nothing.
package failpoint

// Names are the failpoints that a torture run must hit to be valid, in the order in which a request meets them.
var Names = []string{
	StartAccepted, BatchLoaded, BatchDecided, BatchSaved, BatchCommitted, BatchAnswered, PollTaken, ReportCommitted, SessionLost,
	TimerFired, MessageSent, FileStored, FileForgotten, JanitorDeleted,
}

// The failpoints.
const (
	StartAccepted   = "start.accepted"   // a start passed its checks and is not yet with the committer
	BatchLoaded     = "batch.loaded"     // the transaction is open, its rows are read
	BatchDecided    = "batch.decided"    // the rules ran, nothing is written
	BatchSaved      = "batch.saved"      // everything is written, nothing committed
	BatchCommitted  = "batch.committed"  // committed, nobody was answered
	BatchAnswered   = "batch.answered"   // the callers were answered
	PollTaken       = "poll.taken"       // executions left the mailbox for a reply
	ReportCommitted = "report.committed" // a worker's report is durable, its reply not yet written
	SessionLost     = "session.lost"     // a session was found expired, its executions not yet offered again
	TimerFired      = "timer.fired"      // due timers are committed
	MessageSent     = "message.sent"     // a webhook message was sent, its outcome is not recorded
	JanitorDeleted  = "janitor.deleted"  // a slice of retired executions is removed
)

// The failpoints of files.
const (
	FileStored    = "file.stored"    // the content of a file is stored, there is no record of it
	FileForgotten = "file.forgotten" // the record of a file is removed, its content not yet
)
