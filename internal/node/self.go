package node

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
)

// lookupTimeout bounds all name look-ups about this host together.
const lookupTimeout = 2 * time.Second

// FindSelf returns the instance of supvisors_list that is this node: the one with this HTTP port whose host is any address, name or
// alias of this host. The list is told apart by ports when several nodes share the host.
func FindSelf(ctx context.Context, instances []cluster.Identity, port int) (cluster.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var found []cluster.Identity
	for _, id := range instances {
		if id.Port == port && isLocal(ctx, id.Host) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		names := make([]string, len(instances))
		for i, id := range instances {
			names[i] = id.Identifier
		}
		return cluster.Identity{}, fmt.Errorf("could not find the Supvisors in supvisors_list: none of %s is this host with port %d",
			strings.Join(names, ", "), port)
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, id := range found {
		names[i] = id.Identifier
	}
	return cluster.Identity{}, fmt.Errorf("multiple candidates for the Supvisors identifiers=%v", names)
}

// isLocal reports whether a host name or address means this host.
func isLocal(ctx context.Context, host string) bool {
	if name, err := os.Hostname(); err == nil && strings.EqualFold(name, host) {
		return true
	}
	local, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	addrs, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(addrs, func(a net.IPAddr) bool {
		return a.IP.IsLoopback() || slices.ContainsFunc(local, func(l net.Addr) bool {
			network, ok := l.(*net.IPNet)
			return ok && network.IP.Equal(a.IP)
		})
	})
}

// LocalNetwork describes the network interfaces of this host, loopback left out.
func LocalNetwork(ctx context.Context) *cluster.Network {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	n := &cluster.Network{MachineID: "00:00:00:00:00:00", FQDN: "localhost", Addresses: map[string]cluster.Address{}}
	if name, err := os.Hostname(); err == nil {
		n.FQDN = name
		if cname, err := net.DefaultResolver.LookupCNAME(ctx, name); err == nil && cname != "" {
			n.FQDN = strings.TrimSuffix(cname, ".")
		}
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return n
	}
	first := true
	for _, i := range interfaces {
		a, ok := addressOf(ctx, i)
		if !ok {
			continue
		}
		n.Addresses[i.Name] = a
		// an interface that nobody uses may have the same hardware address on many hosts
		if first && len(i.HardwareAddr) == 6 && !bytes.Equal(i.HardwareAddr, make([]byte, 6)) {
			n.MachineID, first = i.HardwareAddr.String(), false
		}
	}
	return n
}

// addressOf describes the first IPv4 address of an interface.
func addressOf(ctx context.Context, i net.Interface) (cluster.Address, bool) {
	addrs, err := i.Addrs()
	if err != nil {
		return cluster.Address{}, false
	}
	for _, addr := range addrs {
		network, ok := addr.(*net.IPNet)
		if !ok || network.IP.To4() == nil || network.IP.IsLoopback() {
			continue
		}
		ip := network.IP.String()
		a := cluster.Address{HostName: ip, Aliases: []string{}, IPv4: []string{ip},
			NIC: cluster.NIC{Name: i.Name, Address: ip, Netmask: net.IP(network.Mask).String()}}
		if names, err := net.DefaultResolver.LookupAddr(ctx, ip); err == nil && len(names) > 0 {
			a.HostName = strings.TrimSuffix(names[0], ".")
			for _, alias := range names[1:] {
				a.Aliases = append(a.Aliases, strings.TrimSuffix(alias, "."))
			}
		}
		return a, true
	}
	return cluster.Address{}, false
}
