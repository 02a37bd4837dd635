package ini

import (
	"os"
	"path"
	"slices"
	"strings"
)

// Glob returns the sorted paths that match a pattern, by the rules of Python's glob: '*', '?', '[a-z]' and '[!a-z]' within one
// path element, and a file whose name begins with a dot only for a pattern that does.
func Glob(pattern string) []string {
	files := glob(pattern)
	slices.Sort(files)
	return files
}

func glob(pattern string) []string {
	if !hasMagic(pattern) {
		if _, err := os.Lstat(pattern); err != nil {
			return nil
		}
		return []string{pattern}
	}
	dir, base := splitPath(pattern)
	dirs := []string{dir}
	if hasMagic(dir) {
		dirs = glob(dir)
	}
	var found []string
	for _, dir := range dirs {
		for _, name := range namesIn(dir, base) {
			found = append(found, path.Join(dir, name))
		}
	}
	return found
}

// namesIn returns the names in the directory that match the last element of a pattern.
func namesIn(dir, base string) []string {
	if !hasMagic(base) {
		if _, err := os.Lstat(dir + "/" + base); err != nil {
			return nil
		}
		return []string{base}
	}
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // as Python: what cannot be listed matches nothing
	}
	var names []string
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(base, ".")
		if !hidden && match([]rune(base), []rune(e.Name())) {
			names = append(names, e.Name())
		}
	}
	return names
}

func splitPath(p string) (dir, base string) {
	dir, base = path.Split(p)
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		dir = trimmed
	}
	return dir, base
}

func hasMagic(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }

// match is Python's fnmatch. It goes back to the last star only, so its time is bounded by the product of the two lengths.
func match(pattern, name []rune) bool {
	p, n := 0, 0
	star, resume := -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, resume = p, n
			p++
			continue
		}
		if p < len(pattern) {
			if ok, width := matchOne(pattern[p:], name[n]); ok {
				p, n = p+width, n+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		resume++
		p, n = star+1, resume
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne compares a character with the element that begins the pattern, and returns how long that element is.
func matchOne(pattern []rune, c rune) (ok bool, width int) {
	switch pattern[0] {
	case '?':
		return true, 1
	case '[':
		end := classEnd(pattern)
		if end < 0 {
			return c == '[', 1 // no closing bracket: an ordinary character
		}
		set := pattern[1:end]
		negated := set[0] == '!'
		if negated {
			set = set[1:]
		}
		return inClass(set, c) != negated, end + 1
	default:
		return pattern[0] == c, 1
	}
}

// classEnd returns where the bracket of a character class closes, -1 if it does not. A bracket that comes first belongs to it.
func classEnd(pattern []rune) int {
	first := 1
	if first < len(pattern) && pattern[first] == '!' {
		first++
	}
	for i := first + 1; i < len(pattern); i++ {
		if pattern[i] == ']' {
			return i
		}
	}
	return -1
}

func inClass(set []rune, c rune) bool {
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' {
			if set[i] <= c && c <= set[i+2] {
				return true
			}
			i += 2
		} else if set[i] == c {
			return true
		}
	}
	return false
}
