package ini

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Vars are the names that %(name)s may use; a value is a string or an int (process_num and numprocs, so that %(process_num)02d
// works).
type Vars map[string]any

// EnvVars returns the expansions ENV_X for the environment variables, each given as NAME=value.
func EnvVars(environ []string) Vars {
	vars := Vars{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && name != "" {
			vars["ENV_"+name] = value
		}
	}
	return vars
}

// maxWidth bounds the width and precision of a conversion, so that one line cannot fill the memory.
const maxWidth = 4096

// Expand replaces %(name)s and Python's other conversions in the text, once: what comes out of a variable is not expanded
// again. Of several vars the first that have a name count. option is the name shown in errors, whose texts are Supervisor's.
func Expand(text, option string, vars ...Vars) (string, error) {
	if !strings.Contains(text, "%") { // most have nothing to expand
		return text, nil
	}
	e := expander{rest: text, vars: vars}
	for e.rest != "" {
		if err := e.next(); err != nil {
			if missing, ok := err.(missingName); ok {
				return "", fmt.Errorf("Format string %s for %s contains names (%s) which cannot be expanded. Available names: %s",
					Repr(text), Repr(option), Repr(string(missing)), strings.Join(names(vars), ", "))
			}
			return "", fmt.Errorf("Format string %s for %s is badly formatted: %w", Repr(text), Repr(option), err)
		}
	}
	return e.out.String(), nil
}

// names returns what there is to be used, in order.
func names(vars []Vars) []string {
	all := Vars{}
	for _, v := range vars {
		maps.Copy(all, v)
	}
	return slices.Sorted(maps.Keys(all))
}

// missingName is the error for a variable that does not exist.
type missingName string

func (m missingName) Error() string { return string(m) }

type expander struct {
	rest string
	at   int // characters already taken, for Python's error texts
	vars []Vars
	out  strings.Builder
}

// next copies the text up to the next '%' and does the conversion that begins there.
func (e *expander) next() error {
	plain, rest, found := strings.Cut(e.rest, "%")
	e.out.WriteString(plain)
	e.rest = rest
	e.at += utf8.RuneCountInString(plain)
	if !found {
		return nil
	}
	e.at++
	return e.conversion()
}

func (e *expander) take() (rune, error) {
	if e.rest == "" {
		return 0, fmt.Errorf("incomplete format")
	}
	r, size := utf8.DecodeRuneInString(e.rest)
	e.rest = e.rest[size:]
	e.at++
	return r, nil
}

func (e *expander) takeWhile(set string) string {
	n := len(e.rest) - len(strings.TrimLeft(e.rest, set))
	s := e.rest[:n]
	e.rest, e.at = e.rest[n:], e.at+n
	return s
}

// conversion does what follows a '%': (name), flags, width, precision, a length that means nothing, and the letter.
func (e *expander) conversion() error {
	if strings.HasPrefix(e.rest, "%") {
		e.rest, e.at = e.rest[1:], e.at+1
		e.out.WriteByte('%')
		return nil
	}
	value, named, err := e.named()
	if err != nil {
		return err
	}
	flags := e.takeWhile("-+ #0")
	width := e.takeWhile("0123456789")
	precision := ""
	if strings.HasPrefix(e.rest, ".") {
		e.rest, e.at = e.rest[1:], e.at+1
		precision = "." + e.takeWhile("0123456789")
	}
	for _, n := range []string{width, strings.TrimLeft(precision, ".")} {
		if i, err := strconv.Atoi("0" + n); err != nil || i > maxWidth { // none is 0
			return fmt.Errorf("width too big")
		}
	}
	if e.rest != "" && strings.IndexByte("hlL", e.rest[0]) >= 0 {
		e.rest, e.at = e.rest[1:], e.at+1
	}
	letter, err := e.take()
	if err != nil {
		return err
	}
	if !named && strings.ContainsRune("sradiouxXeEfFgG", letter) {
		return fmt.Errorf("%%%c without a name in parentheses", letter)
	}
	text, err := convert(value, letter, flags, width, precision)
	if err == errLetter {
		return fmt.Errorf("unsupported format character %s (0x%x) at index %d", quoted(letter), letter, e.at-1)
	}
	e.out.WriteString(text)
	return err
}

// quoted shows the letter of a conversion as Python does: one it cannot print in ASCII becomes a question mark.
func quoted(letter rune) string {
	if letter < 0x20 || letter > 0x7e {
		letter = '?'
	}
	return "'" + string(letter) + "'"
}

// named takes the (name) of a conversion, which may hold balanced parentheses, and looks it up.
func (e *expander) named() (value any, ok bool, err error) {
	if !strings.HasPrefix(e.rest, "(") {
		return nil, false, nil
	}
	depth := 0
	for i, r := range e.rest {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			name := e.rest[1:i]
			e.at += utf8.RuneCountInString(name) + 2
			e.rest = e.rest[i+1:]
			for _, vars := range e.vars {
				if value, ok = vars[name]; ok {
					return value, true, nil
				}
			}
			return nil, false, missingName(name)
		}
	}
	return nil, false, fmt.Errorf("incomplete format key")
}

// errLetter says that the letter is no conversion at all.
var errLetter = fmt.Errorf("unsupported format character")

func convert(value any, letter rune, flags, width, precision string) (string, error) {
	number, isNumber := value.(int)
	switch letter {
	case 's', 'r', 'a':
		text := fmt.Sprint(value)
		if letter != 's' && !isNumber {
			text = Repr(text)
		}
		return fmt.Sprintf("%"+keep(flags, "-")+width+precision+"s", text), nil
	case 'd', 'i', 'u':
		if !isNumber {
			return "", fmt.Errorf("%%%c format: a real number is required, not str", letter)
		}
		return fmt.Sprintf("%"+keep(flags, "-+ 0")+width+precision+"d", number), nil
	case 'x', 'X', 'o':
		if !isNumber {
			return "", fmt.Errorf("%%%c format: an integer is required, not str", letter)
		}
		if letter == 'o' && strings.Contains(flags, "#") {
			letter, flags = 'O', strings.ReplaceAll(flags, "#", "")
		}
		return fmt.Sprintf("%"+flags+width+precision+string(letter), number), nil
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if !isNumber {
			return "", fmt.Errorf("must be real number, not str")
		}
		if letter == 'g' || letter == 'G' {
			flags = strings.ReplaceAll(flags, "#", "")
			if precision == "" {
				precision = ".6"
			}
		}
		return fmt.Sprintf("%"+flags+width+precision+string(letter), float64(number)), nil
	default:
		return "", errLetter
	}
}

// keep returns the flags of the set that occur.
func keep(flags, set string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(set, r) {
			return r
		}
		return -1
	}, flags)
}
