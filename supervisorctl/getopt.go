package main

import (
	"fmt"
	"strings"
)

// cliFlag is one option of the command line in Python's getopt notation.
type cliFlag struct {
	short string // one letter, "" when there is none
	long  string // "" when there is none
	value bool   // the option takes a value
}

// given is an option as it was found on the command line.
type given struct {
	flag  cliFlag
	name  string // "-c" or "--configuration"
	value string
}

// getopt parses args as Python's getopt does: options end at the first argument that is none of them, long names may be shortened as
// long as they stay unique, and a value may be attached. The errors carry Python's texts.
func getopt(args []string, flags []cliFlag) (opts []given, rest []string, err error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			break
		}
		var found []given
		if long, ok := strings.CutPrefix(arg, "--"); ok {
			found, args, err = getoptLong(long, args, flags)
		} else {
			found, args, err = getoptShort(arg[1:], args, flags)
		}
		if err != nil {
			return nil, nil, err
		}
		opts = append(opts, found...)
	}
	return opts, args, nil
}

func getoptLong(arg string, args []string, flags []cliFlag) ([]given, []string, error) {
	name, value, attached := strings.Cut(arg, "=")
	f, err := longFlag(name, flags)
	switch {
	case err != nil:
		return nil, nil, err
	case !f.value && attached:
		return nil, nil, fmt.Errorf("option --%s must not have an argument", f.long)
	case f.value && !attached:
		if len(args) == 0 {
			return nil, nil, fmt.Errorf("option --%s requires argument", f.long)
		}
		value, args = args[0], args[1:]
	}
	return []given{{f, "--" + f.long, value}}, args, nil
}

// longFlag finds the option with that long name, or the only one whose name starts so.
func longFlag(name string, flags []cliFlag) (cliFlag, error) {
	var matches []cliFlag
	for _, f := range flags {
		if f.long != "" && strings.HasPrefix(f.long, name) {
			if f.long == name {
				return f, nil
			}
			matches = append(matches, f)
		}
	}
	switch len(matches) {
	case 0:
		return cliFlag{}, fmt.Errorf("option --%s not recognized", name)
	case 1:
		return matches[0], nil
	}
	return cliFlag{}, fmt.Errorf("option --%s not a unique prefix", name)
}

// getoptShort reads one cluster of short options such as "ic/etc/x.conf".
func getoptShort(cluster string, args []string, flags []cliFlag) ([]given, []string, error) {
	var opts []given
	for cluster != "" {
		r := []rune(cluster)
		letter := string(r[0])
		cluster = string(r[1:])
		f, ok := shortFlag(letter, flags)
		if !ok {
			return nil, nil, fmt.Errorf("option -%s not recognized", letter)
		}
		value := ""
		if f.value {
			if cluster == "" {
				if len(args) == 0 {
					return nil, nil, fmt.Errorf("option -%s requires argument", letter)
				}
				cluster, args = args[0], args[1:]
			}
			value, cluster = cluster, ""
		}
		opts = append(opts, given{f, "-" + letter, value})
	}
	return opts, args, nil
}

func shortFlag(letter string, flags []cliFlag) (cliFlag, bool) {
	for _, f := range flags {
		if f.short == letter {
			return f, true
		}
	}
	return cliFlag{}, false
}
