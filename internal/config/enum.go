package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
)

func nameOf[E ~int](names []string, e E) string {
	if e < 0 || int(e) >= len(names) {
		return fmt.Sprintf("%T(%d)", e, int(e))
	}
	return names[e]
}

// parseEnum finds the name in any case. The error text is Supvisors' for the option.
func parseEnum[E ~int](option string, names []string, s string) (E, error) {
	i := slices.Index(names, strings.ToUpper(s))
	if i < 0 {
		return 0, fmt.Errorf(`invalid value for %s: "%s". expected in %s`, option, s, ini.ReprList(names))
	}
	return E(i), nil
}

// enum reads an option that is an enumeration of package rules, in any case; 0 to last are all its values.
func enum[E interface {
	~int
	fmt.Stringer
}](option string, last E) func(string) (E, error) {
	var names []string
	for e := E(0); e <= last; e++ {
		names = append(names, e.String())
	}
	return func(s string) (E, error) { return parseEnum[E](option, names, s) }
}
