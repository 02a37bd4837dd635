package config

import (
	"fmt"
	"slices"
	"strings"
)

// CommandFlag is one option of a command line.
type CommandFlag struct {
	Short string // one letter, "" for none
	Long  string // "" for none
	Arg   bool   // an argument follows
}

// GivenFlag is an option as it was found on the command line.
type GivenFlag struct {
	Index int    // in the table of flags
	Name  string // -x or --long
	Arg   string
}

// Getopt splits a command line as Python's getopt does: short options may be combined, long ones shortened while they stay
// unique, and the first word that is no option begins the rest. The error texts are Python's.
func Getopt(args []string, flags []CommandFlag) (given []GivenFlag, rest []string, err error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		first := args[0]
		args = args[1:]
		if first == "--" {
			break
		}
		var found []GivenFlag
		if long, ok := strings.CutPrefix(first, "--"); ok {
			found, args, err = longOption(long, args, flags)
		} else {
			found, args, err = shortOptions(first[1:], args, flags)
		}
		if err != nil {
			return nil, nil, err
		}
		given = append(given, found...)
	}
	return given, args, nil
}

func shortOptions(letters string, args []string, flags []CommandFlag) ([]GivenFlag, []string, error) {
	var given []GivenFlag
	for letters != "" {
		letter := string([]rune(letters)[0])
		i := slices.IndexFunc(flags, func(f CommandFlag) bool { return f.Short == letter })
		if i < 0 {
			return nil, nil, fmt.Errorf("option -%s not recognized", letter)
		}
		letters = letters[len(letter):]
		g := GivenFlag{Index: i, Name: "-" + letter}
		if flags[i].Arg {
			if letters == "" {
				if len(args) == 0 {
					return nil, nil, fmt.Errorf("option %s requires argument", g.Name)
				}
				letters, args = args[0], args[1:]
			}
			g.Arg, letters = letters, ""
		}
		given = append(given, g)
	}
	return given, args, nil
}

func longOption(text string, args []string, flags []CommandFlag) ([]GivenFlag, []string, error) {
	name, arg, hasArg := strings.Cut(text, "=")
	i, err := findLong(name, flags)
	if err != nil {
		return nil, nil, err
	}
	f := flags[i]
	g := GivenFlag{Index: i, Name: "--" + f.Long, Arg: arg}
	switch {
	case !f.Arg && hasArg:
		return nil, nil, fmt.Errorf("option %s must not have an argument", g.Name)
	case f.Arg && !hasArg && len(args) == 0:
		return nil, nil, fmt.Errorf("option %s requires argument", g.Name)
	case f.Arg && !hasArg:
		g.Arg, args = args[0], args[1:]
	}
	return []GivenFlag{g}, args, nil
}

// findLong finds the option of that name, or the only one whose name begins so.
func findLong(name string, flags []CommandFlag) (int, error) {
	var found []int
	for i, f := range flags {
		switch {
		case f.Long == "" || !strings.HasPrefix(f.Long, name):
		case f.Long == name:
			return i, nil
		default:
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return 0, fmt.Errorf("option --%s not recognized", name)
	case 1:
		return found[0], nil
	}
	return 0, fmt.Errorf("option --%s not a unique prefix", name)
}
