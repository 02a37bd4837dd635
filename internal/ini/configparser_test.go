package ini

import (
	"reflect"
	"slices"
	"testing"
)

// reading is a text and what a parser makes of it.
type reading struct {
	Text     string     `json:"text"`
	Sections [][]string `json:"sections,omitzero"` // as contents lists them
	Error    string     `json:"error,omitzero"`
}

const configparserScript = `
import configparser, io, json, sys
def read(text):
    p = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(';', '#'))
    try:
        p.read_file(io.StringIO(text.replace('\r\n', '\n').replace('\r', '\n'), newline='\n'), 'f')
    except configparser.Error as e:
        return {'text': text, 'error': str(e)}
    sections = [('DEFAULT', p._defaults)] if p._defaults else []
    sections += p._sections.items()
    return {'text': text, 'sections': [[name, *sum(options.items(), ())] for name, options in sections]}
json.dump([read(t) for t in json.load(sys.stdin)], sys.stdout)
`

// askConfigparser returns what Python makes of the texts with the settings of Supervisor.
func askConfigparser(t *testing.T, texts []string) []reading {
	t.Helper()
	var readings []reading
	python(t, configparserScript, texts, &readings)
	return readings
}

// readingOf is what this package makes of a text.
func readingOf(text string) reading {
	d, err := Parse("f", text)
	if err != nil {
		return reading{Text: text, Error: err.Error()}
	}
	return reading{Text: text, Sections: contents(d)}
}

func checkReadings(t *testing.T, wanted []reading) {
	t.Helper()
	for _, want := range wanted {
		if got := readingOf(want.Text); !reflect.DeepEqual(got, want) {
			t.Errorf("text   %q\ngot    %q %s\npython %q %s", want.Text, got.Sections, got.Error, want.Sections, want.Error)
		}
	}
}

