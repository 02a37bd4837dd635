package host

import (
	"bufio"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/process"
)

// virtual are the names of interfaces that no one else reaches the host by.
var virtual = []string{"docker", "br-", "veth", "tun", "tap", "virbr", "cni", "balena", "resin-vpn", "supervisor0"}

// Addresses returns those of the interfaces that are up: IPv4 without loopback, and hardware.
func Addresses() (ip, hardware []string) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, nil
	}
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 ||
			slices.ContainsFunc(virtual, func(prefix string) bool { return strings.HasPrefix(i.Name, prefix) }) {
			continue
		}
		if len(i.HardwareAddr) > 0 {
			hardware = append(hardware, strings.ToUpper(i.HardwareAddr.String()))
		}
		own, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range own {
			if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil && !network.IP.IsLoopback() {
				ip = append(ip, network.IP.String())
			}
		}
	}
	return ip, hardware
}

// OSVersion returns the name of the operating system with its version, "" when it does not tell.
func OSVersion() string { return prettyName("/etc/os-release") }

// prettyName returns PRETTY_NAME of an os-release file, "" without.
func prettyName(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "PRETTY_NAME="); ok {
			if words, err := process.SplitCommand(value); err == nil { // the quotes are those of a shell
				return strings.Join(words, " ")
			}
			return value
		}
	}
	return ""
}
