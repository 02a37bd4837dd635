// Command supvisors is the daemon of a node: a process manager that takes supervisord's place, and with [rpcinterface:supvisors] in
// its configuration a member of a Supvisors cluster.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/supvisors/supvisors/internal/child"
)

// version is the version of this program; clients of Supervisor see apiVersion's in supervisor.getSupervisorVersion.
const version = "0.1.0"

func main() { os.Exit(command(os.Args, os.Stdout, os.Stderr)) }

// command runs a sub-command, or the daemon when none is named, and returns the exit status.
func command(args []string, stdout, stderr io.Writer) int {
	if len(args) > 1 {
		switch args[1] {
		case child.ShimCommand:
			child.ExecShim(args[2:]) // does not return
		case "version":
			fmt.Fprintln(stdout, "supvisors", version)
			return 0
		case "check":
			return check(args[2:], stdout, stderr)
		case "rest":
			return gateway(args[2:], stdout, stderr)
		}
	}
	return daemon(args, stdout, stderr)
}
