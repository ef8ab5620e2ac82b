package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How much garbage may lie between two collections: at least minimumRoom bytes, and otherwise one part in roomShare of
// what is in use.
const (
	minimumRoom = 32 << 20
	roomShare   = 5
)

// paceGC makes the collector fit a server. The runtime's own pace lets the heap double, which is wasteful when ten
// thousand requests wait, and collects a small heap more often than need be. GOGC in the environment wins.
func paceGC(gogc string) {
	if gogc == "" {
		adjustGC(nil)
	}
}

// cycle is garbage at once: its finalizer runs after each collection. It is too large to share its place with others.
type cycle struct{ _ [32]byte }

func adjustGC(*cycle) {
	used := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}}
	metrics.Read(used)
	live := max(used[0].Value.Uint64()+used[1].Value.Uint64(), 4<<20)
	room := max(minimumRoom, live/roomShare)
	debug.SetGCPercent(int(room * 100 / live))
	runtime.SetFinalizer(&cycle{}, adjustGC)
}
