package metrics

import "github.com/prometheus/client_golang/prometheus"

// series is a metric family of the daemon.
type series int

// The families, in the order of docs/metrics.md.
const (
	buildInfo series = iota
	daemonState
	healthCheck

	processes
	processState
	processUp
	processStartTime
	processExitStatus
	processStarts
	processRestarts
	processFailedStarts
	processRetryTime
	processLogBytes
	processLogRotations
	processLogFailures
	processCPU
	processMemory

	listenerQueue
	listenerCapacity
	listenerDropped

	nodeInfo
	fsmState
	degraded
	term
	jobs
	orders
	conflicts
	gossipHealth

	instances
	instanceInfo
	instanceState
	instanceMaster
	instanceLoad
	instanceTick
	memberUp
	streamUp
	streamLag

	applicationState
	applicationFailure

	rpcDuration
	rpcFaults

	hostCPU
	hostCore
	hostMemory
	hostReceived
	hostSent
	hostRead
	hostWritten
	hostFilesystem

	families // how many there are
)

const (
	gauge     = prometheus.GaugeValue
	counter   = prometheus.CounterValue
	histogram = prometheus.UntypedValue // is no collection of constants
)

// Labels that several families have.
var (
	ofProcess     = []string{"group", "name"}
	ofStream      = []string{"group", "name", "stream"}
	ofPool        = []string{"pool"}
	ofInstance    = []string{"identifier"}
	ofNames       = []string{"identifier", "nick_identifier"}
	ofState       = []string{"state"}
	ofApplication = []string{"application"}
)

type row struct {
	name   string
	kind   prometheus.ValueType
	labels []string
	help   string
}

