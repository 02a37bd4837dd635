package rpc

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

// python is a process of testdata/peer.py.
type python struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func startPython(t *testing.T) *python {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: the codec is not compared with Python's")
	}
	cmd := exec.CommandContext(t.Context(), path, "testdata/peer.py")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &python{in, bufio.NewReader(out)}
}

// ask sends one line and returns the document of the answer.
func (p *python) ask(t *testing.T, line string) []byte {
	t.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		t.Fatal(err)
	}
	answer, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	doc, err := base64.StdEncoding.DecodeString(strings.TrimSpace(answer))
	if err != nil {
		t.Fatalf("python answers %s", answer)
	}
	return doc
}

// echo has Python read and write a document.
func (p *python) echo(t *testing.T, doc []byte) []byte {
	t.Helper()
	return p.ask(t, base64.StdEncoding.EncodeToString(doc))
}

// i8AsInt writes large integers as Python would.
var i8AsInt = strings.NewReplacer("<i8>", "<int>", "</i8>", "</int>")

const randomValues = 1500

// Python reads what is encoded here, and writes the same bytes.
func TestPythonReadsOurs(t *testing.T) {
	p := startPython(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range randomValues {
		value := randomValue(rnd, 0)
		ours, err := EncodeReply(value)
		if err != nil {
			t.Fatal(err)
		}
		theirs := p.echo(t, ours)
		if want := i8AsInt.Replace(string(ours)); string(theirs) != want {
			t.Fatalf("value %d: python writes\n%s\nwe write\n%s", i, theirs, want)
		}
		back, err := DecodeReply(theirs)
		if err != nil || !reflect.DeepEqual(back, value) {
			t.Fatalf("value %d came back as\n%#v (%v), was\n%#v", i, back, err, value)
		}
	}
}

// What Python encodes is read here, and written as the same bytes.
func TestWeReadPythons(t *testing.T) {
	p := startPython(t)
	for seed := range randomValues {
		theirs := p.ask(t, fmt.Sprint("make ", seed))
		readPythons(t, fmt.Sprint("seed ", seed), theirs)
	}
}

// readPythons reads a response of Python and checks that the same bytes are written here.
func readPythons(t *testing.T, name string, theirs []byte) any {
	t.Helper()
	value, err := DecodeReply(theirs)
	if err != nil {
		t.Fatalf("%s: %v in\n%s", name, err, theirs)
	}
	ours, err := EncodeReply(value)
	if err != nil {
		t.Fatal(err)
	}
	if got := i8AsInt.Replace(string(ours)); got != string(theirs) {
		t.Fatalf("%s: python writes\n%s\nwe write\n%s", name, theirs, got)
	}
	return value
}

// What XML cannot hold does not make a document that Python cannot read.
func TestPythonReadsRepairedText(t *testing.T) {
	p := startPython(t)
	for raw, want := range map[string]string{
		"\x1b[31mred\x1b[0m": "\uFFFD[31mred\uFFFD[0m",
		"\x00\x08\x0b\x1f":   "\uFFFD\uFFFD\uFFFD\uFFFD",
		"a\xffb\xc3":         "a\uFFFDb\uFFFD",
		"\uFFFE\uFFFF":       "\uFFFD\uFFFD",
		"line\r\nend\r":      "line\r\nend\r",
		"]]>\x7f\u0085":      "]]>\x7f\u0085",
	} {
		doc, err := EncodeReply(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeReply(p.echo(t, doc))
		if err != nil || got != want {
			t.Errorf("%q came back as %q, %v; want %q", raw, got, err, want)
		}
	}
}

var randomTexts = []string{"", " ", "plain", " kept ", "a&b<c>\"'", "]]>", "line\nend\r\n\r", "é€中😀", "\t", "<value/>", "&amp;"}

// randomValue makes a value that is the same after a round trip.
func randomValue(rnd *rand.Rand, depth int) any {
	text := func() string {
		return randomTexts[rnd.IntN(len(randomTexts))] + randomTexts[rnd.IntN(len(randomTexts))]
	}
	kinds := 9
	if depth > 3 {
		kinds = 7
	}
	switch rnd.IntN(kinds) {
	case 0:
		return text()
	case 1:
		return int(int32(rnd.Uint32()))
	case 2:
		return rnd.IntN(2) == 0
	case 3:
		return math.Ldexp(rnd.Float64()-0.5, rnd.IntN(2000)-1000)
	case 4:
		data := make([]byte, rnd.IntN(200))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		return data
	case 5:
		return time.Unix(rnd.Int64N(200_000_000_000), 0).UTC()
	case 6:
		return int(rnd.Uint64())
	case 7:
		values := []any{}
		for range rnd.IntN(5) {
			values = append(values, randomValue(rnd, depth+1))
		}
		return values
	}
	members := Map{}
	for i := range rnd.IntN(5) {
		members = append(members, Member{fmt.Sprint(text(), i), randomValue(rnd, depth+1)})
	}
	return members
}
