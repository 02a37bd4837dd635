package ledger

// Why agreements end, in the numbers of the Horizon agent.
const (
	PolicyChanged     = 101 // the rules were read anew
	ServiceTerminated = 103
	StartTimeout      = 104
	UserRequested     = 105 // here
	Requested         = 106 // by the cluster
	DependencyFailed  = 108 // the start of the application was given up
	Unconfigured      = 116 // the node leaves the cluster
	Suspended         = 119
	InputChanged      = 120
	PatternChanged    = 121
	ForcedUpgrade     = 207 // an update of the configuration
	NodeLost          = 208
)

var reasonTexts = map[int]string{
	PolicyChanged: "node policy changed", ServiceTerminated: "service terminated", StartTimeout: "service start timeout",
	UserRequested: "user requested", Requested: "agbot requested", DependencyFailed: "dependent service failed",
	Unconfigured: "node was unconfigured", Suspended: "service suspended", InputChanged: "user input changed",
	PatternChanged: "pattern changed", ForcedUpgrade: "forced upgrade", NodeLost: "node heartbeat",
}

// describe returns a reason in words, with more about it unless that is "".
func describe(reason int, text string) string {
	if known := reasonTexts[reason]; text == "" {
		return known
	} else if known != "" {
		return known + ": " + text
	}
	return text
}