// edges are texts near the borders of the dialect's rules; Python alone says what they mean.
var edges = []string{
	// comments
	"[a]\nx=1;c\n", "[a]\nx=1#c\n", "[a]\nx=;c\n", "[a]\nx=#c\n", "[a]\nx;=1\n", "[a]\nx ;=1\n", "[a]\n;x=1\n#y=2\nz=3\n",
	"[a]\n  ;x=1\n\t#y=2\nz=3\n", "[a]\nx=1 ; # ;\n", "[a]\nx=1; # ;\n", "[a]\nx=1# ; #\n", "[a]\nx=1;# ;#\n", "[a]\nx=a;b ;c;d\n",
	"[a]\nx=\";\" ; c\n", "[a]\nx=\" ; \"\n", "[a]\nx=1\n ;c\n 2\n", "[a]\nx=1\n;c\n\n 2\n", "[a]\nx=1\n 2 #c\n 3 ;c\n",
	"[a;b]\nx=1\n", "[a ;b]\nx=1\n", "[a] #c\n[b];c\nx=1\n", "[a]#c]\nx=1\n", "[a] ; c]\nx=1\n", "[a]\nx=1\u00a0#c\n", "[a]\nx=1\x1c;c\n",
	"[a]\nx=1\u200b;c\n", "[a]\nx=1 rem c\n", "[a]\nrem x=1\n", "[a]\nx=1 //c\n", "; c\n[a]\nx=1\n", "[a]\nx=1\n;", "[a]\nx=1\n ;",
	// continuation and indentation
	"[a]\nx=1\n 2\n", "[a]\n x=1\n 2\n", "[a]\n x=1\n  2\n 3=3\n", "[a]\n  x=1\n y=2\n", "[a]\n  x=1\n y=2\n  z=3\n", "[a]\n\tx=1\n  y=2\n",
	"[a]\nx=1\n  y=2\n z=3\nw=4\n", " [a]\nx=1\n", "[a]\n x=1\n[b]\n x=2\n", "[a]\n x=1\n [b]\n x=2\n", "[a]\n x=1\n  [b]\n x=2\n",
	"[a]\nx=\n 1\n 2\n", "[a]\nx=\n\n 1\n", "[a]\nx=1\n\n\n 2\n\n", "[a]\nx=1\n \n\t\n 2\n", "[a]\nx=1\n\n[b]\n\n y=2\n", "[a]\n 1\n",
	"[a]\n\n x=1\n", "[a]\nx=1\n  2\n 3\n    4\n", "[a]\nx=1\\\n2\n", "[a]\nx=1\\\n 2\n", "[a]\nx=1\n\v2\n", "[a]\nx=1\n\u3000y=2\n",
	"[a]\nx=1\n\u2003y=2\n", "[a]\nx=1\n\x1fy=2\n", "[a]\nx=1\n : 2\n", "[a]\nx=1\n = 2\n", "[a]\nx=1\n[b\n", "[a]\nx=1\n [b\n",
	// keys and delimiters
	"[a]\nx:1\n", "[a]\nx = y = z\n", "[a]\nx : y = z\n", "[a]\nx = y : z\n", "[a]\nx=:1\n", "[a]\nx:=1\n", "[a]\nx==1\n", "[a]\nX Y=1\n",
	"[a]\nx\t=\t1\t\n", "[a]\nÄÉ=Ö\n", "[a]\nx=1\nX=2\n", "[a]\n'x'=1\n", "[a]\n\"x y\"=1\n", "[a]\n[x=1\n",
	"[a]\n[x]=1\n", "[a]\nx]=1\n", "[a]\nx[0]=1\n", "[a]\n%(x)s=1\n", "[a]\n-=1\n--=2\n", "[a]\n=1\n", "[a]\n:\n", "[a]\n = \n", "[a]\nx\n",
	"[a]\nx 1\n", "[a]\nx=1\ny\nz=2\n=3\n", "[a]\n=1\n 2\n", "[a]\nx=1\n=2\n 3\n", "[a]\nkey\\=x=1\n", "[a]\nx=\"1\n2\"\n", "[a]\nx='\n",
	// values
	"[a]\nx=`date` foo\n", "[a]\nx=\"\"\"hello\"\"\"\n", "[a]\nx=\"\"\"a\"\"\" b\n", "[a]\nx=\"\"\"a\n", "[a]\nx=`a\n", "[a]\nx=%(y)s\ny=%(x)s\n",
	"[a]\nx=100%\n", "[a]\nx=${HOME}\n", "[a]\nx=KEY=\"a;b\",B=\"c#d\"\n", "[a]\nx=A=1; x\n", "[a]\nenvironment=A=\"1\",\n    B=\"2\" ; c\n",
	"[a]\nx=\u00a01\u00a0\n", "[a]\nx=\x1d1\x1e\n", "[a]\nx=\u200b1\u200b\n", "[a]\nx=\u00851\u2029\n", "[a]\nx=1\x00\n", "[a]\nx=\ufeff1\n", "[a]\nx=😀\n",
	// sections
	"[program:a]b]\nx=1\n", "[ a ]\nx=1\n", "[a] trailing\nx=1\n", "[a][b]\nx=1\n", "[[a]]\nx=1\n", "[A]\nx=1\n[a]\nx=2\n", "[]\nx=1\n",
	"[]]\nx=1\n", "[ ]\n[  ]\n", "[a\n]\n", "]a[\n", "[a]x=1\n", "[a]\n[a]\n[a]\n", "[a]\nx=1\n[b]\nx=2\n[a]\ny=3\n",
	"[default]\nx=1\n[a]\n", "[DEFAULT]\n[a]\nx=1\n", "[DEFAULT]\nx=1\n[a]\nx=2\n[DEFAULT]\nx=3\ny=4\n", "[DEFAULT]\nx=1\n", "[ DEFAULT]\nx=1\n",
	"[program:x]\nx=1\n[program:x:y]\n[program:x.y]\n", "[é]\nx=1\n", "[#a]\nx=1\n", "[;a]\nx=1\n", "[=]\nx=1\n", "[a=b]\nx=1\n",
	// before any section, line ends
	"x=1\n", "x\n[a]\n", " x=1\n", "=\n", ";c\n\nx=1\n[a]\n", "\ufeff;c\n", "\n\n[a]\nx=1\n", "\r[a]\rx=1\r", "[a]\r\nx=1\r\n 2\r\n",
	"[a]\nx=1\n\r\n\r 2\n", "[a]\nx=1\u2028y=2\n", "[a]\nx=1\vy=2\n", "[a]\nx=1\x1cy=2\n", "[a]\nx=1\u0085y=2\n", "\n", " \n\t\n", "\x00\n", "[a]", "[a]\nx",
	"[a]\n'it''s'\n", "[a]\nit's \"so\"\n", "[a]\nit's\n", "[a]\n\\\n", "[a]\né\u00a0\n", "[a]\n\x7f\n", "[a]\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n",
}

// dialectTexts are all texts of the tables of this package, and random ones.
func dialectTexts(random int) []string {
	texts := slices.Clone(edges)
	for _, c := range dialect {
		texts = append(texts, c.text)
	}
	for _, c := range broken {
		texts = append(texts, c.text)
	}
	for i, text := range randomTexts(1, random, 24, []string{
		"[a]", "[b] ", "[DEFAULT]", "\n", "\n", "\n", "\n", " ", "\t", "x", "Y", "=", ":", " = ", ";", "#", " ;", " #", "]", "[",
		"\r", "\r\n", "\f", "\x1c", "\u00a0", "\u2028", "\\", "\"", "%(x)s", "\n ", "\n  z=1", "[a]\nx=1\n", "\n\n", "é", "\u0085", "\v",
	}) {
		if i%2 == 0 {
			text = "[s]\n" + text
		}
		texts = append(texts, text)
	}
	return texts
}

func TestDialectIsPythons(t *testing.T) {
	checkReadings(t, askConfigparser(t, dialectTexts(4000)))
}

func TestRecordedDialect(t *testing.T) {
	checkReadings(t, recorded(t, "configparser.json", func() []reading { return askConfigparser(t, dialectTexts(240)) }))
}
