//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Enabled says whether the binary was built with failpoints.
const Enabled = true

type action struct {
	do    string
	param string
	at    int // the hit that acts, 0: every one
}

var (
	mu      sync.Mutex
	actions map[string]action
	hits    = map[string]int{}
	record  *os.File
)

// The environment arms failpoints: SOJOURN_FAILPOINT="name:action[=param][@n],…". Actions: exit (kill -9 of the own
// process), panic, error, sleep=duration; @n acts at the n-th hit only. SOJOURN_FAILPOINT_LOG names a file to which
// the first hit of each failpoint is appended.
func init() {
	actions = map[string]action{}
	for part := range strings.SplitSeq(os.Getenv("SOJOURN_FAILPOINT"), ",") {
		name, rest, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok {
			continue
		}
		var a action
		if do, n, ok := strings.Cut(rest, "@"); ok {
			rest = do
			a.at, _ = strconv.Atoi(n)
		}
		a.do, a.param, _ = strings.Cut(rest, "=")
		actions[name] = a
	}
	if path := os.Getenv("SOJOURN_FAILPOINT_LOG"); path != "" {
		record, _ = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	}
}

// Hit acts as the environment armed the failpoint.
func Hit(name string) error {
	mu.Lock()
	hits[name]++
	n := hits[name]
	if n == 1 && record != nil {
		fmt.Fprintln(record, name)
	}
	a, armed := actions[name]
	mu.Unlock()
	if !armed || a.at != 0 && a.at != n {
		return nil
	}
	switch a.do {
	case "exit":
		if record != nil {
			fmt.Fprintln(record, name+" exit")
		}
		p, _ := os.FindProcess(os.Getpid())
		_ = p.Kill()
		select {}
	case "panic":
		panic("failpoint " + name)
	case "error":
		return fmt.Errorf("failpoint %s", name)
	case "sleep":
		d, _ := time.ParseDuration(a.param)
		time.Sleep(d)
	}
	return nil
}
