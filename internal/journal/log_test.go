package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"
)

// told collects what is logged, a line for each message.
type told struct {
	mu  sync.Mutex
	all strings.Builder
}

func (w *told) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Write(p)
}

func (w *told) count(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.all.String(), text)
}

// open opens a log that is closed at the end of the test, and what it tells.
func open(t testing.TB, path string, limits Limits) (*Log, *told) {
	t.Helper()
	var w told
	l, err := Open(path, limits, slog.New(slog.NewTextHandler(&w, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, &w
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "journal.db") }

// numbered returns a record that equals no other one.
func numbered(n int) Record {
	return Record{Code: "code", Message: fmt.Sprintf("event %d", n), Source: Node{ID: fmt.Sprint(n)}}
}

// read returns what is selected, which must be in order.
func read(t testing.TB, l *Log, sel *Selection) []Record {
	t.Helper()
	var out []Record
	for r, err := range l.Select(sel, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n := len(out); n > 0 && out[n-1].ID >= r.ID {
			t.Fatalf("record %d comes after %d", r.ID, out[n-1].ID)
		}
		out = append(out, r)
	}
	return out
}

func ids(records []Record) []uint64 {
	out := make([]uint64, len(records))
	for i, r := range records {
		out[i] = r.ID
	}
	return out
}

func flush(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// transaction returns the number of the last transaction that wrote.
func transaction(t testing.TB, l *Log) (id int) {
	t.Helper()
	if err := l.store.Load().db.View(func(tx *bolt.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestNumbersGoOnAfterClose(t *testing.T) {
	path := newPath(t)
	var want []uint64
	for range 3 {
		l, w := open(t, path, Limits{})
		for range 5 {
			want = append(want, l.Append(numbered(len(want))))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
		if n := w.count("msg"); n > 0 {
			t.Errorf("an orderly life is talked about: %s", w.all.String())
		}
	}
	l, _ := open(t, path, Limits{})
	if got := ids(read(t, l, nil)); !slices.Equal(got, want) || want[0] != 1 || want[14] != 15 {
		t.Errorf("got %v, given were %v, want 1 to 15", got, want)
	}
	for i, r := range read(t, l, nil) {
		if r.Message != numbered(i).Message || r.Source != numbered(i).Source || time.Since(r.Time) > time.Minute {
			t.Errorf("record %d is %+v", i, r)
		}
	}
}

func TestNumbersGoOnAfterEverythingIsGone(t *testing.T) {
	for _, c := range []struct {
		name  string
		empty func(t *testing.T, l *Log)
	}{
		{"deleted", func(t *testing.T, l *Log) {
			if n, err := l.DeleteSelected(t.Context(), nil); n != 20 || err != nil {
				t.Errorf("deleted %d, %v", n, err)
			}
		}},
		{"pruned", func(t *testing.T, l *Log) {
			if n, err := l.Prune(t.Context(), time.Now()); n != 20 || err != nil {
				t.Errorf("pruned %d, %v", n, err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newPath(t)
			l, _ := open(t, path, Limits{})
			for n := range 20 {
				l.Append(numbered(n))
			}
			c.empty(t, l)
			if got := read(t, l, nil); len(got) > 0 {
				t.Errorf("there still is %v", ids(got))
			}
			l.Close()
			l, _ = open(t, path, Limits{})
			if id := l.Append(numbered(0)); id != 21 {
				t.Errorf("the next number is %d, want 21", id)
			}
		})
	}
}

func TestAppendSyncIsOnDisk(t *testing.T) {
	l, _ := open(t, newPath(t), Limits{})
	for n := range 20 {
		id, err := l.AppendSync(t.Context(), numbered(n))
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, l, nil); len(got) != n+1 || got[n].ID != id {
			t.Fatalf("after %d there are %v", id, ids(got))
		}
	}
}

func TestAppendSyncOfMany(t *testing.T) {
	l, _ := open(t, newPath(t), Limits{})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for n := range 20 {
				if _, err := l.AppendSync(t.Context(), numbered(g*20+n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := read(t, l, nil); len(got) != 160 || got[0].ID != 1 || got[159].ID != 160 {
		t.Errorf("got %v", ids(got))
	}
}

func TestAppendSyncGivesUp(t *testing.T) {
	l, _ := open(t, newPath(t), Limits{})
	tx, err := l.store.Load().db.Begin(true) // the disk does not answer
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := l.AppendSync(ctx, numbered(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := l.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("flush: got %v", err)
	}
	tx.Rollback()
	flush(t, l)
	if got := read(t, l, nil); len(got) != 1 {
		t.Errorf("got %v", ids(got))
	}
}

func TestClosedLog(t *testing.T) {
	l, _ := open(t, newPath(t), Limits{})
	l.Close()
	if id := l.Append(numbered(1)); id != 0 || l.Lost() != 1 {
		t.Errorf("append gave %d, %d lost", id, l.Lost())
	}
	if _, err := l.AppendSync(t.Context(), numbered(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("append: %v", err)
	}
	if err := l.Flush(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("flush: %v", err)
	}
	if _, err := l.DeleteSelected(t.Context(), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("delete: %v", err)
	}
	for _, err := range l.Select(nil, time.Time{}) {
		if err == nil {
			t.Error("a closed log is read")
		}
	}
}

// TestBatches asserts when records reach the disk and in how many transactions.
func TestBatches(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, path, Limits{})
		defer l.Close()
		begin := transaction(t, l)
		expect := func(when string, records, transactions int) {
			t.Helper()
			synctest.Wait()
			if n := len(read(t, l, nil)); n != records {
				t.Errorf("%s: %d records are on disk, want %d", when, n, records)
			}
			if n := transaction(t, l) - begin; n != transactions {
				t.Errorf("%s: %d transactions, want %d", when, n, transactions)
			}
		}
		l.Append(numbered(0))
		time.Sleep(60 * time.Millisecond)
		l.Append(numbered(1))
		l.Append(numbered(2))
		time.Sleep(39 * time.Millisecond)
		expect("99 ms after the first", 0, 0)
		time.Sleep(2 * time.Millisecond)
		expect("101 ms after the first", 3, 1)
		time.Sleep(time.Hour)
		expect("long after", 3, 1)
		for n := range batchSize - 1 {
			l.Append(numbered(n))
		}
		expect("one less than a batch", 3, 1)
		l.Append(numbered(batchSize))
		expect("a batch", 3+batchSize, 2)
		l.Append(numbered(0))
		if _, err := l.AppendSync(t.Context(), numbered(1)); err != nil {
			t.Fatal(err)
		}
		expect("one that is waited for", 5+batchSize, 3)
		l.Append(numbered(0))
		l.Close()
		l, _ = open(t, path, Limits{})
		if n := len(read(t, l, nil)); n != 6+batchSize {
			t.Errorf("%d records after closing", n)
		}
		l.Close()
	})
}

func TestOverflowIsCountedAndToldOnce(t *testing.T) {
	l, w := open(t, newPath(t), Limits{Count: 3 * maxPending})
	tx, err := l.store.Load().db.Begin(true) // the disk does not answer
	if err != nil {
		t.Fatal(err)
	}
	given, refused := 0, 0
	for n := 0; refused < 1000; n++ {
		if l.Append(numbered(n)) != 0 {
			given++
		} else {
			refused++
		}
	}
	if given < maxPending || given > 2*maxPending {
		t.Errorf("%d were taken while the disk stood still, want %d and a batch", given, maxPending)
	}
	if _, err := l.AppendSync(t.Context(), numbered(0)); !errors.Is(err, ErrOverflow) {
		t.Errorf("append while there is no room: %v", err)
	}
	if l.Lost() != 1000 {
		t.Errorf("%d are counted as lost, want 1000", l.Lost())
	}
	tx.Rollback()
	flush(t, l)
	if n := len(read(t, l, nil)); n != given {
		t.Errorf("%d are on disk, %d were taken", n, given)
	}
	for range 3 { // the end of the losses shows with the next batch, and is an event of the one after it
		if _, err := l.AppendSync(t.Context(), numbered(0)); err != nil {
			t.Fatal(err)
		}
	}
	got := read(t, l, &Selection{conditions: map[string][]condition{"event_code": {parseCondition(CodeDatabaseError)}}})
	if len(got) != 1 || got[0].Message != "1000 events could not be logged" || got[0].Severity != Error {
		t.Errorf("the log tells %+v", got)
	}
	if a, b := w.count("loses events"), w.count("has lost events"); a != 1 || b != 1 {
		t.Errorf("told %d and %d times, want once each:\n%s", a, b, w.all.String())
	}
}

// TestFullDisk lets bbolt refuse to grow, as it does when there is no space.
func TestFullDisk(t *testing.T) {
	l, w := open(t, newPath(t), Limits{})
	setMaxSize := func(n int) {
		t.Helper()
		db := l.store.Load().db
		tx, err := db.Begin(true)
		if err != nil {
			t.Fatal(err)
		}
		db.MaxSize = n
		tx.Rollback()
	}
	before, err := l.AppendSync(t.Context(), numbered(0))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(l.path)
	if err != nil {
		t.Fatal(err)
	}
	setMaxSize(int(info.Size()))
	large := Record{Code: "large", Source: Node{Pattern: strings.Repeat("x", maxRecord/2)}}
	failures := 0
	for n := 0; n < 2000 && failures < 3; n++ {
		if _, err := l.AppendSync(t.Context(), large); err != nil {
			failures++
		}
	}
	if failures != 3 || l.Lost() != 3 {
		t.Fatalf("%d appends failed, %d are counted as lost", failures, l.Lost())
	}
	setMaxSize(0)
	after, err := l.AppendSync(t.Context(), numbered(1))
	if err != nil || after <= before {
		t.Fatalf("with space again: %d, %v", after, err)
	}
	for range 2 {
		if _, err := l.AppendSync(t.Context(), numbered(2)); err != nil {
			t.Fatal(err)
		}
	}
	if w.count("loses events") != 1 || w.count("has lost events") != 1 || w.count("count=3") != 1 {
		t.Errorf("told:\n%s", w.all.String())
	}
}

// TestNumbersRunOut has the file beside the log refuse to be written: no number is given out beyond those that are reserved, and once there
// is a way again the log goes on by itself.
func TestNumbersRunOut(t *testing.T) {
	path := newPath(t)
	inTheWay := markPath(path) + ".tmp"
	synctest.Test(t, func(t *testing.T) {
		l, w := open(t, path, Limits{Count: 1 << 30})
		if err := os.MkdirAll(filepath.Join(inTheWay, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		var last uint64
		for n := range 2 * reserveStep {
			if id := l.Append(numbered(n)); id != 0 {
				last = id
			}
			if n%1000 == 0 {
				flush(t, l)
			}
		}
		if last != reserveStep || l.Lost() != reserveStep {
			t.Errorf("the last number is %d, %d lost; %d were reserved", last, l.Lost(), reserveStep)
		}
		if err := os.RemoveAll(inTheWay); err != nil {
			t.Fatal(err)
		}
		time.Sleep(retryDelay)
		synctest.Wait()
		if id := l.Append(numbered(0)); id <= reserveStep {
			t.Errorf("once there is a way again: %d", id)
		}
		time.Sleep(retryDelay)
		synctest.Wait()
		if n := len(read(t, l, nil)); n != reserveStep+2 { // and one about the losses
			t.Errorf("%d records", n)
		}
		for _, text := range []string{"cannot reserve numbers", "loses events", "has lost events"} {
			if w.count(text) != 1 {
				t.Errorf("told:\n%s", w.all.String())
			}
		}
		l.Close()
	})
}

func TestFilesAreTheOwners(t *testing.T) {
	path := filled(t, 1)
	for _, name := range []string{path, markPath(path)} {
		if got := mode(t, name); got != 0o600 {
			t.Errorf("%s has mode %v", name, got)
		}
	}
}

func TestRecordsThatAreRefused(t *testing.T) {
	l, _ := open(t, newPath(t), Limits{})
	for n, r := range []Record{{Severity: 9, Source: Node{}}, {Source: Node{ID: strings.Repeat("x", maxRecord)}}} {
		if id := l.Append(r); id != 0 || l.Lost() != uint64(2*n+1) {
			t.Errorf("record %d: number %d, %d lost", n, id, l.Lost())
		}
		if _, err := l.AppendSync(t.Context(), r); err == nil {
			t.Errorf("record %d is logged", n)
		}
		l.Append(Record{Severity: -1})
	}
	flush(t, l)
	if got := read(t, l, nil); len(got) > 0 && got[0].Code != CodeDatabaseError {
		t.Errorf("got %+v", got)
	}
}

func TestLockedByAnother(t *testing.T) {
	path := newPath(t)
	open(t, path, Limits{})
	begin := time.Now()
	_, err := Open(path, Limits{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "in use by another process") || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(begin); d > 5*lockTimeout {
		t.Errorf("it took %v", d)
	}
}

// What the system refuses is no damage: nothing is moved.
func TestOpenRefused(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		path string
		want error
	}{
		{dir, nil}, {filepath.Join(dir, "none", "journal.db"), os.ErrNotExist},
	} {
		_, err := Open(c.path, Limits{}, slog.New(slog.DiscardHandler))
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.path, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
