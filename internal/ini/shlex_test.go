package ini

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"  \t\n", nil},
		{"/bin/cat a  b", []string{"/bin/cat", "a", "b"}},
		{`sh -c "echo 'a b'; \"x\" \$HOME"`, []string{"sh", "-c", `echo 'a b'; "x" \$HOME`}},
		{`a\ b 'c\' ""`, []string{"a b", `c\`, ""}},
		{"a#b #c ; | (x)", []string{"a#b", "#c", ";", "|", "(x)"}},
		{`x"y"'z'`, []string{"xyz"}},
		{"é\u00a0ü", []string{"é\u00a0ü"}},
		{"\"a\nb\"", []string{"a\nb"}},
	} {
		if got, err := Split(c.text); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q gives %q, %v; want %q", c.text, got, err, c.want)
		}
	}
	for text, want := range map[string]error{`a "b`: ErrNoClosingQuotation, `'`: ErrNoClosingQuotation, `a\`: ErrNoEscapedCharacter, `"a\`: ErrNoEscapedCharacter} {
		if _, err := Split(text); err != want {
			t.Errorf("%q gives %v, want %v", text, err, want)
		}
	}
}

func TestPairs(t *testing.T) {
	for _, c := range []struct {
		text string
		want []Pair
	}{
		{"", nil},
		{"A=1", []Pair{{"A", "1"}}},
		{`KEY="a,b",B='c'`, []Pair{{"KEY", "a,b"}, {"B", "c"}}},
		{`A="x y",B='it, has a comma',C=plain,D="a=b",E=/usr/bin:/x.y-z`, []Pair{{"A", "x y"}, {"B", "it, has a comma"}, {"C", "plain"}, {"D", "a=b"}, {"E", "/usr/bin:/x.y-z"}}},
		{"A=\"1\",\n    B=\"2\"", []Pair{{"A", "1"}, {"B", "2"}}},
		{"A=1,", []Pair{{"A", "1"}}},
		{"A=1,B=2,A=3", []Pair{{"A", "3"}, {"B", "2"}}},
		{`A=""`, []Pair{{"A", ""}}},
		{"A=100%", []Pair{{"A", "100"}}}, // the odd token is taken for the comma
		{"A=1 # c", []Pair{{"A", "1"}}},
		{"A=é", []Pair{{"A", "é"}}},
	} {
		if got, err := Pairs(c.text); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q gives %q, %v; want %q", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{"A", "A=", "A=a@b", "=1", "A,B", "A=1,B"} {
		_, err := Pairs(text)
		if want := "Unexpected end of key/value pairs in value '" + text + "'"; err == nil || err.Error() != want {
			t.Errorf("%q gives %v, want %s", text, err, want)
		}
	}
	if _, err := Pairs(`A="x`); err != ErrNoClosingQuotation {
		t.Errorf("got %v", err)
	}
}

func FuzzShlex(f *testing.F) {
	for _, text := range []string{`a "b c" 'd'`, `A="x",B=y`, `\`, "#", "a\\\nb"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		blank := func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) }
		words, err := Split(text)
		if !strings.ContainsAny(text, "'\"\\") && utf8.ValidString(text) && (err != nil || !slices.Equal(words, strings.FieldsFunc(text, blank))) {
			t.Errorf("%q gives %q, %v", text, words, err)
		}
		pairs, err := Pairs(text)
		if err == nil && len(pairs) > (len([]rune(text))+3)/3 {
			t.Errorf("%q gives %q", text, pairs)
		}
	})
}
