package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/process"
)

// world starts a child that tells what it sees.
func world(t *testing.T, change func(*Config)) (*bench, facts) {
	t.Helper()
	b := newBench(t, change, "facts", "a", `"b c"`)
	b.start()
	return b, b.facts()
}

func (b *bench) facts() (f facts) {
	b.t.Helper()
	eventually(b.t, "what the child sees", func() bool { return json.Unmarshal([]byte(b.read("out")), &f) == nil })
	return f
}

func TestWorldOfAChild(t *testing.T) {
	b, f := world(t, nil)
	if fmt.Sprintf("%q", f.Args) != `["a" "b c"]` {
		t.Errorf("arguments %q", f.Args)
	}
	if f.PID != b.Info().PID || f.PGID != f.PID {
		t.Errorf("pid %d, group %d, known as %d", f.PID, f.PGID, b.Info().PID)
	}
	if dir, _ := os.Getwd(); f.Dir != dir {
		t.Errorf("directory %s", f.Dir)
	}
}

func TestOnlyThreeDescriptors(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Spec.Command = "/bin/ls /proc/self/fd" })
	b.start()
	b.await(process.Exited)
	if got := b.read("out"); got != "0\n1\n2\n3\n" { // 3 is the directory that ls reads
		t.Errorf("descriptors %q", got)
	}
}

// What the daemon was started with is not for its children.
func TestInheritedDescriptorsEndHere(t *testing.T) {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	system, err := NewSystem(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer system.Close()
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %x, %v", flags, err)
	}
}

func TestEnvironmentOfAChild(t *testing.T) {
	_, f := world(t, func(c *Config) {
		c.Env = []string{"OUTSIDE=1", "BOTH=outside", "SUPERVISOR_ENABLED=0"}
		c.Spec.ServerURL = "unix:///tmp/s"
		c.Spec.Environment = []process.EnvVar{{Name: "BOTH", Value: "program"}, {Name: "SUPERVISOR_GROUP_NAME", Value: "mine"}}
	})
	want := []string{
		"BOTH=program", "OUTSIDE=1", "SUPERVISOR_ENABLED=1", "SUPERVISOR_GROUP_NAME=mine", "SUPERVISOR_PROCESS_NAME=p",
		"SUPERVISOR_SERVER_URL=unix:///tmp/s",
	}
	if slices.Sort(f.Env); !slices.Equal(f.Env, want) {
		t.Errorf("environment\n got %q\nwant %q", f.Env, want)
	}
}

func TestDirectoryAndUmask(t *testing.T) {
	b, f := world(t, func(c *Config) { c.Spec.Directory, c.Spec.Umask = "/usr", 0o027 })
	if f.Dir != "/usr" || f.Umask != 0o027 || f.PGID != f.PID || f.PID != b.Info().PID {
		t.Errorf("directory %s, umask %o, pid %d, group %d, known as %d", f.Dir, f.Umask, f.PID, f.PGID, b.Info().PID)
	}
	if fmt.Sprintf("%q", f.Args) != `["a" "b c"]` {
		t.Errorf("arguments %q", f.Args)
	}
}

func TestLimits(t *testing.T) {
	limit := process.Limit{Resource: unix.RLIMIT_NOFILE, Soft: 77, Hard: 99}
	b := newBench(t, func(c *Config) {
		c.Spec.Command = "/bin/sh -c 'ulimit -Sn; ulimit -Hn'"
		c.Spec.Limits = []process.Limit{limit}
	})
	b.start()
	b.await(process.Exited)
	if got := b.read("out"); got != "77\n99\n" {
		t.Errorf("limits %q", got)
	}
}

func TestUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the tests do not run as root, and only root can become somebody else")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("this host has no user nobody to become:", err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	for _, umask := range []int{-1, 0o027} { // directly and through the shim
		b := newBench(t, func(c *Config) {
			c.Spec.Command = "/bin/sh -c 'id -u; id -g; id -G; echo $HOME; umask; sleep 1000'"
			c.Spec.UID, c.Spec.Umask = uid, umask
			c.Env = []string{"HOME=/as/it/was", "PATH=/bin:/usr/bin"}
		})
		b.start()
		eventually(t, "five lines", func() bool { return strings.Count(b.read("out"), "\n") == 5 })
		lines := strings.Split(b.read("out"), "\n")
		if want := fmt.Sprintf("[%d %d %d /as/it/was", uid, gid, gid); !strings.HasPrefix(fmt.Sprint(lines), want) {
			t.Errorf("umask %o: child is %v, want %s …", umask, lines, want)
		}
		if umask >= 0 && lines[4] != "0027" {
			t.Errorf("umask of the child %s", lines[4])
		}
	}
}

