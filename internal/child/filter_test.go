package child

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// cut returns text in pieces of n bytes.
func cut(text string, n int) (pieces []string) {
	for len(text) > n {
		pieces = append(pieces, text[:n])
		text = text[n:]
	}
	return append(pieces, text)
}

// captureAll feeds pieces to a capture and returns what came out: plain text and captured texts.
func captureAll(max int, pieces ...string) (plain string, captured []string) {
	var out strings.Builder
	c := &capture{
		max: max, plain: func(p []byte) { out.Write(p) }, captured: func(p []byte) { captured = append(captured, string(p)) },
	}
	for _, p := range pieces {
		c.take([]byte(p))
	}
	c.end()
	return out.String(), captured
}

func TestCapture(t *testing.T) {
	const b, e = "<!--XSUPERVISOR:BEGIN-->", "<!--XSUPERVISOR:END-->"
	for _, tt := range []struct {
		text     string
		max      int
		plain    string
		captured []string
	}{
		{"nothing", 100, "nothing", nil},
		{"a" + b + "hidden" + e + "z", 100, "az", []string{"hidden"}},
		{b + "1" + e + b + "2" + e, 100, "", []string{"1", "2"}},
		{b + e + "z", 100, "z", []string{""}},
		{"a" + b + b + "x" + e + "z", 100, "az", []string{b + "x"}},
		{"a" + e + "z", 100, "a" + e + "z", nil},
		{"<!--XSUPERVISOR:BEG", 100, "<!--XSUPERVISOR:BEG", nil},
		{"<<!--XSUPERVISOR:BEGIN--<" + b + "x" + e, 100, "<<!--XSUPERVISOR:BEGIN--<", []string{"x"}},
		{"a" + b + "never ends", 100, "a", nil},
		{"a" + b + "0123456789" + e + "z", 4, "az", []string{"6789"}},
	} {
		for n := 1; n <= len(tt.text); n++ { // a token may be torn anywhere
			plain, captured := captureAll(tt.max, cut(tt.text, n)...)
			if plain != tt.plain || fmt.Sprintf("%q", captured) != fmt.Sprintf("%q", tt.captured) {
				t.Errorf("%q by %d: %q %q, want %q %q", tt.text, n, plain, captured, tt.plain, tt.captured)
				break
			}
		}
	}
}

// What cannot be a token is passed on at once: nothing waits for more output.
func TestCaptureHoldsBackOnlyTokens(t *testing.T) {
	var out strings.Builder
	c := &capture{max: 10, plain: func(p []byte) { out.Write(p) }}
	for _, tt := range []struct{ piece, after string }{
		{"prompt> ", "prompt> "}, {"x<", "prompt> x"}, {"!", "prompt> x"}, {"?", "prompt> x<!?"},
	} {
		if c.take([]byte(tt.piece)); out.String() != tt.after {
			t.Errorf("after %q: %q, want %q", tt.piece, out.String(), tt.after)
		}
	}
}

func FuzzCapture(f *testing.F) {
	f.Add("a<!--XSUPERVISOR:BEGIN-->b<!--XSUPERVISOR:END-->c", uint8(3))
	f.Add("<!--XSUPERVISOR:<!--XSUPERVISOR:BEGIN-->", uint8(1))
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		whole, all := captureAll(1<<20, text)
		plain, captured := captureAll(1<<20, cut(text, int(n)+1)...)
		if plain != whole || fmt.Sprintf("%q", captured) != fmt.Sprintf("%q", all) {
			t.Errorf("%q in pieces of %d: %q %q, in one %q %q", text, n+1, plain, captured, whole, all)
		}
	})
}

func TestStripANSI(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"plain", "plain"},
		{"a\x1b[31mred\x1b[0m\x1b[2Kb\n", "aredb\n"},
		{"\x1b[1;31;4mx", "x"},
		{"\x1b[Hx\x1b[?25lz", "xz"},
		{"\x1b[", ""},
		{"\x1b]0;title\x07x", "\x1b]0;title\x07x"}, // another kind of sequence
		{"\x1b\x1b[0mx", "\x1bx"},
		{"é\x1b[0m日", "é日"},
		{"\x1b[31\nx", "x"}, // a sequence ends with whatever cannot be in it
	} {
		for n := 1; n <= len(tt.text); n++ {
			var s stripANSI
			var got bytes.Buffer
			for _, piece := range cut(tt.text, n) {
				got.Write(s.strip([]byte(piece)))
			}
			if got.String() != tt.want {
				t.Errorf("%q by %d: %q, want %q", tt.text, n, got.String(), tt.want)
			}
		}
	}
}
