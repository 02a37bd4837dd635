package stats

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// statfsPatience is how long a sample waits for the file systems; local ones answer within microseconds.
const statfsPatience = 200 * time.Millisecond

// unescape undoes what the kernel does to mount points with blanks.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// partitions returns the mount points of the file systems that live on a device, as Supvisors shows them: no tmpfs, no cgroups,
// no network file systems, but zfs.
func partitions(proc procfs.FS, root string) ([]string, error) {
	list, err := os.ReadFile(filepath.Join(root, "filesystems"))
	if err != nil {
		return nil, err
	}
	onDevice := map[string]bool{"zfs": true}
	for line := range strings.Lines(string(list)) {
		if kind, name, _ := strings.Cut(line, "\t"); kind != "nodev" {
			onDevice[strings.TrimSpace(name)] = true
		}
	}
	mounts, err := proc.GetMounts()
	if err != nil {
		return nil, err
	}
	var points []string
	for _, m := range mounts {
		if onDevice[m.FSType] && m.Source != "none" {
			points = append(points, unescape.Replace(m.MountPoint))
		}
	}
	return points, nil
}

// diskUsage asks each file system on a goroutine of its own, because one that does not answer holds its caller for ever. Such a
// one is missing in the samples, is not asked again until it has answered, and delays only the sample that asked it.
type diskUsage struct {
	statfs   func(path string, buf *unix.Statfs_t) error
	failures *failures
	asked    map[string]chan answer // by mount point, those that have not answered; the channels have room for the answer
}

type answer struct {
	usage Float
	err   error
}

func newDiskUsage(failures *failures) *diskUsage {
	return &diskUsage{statfs: unix.Statfs, failures: failures, asked: map[string]chan answer{}}
}

// measure returns the usage of the mount points that answer, in percent of what an unprivileged user can fill.
func (d *diskUsage) measure(points []string) map[string]Float {
	maps.DeleteFunc(d.asked, func(_ string, late chan answer) bool { return len(late) > 0 }) // it is too old to be shown
	var asked []string
	for _, point := range points {
		if d.asked[point] == nil {
			asked = append(asked, point)
			d.asked[point] = d.ask(point)
		}
	}
	patience, cancel := context.WithTimeout(context.Background(), statfsPatience)
	defer cancel()
	usage := make(map[string]Float, len(asked))
	for _, point := range asked {
		a, answered := await(patience, d.asked[point])
		if answered {
			delete(d.asked, point)
		}
		if a.err != nil {
			d.failures.report("disk usage", fmt.Errorf("statfs %s: %w", point, a.err))
			continue
		}
		usage[point] = a.usage
	}
	return usage
}

func await(patience context.Context, reply chan answer) (a answer, answered bool) {
	select {
	case a = <-reply:
		return a, true
	case <-patience.Done():
	}
	select {
	case a = <-reply: // while another one was waited for
		return a, true
	default:
		return answer{err: unix.ETIMEDOUT}, false
	}
}

func (d *diskUsage) ask(point string) chan answer {
	reply := make(chan answer, 1)
	statfs := d.statfs
	go func() {
		var s unix.Statfs_t
		if err := statfs(point, &s); err != nil {
			reply <- answer{err: err}
			return
		}
		used := float64(s.Blocks) - float64(s.Bfree)
		reply <- answer{usage: percent(used, used+float64(s.Bavail))}
	}()
	return reply
}
