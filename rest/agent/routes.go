package agent

import "net/http"

// route is one verb of one path.
type route struct {
	verb, path string
	registered bool  // needs a node that is
	failure    int   // the status when the node could not do it
	limit      int64 // of the body, in bytes
	run        func(*call) error
}

// needs returns what a caller must have: who only looks may do with less.
func (r *route) needs() Scope {
	if r.verb == http.MethodGet {
		return Read
	}
	return Global
}

const (
	maxBody = 1 << 20
	maxFile = 10 << 20

	broken = http.StatusInternalServerError
)

// none is the route of what is none.
var none = route{failure: broken}

// routes are all there are.
var routes = []route{
	{"GET", "/status", false, broken, maxBody, status},
	{"GET", "/status/workers", false, broken, maxBody, workers},

	{"GET", "/node", false, broken, maxBody, getNode},
	{"POST", "/node", false, broken, maxBody, register},
	{"PATCH", "/node", false, broken, maxBody, setToken},
	{"DELETE", "/node", false, http.StatusServiceUnavailable, maxBody, unregister},
	{"GET", "/node/configstate", false, broken, maxBody, getState},
	{"PUT", "/node/configstate", false, broken, maxBody, setState},

	{"GET", "/attribute", true, broken, maxBody, listAttributes},
	{"POST", "/attribute", true, broken, maxBody, postAttribute},
	{"GET", "/attribute/{id}", true, broken, maxBody, getAttribute},
	{"POST", "/attribute/{id}", true, broken, maxBody, postWithID},
	{"PUT", "/attribute/{id}", true, broken, maxBody, putAttribute},
	{"PATCH", "/attribute/{id}", true, broken, maxBody, patchAttribute},
	{"DELETE", "/attribute/{id}", true, broken, maxBody, deleteAttribute},

	{"GET", "/service", true, broken, maxBody, services},
	{"GET", "/service/config", true, broken, maxBody, serviceConfigs},
	{"POST", "/service/config", true, broken, maxBody, configureService},
	{"GET", "/service/configstate", true, broken, maxBody, serviceStates},
	{"POST", "/service/configstate", true, broken, maxBody, setServiceStates},
	{"GET", "/service/policy", true, broken, maxBody, policies},

	{"GET", "/agreement", false, broken, maxBody, agreements},
	{"GET", "/agreement/{id}", false, broken, maxBody, agreement},
	{"DELETE", "/agreement/{id}", false, broken, maxBody, cancelAgreement},

	{"GET", "/trust", false, broken, maxFile, trusted},
	{"GET", "/trust/{filename}", false, broken, maxFile, readTrusted},
	{"PUT", "/trust/{filename}", false, broken, maxFile, writeTrusted},
	{"DELETE", "/trust/{filename}", false, broken, maxFile, removeTrusted},
	{"GET", "/publickey", false, broken, maxFile, trusted},
	{"GET", "/publickey/{filename}", false, broken, maxFile, readTrusted},
	{"PUT", "/publickey/{filename}", false, broken, maxFile, writeTrusted},
	{"DELETE", "/publickey/{filename}", false, broken, maxFile, removeTrusted},

	{"GET", "/eventlog", false, broken, maxBody, newEvents},
	{"DELETE", "/eventlog", false, broken, maxBody, deleteEvents},
	{"GET", "/eventlog/all", false, broken, maxBody, allEvents},
	{"DELETE", "/eventlog/prune", false, broken, maxBody, pruneEvents},
}
