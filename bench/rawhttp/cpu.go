package rawhttp

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of CPU times in /proc on Linux, on every architecture.
const tick = 10 * time.Millisecond

// CPUTime returns the CPU time that a process has used, in user and kernel
// mode, all its threads together; pid 0 is this process. It needs Linux's
// /proc and counts in steps of 10 ms.
func CPUTime(pid int) (time.Duration, error) {
	name := "self"
	if pid != 0 {
		name = strconv.Itoa(pid)
	}
	stat, err := os.ReadFile("/proc/" + name + "/stat")
	if err != nil {
		return 0, fmt.Errorf("rawhttp: CPU time of process %s: %w", name, err)
	}
	// The second field is the program's name in brackets and may hold
	// anything; after it, utime and stime are the 12th and 13th.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("rawhttp: CPU time of process %s: /proc has %d fields", name, len(fields))
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, ok := number(f)
		if !ok {
			return 0, fmt.Errorf("rawhttp: CPU time of process %s: bad field %q", name, f)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
