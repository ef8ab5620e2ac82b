package engine

import (
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

func TestSizesOfDurations(t *testing.T) {
	t.Parallel()
	last := 0
	for us := int64(0); us < 5_000_000; us += 1 + us/50 {
		d := time.Duration(us) * time.Microsecond
		size := sizeOf(d)
		if size < last || size > last+1 {
			t.Fatalf("%s has the size %d, one before %d", d, size, last)
		}
		last = size
		if told := durationOf(size); told < d || told > d+d/4 {
			t.Fatalf("%s is told as %s", d, told)
		}
	}
	if size := sizeOf(1 << 62); size != paceSizes-1 {
		t.Errorf("the longest duration has the size %d", size)
	}
	if size := sizeOf(-time.Second); size != 0 {
		t.Errorf("a negative duration has the size %d", size)
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	var p pace
	began := execution.Time(1_000_000_000_000)
	now := began
	if got := p.last(now, began); got.Commits != 0 || got.P50 != 0 || got.P99 != 0 {
		t.Errorf("before any commit: %+v", got)
	}
	for i := range 100 { // one each half second, the latest fifty within the last minute and its beginning
		now = began.Add(time.Duration(i) * time.Second / 2)
		took := time.Millisecond
		if i >= 98 {
			took = time.Second
		}
		p.note(now, 3, took)
	}
	now = began.Add(50 * time.Second)
	got := p.last(now, began)
	if got.Commits != 100 || got.Commands != 300 || got.Over != 50*time.Second {
		t.Errorf("after 50 s: %+v", got)
	}
	if got.P50 < time.Millisecond || got.P50 > 5*time.Millisecond/4 || got.P99 < time.Second || got.P99 > 5*time.Second/4 {
		t.Errorf("half within %s, almost all within %s", got.P50, got.P99)
	}
	if got := p.last(began.Add(80*time.Second), began); got.Commits != 60 || got.Over != time.Minute {
		t.Errorf("after 80 s: %+v", got)
	}
	if got := p.last(began.Add(time.Hour), began); got.Commits != 0 {
		t.Errorf("after an hour: %+v", got)
	}
}
