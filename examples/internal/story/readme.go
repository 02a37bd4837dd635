package story

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// section is a part of a README.
type section struct {
	title string
	steps []step
}

// step is a block of commands and what the README shows of their output.
type step struct {
	commands string
	look     bool // nothing is changed by them
	shown    string
}

// parse reads the sections that hold commands.
func parse(readme string) ([]section, error) {
	var sections []section
	var title, fence string // fence is the info string of the block that is open
	var block []string
	open := false
	for i, line := range strings.Split(readme, "\n") {
		info, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && !open:
			open, fence, block = true, info, nil
		case isFence:
			open = false
			if err := take(&sections, title, fence, strings.Join(block, "\n")); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		case open:
			block = append(block, line)
		case strings.HasPrefix(line, "## "):
			title = strings.TrimPrefix(line, "## ")
		}
	}
	if open || len(sections) == 0 {
		return nil, errors.New("a block is open, or there is none")
	}
	return sections, nil
}

// take adds a block to its section. Blocks in another language, such as a piece of a configuration, are not for us.
func take(sections *[]section, title, fence, text string) error {
	all := *sections
	switch fence {
	case "sh", "sh look":
		if len(all) == 0 || all[len(all)-1].title != title {
			all = append(all, section{title: title})
		}
		last := &all[len(all)-1]
		last.steps = append(last.steps, step{commands: text, look: fence == "sh look"})
	case "text":
		if len(all) == 0 || all[len(all)-1].title != title {
			return errors.New("output without commands")
		}
		steps := all[len(all)-1].steps
		if last := &steps[len(steps)-1]; last.shown == "" {
			last.shown = text
		} else {
			return errors.New("a second output of the same commands")
		}
	}
	*sections = all
	return nil
}

// varying is what no two runs have in common.
var varying = regexp.MustCompile(`pid \d+, uptime \d+:\d\d:\d\d|[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M`)

// alike compares outputs. A line … stands for any lines, and what varies from run to run is not looked at.
func alike(shown, printed string) bool {
	clean := func(text string) string {
		lines := strings.Split(strings.TrimSpace(varying.ReplaceAllString(text, "?")), "\n")
		for i, line := range lines {
			lines[i] = strings.TrimRight(line, " ")
		}
		return strings.Join(lines, "\n") + "\n"
	}
	want := "^" + strings.ReplaceAll(regexp.QuoteMeta(clean(shown)), "…\n", "(?s:.*)") + "$"
	return regexp.MustCompile(want).MatchString(clean(printed))
}