// TestTroubleInTheChild compares what a child says that never became the program. As with Supervisor it was spawned.
func TestTroubleInTheChild(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	garbage, orphan := write("garbage", "no program", 0o755), write("orphan", "#!/no/such/interpreter\n", 0o755)
	for _, tt := range []struct {
		change func(*process.Spec)
		says   string
	}{
		{func(s *process.Spec) { s.Directory = "/no/such/dir" }, "couldn't chdir to /no/such/dir: ENOENT"},
		{func(s *process.Spec) { s.Directory = garbage }, "couldn't chdir to " + garbage + ": ENOTDIR"},
		{func(s *process.Spec) { s.Command = garbage }, "couldn't exec " + garbage + ": ENOEXEC"},
		{func(s *process.Spec) { s.Command = orphan + " x" }, "couldn't exec " + orphan + ": ENOENT"},
		{func(s *process.Spec) { s.Command, s.Umask = garbage, 0 }, "couldn't exec " + garbage + ": ENOEXEC"},
		{func(s *process.Spec) { s.UID = 987654 }, "couldn't setuid to 987654: Can't find uid 987654"},
	} {
		b := newBench(t, func(c *Config) {
			c.Spec.StartSecs, c.Spec.StartRetries = 1, 0
			tt.change(c.Spec)
		}, "idle")
		b.start()
		info := b.await(process.Fatal)
		want := "supervisor: " + tt.says + "\nsupervisor: child process was not spawned\n"
		if got := b.read("err"); got != want {
			t.Errorf("stderr %q, want %q", got, want)
		}
		if b.states() != "STARTING BACKOFF FATAL" || info.SpawnErr != "Exited too quickly (process log may have details)" {
			t.Errorf("%s: %s, %q", tt.says, b.states(), info.SpawnErr)
		}
		if log := b.logged(); !strings.Contains(log, "spawned: 'p' with pid ") ||
			!strings.Contains(log, "exited: p (exit status 127; not expected)") {
			t.Errorf("%s: log\n%s", tt.says, log)
		}
	}
}

func TestLookup(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"first/prog": 0o755, "second/prog": 0o755, "second/text": 0o644, "first/sub/x": 0o755} {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	for _, tt := range []struct {
		program string
		path    []string
		file    string
		kind    error
		text    string
	}{
		{"prog", []string{"/none", first, second}, first + "/prog", nil, ""},
		{"prog", []string{second + "/", first}, second + "/prog", nil, ""},
		{first + "/prog", nil, first + "/prog", nil, ""},
		{"none", []string{first, second}, "", ErrNotFound, "can't find command 'none'"},
		{"none", nil, "", ErrNotFound, "can't find command 'none'"},
		{"/no/such/file", []string{first}, "", ErrNotFound, "can't find command '/no/such/file'"},
		{"text", []string{first, second}, "", ErrNotExecutable, "command at '" + second + "/text' is not executable"},
		{"sub", []string{first}, "", ErrNotExecutable, "command at '" + first + "/sub' is a directory"},
	} {
		file, err := lookup(tt.program, tt.path)
		if file != tt.file || !errors.Is(err, tt.kind) || err != nil && err.Error() != tt.text {
			t.Errorf("%s in %v: %q, %v", tt.program, tt.path, file, err)
		}
	}
}

func TestSearchPath(t *testing.T) {
	own := []process.EnvVar{{Name: "PATH", Value: "/own"}}
	for _, tt := range []struct {
		env  []string
		own  []process.EnvVar
		want string
	}{
		{nil, nil, "[/bin /usr/bin /usr/local/bin]"},
		{[]string{"PATH="}, nil, "[/bin /usr/bin /usr/local/bin]"},
		{[]string{"PATH=/a:/b"}, nil, "[/a /b]"},
		{[]string{"PATH=/a:/b"}, own, "[/own]"},
	} {
		if got := fmt.Sprint(searchPath(tt.env, tt.own)); got != tt.want {
			t.Errorf("%v and %v: %s, want %s", tt.env, tt.own, got, tt.want)
		}
	}
}

func TestDescriptorsAreGivenBack(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	b := newBench(t, nil, "idle")
	before := count()
	for range 5 {
		b.start()
		if got := count() - before; got != 5 { // three pipes and two logs
			t.Errorf("%d descriptors for a child", got)
		}
		b.Stop(t.Context())
		b.await(process.Stopped)
		eventually(t, "the descriptors", func() bool { return count() == before })
	}
	b.spec.Command = "/no/such/file"
	b.Start(t.Context())
	if got := count(); got != before {
		t.Errorf("%d descriptors after a failure, %d before", got, before)
	}
}

