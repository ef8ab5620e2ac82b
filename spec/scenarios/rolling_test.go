package scenarios

import (
	"errors"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/pgtest"
)

// TestRollingRestart replaces the servers of a cluster one by one under load, with a worker in each language. No worker is
// without a server for longer than a moment, and its polls come over a connection that nothing else uses.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	if !wide() {
		t.Skip("set SOJOURN_TEST_WIDE=1")
	}
	f := newFleet(t, pgtest.Database(t), []string{binaries.sojourn, binaries.sojourn, binaries.sojourn})
	f.work(t)
	for _, s := range f.servers {
		f.pass(t, 30)
		err := s.stop()
		for line := range strings.Lines(s.said.String()) {
			if strings.Contains(line, " ERROR ") {
				t.Errorf("a server that was replaced said: %s", line)
			}
		}
		if err = errors.Join(err, s.boot()); err != nil {
			t.Error(err)
			break
		}
	}
	f.pass(t, 30)
	f.rest(t, mostUnserved)
	for _, c := range f.crews {
		polls, mixed := c.way.polls()
		t.Logf("%s: polls came over %d connections", c.name, polls)
		// One at a time: the first, and another one for each server that went, or two when the next one was about to go.
		if polls > 8 || polls < 2 {
			t.Errorf("%s: polls came over %d connections", c.name, polls)
		}
		if mixed > 0 {
			t.Errorf("%s: %d connections of polls had other requests too", c.name, mixed)
		}
	}
}
