package journal

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"
)

func parse(t testing.TB, query string) *Selection {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	sel, err := ParseSelection(values)
	if err != nil {
		t.Fatal(err)
	}
	return sel
}

// upTo returns the numbers from one to another, in steps.
func upTo(from, to, step uint64) (out []uint64) {
	for id := from; id <= to; id += step {
		out = append(out, id)
	}
	return out
}

func TestSelect(t *testing.T) {
	const records = 3*chunk + 10
	l, _ := open(t, newPath(t), Limits{})
	for n := range records { // the code of every tenth is "tenth", beginning with number 10
		r := numbered(n)
		if n%10 == 9 {
			r.Code = "tenth"
		}
		r.Time = time.Unix(int64(n+1), 0)
		l.Append(r)
	}
	flush(t, l)
	for _, c := range []struct {
		query string
		since int64
		want  []uint64
	}{
		{"", 0, upTo(1, records, 1)},
		{"event_code=tenth", 0, upTo(10, records, 10)},
		{"event_code=tenth&limit=3", 0, upTo(records-records%10-20, records, 10)},
		{"event_code=tenth&limit=1000", 0, upTo(10, records, 10)},
		{"limit=1", 0, []uint64{records}},
		{fmt.Sprintf("limit=%d", chunk+1), 0, upTo(records-chunk, records, 1)},
		{"", records - 5, upTo(records-4, records, 1)},
		{"limit=2", records - 5, upTo(records-1, records, 1)},
		{"limit=20", records - 5, upTo(records-4, records, 1)},
		{"", records, nil},
		{"record_id=>770", 0, upTo(771, records, 1)},
		{"record_id=>770&limit=2", 0, upTo(records-1, records, 1)},
		{"record_id=>770&limit=200", 0, upTo(771, records, 1)},
		{"record_id=>99999", 0, nil},
		{"record_id=>99999&limit=3", 0, nil},
		{"record_id=<3", 0, []uint64{1, 2}},
		{"record_id=<3&limit=1", 0, []uint64{2}},
		{"nosuch=1", 0, nil},
		{"nosuch=1&limit=5", 0, nil},
	} {
		var got []uint64
		for r, err := range l.Select(parse(t, c.query), time.Unix(c.since, 0)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q since %d: got %v, want %v", c.query, c.since, got, c.want)
		}
	}
	n := 0
	for range l.Select(nil, time.Time{}) { // a reader may stop anywhere
		if n++; n == chunk+5 {
			break
		}
	}
}

// TestSlowReader takes records one by one while the log is written and pruned: it disturbs nobody, and its iteration ends with what was
// there when it began.
func TestSlowReader(t *testing.T) {
	l, _ := open(t, newPath(t), Limits{Count: 2000})
	n := 0
	for ; n < 1000; n++ {
		l.Append(numbered(n))
	}
	flush(t, l)
	var got []uint64
	for r, err := range l.Select(nil, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.ID)
		if len(got)%10 == 0 {
			l.Append(numbered(n))
			n++
			flush(t, l)
		}
		if len(got) == 500 {
			if removed, err := l.Prune(t.Context(), time.Now()); err != nil || removed != 1050 {
				t.Errorf("pruned %d, %v", removed, err)
			}
		}
	}
	// What is read in one go is still delivered after it was deleted.
	if want := upTo(1, 2*chunk, 1); !slices.Equal(got, want) {
		t.Errorf("got %d records up to %d, want %d", len(got), got[len(got)-1], len(want))
	}
}

func TestDeleteSelected(t *testing.T) {
	l, _ := open(t, newPath(t), Limits{})
	for n := range 20 {
		r := numbered(n)
		r.Severity = Severity(n % 2)
		l.Append(r)
	}
	for code := range auditCodes {
		l.Append(Record{Severity: Warning, Code: code, Source: Node{}})
	}
	for _, c := range []struct {
		query         string
		removed, left int
	}{
		{"severity=nosuch", 0, 30},
		{"severity=warning&limit=3", 0, 30}, // the last three are audit trail
		{"record_id=<4", 3, 27},
		{"record_id=<4", 0, 27},
		{"severity=warning", 9, 18},
		{"", 8, 10},
		{"", 0, 10},
	} {
		removed, err := l.DeleteSelected(t.Context(), parse(t, c.query))
		if left := len(read(t, l, nil)); err != nil || removed != c.removed || left != c.left {
			t.Errorf("delete %q: %d removed and %d left (%v), want %d and %d", c.query, removed, left, err, c.removed, c.left)
		}
	}
	for _, r := range read(t, l, nil) {
		if !auditCodes[r.Code] {
			t.Errorf("%s is left", r.Code)
		}
	}
}

