package ini

import (
	"reflect"
	"slices"
	"testing"
)

// splitting is a line and the tokens of it: those of a command line, and those of an environment option.
type splitting struct {
	Line    string `json:"line"`
	Command tokens `json:"command"`
	Environ tokens `json:"environ"`
}

type tokens struct {
	Tokens []string `json:"tokens,omitzero"`
	Error  string   `json:"error,omitzero"`
}

const shlexScript = `
import json, shlex, sys
def tokens(split, line):
    try:
        return {'tokens': list(split(line))}
    except ValueError as e:
        return {'error': str(e)}
def environ(line):
    lexer = shlex.shlex(line, posix=True)
    lexer.wordchars += '/.+-():'
    return lexer
json.dump([{'line': s, 'command': tokens(shlex.split, s), 'environ': tokens(environ, s)} for s in json.load(sys.stdin)], sys.stdout)
`

// askShlex returns the tokens that Python makes of the lines.
func askShlex(t *testing.T, lines []string) []splitting {
	t.Helper()
	var splittings []splitting
	python(t, shlexScript, lines, &splittings)
	return splittings
}

func tokensOf(words []string, err error) tokens {
	if err != nil {
		return tokens{Error: err.Error()}
	}
	return tokens{Tokens: append([]string{}, words...)}
}

func checkSplittings(t *testing.T, wanted []splitting) {
	t.Helper()
	for _, want := range wanted {
		env := shlex{rest: []rune(want.Line), word: envWord, comments: true}
		got := splitting{want.Line, tokensOf(Split(want.Line)), tokensOf(env.all())}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("line   %q\ngot    %+q\npython %+q", want.Line, got, want)
		}
	}
}

// commandLines are values as they stand in configurations, and the odd ones beside them; Python alone says what they mean.
var commandLines = []string{
	"/bin/cat", "/bin/cat -n /etc/motd", " /bin/cat ", "/usr/bin/python3 -c \"import time; time.sleep(1)\"", `bash -c 'trap "" TERM; sleep 10'`,
	`bash -c "echo \"a b\" | wc -c"`, `bash -c "echo \$HOME \\ \n"`, `bash -c 'echo '\''quoted'\'''`, `"/opt/my app/run" --name="x y"`, `/opt/my\ app/run`,
	`sh -c "a" "b"'c'd`, `echo ''`, `echo ""`, `echo "" ''`, `''`, `""`, `''''`, `a''b`, `a""`, `""a`, `'a'"b"c\d`, `\\`, `\\\\`, `\"`, `\'`, `"\'"`,
	`'\'`, `'\"'`, `"\""`, `"\\"`, `"\a"`, `"\\\""`, `\ `, `\  a`, "\\\n", "a\\\nb", "\"a\\\nb\"", "'a\\\nb'", "a\nb", "a\tb", "a\r\nb", "a\vb", "a\fb", "a\u00a0b",
	"a\u2028b", "# c", "a # c", "a# c", "a#c", "a '#' c", "a \"#\" c", `a \# c`, "a # c\nb", "a #\nb", "#\n", "#", "a#\nb", "a;b", "a ; b && c || d > e < f & g",
	"$(date) `date` ${X}", "*.log ?.log [ab].log ~ ~/x", "%(here)s/run %(ENV_HOME)s", "a=b c=d", "--x=\"1\" --y='2'", "é ü 日本 😀", "\\é \\日", "\x00", "a\x00b", "\x7f",
	// unfinished
	`'`, `"`, `a'`, `a "b`, `a 'b "c" d`, `a "b 'c' d`, `"a\"`, `'a\'b'`, `\`, `a\`, `"\`, `"a\`, `'\`, "'\n", "\"\n", `a "b" "c`, `'a' 'b`,
	// environment options
	"A=1", "A=1,B=2", `A="1",B="2"`, `A='1',B='2'`, `A="x,y",B='z'`, `A="a=b"`, "A=a=b", "A=/usr/bin:/bin,B=x.y-z+(1)", "A=a@b", "A=a b", "A = 1 , B = 2", "A=\"1\",\n  B=\"2\"",
	"A=,B=1", `A="",B=''`, "A=1,", ",A=1", ",", "=", "==", "A", "A=", "A,B", "A=1 B=2", "A=100%", "A=$HOME", "A=~/x", "A=*", "A={x}", "A=[x]", "A=a;b", "A=a|b", "A=<x>", "A=a!b",
	"A=é,B=ÿ", "A=×,B=÷", "A=日", "A=_", "1=A", "A-B=1", "A.B=1", "A=1 # c", "A=1# c", "A=1,# c\nB=2", `A="#",B=1`, `A=a\,b`, `A=a\ b`, `A="a\nb"`, `A="a\"b"`, `A='a"b'`, `A="1`,
	`A=1,B='`, `"A"=1`, `"A B"=1`, `A="x"y`, `A=x"y"`, `A="x""y"`, `A="x" "y"`, "A=\tB\t", "A=a\u00a0b", "A=ª", "A=º", "A=µ", "A=À", "A=Þß",
}

func shellLines(random int) []string {
	return append(slices.Clone(commandLines), randomTexts(3, random, 14, []string{
		"a", "B", " ", "\t", "\n", "'", "\"", "\\", "#", ",", "=", "%", "/", ".", "-", "(", "@", "é", "×", "ÿ", "日", "\u00a0", "\v", "''",
	})...)
}

func TestShlexIsPythons(t *testing.T) {
	checkSplittings(t, askShlex(t, shellLines(6000)))
}

func TestRecordedShlex(t *testing.T) {
	checkSplittings(t, recorded(t, "shlex.json", func() []splitting { return askShlex(t, shellLines(270)) }))
}
