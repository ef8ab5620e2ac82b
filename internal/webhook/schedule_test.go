package webhook_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/teststore"
	"github.com/sojournhq/sojourn/internal/webhook"
)

// wide says that the heavier variants run.
var wide = os.Getenv("SOJOURN_TEST_WIDE") == "1"

// promised is what docs/webhooks.md says: how long after the attempt before each one is made.
var promised = []time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
	20 * time.Hour, 24 * time.Hour,
}

// attempts collects when messages were sent.
type attempts struct {
	mu   sync.Mutex
	at   map[execution.ID][]time.Time
	body map[execution.ID]string
}

func (a *attempts) add(t *testing.T, m *engine.Message, body []byte) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at == nil {
		a.at, a.body = map[execution.ID][]time.Time{}, map[execution.ID]string{}
	}
	if old, ok := a.body[m.ID]; ok && old != string(body) {
		t.Errorf("attempt %d sends %s, the one before sent %s", len(a.at[m.ID])+1, body, old)
	}
	a.body[m.ID] = string(body)
	a.at[m.ID] = append(a.at[m.ID], time.Now())
	return len(a.at[m.ID])
}

func (a *attempts) of(id execution.ID) []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]time.Time(nil), a.at[id]...)
}

// A message that nobody accepts is tried at the promised times, within a tenth, and then is dead. One second more is for
// the engine to notice that its time has come.
func TestTheSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent attempts
		b := run(t, teststore.Open(t), func(c *webhook.Config) {
			c.Log = nil
			c.Send = func(_ context.Context, m *engine.Message, body []byte) (int, time.Duration) {
				sent.add(t, m, body)
				return 404, 0 // says nothing against other messages
			}
		})
		b.finished("http://127.0.0.1:1/")
		id := b.deliveries()[0].ID
		n := 4
		if wide {
			n = len(promised)
		}
		total := time.Duration(0)
		for _, d := range promised[:n] {
			total += d + d/10 + 3*time.Second
		}
		time.Sleep(total)
		at := sent.of(id)
		if len(at) != n {
			t.Fatalf("%d attempts in %s, want %d", len(at), total, n)
		}
		for i := 1; i < n; i++ {
			wait, want := at[i].Sub(at[i-1]), promised[i]
			if wait < want-want/10 || wait > want+want/10+3*time.Second {
				t.Errorf("attempt %d came %s after the one before, want about %s", i+1, wait, want)
			}
		}
		d := b.delivery(id)
		if int(d.Attempts) != n || len(d.Log) != n || (d.State == engine.DeliveryDead) != (n == len(promised)) {
			t.Errorf("%+v", d.Delivery)
		}
		if wide {
			time.Sleep(100 * time.Hour)
			if got := len(sent.of(id)); got != n {
				t.Errorf("a dead message was tried again: %d attempts", got)
			}
		}
		b.audit()
		b.stop()
	})
}

// What is asked for again has its whole schedule anew, and a receiver may ask for more time, but not for less.
func TestTheScheduleAnewAndRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent attempts
		b := run(t, teststore.Open(t), func(c *webhook.Config) {
			c.Log = nil
			c.Send = func(_ context.Context, m *engine.Message, body []byte) (int, time.Duration) {
				switch sent.add(t, m, body) {
				case 1:
					return 503, time.Minute
				case 2:
					return 400, time.Second
				case 4:
					return 200, 0
				default:
					return 400, 0
				}
			}
		})
		b.finished("http://127.0.0.1:1/")
		id := b.deliveries()[0].ID
		time.Sleep(70 * time.Second)
		at := sent.of(id)
		if len(at) != 2 || at[1].Sub(at[0]) < time.Minute || at[1].Sub(at[0]) > time.Minute+3*time.Second {
			t.Fatalf("attempts at %v", at)
		}
		time.Sleep(4 * time.Minute)
		if at = sent.of(id); len(at) != 2 {
			t.Errorf("the receiver could shorten the schedule: %v", at)
		}
		if _, err := b.Redeliver(t.Context(), b.root, id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if at = sent.of(id); len(at) != 4 || at[3].Sub(at[2]) > 8*time.Second {
			t.Errorf("asked for again: attempts at %v", at)
		}
		if d := b.delivery(id); d.State != engine.DeliveryDelivered || d.Attempts != 4 || d.Base != 2 {
			t.Errorf("%+v", d.Delivery)
		}
		b.audit()
		b.stop()
	})
}

// A destination that fails again and again is left alone, no attempt is spent on it meanwhile, and another one does not
// notice. When it is well again everything arrives.
func TestTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent attempts
		var mu sync.Mutex
		well, ill := 0, 0
		down := true
		b := run(t, teststore.Open(t), func(c *webhook.Config) {
			c.Log = nil
			c.Send = func(_ context.Context, m *engine.Message, body []byte) (int, time.Duration) {
				sent.add(t, m, body)
				mu.Lock()
				defer mu.Unlock()
				if m.URL == "http://127.0.0.1:2/" {
					well++
					return 200, 0
				}
				ill++
				if down {
					return 502, 0
				}
				return 200, 0
			}
		})
		b.finishedMany("http://127.0.0.1:1/", 40)
		time.Sleep(10 * time.Second)
		mu.Lock()
		first := ill
		mu.Unlock()
		if first < 5 || first > 12 {
			t.Errorf("%d messages were tried before the breaker opened, want 5 and those under way", first)
		}
		b.finishedMany("http://127.0.0.1:2/", 40)
		time.Sleep(5 * time.Second)
		mu.Lock()
		if well != 40 || ill != first {
			t.Errorf("%d of 40 messages went to the other destination, and %d more to the one that is down", well, ill-first)
		}
		mu.Unlock()
		untried := 0
		for _, d := range b.deliveries() {
			if d.Attempts == 0 && d.State == engine.DeliveryPending {
				untried++
			}
		}
		if untried < 28 {
			t.Errorf("only %d messages kept their first attempt", untried)
		}
		time.Sleep(2 * time.Minute)
		mu.Lock()
		if probes := ill - first; probes < 1 || probes > 4 {
			t.Errorf("%d messages were tried in two minutes, want one now and then", probes)
		}
		down = false
		mu.Unlock()
		time.Sleep(10 * time.Minute)
		for _, d := range b.deliveries() {
			if d.State != engine.DeliveryDelivered {
				t.Errorf("%s after the destination was well again: %+v", d.State, d.Delivery)
			}
		}
		b.audit()
		b.stop()
	})
}
