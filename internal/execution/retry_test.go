package execution

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyPolicy draws policies as a hostile caller could send them.
func anyPolicy(t *rapid.T) Retry {
	wild := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 1, 2}))
	return Retry{
		MaxAttempts: rapid.Int32().Draw(t, "attempts"),
		Initial:     time.Duration(rapid.Int64().Draw(t, "initial")),
		Max:         time.Duration(rapid.Int64().Draw(t, "longest")),
		Coefficient: wild.Draw(t, "coefficient"),
		Jitter:      wild.Draw(t, "jitter"),
	}
}

func TestDelayStaysInBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, try := anyPolicy(t), rapid.Int32().Draw(t, "try")
		random := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), 0, 1})).Draw(t, "random")
		longest := p.Max
		if longest <= 0 {
			longest = DefaultMaxInterval
		}
		longest = min(longest, 365*24*time.Hour)
		d := p.Delay(try, random)
		if d < 0 || d > longest {
			t.Fatalf("%+v waits %s after try %d, at most %s is allowed", p, d, try, longest)
		}
		if now := origin; now.Add(d) < now {
			t.Fatalf("%+v waits until the past", p)
		}
		// The jitter only ever shortens, by its share.
		steady := p
		steady.Jitter = -1
		whole, share := steady.Delay(try, random), p.Jitter
		switch {
		case share == 0:
			share = DefaultJitter
		case share > 1:
			share = 1
		case !(share > 0):
			share = 0
		}
		if d > whole || float64(d) < float64(whole)*(1-share)-float64(whole)/1e9-2 {
			t.Fatalf("%+v waits %s of %s after try %d with random %v", p, d, whole, try, random)
		}
	})
}

func TestDelayWithoutJitterNeverFalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		p.Jitter = -1
		before := time.Duration(0)
		for try := range int32(80) {
			d := p.Delay(try, 0.5)
			if d < before {
				t.Fatalf("%+v waits %s after try %d and %s after the one before", p, d, try, before)
			}
			before = d
		}
		if last := p.Delay(math.MaxInt32, 0.5); last < before {
			t.Fatalf("%+v waits %s after the last of all tries, %s before", p, last, before)
		}
	})
}

func TestDelayFollowsThePolicy(t *testing.T) {
	steady := Retry{Initial: time.Second, Max: 10 * time.Second, Coefficient: 3, Jitter: -1}
	for try, want := range map[int32]time.Duration{
		math.MinInt32: time.Second, 0: time.Second, 1: time.Second, 2: 3 * time.Second, 3: 9 * time.Second, 4: 10 * time.Second, 1000: 10 * time.Second,
	} {
		if got := steady.Delay(try, 0.9); got != want {
			t.Errorf("after try %d: %s, want %s", try, got, want)
		}
	}
	for name, c := range map[string]struct {
		policy Retry
		random float64
		want   time.Duration
	}{
		"defaults, no luck":                        {Retry{}, 0, time.Second},
		"defaults, all luck":                       {Retry{}, 1, 800 * time.Millisecond},
		"all of it is random":                      {Retry{Jitter: 1}, 1, 0},
		"more than all":                            {Retry{Jitter: 9}, 0.5, 500 * time.Millisecond},
		"no number for a draw":                     {Retry{}, math.NaN(), time.Second},
		"no numbers at all":                        {Retry{Jitter: math.NaN(), Coefficient: math.NaN()}, 0.5, time.Second},
		"first above the longest":                  {Retry{Initial: time.Hour, Max: time.Minute, Jitter: -1}, 0, time.Minute},
		"what is random is a share of the longest": {Retry{Initial: 90 * time.Second, Max: time.Minute, Jitter: 0.5}, 1, 30 * time.Second},
		"longest of all":                           {Retry{Initial: math.MaxInt64, Max: math.MaxInt64, Jitter: -1}, 0, 365 * 24 * time.Hour},
	} {
		if got := c.policy.Delay(1, c.random); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestTriesAreCounted(t *testing.T) {
	for _, c := range []struct {
		attempts, try int32
		final         bool
		want          bool
	}{
		{0, 1, false, false},
		{1, 1, false, false},
		{2, 1, false, true},
		{2, 2, false, false},
		{2, 3, false, false},
		{2, 1, true, false},
		{-1, 1_000_000, false, true},
		{-1, 1, true, false},
		// A worker that forgets to count has had its first try all the same.
		{0, 0, false, false},
		{1, -5, false, false},
		{2, 0, false, true},
	} {
		f := Failure{Policy: Retry{MaxAttempts: c.attempts}, Try: c.try, Final: c.final}
		if _, again := f.next(); again != c.want {
			t.Errorf("try %d of %d, final %t: again %t", c.try, c.attempts, c.final, again)
		}
	}
}
