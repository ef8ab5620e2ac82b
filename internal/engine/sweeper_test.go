package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

// cutOff is a place for contents where uploads were cut off.
type cutOff struct {
	blob.Store
	mu   sync.Mutex
	left map[string]time.Time // when each began
}

func (c *cutOff) Abandon(_ context.Context, drop func(string, time.Time) bool) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, began := range c.left {
		if drop(name, began) {
			delete(c.left, name)
			n++
		}
	}
	return n, nil
}

func (c *cutOff) names() (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.left {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// What uploads have left that a crash cut off goes a day after they began, and what is not ours stays.
func TestSweepOfUploadsThatWereCutOff(t *testing.T) {
	t.Parallel()
	contents, _ := keeping(t)
	places := &cutOff{Store: contents, left: map[string]time.Time{}}
	leaping(t, func(t *testing.T, b *bench, _ *faultstore.Store, leap func(time.Duration)) {
		began := func(age time.Duration, n uint64) string {
			at := b.Now().Add(-age).Std()
			name := execution.MakeID(at.UnixMilli(), 7, n).Text(execution.PrefixFile)
			places.mu.Lock()
			places.left[name] = at
			places.mu.Unlock()
			return name
		}
		began(25*time.Hour, 1)
		young := began(23*time.Hour, 2)
		places.mu.Lock()
		places.left["somebody_elses"] = time.Time{}
		places.mu.Unlock()
		b = b.restart(func(c *engine.Config) { c.Files = places }) // sweeps at once
		leap(0)
		if got := places.names(); !slices.Equal(got, []string{young, "somebody_elses"}) {
			t.Errorf("left: %q", got)
		}
		leap(2 * time.Hour)
		time.Sleep(6 * time.Hour) // it sweeps by itself now and then
		if got := places.names(); !slices.Equal(got, []string{"somebody_elses"}) {
			t.Errorf("left later: %q", got)
		}
	}, func(c *engine.Config) { c.Files = places })
}
