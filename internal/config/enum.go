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
