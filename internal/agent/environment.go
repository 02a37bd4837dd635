package agent

import (
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/rest/agent"
)

// Environment returns the variables that the processes of a group get after their own, "NAME=value". They must be asked for at each start.
// It waits for nobody.
func (a *Agent) Environment(group string) []string {
	variables := map[string]string{}
	inject := a.options.injects(group)
	if inject {
		n := a.Node()
		variables["HZN_HOST_IPS"] = strings.Join(hostAddresses(), ",")
		variables["HZN_DEVICE_ID"], variables["HZN_NODE_ID"] = n.ID, n.ID
		variables["HZN_ORGANIZATION"], variables["HZN_PATTERN"] = a.options.Organization, n.Pattern
		variables["HZN_AGREEMENTID"], _ = a.cfg.Ledger.Agreement(group)
	}
	maps.Copy(variables, agent.Environment(a.Settings().Attributes, a.application(group), inject))
	var env []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		env = append(env, name+"="+variables[name])
	}
	return env
}

// hostAddresses are the IPv4 addresses of the host.
func hostAddresses() (addresses []string) {
	all, err := net.InterfaceAddrs()
	if err != nil { // there is no network to tell of
		return nil
	}
	for _, one := range all {
		if n, ok := one.(*net.IPNet); ok && n.IP.To4() != nil {
			addresses = append(addresses, n.IP.String())
		}
	}
	return addresses
}
