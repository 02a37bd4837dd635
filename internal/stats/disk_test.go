package stats

import (
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

func TestPartitions(t *testing.T) {
	p := newFakeProc(t)
	p.mounts("proc /proc proc", "/dev/vda / ext4", "none /odd ext4", "pool /tank zfs", "srv:/x /nfs nfs4",
		`/dev/sdb /a\040b\134c\011d\012e xfs`, "overlay /merged overlay")
	fs, err := procfs.NewFS(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := partitions(fs, p.dir)
	if want := []string{"/", "/tank", "/a b\\c\td\ne"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

// slowDisks answers statfs from a table; a mount point that hangs answers when it is released.
type slowDisks struct {
	mu    sync.Mutex
	hangs map[string]chan struct{}
	asked map[string]int
}

func (d *slowDisks) statfs(path string, s *unix.Statfs_t) error {
	d.mu.Lock()
	d.asked[path]++
	hang := d.hangs[path]
	d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	switch path {
	case "/secret":
		return unix.EACCES
	case "/empty":
		*s = unix.Statfs_t{}
	default:
		*s = unix.Statfs_t{Blocks: 100, Bfree: 50, Bavail: 30}
	}
	return nil
}

func newSlowDisks(hanging ...string) (*slowDisks, *diskUsage, *strings.Builder) {
	d := &slowDisks{hangs: map[string]chan struct{}{}, asked: map[string]int{}}
	for _, path := range hanging {
		d.hangs[path] = make(chan struct{})
	}
	failures, log := recorder()
	u := newDiskUsage(failures)
	u.statfs = d.statfs
	return d, u, log
}

func TestDiskUsage(t *testing.T) {
	_, u, log := newSlowDisks()
	for range 2 {
		got := u.measure([]string{"/", "/empty", "/secret", "/"})
		if want := map[string]Float{"/": 62.5, "/empty": 0}; !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if n := strings.Count(log.String(), "permission denied"); n != 1 {
		t.Errorf("the refusal is logged %d times, want once:\n%s", n, log)
	}
	if len(u.asked) != 0 {
		t.Errorf("still waiting for %v", u.asked)
	}
}

func TestDiskThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, u, log := newSlowDisks("/dead", "/worse")
		points := []string{"/dead", "/", "/worse"}
		healthy, all := map[string]Float{"/": 62.5}, map[string]Float{"/": 62.5, "/dead": 62.5}
		measure := func(what string, points []string, want map[string]Float, delay time.Duration) {
			t.Helper()
			begin := time.Now()
			if got := u.measure(points); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
			if took := time.Since(begin); took != delay {
				t.Errorf("%s: it took %v, want %v", what, took, delay)
			}
			synctest.Wait()
		}
		measure("first", points, healthy, statfsPatience)
		measure("second", points, healthy, 0)
		measure("third", points, healthy, 0)
		if d.asked["/dead"] != 1 || d.asked["/worse"] != 1 || d.asked["/"] != 3 {
			t.Errorf("asked %v, want the dead ones once", d.asked)
		}
		if n := strings.Count(log.String(), "disk usage"); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, log)
		}
		close(d.hangs["/dead"])
		synctest.Wait()
		measure("answered", points, all, 0)
		if d.asked["/dead"] != 2 {
			t.Errorf("after its answer asked %d times, want 2", d.asked["/dead"])
		}
		measure("unmounted while it hangs", points[:2], all, 0)
		close(d.hangs["/worse"])
		synctest.Wait()
		measure("its late answer", points[:2], all, 0)
		if len(u.asked) != 0 {
			t.Errorf("still waiting for %v", u.asked)
		}
	})
}
