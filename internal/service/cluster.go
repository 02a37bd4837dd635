package service

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/rpc"
	"github.com/supvisors/supvisors/rules"
)

// apiVersion is the version of the supvisors.* interface that the rows follow.
const apiVersion = "0.19"

// Cluster is the node as the rows need it.
type Cluster interface {
	View() *cluster.View
	Ask(ctx context.Context, r cluster.Request) (any, error)
	Clock() node.Clock
}

// supvisors serves the supvisors.* rows.
type supvisors struct {
	node    Cluster
	options cluster.Config
	deps    Deps
}

// clusterMethods returns the rows of the supvisors.* namespace.
func clusterMethods(deps Deps) []rpc.Method {
	s := &supvisors{node: deps.Cluster, options: deps.Options, deps: deps}
	rows := append(s.statusMethods(), s.actionMethods()...)
	rows = append(rows, s.programMethods()...)
	return append(rows, s.optionMethods()...)
}

// resolve returns the instances that an identifier, a nick or a stereotype names.
func (s *supvisors) resolve(identifier string) ([]*cluster.InstanceView, error) {
	list := s.node.View().Resolve(identifier)
	if len(list) == 0 {
		return nil, rpc.NewFault(rpc.BadName, fmt.Sprintf("identifier=%s is unknown to Supvisors", identifier))
	}
	return list, nil
}

// startingStrategy reads a strategy given by name or by number.
func startingStrategy(v any) (rules.StartingStrategy, error) {
	return strategy[rules.StartingStrategy]("StartingStrategies", v, int(rules.MostLoadedNode))
}

func conciliationStrategy(v any) (rules.ConciliationStrategy, error) {
	return strategy[rules.ConciliationStrategy]("ConciliationStrategies", v, int(rules.ConciliationRunningFailure))
}

// strategy reads an enumeration value from 0 to last, with Supvisors' words for what it refuses.
func strategy[E interface {
	~int
	String() string
}](enum string, v any, last int) (E, error) {
	var names, numbers []string
	for i := range last + 1 {
		names = append(names, "'"+E(i).String()+"'")
		numbers = append(numbers, strconv.Itoa(i))
	}
	text, class := inPython(v)
	invalid := fmt.Sprintf("invalid <enum '%s'> value=%s", enum, text)
	switch v := v.(type) {
	case string:
		for i := range last + 1 {
			if E(i).String() == v {
				return E(i), nil
			}
		}
		return 0, rpc.NewFault(rpc.IncorrectParameters, invalid+" - string expected in ["+strings.Join(names, ", ")+"]")
	case int:
		if v >= 0 && v <= last {
			return E(v), nil
		}
		return 0, rpc.NewFault(rpc.IncorrectParameters, invalid+" - integer expected in ["+strings.Join(numbers, ", ")+"]")
	}
	return 0, rpc.NewFault(rpc.IncorrectParameters, invalid+" type="+class+" - type string or integer expected")
}

// inPython returns a value and its class as Supvisors' faults show what is of a wrong type; what is in a list or a dictionary is left
// out.
func inPython(v any) (text, class string) {
	switch v := v.(type) {
	case nil:
		return "None", "<class 'NoneType'>"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v], "<class 'bool'>"
	case float64:
		text = strconv.FormatFloat(v, 'g', -1, 64)
		if v == math.Trunc(v) && !strings.ContainsAny(text, "eI") {
			text += ".0"
		}
		return text, "<class 'float'>"
	case []any:
		return "[...]", "<class 'list'>"
	case rpc.Map:
		return "{...}", "<class 'dict'>"
	}
	return fmt.Sprint(v), fmt.Sprintf("<class '%T'>", v)
}

// words are the names of an enumeration from 0 to last.
func words[E interface {
	~int
	String() string
}](last E) (names []string) {
	for e := E(0); e <= last; e++ {
		names = append(names, e.String())
	}
	return names
}

// Parameters that several rows share.
var (
	strategyParam    = rpc.Param{Name: "strategy", Kind: rpc.Any, Word: "string", Values: words(rules.MostLoadedNode), Doc: "how an instance is chosen, by name or number"}
	applicationParam = rpc.Param{Name: "application_name", Kind: rpc.String, Doc: "name of the application"}
	namespecParam    = rpc.Param{Name: "namespec", Kind: rpc.String, Doc: "name, group:name or group:*"}
	identifierParam  = rpc.Param{Name: "identifier", Kind: rpc.String, Doc: "identifier, nick or stereotype of an instance"}
	argsParam        = rpc.Param{Name: "extra_args", Kind: rpc.String, Optional: true, Default: "", Doc: "arguments added to the command line"}
	waitParam        = rpc.Param{Name: "wait", Kind: rpc.Boolean, Optional: true, Default: true, Doc: "whether to answer when all is done"}
)
