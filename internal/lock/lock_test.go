package lock

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// open returns the locks of a directory of the test, with the directories of the applications.
func open(t *testing.T, mode Mode, legacy []string, apps ...App) *Locks {
	t.Helper()
	l, err := Open(Config{Dir: filepath.Join(t.TempDir(), "locks"), Mode: mode, Legacy: legacy})
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range apps {
		if err := l.Prepare(app); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// wantHeld demands the error of a lock that is held.
func wantHeld(t *testing.T, err error, want Held) {
	t.Helper()
	var held *Held
	if !errors.As(err, &held) || held == nil || *held != want {
		t.Errorf("got %v, want %v", err, &want)
	}
}

func wantFree(t *testing.T, l *Locks, app App) {
	t.Helper()
	if held := l.Held(app); held != nil {
		t.Errorf("%v", held)
	}
}

var (
	web = App{Name: "web", Processes: []string{"web"}}
	grp = App{Name: "grp", Processes: []string{"a", "b"}}
)

func TestDirectories(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	l := open(t, Exists, nil, web, grp)
	for _, app := range []string{"web", "grp"} {
		info, err := os.Stat(filepath.Dir(l.Path(app)))
		if err != nil || info.Mode() != os.ModeDir|os.ModeSticky|0o777 {
			t.Errorf("%s: %v, %v", app, info.Mode(), err)
		}
	}
	if err := l.Prepare(web); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestTakeAndRelease(t *testing.T) {
	for _, mode := range []Mode{Exists, Flock} {
		t.Run(mode.String(), func(t *testing.T) {
			l := open(t, mode, nil, web, grp)
			h, err := l.Acquire(false, web)
			if err != nil {
				t.Fatal(err)
			}
			if data, _ := os.ReadFile(l.Path("web")); mode == Exists && string(data) != l.self.String() {
				t.Errorf("the file says %q", data)
			}
			own := Held{App: "web", Path: l.Path("web"), Own: true}
			wantHeld(t, l.Held(web), own)
			wantFree(t, l, grp)
			for _, force := range []bool{false, true} { // force is for the locks of applications, not for those of another operation
				_, err = l.Acquire(force, web)
				wantHeld(t, err, own)
			}
			for range 2 {
				if err := h.Release(); err != nil {
					t.Error(err)
				}
			}
			wantFree(t, l, web)
			if there(l.Path("web")) != (mode == Flock) {
				t.Errorf("the file is there: %v", there(l.Path("web")))
			}
			if h, err = l.Acquire(false, web, grp); err != nil {
				t.Fatal(err)
			}
			if err := h.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestApplicationsHold(t *testing.T) {
	l := open(t, Exists, nil, web, grp)
	for _, content := range []string{"", "supvisors", "my own lock", "supvisors 1", fmt.Sprintf("supvisors 0%d x", os.Getpid())} {
		write(t, l.Path("grp"), content)
		if err := l.Prepare(grp); err != nil {
			t.Fatal(err)
		}
		_, err := l.Acquire(false, web, grp)
		wantHeld(t, err, Held{App: "grp", Path: l.Path("grp")})
		wantFree(t, l, web) // all or none
	}
	h, err := l.Acquire(true, web, grp)
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(l.Path("grp")); string(data) != l.self.String() {
		t.Errorf("the lock that was forced says %q", data)
	}
	// an application that makes its lock anew, against the rules, keeps it
	os.Remove(l.Path("grp"))
	write(t, l.Path("grp"), "again")
	if err := h.Release(); err != nil {
		t.Error(err)
	}
	wantHeld(t, l.Held(grp), Held{App: "grp", Path: l.Path("grp")})
	wantFree(t, l, web)
}

func TestLocksOfProcesses(t *testing.T) {
	l := open(t, Exists, nil, grp)
	dir := filepath.Dir(l.Path("grp"))
	mkdir(t, filepath.Join(dir, "b"))
	mkdir(t, filepath.Join(dir, "stranger"))
	write(t, filepath.Join(dir, "stranger", fileName), "")
	wantFree(t, l, grp)
	h, err := l.Acquire(false, grp)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "b", fileName)
	if !there(path) {
		t.Error("the lock of the process is not taken with that of its application")
	}
	if err := h.Release(); err != nil || there(path) {
		t.Errorf("released: %v, %v", err, there(path))
	}
	write(t, path, "")
	_, err = l.Acquire(false, grp)
	wantHeld(t, err, Held{App: "grp", Path: path})
	if there(l.Path("grp")) {
		t.Error("the lock of the application was left behind")
	}
}

func TestLegacy(t *testing.T) {
	dir := t.TempDir()
	legacy := []string{filepath.Join(dir, "balena", fileName), filepath.Join(dir, "resin", "resin-updates.lock")}
	l := open(t, Exists, legacy, web, grp)
	h, err := l.Acquire(false, web)
	if err != nil {
		t.Fatal(err)
	}
	h.Release()
	mkdir(t, filepath.Dir(legacy[1]))
	write(t, legacy[1], "")
	for _, app := range []App{web, grp} {
		wantHeld(t, l.Held(app), Held{App: app.Name, Path: legacy[1]})
		_, err = l.Acquire(false, app)
		wantHeld(t, err, Held{App: app.Name, Path: legacy[1]})
	}
	if h, err = l.Acquire(true, web, grp); err != nil || there(legacy[1]) {
		t.Fatalf("forced: %v, the file is there: %v", err, there(legacy[1]))
	}
	h.Release()
	// a directory that is a link elsewhere is none of ours
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, fileName), "")
	if err := os.Symlink(elsewhere, filepath.Dir(legacy[0])); err != nil {
		t.Fatal(err)
	}
	if h, err = l.Acquire(true, web); err != nil || !there(filepath.Join(elsewhere, fileName)) {
		t.Errorf("%v; the file elsewhere is there: %v", err, there(filepath.Join(elsewhere, fileName)))
	}
	h.Release()
}

func TestLeftOvers(t *testing.T) {
	dead := exec.Command("/bin/true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, content string
		stays         bool
	}{
		{"dead pid", owner{dead.Process.Pid, boot}.String(), false},
		{"another boot", owner{1, "0b1a"}.String(), false},
		{"own pid of a former life", owner{os.Getpid(), boot}.String(), false},
		{"a daemon that lives", owner{os.Getppid(), boot}.String(), true},
		{"empty", "", true},
		{"other content", "supvisors is great today", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := open(t, Exists, nil, grp)
			paths := []string{l.Path("grp"), filepath.Join(filepath.Dir(l.Path("grp")), "a", fileName)}
			mkdir(t, filepath.Dir(paths[1]))
			for _, path := range paths {
				write(t, path, tt.content)
			}
			if err := l.Prepare(grp); err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				if there(path) != tt.stays {
					t.Errorf("%s is there: %v", path, !tt.stays)
				}
			}
		})
	}
	l := open(t, Exists, nil, web)
	h, err := l.Acquire(false, web)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Prepare(web); err != nil || !there(l.Path("web")) {
		t.Errorf("a lock that is held was taken for a left-over: %v", err)
	}
	h.Release()
}

// TestStrangeFiles puts what is no file in the place of a lock.
func TestStrangeFiles(t *testing.T) {
	for _, mode := range []Mode{Exists, Flock} {
		t.Run(mode.String(), func(t *testing.T) {
			l := open(t, mode, nil, web, grp)
			target := filepath.Join(t.TempDir(), "target")
			write(t, target, "precious")
			for name, put := range map[string]func() error{
				"link":          func() error { return os.Symlink(target, l.Path("web")) },
				"dangling link": func() error { return os.Symlink(target+"x", l.Path("web")) },
				"pipe":          func() error { return unix.Mkfifo(l.Path("web"), 0o666) },
			} {
				if err := put(); err != nil {
					t.Fatal(err)
				}
				_, err := l.Acquire(false, web)
				wantHeld(t, err, Held{App: "web", Path: l.Path("web")})
				if err := l.Prepare(web); err != nil || !there(l.Path("web")) {
					t.Errorf("%s: prepared: %v", name, err)
				}
				h, err := l.Acquire(true, web)
				if err != nil {
					t.Fatalf("%s: forced: %v", name, err)
				}
				if err := h.Release(); err != nil {
					t.Error(err)
				}
				os.Remove(l.Path("web"))
			}
			if data, err := os.ReadFile(target); err != nil || string(data) != "precious" || there(target+"x") {
				t.Errorf("the target of the link says %q, %v", data, err)
			}
		})
	}
}

// TestStrangeDirectories has an application put a link in the place of its directory.
func TestStrangeDirectories(t *testing.T) {
	l := open(t, Exists, nil, grp)
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, fileName), "")
	if err := os.Symlink(elsewhere, filepath.Join(filepath.Dir(l.Path("grp")), "a")); err != nil {
		t.Fatal(err)
	}
	h, err := l.Acquire(true, grp)
	if err != nil || !there(filepath.Join(elsewhere, fileName)) {
		t.Fatalf("%v, the file elsewhere is there: %v", err, there(filepath.Join(elsewhere, fileName)))
	}
	h.Release()
	if err := os.RemoveAll(filepath.Dir(l.Path("grp"))); err != nil {
		t.Fatal(err)
	}
	if h, err = l.Acquire(false, grp); err != nil {
		t.Errorf("without a directory there is nothing to lock: %v", err)
	}
	h.Release()
	if err := os.Symlink(elsewhere, filepath.Dir(l.Path("grp"))); err != nil {
		t.Fatal(err)
	}
	if _, err = l.Acquire(true, grp); err == nil {
		t.Error("the directory is a link and was followed")
	}
	if l.Held(grp) == nil {
		t.Error("what cannot be taken is not held")
	}
	for _, name := range []string{"", ".", "..", "a/b", "a\x00b"} {
		if err := l.Prepare(App{Name: name}); err == nil {
			t.Errorf("%q is a directory", name)
		}
	}
}