func TestPruneBefore(t *testing.T) {
	l, _ := open(t, newPath(t), Limits{Age: 1 << 62})
	for n := range 10 {
		r := numbered(n)
		r.Time = time.Unix(int64(1000+n), 0)
		l.Append(r)
	}
	l.Append(Record{Code: CodeDevicePurge, Time: time.Unix(1000, 0), Source: Node{}})
	removed, err := l.Prune(t.Context(), time.Unix(1004, 0))
	if got := ids(read(t, l, nil)); err != nil || removed != 5 || !slices.Equal(got, upTo(6, 11, 1)) {
		t.Errorf("%d removed, %v left, %v", removed, got, err)
	}
}

func TestLimitsOfAgeAndCount(t *testing.T) {
	path := newPath(t)
	old := func(n int, age time.Duration) Record {
		r := numbered(n)
		r.Time = time.Now().Add(-age)
		return r
	}
	l, _ := open(t, path, Limits{Count: 100})
	for n := range 5 {
		l.Append(old(n, 31*24*time.Hour))
	}
	for n := range 90 {
		l.Append(old(n, 29*24*time.Hour))
	}
	flush(t, l)
	if got := read(t, l, nil); len(got) != 95 { // it is pruned now and then, not at each batch
		t.Errorf("%d records before pruning", len(got))
	}
	l.Close()
	l, _ = open(t, path, Limits{Count: 100})
	if got := ids(read(t, l, nil)); !slices.Equal(got, upTo(6, 95, 1)) {
		t.Errorf("by age: left are %v", got)
	}
	for n := range 20 {
		if _, err := l.AppendSync(t.Context(), old(n, 0)); err != nil {
			t.Fatal(err)
		}
		if got := len(read(t, l, nil)); got > 110 {
			t.Errorf("%d records at a limit of 100", got)
		}
	}
	if _, err := l.AppendSync(t.Context(), old(21, 0)); err != nil {
		t.Fatal(err)
	}
	if got := ids(read(t, l, nil)); !slices.Equal(got, upTo(17, 116, 1)) {
		t.Errorf("by count: left are %v", got)
	}
	l.Close()
	l, _ = open(t, path, Limits{Count: 7, Age: time.Hour})
	if got := ids(read(t, l, nil)); !slices.Equal(got, upTo(110, 116, 1)) {
		t.Errorf("with a smaller limit: left are %v", got)
	}
}

// TestFileIsBounded writes twenty times what the log keeps.
func TestFileIsBounded(t *testing.T) {
	const total, bound = 200_000, 12 << 20
	path := newPath(t)
	l, _ := open(t, path, Limits{})
	var largest int64
	for n := range total {
		for l.Append(Record{Code: CodeContainerRunning, Message: fmt.Sprintf("Process web:web_%06d is running (pid %d).", n, n),
			Source: Service{InstanceID: fmt.Sprint(n), URL: "web", Org: "supvisors", Version: "1.0.0", Arch: "amd64"}}) == 0 {
			flush(t, l) // faster than the disk
		}
		if n%10_000 == 0 {
			flush(t, l)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			largest = max(largest, info.Size())
		}
	}
	flush(t, l)
	if n := len(read(t, l, nil)); n < DefaultCount || n > DefaultCount+DefaultCount/pruneShare {
		t.Errorf("%d records are kept", n)
	}
	if largest > bound {
		t.Errorf("the file grew to %d bytes", largest)
	}
	t.Logf("the file grew to %d bytes", largest)
}

// BenchmarkAppend queues one record; lost are those for which there was no room.
func BenchmarkAppend(b *testing.B) {
	l, _ := open(b, newPath(b), Limits{})
	r := Record{Code: CodeContainerRunning, Message: "Process web:web_1 is running (pid 4711).", Source: Service{URL: "web", Org: "supvisors"}}
	n := 0
	for b.Loop() {
		n++
		r.Source = Service{InstanceID: fmt.Sprint(n), URL: "web", Org: "supvisors"}
		if l.Append(r) == 0 {
			if err := l.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(l.Lost())/float64(n), "lost/op")
}

// BenchmarkAppendSync writes one record and waits until it is on the disk.
func BenchmarkAppendSync(b *testing.B) {
	l, _ := open(b, newPath(b), Limits{})
	for b.Loop() {
		if _, err := l.AppendSync(b.Context(), numbered(1)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSelect100 reads the last hundred of a full log: as they are, and those that are hard to find.
func BenchmarkSelect100(b *testing.B) {
	l, _ := open(b, newPath(b), Limits{})
	for n := range DefaultCount {
		r := numbered(n)
		if n%100 == 0 {
			r.Code = "rare"
		}
		if l.Append(r) == 0 {
			flush(b, l)
		}
	}
	flush(b, l)
	for _, query := range []string{"limit=100", "limit=100&event_code=rare"} {
		sel := parse(b, query)
		b.Run(query, func(b *testing.B) {
			for b.Loop() {
				if n := len(read(b, l, sel)); n < 90 {
					b.Fatal(n)
				}
			}
		})
	}
}
