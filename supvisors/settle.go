package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A start counts as over when no process has changed for quietTime, or after startLimit: some programs never come to rest.
const (
	quietTime  = time.Second
	startLimit = time.Minute
)

// startGC is GOGC until then: what a start makes is kept, so that there is little to be found for a collector.
const startGC = 400

// settler gives memory back when the start of a session is over: reading the configuration and starting programs need several times of
// what watching them takes.
type settler struct {
	timer *time.Timer
	over  atomic.Bool
	limit time.Time
	usual int // GOGC
}

func newSettler() *settler {
	s := &settler{limit: time.Now().Add(startLimit), usual: debug.SetGCPercent(startGC)}
	s.timer = time.AfterFunc(quietTime, func() {
		s.over.Store(true)
		debug.SetGCPercent(s.usual)
		debug.FreeOSMemory()
		dropCode()
	})
	return s
}

// heard says that the start goes on. It never waits.
func (s *settler) heard() {
	if left := time.Until(s.limit); left > 0 && !s.over.Load() {
		s.timer.Reset(min(quietTime, left))
	}
}

// stop ends it, whether the start is over or not.
func (s *settler) stop() {
	if s.timer.Stop() {
		debug.SetGCPercent(s.usual)
	}
}

// dropCode lets go of the pages of the program's file. What is needed of it comes back from the cache of the kernel, at a fault each; most of
// it was needed once. An error leaves everything as it is.
func dropCode() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var begin, end uintptr
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &begin, &end, &mode); err == nil && strings.HasSuffix(lines.Text(), self) && mode[1] == '-' {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, begin, end-begin, unix.MADV_DONTNEED) // pages that cannot be written hold nothing of ours
		}
	}
}