func TestFlockOfAnApplication(t *testing.T) {
	l := open(t, Flock, nil, web)
	f, err := os.OpenFile(l.Path("web"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	wantFree(t, l, web) // a file alone is no lock
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	held := Held{App: "web", Path: l.Path("web")}
	wantHeld(t, l.Held(web), held)
	_, err = l.Acquire(false, web)
	wantHeld(t, err, held)
	h, err := l.Acquire(true, web)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Release(); err != nil {
		t.Error(err)
	}
	f.Close()
	wantFree(t, l, web)
}

func TestOneWinner(t *testing.T) {
	for _, mode := range []Mode{Exists, Flock} {
		l := open(t, mode, nil, web)
		other, err := Open(l.cfg) // another daemon with the same directory
		if err != nil {
			t.Fatal(err)
		}
		var holders, wins atomic.Int32
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				by := []*Locks{l, other}[i%2]
				for range 50 {
					h, err := by.Acquire(false, web)
					if err != nil {
						continue
					}
					if wins.Add(1); holders.Add(1) > 1 {
						t.Error("two hold the lock")
					}
					holders.Add(-1)
					h.Release()
				}
			})
		}
		all.Wait()
		if wins.Load() == 0 {
			t.Error("nobody got the lock")
		}
	}
}

// signalled waits for a value.
func signalled(t *testing.T, w *Watch, what string) {
	t.Helper()
	select {
	case <-w.C:
	case <-time.After(10 * time.Second):
		t.Fatalf("not noticed: %s", what)
	}
}

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	legacy := filepath.Join(dir, "balena", fileName)
	l := open(t, Exists, []string{legacy}, web, grp)
	write(t, l.Path("web"), "")
	w, err := l.Watch(web, grp)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	sub := filepath.Join(filepath.Dir(l.Path("grp")), "b")
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"a lock goes", func() { os.Remove(l.Path("web")) }},
		{"a lock comes", func() { write(t, l.Path("grp"), "") }},
		{"it is renamed away", func() { os.Rename(l.Path("grp"), l.Path("grp")+".old") }},
		{"a lock comes in a new directory of a process", func() { mkdir(t, sub); write(t, filepath.Join(sub, fileName), "") }},
		{"it goes", func() { os.Remove(filepath.Join(sub, fileName)) }},
		{"a lock of the whole node comes", func() { mkdir(t, filepath.Dir(legacy)); write(t, legacy, "") }},
		{"it goes too", func() { os.Remove(legacy) }},
	} {
		step.do()
		signalled(t, w, step.what)
	}
	write(t, filepath.Join(filepath.Dir(l.Path("web")), "other"), "")
	write(t, l.Path("web"), "")
	signalled(t, w, "a lock beside another file")
	select {
	case <-w.C:
		t.Error("one change was told twice")
	default:
	}
}

