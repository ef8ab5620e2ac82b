//go:build unix

package api

import (
	"bytes"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"
)

// The dialect costs a start at most 10 µs more of processor time than the native API does, everything included.
func TestEigenpalCost(t *testing.T) {
	if os.Getenv("SOJOURN_TEST_WIDE") == "" {
		t.Skip("measures for seconds: SOJOURN_TEST_WIDE=1")
	}
	const input = `{"customer":"1138","lines":[{"sku":"a-1","qty":2},{"sku":"b-7","qty":1}],"note":"deliver after noon"}`
	measure := func(path, body string) time.Duration {
		var used time.Duration
		r := testing.Benchmark(func(b *testing.B) {
			s := newServer(b, setup{plain: true})
			s.workflow("echo")
			b.SetParallelism(64)
			b.ResetTimer()
			before := processorTime(b)
			b.RunParallel(func(p *testing.PB) {
				w := &sink{header: http.Header{}}
				for p.Next() {
					clear(w.header)
					r, _ := http.NewRequest("POST", path, bytes.NewReader([]byte(body)))
					r.RemoteAddr = "127.0.0.1:4711"
					r.Header = http.Header{"Authorization": {"Bearer " + s.key}, "Content-Type": {"application/json"}}
					s.api.ServeHTTP(w, r)
					if w.status != 201 {
						b.Errorf("status %d", w.status)
						return
					}
				}
			})
			used = processorTime(b) - before
		})
		return used / time.Duration(r.N)
	}
	// By turns, and the best of each: another program on the machine makes some of them dear, not all.
	native, dialect := time.Hour, time.Hour
	for range 5 {
		native = min(native, measure("/v1/executions", `{"workflow_id":"echo","input":`+input+`}`))
		dialect = min(dialect, measure("/api/v1/workflows/echo/run", `{"input":`+input+`}`))
	}
	t.Logf("a start takes %v of processor time, in the dialect %v", native, dialect)
	if dialect > native+10*time.Microsecond {
		t.Errorf("the dialect adds %v to a start of %v", dialect-native, native)
	}
}

// processorTime is what the process has used of all processors so far.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
