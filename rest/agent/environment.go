package agent

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Environment returns what attributes, oldest first, add to the environment of the processes of an application: of UserInput the mappings,
// of others the HZN_ variables if inject is set. A later attribute counts more than an earlier one, one that names the application more than
// one for all, and an input of a user more than a variable of its name. Attributes that are host_only add nothing.
func Environment(attributes []Attribute, app Application, inject bool) map[string]string {
	variables, general, special := map[string]string{}, map[string]string{}, map[string]string{}
	for i := range attributes {
		a := &attributes[i]
		applies, named := a.appliesTo(&app)
		switch {
		case !applies || a.HostOnly:
		case a.Type != UserInput:
			if inject {
				maps.Copy(variables, a.variables())
			}
		case named:
			maps.Copy(special, a.inputs())
		default:
			maps.Copy(general, a.inputs())
		}
	}
	maps.Copy(variables, general)
	maps.Copy(variables, special)
	return variables
}

// inputs are the mappings of a UserInput as a process sees them.
func (a *Attribute) inputs() map[string]string {
	values := map[string]string{}
	for key, value := range a.Mappings {
		if text, ok := inputText(value); ok {
			values[key] = text
		}
	}
	return values
}

// inputText returns a value as a process sees it, false when there is no way to.
func inputText(value any) (text string, ok bool) {
	switch v := value.(type) {
	case bool:
		text = strconv.FormatBool(v)
	case string:
		text = v
	case json.Number:
		text = v.String()
	case []any:
		text = joined(v, " ")
	default:
		return "", false
	}
	return text, !strings.Contains(text, "\x00") // an environment cannot hold it
}

// joined returns the texts of a list.
func joined(list []any, separator string) string {
	var texts []string
	for _, one := range list {
		if text, ok := one.(string); ok {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, separator)
}

// refusedNames begin the names of variables that are the daemon's own, or change what a program is.
var refusedNames = []string{"SUPERVISOR_", "SUPVISORS_", "RESIN_", "BALENA_", "LD_"}

// checkInputs refuses mappings that cannot be, or must not become, variables of a process.
func (c *call) checkInputs(m Mappings) error {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		refused := key == "PATH" || slices.ContainsFunc(refusedNames, func(start string) bool { return strings.HasPrefix(key, start) })
		if refused && !slices.Contains(c.cfg.InputNames, key) {
			return &BadInput{mapping(key), "this variable is not for users; input_names in [agent] may allow it"}
		}
		if _, ok := inputText(m[key]); !ok {
			return &BadInput{mapping(key), "the value must be true, false, a text, a number or a list of texts"}
		}
	}
	return nil
}

// variables are the HZN_ variables that an attribute stands for.
func (a *Attribute) variables() map[string]string {
	values := map[string]string{}
	set := func(name, key string, text func(any) (string, bool)) {
		if value, given := a.Mappings[key]; given {
			if t, ok := text(value); ok {
				values[name] = t
			}
		}
	}
	switch a.Type {
	case Location:
		set("HZN_LAT", "lat", rounded(6))
		set("HZN_LON", "lon", rounded(6))
		set("HZN_LOCATION_ACCURACY_KM", "location_accuracy_km", rounded(2))
		set("HZN_USE_GPS", "use_gps", inputText)
	case Architecture:
		set("HZN_ARCH", "architecture", inputText)
	case Compute:
		set("HZN_CPUS", "cpus", inputText)
		set("HZN_RAM", "ram", inputText)
	case HA:
		set("HZN_HA_PARTNERS", "partnerID", func(v any) (string, bool) {
			partners, ok := v.([]any)
			return joined(partners, ","), ok
		})
	}
	return values
}

// rounded returns numbers with that many decimals.
func rounded(decimals int) func(any) (string, bool) {
	return func(v any) (string, bool) {
		x, ok := number(v)
		return strconv.FormatFloat(x, 'f', decimals, 64), ok
	}
}