func TestWatchFlock(t *testing.T) {
	l := open(t, Flock, nil, web)
	hold := exec.Command("/bin/sh", "-c", `exec 9>"$0"; flock 9; echo held; read x`, l.Path("web"))
	in, err := hold.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := hold.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Start(); err != nil {
		t.Fatal(err)
	}
	if n, err := out.Read(make([]byte, 10)); err != nil || n == 0 {
		t.Fatal("the lock is not held: ", err)
	}
	w, err := l.Watch(web)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	wantHeld(t, l.Held(web), Held{App: "web", Path: l.Path("web")})
	in.Close()
	hold.Wait()
	signalled(t, w, "the holder has ended")
	wantFree(t, l, web)
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	if _, err := Open(Config{Dir: filepath.Join(file, "locks")}); err == nil {
		t.Error("a directory below a file")
	}
	if os.Geteuid() == 0 {
		dir := filepath.Join(t.TempDir(), "locks")
		mkdir(t, dir)
		if err := os.Chown(dir, 1234, -1); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Config{Dir: dir}); err == nil {
			t.Error("the directory of another user")
		}
	}
	for _, name := range modeNames {
		if m, err := ParseMode(name); err != nil || m.String() != name {
			t.Errorf("mode %s: %v, %v", name, m, err)
		}
	}
	if _, err := ParseMode("FLOCK"); err == nil {
		t.Error("an unknown mode")
	}
}

func FuzzOwner(f *testing.F) {
	f.Add("supvisors 12 7f00-1")
	f.Add("supvisors 12 7f00-1\n")
	f.Add("supvisors -1 x")
	f.Add("")
	f.Fuzz(func(t *testing.T, content string) {
		o, ok := parseOwner(content)
		if !ok {
			return
		}
		if again, ok := parseOwner(o.String()); !ok || again != o {
			t.Errorf("%q became %+v, then %+v", content, o, again)
		}
		if text := o.String(); content != text && content+"\n" != text {
			t.Errorf("%q counts as %q", content, text)
		}
	})
}
