package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// filled returns the path of a closed log of that many records, numbered from 1 on.
func filled(t testing.TB, records int) string {
	t.Helper()
	path := newPath(t)
	l, _ := open(t, path, Limits{})
	for n := range records {
		l.Append(numbered(n))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// rewrite changes the bytes of a file.
func rewrite(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func damagedFiles(t testing.TB, path string) []string {
	t.Helper()
	kept, err := filepath.Glob(path + ".damaged-*")
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func TestDamagedFileIsMovedAside(t *testing.T) {
	const records = 1000
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
	}{
		{"garbage", func(d []byte) []byte { return bytes.Repeat([]byte("garbage "), 5000) }},
		{"a few bytes", func(d []byte) []byte { return []byte("x") }},
		{"both metas", func(d []byte) []byte { clear(d[:8192]); return d }},
		{"truncated to the metas", func(d []byte) []byte { return d[:8192] }},
		{"truncated in a meta", func(d []byte) []byte { return d[:5000] }},
		{"half of it", func(d []byte) []byte { return d[:len(d)/2/4096*4096] }},
		{"all pages zero", func(d []byte) []byte { clear(d[8192:]); return d }},
		{"all pages garbage", func(d []byte) []byte {
			for i := 8192; i < len(d); i++ {
				d[i] = byte(i * 7)
			}
			return d
		}},
		{"another database", func([]byte) []byte { return []byte("SQLite format 3\x00" + strings.Repeat("\x00\x01", 9000)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filled(t, records)
			rewrite(t, path, c.change)
			l, w := open(t, path, Limits{})
			kept := damagedFiles(t, path)
			if len(kept) != 1 {
				t.Fatalf("kept: %v", kept)
			}
			if w.count("event log was damaged") != 1 || w.count(kept[0]) != 1 {
				t.Errorf("told: %s", w.all.String())
			}
			id, err := l.AppendSync(t.Context(), numbered(0))
			if err != nil || id != records+2 {
				t.Errorf("the next number is %d (%v), want %d after the one that tells of the damage", id, err, records+2)
			}
			got := read(t, l, nil)
			if len(got) != 2 || got[0].Code != CodeDatabaseError || !strings.Contains(got[0].Message, kept[0]) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestNumbersWithoutTheFileBeside takes away, one after the other, what tells how far the numbers went.
func TestNumbersWithoutTheFileBeside(t *testing.T) {
	spoil := func(name string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path+name, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.Remove(path + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	clock := uint64(time.Now().UnixMilli())
	for _, c := range []struct {
		name  string
		harm  []func(*testing.T, string)
		least uint64 // the next number is this or, with clock, more
	}{
		{"nothing is wrong", nil, 11},
		{"no mark", []func(*testing.T, string){remove(".mark")}, 11},
		{"a damaged mark", []func(*testing.T, string){spoil(".mark")}, 11},
		{"no log", []func(*testing.T, string){remove("")}, 11},
		{"neither", []func(*testing.T, string){remove(""), remove(".mark")}, 1},
		{"no log, a damaged mark", []func(*testing.T, string){remove(""), spoil(".mark")}, clock},
		{"a damaged log, no mark", []func(*testing.T, string){spoil(""), remove(".mark")}, clock},
		{"both damaged", []func(*testing.T, string){spoil(""), spoil(".mark")}, clock},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filled(t, 10)
			for _, harm := range c.harm {
				harm(t, path)
			}
			l, _ := open(t, path, Limits{})
			id := l.Append(numbered(0))
			if id < c.least || c.least < clock && id != c.least {
				t.Errorf("the next number is %d, want %d", id, c.least)
			}
		})
	}
}

// TestDamageAnywhere writes garbage to random places: whatever is hit, the log opens, works, and what it reads is what was written.
func TestDamageAnywhere(t *testing.T) {
	path := filled(t, 500)
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rounds := 200
	if testing.Short() {
		rounds = 30
	}
	moved := 0
	dir := t.TempDir()
	for seed := range rounds {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		data := bytes.Clone(sound)
		for range 1 + rng.IntN(4) {
			at, n := rng.IntN(len(data)), 1+rng.IntN(64)
			for i := at; i < min(at+n, len(data)); i++ {
				data[i] = byte(rng.Uint32())
			}
		}
		path := filepath.Join(dir, fmt.Sprint(seed))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		l, _ := open(t, path, Limits{})
		moved += len(damagedFiles(t, path))
		if _, err := l.AppendSync(t.Context(), numbered(500)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, r := range read(t, l, nil) {
			n, ok := r.Source.(Node)
			if ok && r.Message != "event "+n.ID {
				t.Errorf("seed %d: record %d is %+v", seed, r.ID, r)
			}
		}
		if err := l.Close(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if moved == 0 || moved == rounds {
		t.Errorf("%d of %d files were moved aside: the rest of the damage was not tried", moved, rounds)
	}
}

// TestTornTail spoils the newer of the two meta pages, as a power loss in the middle of writing it does: the last transaction is dropped.
func TestTornTail(t *testing.T) {
	path := newPath(t)
	l, _ := open(t, path, Limits{})
	for n := range 10 {
		if _, err := l.AppendSync(t.Context(), numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	newer := transaction(t, l) % 2
	l.store.Load().abandon() // a crash
	copied := filepath.Join(t.TempDir(), "journal.db")
	for _, name := range []string{"", ".mark"} {
		data, err := os.ReadFile(path + name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "" {
			clear(data[newer*4096+60 : newer*4096+100])
		}
		if err := os.WriteFile(copied+name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, w := open(t, copied, Limits{})
	if got := read(t, l, nil); len(got) != 9 || got[8].ID != 9 {
		t.Errorf("got %v", ids(got))
	}
	if w.count("was not closed") != 1 || w.count("last=9") != 1 {
		t.Errorf("told: %s", w.all.String())
	}
	if id := l.Append(numbered(10)); id <= 10 {
		t.Errorf("the number %d comes again", id)
	}
}

// TestUsedPageThatIsListedAsFree spoils the list of free pages alone: all can be read, but the next writer would write over records.
func TestUsedPageThatIsListedAsFree(t *testing.T) {
	path := filled(t, 1000)
	rewrite(t, path, func(d []byte) []byte {
		const page, header = 4096, 16
		word := func(at int) []byte { return d[at : at+8] }
		newer := 0
		if binary.NativeEndian.Uint64(word(page+header+48)) > binary.NativeEndian.Uint64(word(header+48)) { // the transaction
			newer = page
		}
		root, list := word(newer+header+16), int(binary.NativeEndian.Uint64(word(newer+header+32)))*page
		if n := binary.NativeEndian.Uint16(d[list+10:]); n == 0 {
			t.Fatal("there are no free pages")
		}
		copy(word(list+header), root)
		return d
	})
	l, w := open(t, path, Limits{})
	if kept := damagedFiles(t, path); len(kept) != 1 || w.count("reachable freed") != 1 {
		t.Errorf("kept: %v, told: %s", kept, w.all.String())
	}
	if id := l.Append(numbered(0)); id != 1002 {
		t.Errorf("the next number is %d, want 1002", id)
	}
}

// A bucket among the records makes it a file of somebody else.
func TestForeignDatabaseIsMovedAside(t *testing.T) {
	path := filled(t, 10)
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.Bucket(recordsBucket).CreateBucket(key(20))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	l, _ := open(t, path, Limits{})
	if kept := damagedFiles(t, path); len(kept) != 1 {
		t.Errorf("kept: %v", kept)
	}
	if id := l.Append(numbered(0)); id != 12 {
		t.Errorf("the next number is %d, want 12", id)
	}
}

func TestUnreadableRecordIsDropped(t *testing.T) {
	path := filled(t, 10)
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bolt.Tx) error { return tx.Bucket(recordsBucket).Put(key(4), []byte("what is this")) }); err != nil {
		t.Fatal(err)
	}
	db.Close()
	l, w := open(t, path, Limits{})
	if got := ids(read(t, l, nil)); fmt.Sprint(got) != "[1 2 3 5 6 7 8 9 10]" {
		t.Errorf("got %v", got)
	}
	if w.count("damaged records were dropped") != 1 || w.count("first=4") != 1 || len(damagedFiles(t, path)) > 0 {
		t.Errorf("told: %s", w.all.String())
	}
	if n, err := l.DeleteSelected(t.Context(), nil); n != 9 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
}

// TestDamageWhileItRuns spoils the file under an open log. The next batch is saved in a new file; nothing crashes or hangs.
func TestDamageWhileItRuns(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*testing.T, string)
	}{
		{"truncated to nothing", func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}},
		{"truncated to the metas", func(t *testing.T, path string) {
			if err := os.Truncate(path, 8192); err != nil {
				t.Fatal(err)
			}
		}},
		{"pages of garbage", func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(bytes.Repeat([]byte{0xa5}, 400<<10), 8192); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newPath(t)
			l, w := open(t, path, Limits{})
			for n := range 2000 {
				l.Append(numbered(n))
			}
			flush(t, l)
			c.change(t, path)
			for range 10 { // a reader may find it first; it gets an error or what is still there
				for _, err := range l.Select(nil, time.Time{}) {
					if err != nil {
						break
					}
				}
			}
			id, err := l.AppendSync(t.Context(), numbered(2000))
			if err != nil || id != 2001 {
				t.Errorf("append: %d, %v", id, err)
			}
			flush(t, l)
			found := false
			for _, r := range read(t, l, nil) {
				found = found || r.ID == id
			}
			if !found {
				t.Errorf("record %d is not there", id)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			l, _ = open(t, path, Limits{})
			if next := l.Append(numbered(0)); next <= id {
				t.Errorf("the number %d comes again", next)
			}
			if w.count("level=ERROR") == 0 {
				t.Errorf("nothing is told: %s", w.all.String())
			}
		})
	}
}