// table says what each family is. docs/metrics.md explains it to users; a test keeps the two together.
var table = [families]row{
	buildInfo:   {"supvisors_build_info", gauge, []string{"version"}, "Always 1; the version of the daemon."},
	daemonState: {"supvisors_daemon_state", gauge, nil, "State of the daemon, as supervisor.getState codes it: 1 RUNNING, 0 RESTARTING, -1 SHUTDOWN."},
	healthCheck: {"supvisors_health_check", gauge, []string{"check"}, "Whether a check of the device API's /v1/healthy is passed; only where that API is served."},

	processes:    {"supvisors_processes", gauge, ofState, "Processes of this node in each state."},
	processState: {"supvisors_process_state", gauge, ofProcess, "State of the process: 0 STOPPED, 10 STARTING, 20 RUNNING, 30 BACKOFF, 40 STOPPING, 100 EXITED, 200 FATAL, 1000 UNKNOWN."},
	processUp:    {"supvisors_process_up", gauge, ofProcess, "Whether the process is STARTING, RUNNING or STOPPING."},
	processStartTime: {"supvisors_process_start_time_seconds", gauge, ofProcess,
		"When the process was started, in seconds since the Epoch; only while it is up."},
	processExitStatus:   {"supvisors_process_exit_status", gauge, ofProcess, "Exit code of the last child, -1 when a signal killed it, 0 when there was none."},
	processStarts:       {"supvisors_process_starts_total", counter, ofProcess, "Attempts to start the process."},
	processRestarts:     {"supvisors_process_restarts_total", counter, ofProcess, "Starts that nobody asked for: by autorestart, and retries after a failed start."},
	processFailedStarts: {"supvisors_process_failed_starts", gauge, ofProcess, "Failed starts in a row since the process was up or given up."},
	processRetryTime: {"supvisors_process_retry_time_seconds", gauge, ofProcess,
		"When the start is tried again, in seconds since the Epoch; only in BACKOFF."},
	processLogBytes:     {"supvisors_process_log_bytes_total", counter, ofStream, "Output of the process for its log, in bytes."},
	processLogRotations: {"supvisors_process_log_rotations_total", counter, ofStream, "Rotations of the log."},
	processLogFailures:  {"supvisors_process_log_failures_total", counter, ofStream, "Writes to the log that went wrong."},
	processCPU:          {"supvisors_process_cpu_ratio", gauge, ofProcess, "Processor time of the process and its descendants per time; 1 is one core."},
	processMemory:       {"supvisors_process_memory_ratio", gauge, ofProcess, "Share of the physical memory in which the process and its descendants are resident."},

	listenerQueue:    {"supvisors_listener_queue_length", gauge, ofPool, "Events that wait for a listener of the pool."},
	listenerCapacity: {"supvisors_listener_queue_capacity", gauge, ofPool, "Events that may wait for a listener of the pool, buffer_size."},
	listenerDropped:  {"supvisors_listener_dropped_events_total", counter, ofPool, "Events that the pool has lost because its queue was full."},

	nodeInfo:     {"supvisors_node_info", gauge, ofNames, "Always 1; this node itself."},
	fsmState:     {"supvisors_fsm_state", gauge, nil, "State of Supvisors: 0 OFF, 1 SYNCHRONIZATION, 2 ELECTION, 3 DISTRIBUTION, 4 OPERATION, 5 CONCILIATION, 6 RESTARTING, 7 SHUTTING_DOWN, 8 FINAL."},
	degraded:     {"supvisors_degraded", gauge, nil, "Whether the cluster works without some of its nodes (degraded_mode)."},
	term:         {"supvisors_term", gauge, nil, "Term of the last Master; it grows with each election."},
	jobs:         {"supvisors_jobs", gauge, []string{"kind"}, "Processes that this node is about to start or to stop anywhere in the cluster, or waits for."},
	orders:       {"supvisors_orders_pending", gauge, nil, "Orders to nodes that wait for delivery or are being delivered."},
	conflicts:    {"supvisors_conflicts", gauge, nil, "Processes of managed applications that are up on more than one node."},
	gossipHealth: {"supvisors_gossip_health_score", gauge, nil, "Health score of memberlist: 0 is well, each point tells that this node was late."},

	instances:      {"supvisors_instances", gauge, ofState, "Nodes in each state, as this node sees them."},
	instanceInfo:   {"supvisors_instance_info", gauge, ofNames, "Always 1; a node that this node knows, itself included."},
	instanceState:  {"supvisors_instance_state", gauge, ofInstance, "State of the node as this node sees it: 0 STOPPED, 1 CHECKING, 2 CHECKED, 3 RUNNING, 4 FAILED, 5 ISOLATED."},
	instanceMaster: {"supvisors_instance_master", gauge, ofInstance, "Whether this node takes the node for the Master."},
	instanceLoad:   {"supvisors_instance_load_ratio", gauge, ofInstance, "Expected load of what is up on the node, as the rules state it; 1 is all that it can bear."},
	instanceTick:   {"supvisors_instance_tick_time_seconds", gauge, ofInstance, "When the last tick of the node came here, in seconds since the Epoch."},
	memberUp:       {"supvisors_gossip_member_up", gauge, ofInstance, "Whether gossip has the other node."},
	streamUp:       {"supvisors_stream_up", gauge, ofInstance, "Whether this node follows the changes of the other node."},
	streamLag:      {"supvisors_stream_lag_entries", gauge, ofInstance, "Changes of this node that were not yet sent to the other node."},

	applicationState:   {"supvisors_application_state", gauge, ofApplication, "State of the application: 0 STOPPED, 1 STARTING, 2 RUNNING, 3 STOPPING, 4 DELETED."},
	applicationFailure: {"supvisors_application_failure", gauge, []string{"application", "severity"}, "Whether the application has a major or a minor failure."},

	rpcDuration: {"supvisors_rpc_duration_seconds", histogram, []string{"door", "method"}, "Time until a call is answered."},
	rpcFaults:   {"supvisors_rpc_faults_total", counter, []string{"door", "method", "code"}, "Calls that were answered with a fault."},

	hostCPU:        {"supvisors_host_cpu_ratio", gauge, nil, "Share of its time in which the average processor of the host works."},
	hostCore:       {"supvisors_host_core_ratio", gauge, []string{"core"}, "Share of its time in which the processor works."},
	hostMemory:     {"supvisors_host_memory_ratio", gauge, nil, "Share of the physical memory that no new program could get."},
	hostReceived:   {"supvisors_host_network_receive_bytes_per_second", gauge, []string{"interface"}, "Bytes per second that the interface receives."},
	hostSent:       {"supvisors_host_network_transmit_bytes_per_second", gauge, []string{"interface"}, "Bytes per second that the interface sends."},
	hostRead:       {"supvisors_host_disk_read_bytes_per_second", gauge, []string{"device"}, "Bytes per second that are read from the block device."},
	hostWritten:    {"supvisors_host_disk_written_bytes_per_second", gauge, []string{"device"}, "Bytes per second that are written to the block device."},
	hostFilesystem: {"supvisors_host_filesystem_ratio", gauge, []string{"mountpoint"}, "Share of the file system that is in use, of what an unprivileged user can fill."},
}
