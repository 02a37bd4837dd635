package journal

// The codes of the Horizon agent that this system writes, with the source and severity that go with them.
const (
	CodeRegistered            = "node_configuration_registration_complete" // node
	CodeUnregistrationStarted = "start_node_unregistration"                // node
	CodeUnregistered          = "node_unregistration_complete"             // node
	CodePeerLost              = "node_heartbeat_failed"                    // node (the peer), warning
	CodePeerBack              = "node_heartbeat_restored"                  // node (the peer)
	CodeUserInputRefused      = "api_user_input_error"                     // node, warning

	CodeProposalReceived   = "received_proposal"                  // agreement
	CodeProposalRejected   = "reject_proposal"                    // agreement, warning
	CodeAgreementReached   = "agreement_reached"                  // agreement
	CodeAgreementCancelled = "cancel_agreement"                   // agreement
	CodeAgreementEnded     = "agreement_canceled"                 // agreement
	CodeCancelledSuspended = "cancel_agreement_service_suspended" // agreement
	CodeCancelledTimeout   = "cancel_agreement_execution_timeout" // agreement, warning

	// Of an agreement when the application is managed, else of a service.
	CodeContainerRunning    = "container_running"
	CodeContainerStopped    = "container_stopped"
	CodeContainerStartError = "error_start_container" // error

	CodeDeploymentConfigurationError = "error_in_deployment_configuration" // node, error: a signature does not fit

	CodeServiceStarting       = "start_service"                  // service
	CodeServiceStarted        = "complete_service_startup"       // service
	CodeServiceStartError     = "error_start_service"            // service, error
	CodeConfigurationStarted  = "start_service_configuration"    // service: an update begins
	CodeConfigurationComplete = "service_configuration_complete" // service
	CodeConfigurationError    = "error_service_configuration"    // service, error

	CodeConfigStateChanging = "start_changing_service_configuration_state"    // service
	CodeConfigStateChanged  = "changing_service_configuration_state_complete" // service

	CodeDatabaseError = "database_error" // database, error
	CodeExchangeError = "exchange_error" // exchange, error: no Master, or an election under way
)

// Codes of this system, in the style of the agent's. They are the audit trail: [Log.DeleteSelected] and [Log.Prune] leave them.
const (
	CodeMasterElected     = "master_elected"
	CodeStateChanged      = "fsm_state_changed"
	CodeConflictDetected  = "conflict_detected"
	CodeConflictResolved  = "conflict_resolved"
	CodeUpdateLocked      = "update_locked"
	CodeDeviceReboot      = "device_reboot"
	CodeDeviceShutdown    = "device_shutdown"
	CodeDevicePurge       = "device_purge"
	CodeDeviceHostConfig  = "device_host_config"
	CodeAPIKeyRegenerated = "api_key_regenerated"
)

var auditCodes = map[string]bool{
	CodeMasterElected: true, CodeStateChanged: true, CodeConflictDetected: true, CodeConflictResolved: true,
	CodeUpdateLocked: true, CodeDeviceReboot: true, CodeDeviceShutdown: true, CodeDevicePurge: true,
	CodeDeviceHostConfig: true, CodeAPIKeyRegenerated: true,
}
