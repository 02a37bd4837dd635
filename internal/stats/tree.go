package stats

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/prometheus/procfs"
)

// userHZ is the unit of the times in /proc/PID/stat, the same on every Linux.
const userHZ = 100

// tree is all processes of the host at one moment.
type tree struct {
	processes map[int]process
	children  map[int][]int
}

// process is what one process has used.
type process struct {
	start    uint64  // with the pid, names the process for ever
	own      float64 // seconds of processor time
	waited   float64 // seconds of the children that it has waited for, with what these have waited for
	resident float64 // bytes
}

// readTree walks over proc once. Processes that end meanwhile or may not be seen are left out; any other error ends it, because
// a tree with holes would give wrong figures.
func readTree(root string, failures *failures) (tree, error) {
	proc, err := procfs.NewFS(root)
	if err != nil {
		return tree{}, err
	}
	all, err := proc.AllProcs()
	if err != nil {
		return tree{}, err
	}
	page := float64(os.Getpagesize())
	t := tree{processes: make(map[int]process, len(all)), children: make(map[int][]int, len(all))}
	for _, p := range all {
		s, err := p.Stat()
		switch {
		case err == nil:
			t.processes[p.PID] = process{
				start:    s.Starttime,
				own:      float64(s.UTime+s.STime) / userHZ,
				waited:   float64(s.CUTime+s.CSTime) / userHZ,
				resident: float64(s.RSS) * page,
			}
			t.children[s.PPID] = append(t.children[s.PPID], p.PID)
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH): // it has ended
		case errors.Is(err, fs.ErrPermission):
			failures.report("process", err)
		default:
			return tree{}, fmt.Errorf("process %d: %w", p.PID, err)
		}
	}
	return t, nil
}

// family is a process and all its descendants taken together.
func (t tree) family(pid int) (process, bool) {
	head, found := t.processes[pid]
	if !found {
		return process{}, false
	}
	// A walk over proc is not one moment: pids that were used again meanwhile may look like children, even in a circle.
	seen := map[int]bool{pid: true}
	for open := t.children[pid]; len(open) > 0; {
		child := open[len(open)-1]
		open = open[:len(open)-1]
		use := t.processes[child]
		if seen[child] || use.start < head.start {
			continue
		}
		seen[child] = true
		head.own += use.own
		head.waited += use.waited
		head.resident += use.resident
		open = append(open[:len(open):len(open)], t.children[child]...)
	}
	return head, true
}
