package api

import (
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	at := func(s string) time.Time {
		t.Helper()
		x, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for text, want := range map[string]time.Time{
		"now()": now, " now() ": now, "now()-7d": now.Add(-7 * 24 * time.Hour), "now() - 7d": now.Add(-7 * 24 * time.Hour), "now()+1w": now.Add(7 * 24 * time.Hour),
		"now() 90m": now.Add(90 * time.Minute), "now()-1d+2h-30m+5s": now.Add(-24*time.Hour + 2*time.Hour - 30*time.Minute + 5*time.Second), "now()  -  1h  2m": now.Add(-time.Hour + 2*time.Minute),
		"2026-01-02": at("2026-01-02T00:00:00Z"), "2026-01-02T03:04:05Z": at("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05": at("2026-01-02T03:04:05Z"),
		"2026-01-02T03:04:05.123456Z": at("2026-01-02T03:04:05.123456Z"), "2026-01-02T03:04:05+02:00": at("2026-01-02T01:04:05Z"), "2026-01-02T03:04:05 02:00": at("2026-01-02T01:04:05Z"),
		"2026-01-02T03:04": at("2026-01-02T03:04:00Z"), "2026-01-02T03:04-05:30": at("2026-01-02T08:34:00Z"), "1970-01-01": at("1970-01-01T00:00:00.000001Z"), "now()-99w-5000w": at("1970-01-01T00:00:00.000001Z"),
	} {
		got, ok := parseDate(text, now, false)
		if !ok || !got.Equal(want) {
			t.Errorf("%q: %v %v, want %v", text, got, ok, want)
		}
	}
	if got, ok := parseDate("2026-01-02", now, true); !ok || !got.Equal(at("2026-01-02T23:59:59.999999Z")) {
		t.Errorf("end of a day: %v", got)
	}
	for _, text := range []string{
		"", "now", "now(", "now()7d", "now()-", "now()-7", "now()-d", "now()-7y", "now()--7d", "now()-7d7d", "now()-1.5d", "now()-7dx", "now()-99999999999999d", "now()-1000000w", "now()+9999999999999s",
		"yesterday", "2026-13-01", "2026-02-30", "2026-1-2", "20260102", "2026-01-02 03:04:05", "2026-01-02T25:00:00Z", "1969-12-31", "0001-01-01", "2026-01-02T03:04:05ZZ", "1700000000", "now()-7D", "NOW()", "now()\n-7d",
	} {
		if got, ok := parseDate(text, now, false); ok {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}
