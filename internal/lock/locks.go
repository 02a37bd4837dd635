package lock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// fileName is the name of every lock file.
const fileName = "updates.lock"

// LegacyFiles are the lock files of Resin and balena: here, where applications share /tmp, they lock all of them.
var LegacyFiles = []string{"/tmp/balena/updates.lock", "/tmp/resin/resin-updates.lock"}

// Config says where the locks are.
type Config struct {
	Dir    string   // lock_dir, with a directory for each application; "" is DefaultDir
	Mode   Mode     // lock_mode
	Legacy []string // files that lock all applications while they exist, such as LegacyFiles; none is made by this package
}

// App is an application and its processes. Each process may have a directory of its own, of its name, in that of the application: a
// lock in there locks the application as well.
type App struct {
	Name      string
	Processes []string
}

// Held tells that an application is locked.
type Held struct {
	App  string
	Path string // of the file
	Own  bool   // the lock is this daemon's, or another daemon's
}

// Error says which file locks what.
func (e *Held) Error() string {
	if e.Own {
		return fmt.Sprintf("%s is being updated (%s)", e.App, e.Path)
	}
	return fmt.Sprintf("%s holds %s", e.App, e.Path)
}

// Locks are the update locks of a node.
type Locks struct {
	cfg  Config
	self owner

	mu   sync.Mutex      // so that the daemon does not come across itself, and of:
	mine map[string]bool // paths of the locks that are taken here
}

// DefaultDir returns where the locks are when nobody says: below /run for root, below the directory of temporary files for others.
func DefaultDir() string {
	if uid := os.Geteuid(); uid != 0 {
		return filepath.Join(os.TempDir(), fmt.Sprintf("supvisors-%d", uid), "locks")
	}
	return "/run/supvisors/locks"
}

// Open makes the directory of the locks. The error tells why it cannot be used: its owner, and that of its parent, must be root or the
// user of the daemon.
func Open(cfg Config) (*Locks, error) {
	if cfg.Dir == "" {
		cfg.Dir = DefaultDir()
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make lock directory: %w", err)
	}
	for _, dir := range []string{filepath.Dir(cfg.Dir), cfg.Dir} {
		var st unix.Stat_t
		if err := unix.Lstat(dir, &st); err != nil {
			return nil, fmt.Errorf("lock directory %s: %w", dir, err)
		}
		if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
			return nil, fmt.Errorf("lock directory %s belongs to user %d", dir, st.Uid)
		}
	}
	return &Locks{cfg: cfg, self: owner{os.Getpid(), boot}, mine: map[string]bool{}}, nil
}

// Path returns the lock file of an application, the one that its processes are told of.
func (l *Locks) Path(app string) string { return filepath.Join(l.cfg.Dir, app, fileName) }

// Dir returns the directory of the locks.
func (l *Locks) Dir() string { return l.cfg.Dir }

// Prepare makes the directory of an application, where every user may make a lock, and removes what a dead daemon left there.
func (l *Locks) Prepare(app App) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := checkName(app.Name); err != nil {
		return err
	}
	base, err := openDir(unix.AT_FDCWD, l.cfg.Dir)
	if err != nil {
		return fmt.Errorf("lock directory %s: %w", l.cfg.Dir, err)
	}
	defer unix.Close(base)
	if err := unix.Mkdirat(base, app.Name, 0o1777); err == nil {
		err = openToAll(base, app.Name)
		if err != nil {
			return fmt.Errorf("lock directory of %s: %w", app.Name, err)
		}
	} else if !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("lock directory of %s: %w", app.Name, err)
	}
	places, err := l.open(base, app)
	if err != nil {
		return err
	}
	defer places.close()
	for _, p := range places {
		if o, ours := p.owner(); ours && !l.mine[p.path] && o.gone(l.self) {
			if err := p.remove(); err != nil {
				return err
			}
		}
	}
	return nil
}

// openToAll sets the mode that the umask kept from a new directory.
func openToAll(base int, name string) error {
	fd, err := unix.Openat(base, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fchmod(fd, 0o1777)
}

// Held returns what locks an application, nil when nothing does. It takes nothing.
func (l *Locks) Held(app App) *Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	legacy := l.legacy()
	defer legacy.close()
	for _, p := range legacy {
		if p.held(Exists) {
			return &Held{App: app.Name, Path: p.path}
		}
	}
	places, err := l.places(app)
	if err != nil {
		return &Held{App: app.Name, Path: l.Path(app.Name)} // what cannot be seen cannot be taken
	}
	defer places.close()
	for _, p := range places {
		if p.held(l.cfg.Mode) {
			_, ours := p.owner()
			return &Held{App: app.Name, Path: p.path, Own: ours || l.mine[p.path]}
		}
	}
	return nil
}

// legacy opens the directories of the files that lock all applications, where there are any.
func (l *Locks) legacy() (all places) {
	for _, path := range l.cfg.Legacy {
		if dir, err := openDir(unix.AT_FDCWD, filepath.Dir(path)); err == nil {
			all = append(all, place{dir, filepath.Base(path), path})
		}
	}
	return all
}

// places opens the directories where there may be locks of an application. An application without a directory has none.
func (l *Locks) places(app App) (places, error) {
	if err := checkName(app.Name); err != nil {
		return nil, err
	}
	base, err := openDir(unix.AT_FDCWD, l.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("lock directory %s: %w", l.cfg.Dir, err)
	}
	defer unix.Close(base)
	return l.open(base, app)
}

func (l *Locks) open(base int, app App) (places, error) {
	dir, err := openDir(base, app.Name)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock directory of %s: %w", app.Name, err)
	}
	all := places{{dir, fileName, l.Path(app.Name)}}
	for _, name := range app.Processes {
		if checkName(name) != nil || name == fileName {
			continue
		}
		sub, err := openDir(dir, name)
		switch {
		case err == nil:
			all = append(all, place{sub, fileName, filepath.Join(l.cfg.Dir, app.Name, name, fileName)})
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP): // not a directory of a process
		default:
			all.close()
			return nil, fmt.Errorf("lock directory of %s: %w", name, err)
		}
	}
	return all, nil
}

// openDir opens a directory for the calls that are relative to it. A symbolic link is none.
func openDir(at int, name string) (int, error) {
	return unix.Openat(at, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// checkName refuses names that are no names of one directory.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("lock of %q: not a name of a directory", name)
	}
	return nil
}
