package peer

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// base is what "{base}" stands for in a configuration: a daemon in its own directory, reached through a unix socket.
const base = `[unix_http_server]
file={dir}/s.sock
[supervisord]
directory={dir}
logfile={dir}/supervisord.log
pidfile={dir}/supervisord.pid
childlogdir={dir}
identifier=peer
user=root
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{dir}/s.sock
`

// scenario is one file of testdata: files to begin with, each under "-- name --", and under "-- script --" one command per line.
// A line of the script is words separated by blanks, quoted as in Go ("…") or plainly ('…'); the arguments of
// "rpc" are JSON. The word "sorted" before a command says that the order of its lines means nothing. "#" begins a comment line.
type scenario struct {
	files map[string]string
	steps []step
}

// step is one command of a script.
type step struct {
	line  string
	words []string
}

func parseScenario(path string) (*scenario, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sc := &scenario{files: map[string]string{}}
	name := ""
	for i, line := range strings.SplitAfter(string(data), "\n") {
		bare := strings.TrimRight(line, "\n")
		if title, ok := strings.CutPrefix(bare, "-- "); ok && strings.HasSuffix(title, " --") {
			name = strings.TrimSuffix(title, " --")
			continue
		}
		if name != "script" {
			if name != "" {
				sc.files[name] += line
			}
			continue
		}
		if bare == "" || strings.HasPrefix(bare, "#") {
			continue
		}
		words, err := split(bare)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		sc.steps = append(sc.steps, step{line: bare, words: words})
	}
	if len(sc.steps) == 0 {
		return nil, fmt.Errorf("%s: no script", path)
	}
	return sc, nil
}

// split returns the words of a line.
func split(line string) ([]string, error) {
	if before, call, ok := strings.Cut(line, "rpc "); ok && (before == "" || before == "sorted ") { // the arguments are JSON
		method, args, _ := strings.Cut(call, " ")
		return append(strings.Fields(before), "rpc", method, args), nil
	}
	var words []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		switch line[0] {
		case '\'':
			end := strings.IndexByte(line[1:], '\'')
			if end < 0 {
				return nil, fmt.Errorf("no closing quote: %s", line)
			}
			words, line = append(words, line[1:1+end]), line[end+2:]
		case '"':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("%w: %s", err, line)
			}
			word, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, fmt.Errorf("%w: %s", err, line)
			}
			words, line = append(words, word), line[len(quoted):]
		default:
			word, rest, _ := strings.Cut(line, " ")
			words, line = append(words, word), rest
		}
	}
	return words, nil
}
