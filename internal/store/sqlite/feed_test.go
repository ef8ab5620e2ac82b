package sqlite

import (
	"errors"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// A cursor behind the end is of a timeline that was lost: with weaker settings a power failure takes the latest commits.
func TestCursorBehindTheEnd(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for seq, want := range map[int64]error{0: nil, 1: store.ErrCursor} {
		if _, err := s.Feed(t.Context(), store.FeedQuery{Project: 1, After: s.cursor(seq)}); !errors.Is(err, want) {
			t.Errorf("position %d of an empty journal: %v, want %v", seq, err, want)
		}
	}
}

func FuzzCursor(f *testing.F) {
	s := &Store{epoch: 12345}
	f.Add("", int64(0))
	f.Add(string(s.cursor(1<<40)), int64(77))
	f.Add("AQ", int64(1<<62))
	f.Fuzz(func(t *testing.T, text string, seq int64) {
		if got, ok := s.position(store.Cursor(text)); ok && string(s.cursor(got)) != text {
			t.Errorf("%q is read as %d, which is written %q", text, got, s.cursor(got))
		}
		if got, ok := s.position(s.cursor(seq)); ok != (seq >= 0) || ok && got != seq {
			t.Errorf("position %d came back as %d, %t", seq, got, ok)
		}
	})
}

// Events from before the column say by their kind which state they led to.
func TestImpliedStatus(t *testing.T) {
	t.Parallel()
	for kind, want := range map[execution.EventKind]execution.Status{
		execution.EventReady: execution.Pending, execution.EventClaimed: execution.Running, execution.EventLeaseLost: execution.Running,
		execution.EventSuspended: execution.Waiting, execution.EventFinalizing: execution.Finalizing,
		execution.EventCompleted: execution.Completed, execution.EventFailed: execution.Failed,
		execution.EventCancelled: execution.Cancelled, execution.EventRejected: execution.Rejected,
	} {
		if got := impliedStatus(&execution.Event{Kind: kind}); got != want {
			t.Errorf("after %s: %s, want %s", kind, got, want)
		}
	}
	later, now := execution.Event{Kind: execution.EventCreated, Until: 5}, execution.Event{Kind: execution.EventCreated}
	if impliedStatus(&later) != execution.Created || impliedStatus(&now) != execution.Pending {
		t.Error("a start for later and one for now")
	}
}
