package gossip

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func appendN(t *testing.T, l *Log, from, to uint64) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := l.Append(n, json.RawMessage(fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
}

// seqs decodes the numbers of lines.
func seqs(t *testing.T, lines [][]byte) (list []uint64) {
	t.Helper()
	for _, b := range lines {
		var l line
		if err := json.Unmarshal(b, &l); err != nil || l.Snapshot || b[len(b)-1] != '\n' {
			t.Fatalf("%q: %v", b, err)
		}
		if string(l.Data) != fmt.Sprint(l.Seq) {
			t.Fatalf("entry %d has the data %s", l.Seq, l.Data)
		}
		list = append(list, l.Seq)
	}
	return list
}

func TestLogKeepsTheLastEntries(t *testing.T) {
	l := NewLog("A", 0, nil)
	if l.Head() != 0 || !l.resumable("A", 1) || l.resumable("A", 2) || l.resumable("B", 1) || l.resumable("A", 0) {
		t.Error("empty log")
	}
	appendN(t, l, 1, ringSize)
	if !l.resumable("A", 1) || !l.resumable("A", ringSize+1) || l.resumable("A", ringSize+2) {
		t.Error("full log")
	}
	appendN(t, l, ringSize+1, ringSize+10)
	if l.resumable("A", 10) || !l.resumable("A", 11) || l.Head() != ringSize+10 {
		t.Error("log that has forgotten ten entries")
	}
	if p := l.read(10); !p.gone || p.lines != nil {
		t.Errorf("entry 10: %+v", p)
	}
	next := uint64(11)
	for next <= l.Head() {
		got := seqs(t, l.read(next).lines)
		for _, seq := range got {
			if seq != next {
				t.Fatalf("entry %d where %d was expected", seq, next)
			}
			next++
		}
	}
}

func TestLogBeginsAnywhere(t *testing.T) {
	l := NewLog("A", 1000, nil)
	if !l.resumable("A", 1001) || l.resumable("A", 1000) {
		t.Error("position of an empty log")
	}
	appendN(t, l, 1001, 1003)
	if got := seqs(t, l.read(1002).lines); len(got) != 2 || got[0] != 1002 {
		t.Errorf("entries %d", got)
	}
}

// A hole in the numbers must not be hidden from the readers.
func TestLogWithAHole(t *testing.T) {
	for _, to := range []uint64{3, 5, 8, 100000} { // backwards, the same again, and forwards
		l := NewLog("A", 0, nil)
		appendN(t, l, 1, 5)
		appendN(t, l, to, to)
		if l.resumable("A", to-1) || !l.resumable("A", to) || l.resumable("A", to+2) {
			t.Errorf("after %d", to)
		}
		if got := seqs(t, l.read(to).lines); len(got) != 1 || got[0] != to {
			t.Errorf("entries %d", got)
		}
	}
}

func TestLogWakesReaders(t *testing.T) {
	for _, c := range []struct {
		do          func(*Log)
		lines       int
		closed, bye bool
	}{
		{func(l *Log) { appendN(t, l, 1, 2) }, 2, false, false},
		{func(l *Log) { l.Close(); l.Bye() }, 0, true, false},
		{func(l *Log) { l.Bye(); l.Close() }, 0, true, true},
	} {
		l := NewLog("A", 0, nil)
		p, q := l.read(1), l.read(1)
		if p.changed == nil || p.changed != q.changed {
			t.Fatal("readers do not wait for the same")
		}
		select {
		case <-p.changed:
			t.Fatal("woken before the change")
		default:
		}
		c.do(l)
		<-p.changed
		p = l.read(1)
		if len(p.lines) != c.lines || p.closed != c.closed || p.bye != c.bye {
			t.Errorf("%+v, expected %+v", p, c)
		}
		if closed, bye := l.ended(); closed != c.closed || bye != c.bye {
			t.Errorf("ended %v %v", closed, bye)
		}
	}
}

func TestAppendRefusesWhatIsNoLine(t *testing.T) {
	l := NewLog("A", 0, nil)
	for _, data := range []string{"{", "1 2", `"` + strings.Repeat("x", maxLine) + `"`} {
		if err := l.Append(1, json.RawMessage(data)); err == nil {
			t.Errorf("%.10q was accepted", data)
		}
	}
	l = NewLog("A", 0, nil)
	if err := l.Append(1, json.RawMessage("{\n  \"a\":\r\n 1}\n")); err != nil {
		t.Fatal(err)
	}
	if got := string(l.read(1).lines[0]); got != `{"seq":1,"data":{"a":1}}`+"\n" {
		t.Errorf("%q", got)
	}
}

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", 10000)
	r := bufio.NewReader(strings.NewReader("a\n\r\n\n" + long + "\nrest"))
	var buf []byte
	for _, want := range []string{"a", "", "", long} {
		b, err := readLine(r, buf)
		if err != nil || string(b) != want {
			t.Fatalf("%.20q %v, expected %.20q", b, err, want)
		}
		buf = b
	}
	if _, err := readLine(r, buf); err != io.EOF {
		t.Errorf("unfinished line: %v", err)
	}
	endless := bufio.NewReader(io.LimitReader(zeros{}, 10*maxLine))
	if _, err := readLine(endless, nil); !errors.Is(err, errLineTooLong) {
		t.Errorf("endless line: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// BenchmarkAppend publishes one change of a process.
func BenchmarkAppend(b *testing.B) {
	l := NewLog("A", 0, nil)
	data := json.RawMessage(`{"group":"web","process":"nginx","state":20,"now":1700000000.123,"pid":4711,"expected":true,"extra":""}`)
	b.ReportAllocs()
	for n := uint64(1); b.Loop(); n++ {
		if err := l.Append(n, data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadLine reads one line of a stream: a change, and a snapshot of 256 kB.
func BenchmarkReadLine(b *testing.B) {
	for _, entries := range []int{1, 1024} {
		data := "[" + strings.Repeat(`,{"group":"web","process":"nginx","state":20,"pad":"`+strings.Repeat("x", 198)+`"}`, entries)[1:] + "]"
		text, err := line{Seq: 1, Snapshot: entries > 1, Data: json.RawMessage(data)}.encode()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(len(text)), func(b *testing.B) {
			var from bytes.Reader
			var buf []byte
			r := bufio.NewReaderSize(&from, 4096)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				from.Reset(text)
				r.Reset(&from)
				got, err := readLine(r, buf)
				if err != nil {
					b.Fatal(err)
				}
				if entries == 1 {
					buf = got // that of a snapshot is not used again
				}
				var l line
				if err := json.Unmarshal(got, &l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
