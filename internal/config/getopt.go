package config

import (
	"fmt"
	"strings"
)

// flag is one option of the command line.
type flag struct {
	short byte   // 0 for none
	long  string // "" for none
	arg   bool   // an argument follows
	set   func(f *Flags, arg string) error
	given func(f *Flags) bool // set already; nil when that does not matter
}

// word is an option as it was found on the command line.
type word struct {
	flag *flag
	name string // -x or --long
	arg  string
}

// getopt splits a command line as Python's getopt does: short options may be combined, long ones shortened while they stay
// unique, and the first word that is no option begins the rest. The error texts are Python's.
func getopt(args []string, flags []flag) (words []word, rest []string, err error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		first := args[0]
		args = args[1:]
		if first == "--" {
			break
		}
		var found []word
		if long, ok := strings.CutPrefix(first, "--"); ok {
			found, args, err = longOption(long, args, flags)
		} else {
			found, args, err = shortOptions(first[1:], args, flags)
		}
		if err != nil {
			return nil, nil, err
		}
		words = append(words, found...)
	}
	return words, args, nil
}

func shortOptions(letters string, args []string, flags []flag) ([]word, []string, error) {
	var words []word
	for letters != "" {
		var f *flag
		for i := range flags {
			if flags[i].short == letters[0] {
				f = &flags[i]
			}
		}
		if f == nil {
			letter := []rune(letters)[0]
			return nil, nil, fmt.Errorf("option -%c not recognized", letter)
		}
		letters = letters[1:]
		w := word{flag: f, name: "-" + string(f.short)}
		if f.arg {
			if letters == "" {
				if len(args) == 0 {
					return nil, nil, fmt.Errorf("option %s requires argument", w.name)
				}
				letters, args = args[0], args[1:]
			}
			w.arg, letters = letters, ""
		}
		words = append(words, w)
	}
	return words, args, nil
}

func longOption(text string, args []string, flags []flag) ([]word, []string, error) {
	name, arg, hasArg := strings.Cut(text, "=")
	f, err := findLong(name, flags)
	if err != nil {
		return nil, nil, err
	}
	w := word{flag: f, name: "--" + f.long, arg: arg}
	switch {
	case !f.arg && hasArg:
		return nil, nil, fmt.Errorf("option %s must not have an argument", w.name)
	case f.arg && !hasArg && len(args) == 0:
		return nil, nil, fmt.Errorf("option %s requires argument", w.name)
	case f.arg && !hasArg:
		w.arg, args = args[0], args[1:]
	}
	return []word{w}, args, nil
}

// findLong finds the option of that name, or the only one whose name begins so.
func findLong(name string, flags []flag) (*flag, error) {
	var found *flag
	count := 0
	for i := range flags {
		f := &flags[i]
		if f.long == "" || !strings.HasPrefix(f.long, name) {
			continue
		}
		if f.long == name {
			return f, nil
		}
		found = f
		count++
	}
	switch count {
	case 0:
		return nil, fmt.Errorf("option --%s not recognized", name)
	case 1:
		return found, nil
	}
	return nil, fmt.Errorf("option --%s not a unique prefix", name)
}
