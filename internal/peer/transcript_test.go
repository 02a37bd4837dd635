package peer

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// broken begins a line of a transcript that tells of a step that did not work at all.
const broken = "BROKEN"

// volatile are the texts that differ from run to run, with what is read instead.
var volatile = []struct {
	text *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}`), "TIME"},
	{regexp.MustCompile(`[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M`), "DATE"},
	{regexp.MustCompile(`uptime (\d+ days?, )?\d+:\d\d:\d\d`), "uptime T"},
	{regexp.MustCompile(`\bpid (\d{2,}|1)\b`), "pid N"},
	{regexp.MustCompile(`' \(\d+\) with `), "' (N) with "},
	{regexp.MustCompile(`(?m)^\d{2,}$`), "N"},
	{regexp.MustCompile(`\bpid: ?[1-9]\d*`), "pid:N"},
	{regexp.MustCompile(`\blen:\d+`), "len:N"},
	{regexp.MustCompile(`\bwhen:\d+`), "when:N"},
	{regexp.MustCompile(`"(now|start|stop|pid)":[1-9]\d*`), `"$1":N`},
	{regexp.MustCompile(`---[a-z]+-[0-9A-Za-z_]+\.log`), "---AUTO.log"},
}

// normal returns text as lines without what differs from run to run.
func (s *side) normal(text string) []string {
	if text == "" {
		return nil
	}
	text = strings.ReplaceAll(text, s.dir, "{dir}")
	text = strings.ReplaceAll(text, s.daemonPath, "{supervisord}")
	text = strings.ReplaceAll(text, s.shellPath, "{supervisorctl}")
	text = strings.ReplaceAll(text, s.port, "{port}")
	for _, v := range volatile {
		text = v.text.ReplaceAllString(text, v.as)
	}
	ended := strings.HasSuffix(text, "\n")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := range lines {
		lines[i] = "  " + lines[i]
	}
	if !ended {
		lines[len(lines)-1] += "\\" // as a here-document would: there was no newline
	}
	return lines
}

// accept rewrites what the table of differences speaks of. A line of which nothing is left is left out.
func accept(name string, lines []string) []string {
	var kept []string
	for _, line := range lines {
		for _, d := range accepted {
			if in, _ := path.Match(d.scenario, name); in {
				line = d.text.ReplaceAllString(line, d.as)
			}
		}
		if line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}

// diff returns the lines of a and b with "-" before those of a alone and "+" before those of b alone; "" if they are equal. Of what
// is equal, only the commands and the two lines before and after a difference are kept.
func diff(a, b []string) string {
	if slices.Equal(a, b) {
		return ""
	}
	common := make([][]int, len(a)+1) // common[i][j]: the length of the longest common part of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var all []string
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, "  "+a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			all = append(all, "- "+a[i])
			i++
		default:
			all = append(all, "+ "+b[j])
			j++
		}
	}
	return strings.Join(near(all), "\n")
}

// near returns the lines of a comparison that are at most two away from a difference, and the command of each difference.
func near(all []string) []string {
	keep := make([]bool, len(all))
	step := 0
	for i, line := range all {
		if strings.HasPrefix(line[2:], "> ") {
			step = i
		}
		if line[0] == ' ' {
			continue
		}
		keep[step] = true
		for k := max(0, i-2); k <= min(i+2, len(all)-1); k++ {
			keep[k] = true
		}
	}
	var out []string
	for i, line := range all {
		if keep[i] {
			out = append(out, line)
		}
	}
	return out
}