// An orphan becomes the daemon's child and is reaped by it.
func TestSubreaper(t *testing.T) {
	system := realSystem()
	if err := system.Subreaper(); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, nil, "parent", "exit", "7")
	b.start()
	var orphan int
	eventually(t, "the grandchild", func() bool {
		_, err := fmt.Sscanf(b.read("out"), "grandchild %d", &orphan)
		return err == nil
	})
	b.WriteStdin(t.Context(), []byte("\n"))
	b.await(process.Exited)
	want := fmt.Sprintf("reaped unknown pid %d (exit status 7)", orphan)
	eventually(t, want, func() bool { return strings.Contains(systemLog.String(), want) })
}

func TestGroupSignals(t *testing.T) {
	for _, tt := range []struct {
		role  string
		group func(*process.Spec)
		lives bool
	}{
		{"idle", func(*process.Spec) {}, true},
		{"idle", func(s *process.Spec) { s.StopAsGroup = true }, false},
		{"stubborn", func(s *process.Spec) { s.KillAsGroup, s.StopSignal = true, syscall.SIGURG }, false},
	} {
		b := newBench(t, func(c *Config) {
			tt.group(c.Spec)
			c.Spec.StopWaitSecs = 1
		}, "parent", tt.role)
		b.start()
		var pid int
		eventually(t, "the grandchild", func() bool {
			_, err := fmt.Sscanf(b.read("out"), "grandchild %d", &pid)
			return err == nil
		})
		b.Stop(t.Context())
		b.await(process.Stopped)
		if tt.lives {
			if err := syscall.Kill(pid, 0); err != nil {
				t.Errorf("the grandchild is gone: %v", err)
			}
			syscall.Kill(pid, syscall.SIGKILL)
		}
		eventually(t, "the end of the grandchild", func() bool { return syscall.Kill(pid, 0) != nil })
	}
}

func TestSignalDoesNotChangeState(t *testing.T) {
	b := newBench(t, nil, "stubborn")
	b.start()
	eventually(t, "up", func() bool { return b.read("out") == "up\n" })
	if err := b.Signal(t.Context(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the signal", func() bool { return b.read("out") == "up\nuser defined signal 1\n" })
	if got := b.states(); got != "STARTING RUNNING" {
		t.Errorf("states %s", got)
	}
}

func TestRestartAfterKill(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Spec.StartSecs, c.Spec.Autorestart = 1, process.RestartAlways }, "idle")
	first := b.start().PID
	b.await(process.Running)
	began := time.Now()
	syscall.Kill(first, syscall.SIGKILL)
	b.await(process.Starting)
	eventually(t, "the successor", func() bool { pid := b.Info().PID; return pid != 0 && pid != first })
	if took := time.Since(began); took > 500*time.Millisecond { // a polling daemon would take up to a second
		t.Errorf("restart took %v", took)
	}
	if got, want := b.states(), "STARTING RUNNING EXITED STARTING"; got != want {
		t.Errorf("states %s, want %s", got, want)
	}
}

// sharedSocket is a socket that outlives its users, as that of a FastCGI group.
type sharedSocket struct{ file *os.File }

func (s sharedSocket) Acquire() (*os.File, error) { return s.file, nil }
func (s sharedSocket) Release()                   {}

func TestSocketAsStdin(t *testing.T) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "ours"), os.NewFile(uintptr(ends[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	b := newBench(t, func(c *Config) { c.Spec.FastCGI, c.Socket = "unix:///x", sharedSocket{theirs} }, "cat")
	for _, text := range []string{"one", "two"} { // the socket is used again by the next child
		b.start()
		ours.WriteString(text)
		eventually(t, text, func() bool { return strings.HasSuffix(b.read("out"), text) })
		if err := b.WriteStdin(t.Context(), []byte("x")); !errors.Is(err, ErrNoStdin) {
			t.Errorf("write: %v", err)
		}
		b.Stop(t.Context())
		b.await(process.Stopped)
	}
}

// What nobody wants goes to /dev/null, all else to the daemon.
func TestDiscardedOutput(t *testing.T) {
	b := newBench(t, func(c *Config) {
		seen := filepath.Join(filepath.Dir(c.Spec.Stdout.File), "seen")
		c.Spec.Command = fmt.Sprintf(`sh -c "seen=$(readlink /proc/$$/fd/1 /proc/$$/fd/2); echo lost; echo $seen >%s"`, seen)
		c.Spec.Stdout = process.LogSpec{}
	})
	b.start()
	b.await(process.Exited)
	if got := b.read("seen"); !strings.HasPrefix(got, "/dev/null pipe:") || b.read("err") != "" {
		t.Errorf("output goes to %s, error %s", got, b.read("err"))
	}
}
