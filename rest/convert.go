package rest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/supvisors/supvisors/rpc"
)

// fromPath reads a segment of a path as a parameter of a row. The error says what is expected; such a path leads nowhere.
func fromPath(p *rpc.Param, text string) (any, error) {
	if p.Values != nil {
		if slices.Contains(p.Values, text) {
			return text, nil
		}
		return nil, fmt.Errorf("%s is none of %s", text, strings.Join(p.Values, ", "))
	}
	switch word := p.TypeWord(); word {
	case "int":
		if n, err := strconv.Atoi(text); err == nil && text[0] != '+' {
			return n, nil
		}
		return nil, fmt.Errorf("%s is not an integer", text)
	case "double":
		if f, err := strconv.ParseFloat(text, 64); err == nil && strings.Trim(text, "-.0123456789") == "" {
			return f, nil
		}
		return nil, fmt.Errorf("%s is not a number", text)
	case "boolean":
		return parseBool(text)
	}
	return text, nil
}

// parseBool reads a boolean as Supvisors' gateway does.
func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "1", "on":
		return true, nil
	case "false", "0", "":
		return false, nil
	}
	return false, fmt.Errorf("Invalid literal for boolean(): %s", text) //nolint:staticcheck // the words of Supvisors' gateway
}
