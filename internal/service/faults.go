package service

import (
	"errors"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/rpc"
)

// requestFaults gives each reason of the cluster core its fault code.
var requestFaults = map[cluster.Reason]int{
	cluster.BadState:            rpc.BadSupvisorsState,
	cluster.BadName:             rpc.BadName,
	cluster.NotManaged:          rpc.NotManaged,
	cluster.AlreadyStarted:      rpc.AlreadyStarted,
	cluster.NotRunning:          rpc.NotRunning,
	cluster.StillRunning:        rpc.StillRunning,
	cluster.AbnormalTermination: rpc.AbnormalTermination,
	cluster.Failed:              rpc.Failed,
	cluster.NotApplicable:       rpc.NotApplicable,
	cluster.BadParameters:       rpc.IncorrectParameters,
}

// asFault turns the error of a row into the fault that callers see; nil stays nil.
func asFault(err error) error {
	var request *cluster.RequestError
	if errors.As(err, &request) {
		return rpc.NewFault(requestFaults[request.Reason], request.Text)
	}
	return err
}
