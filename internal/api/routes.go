package api

import (
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

// route is one line of the API.
type route struct {
	method  string
	pattern string // segments in braces are parameters
	access  access
	body    int64         // most bytes of a body; 0: none is read; bodyFile: a file, which has limits of its own
	hold    time.Duration // longest the answer may be held back on request
	handle  func(*API, *exchange) error
}

// access says who may call a route. The zero access is a mistake that New refuses.
type access struct {
	public bool // no key is needed
	anyKey bool // any valid key will do
	scope  engine.Scope
	leased bool // a worker's key will do, with the header Sojourn-Lease
	held   bool // a worker's key will do, and the handler asks it for a lease
}

const (
	kib = 1 << 10
	mib = 1 << 20

	bodySmall  = 64 * kib
	bodyOne    = 1 * mib
	bodyMany   = 8 * mib
	bodyFile   = -1
	maxPayload = 1 * mib

	holdPoll = 30 * time.Second
)

// routes is the whole API. GET answers HEAD too. What is under /v1 is under /ui/v1 once more, for the dashboard.
func routes() []route {
	need := func(s engine.Scope) access { return access{scope: s} }
	var (
		public          = access{public: true}
		anyKey          = access{anyKey: true}
		start           = need(engine.ScopeStart)
		read            = need(engine.ScopeRead)
		cancel          = need(engine.ScopeCancel)
		signal          = need(engine.ScopeSignal)
		approve         = need(engine.ScopeApprove)
		approveHeld     = access{scope: engine.ScopeApprove, held: true}
		manage          = need(engine.ScopeManage)
		workflowsRead   = need(engine.ScopeWorkflowsRead)
		workflowsManage = need(engine.ScopeWorkflowsManage)
		worker          = need(engine.ScopeWorkersRun)
		keys            = need(engine.ScopeKeysManage)
		filesRead       = need(engine.ScopeFilesRead)
		filesWrite      = need(engine.ScopeFilesWrite)
		filesReadHeld   = access{scope: engine.ScopeFilesRead, leased: true}
		filesWriteHeld  = access{scope: engine.ScopeFilesWrite, leased: true}
		webhooks        = need(engine.ScopeWebhooksManage)
		admin           = need(engine.ScopeAdmin)
	)
	return []route{
		{"POST", "/v1/executions", start, bodyOne, maxHold, (*API).startExecution},
		{"GET", "/v1/executions", read, 0, 0, (*API).listExecutions},
		{"POST", "/v1/executions/batch", start, bodyMany, 0, (*API).startBatch},
		{"POST", "/v1/executions/cancel", cancel, bodySmall, 0, (*API).cancelExecutions},
		{"GET", "/v1/executions/counts", read, 0, 0, (*API).countExecutions},
		{"GET", "/v1/executions/{id}", read, 0, maxHold, (*API).getExecution},
		{"DELETE", "/v1/executions/{id}", manage, 0, 0, (*API).deleteExecution},
		{"POST", "/v1/executions/{id}/cancel", cancel, bodySmall, 0, (*API).cancelExecution},
		{"POST", "/v1/executions/{id}/signals/{name}", signal, bodyOne, 0, (*API).signalExecution},
		{"POST", "/v1/executions/{id}/approve", approve, bodyOne, 0, (*API).approveExecution},
		{"POST", "/v1/executions/{id}/reject", approve, bodyOne, 0, (*API).rejectExecution},
		{"POST", "/v1/executions/{id}/approval-links", approveHeld, bodySmall, 0, (*API).createApprovalLink},
		{"POST", "/v1/executions/{id}/terminate", manage, bodySmall, 0, (*API).terminateExecution},
		{"GET", "/v1/executions/{id}/logs", read, 0, 0, (*API).executionLogs},
		{"GET", "/v1/executions/{id}/events", read, 0, 0, (*API).executionEvents},
		{"GET", "/v1/events", read, 0, 0, (*API).projectEvents},

		{"GET", "/v1/workflows", workflowsRead, 0, 0, (*API).listWorkflows},
		{"POST", "/v1/workflows", workflowsManage, bodyOne, 0, (*API).createWorkflow},
		{"GET", "/v1/workflows/{workflow}", workflowsRead, 0, 0, (*API).getWorkflow},
		{"PATCH", "/v1/workflows/{workflow}", workflowsManage, bodySmall, 0, (*API).updateWorkflow},
		{"DELETE", "/v1/workflows/{workflow}", workflowsManage, 0, 0, (*API).deleteWorkflow},
		{"GET", "/v1/workflows/{workflow}/versions", workflowsRead, 0, 0, (*API).listVersions},
		{"POST", "/v1/workflows/{workflow}/versions", workflowsManage, bodyOne, 0, (*API).createVersion},
		{"PUT", "/v1/workflows/{workflow}/versions/current", workflowsManage, bodySmall, 0, (*API).setCurrentVersion},
		{"GET", "/v1/workflows/{workflow}/stats", read, 0, 0, (*API).workflowStats},
		{"GET", "/v1/stats", read, 0, 0, (*API).listStats},
		{"GET", "/v1/workers", workflowsRead, 0, 0, (*API).listWorkers},

		{"POST", "/v1/worker/sessions", worker, bodyMany, 0, (*API).openSession},
		{"DELETE", "/v1/worker/sessions/{id}", worker, 0, 0, (*API).closeSession},
		{"POST", "/v1/worker/sessions/{id}/drain", worker, bodySmall, 0, (*API).drainSession},
		{"POST", "/v1/worker/poll", worker, bodySmall, holdPoll, (*API).poll},
		{"POST", "/v1/worker/report", worker, bodyMany, 0, (*API).report},
		{"POST", "/v1/worker/heartbeat", worker, bodyOne, 0, (*API).heartbeat},

		{"POST", "/v1/files", filesWriteHeld, bodyFile, 0, (*API).uploadFile},
		{"GET", "/v1/files", filesRead, 0, 0, (*API).listFiles},
		{"GET", "/v1/files/{id}", filesReadHeld, 0, 0, (*API).getFile},
		{"DELETE", "/v1/files/{id}", filesWrite, 0, 0, (*API).deleteFile},
		{"GET", "/v1/files/{id}/content", filesReadHeld, 0, 0, (*API).fileContent},
		{"POST", "/v1/webhooks/endpoints", webhooks, bodySmall, 0, (*API).createEndpoint},
		{"GET", "/v1/webhooks/endpoints", webhooks, 0, 0, (*API).listEndpoints},
		{"GET", "/v1/webhooks/endpoints/{id}", webhooks, 0, 0, (*API).getEndpoint},
		{"PATCH", "/v1/webhooks/endpoints/{id}", webhooks, bodySmall, 0, (*API).updateEndpoint},
		{"DELETE", "/v1/webhooks/endpoints/{id}", webhooks, 0, 0, (*API).deleteEndpoint},
		{"POST", "/v1/webhooks/endpoints/{id}/rotate", webhooks, bodySmall, 0, (*API).rotateEndpoint},
		{"POST", "/v1/webhooks/endpoints/{id}/test", webhooks, bodySmall, 0, (*API).testEndpoint},
		{"GET", "/v1/webhooks/callback-secret", webhooks, 0, 0, (*API).getCallbackSecret},
		{"POST", "/v1/webhooks/callback-secret/rotate", webhooks, bodySmall, 0, (*API).rotateCallbackSecret},
		{"GET", "/v1/webhooks/deliveries", webhooks, 0, 0, (*API).listDeliveries},
		{"GET", "/v1/webhooks/deliveries/{id}", webhooks, 0, 0, (*API).getDelivery},
		{"GET", "/v1/webhooks/listen", webhooks, 0, 0, (*API).listen},
		{"POST", "/v1/webhooks/deliveries/{id}/redeliver", webhooks, bodySmall, 0, (*API).redeliver},

		{"POST", "/v1/keys", keys, bodySmall, 0, (*API).createKey},
		{"GET", "/v1/keys", keys, 0, 0, (*API).listKeys},
		{"DELETE", "/v1/keys/{id}", keys, 0, 0, (*API).revokeKey},
		{"POST", "/v1/projects", admin, bodySmall, 0, (*API).createProject},
		{"GET", "/v1/projects", admin, 0, 0, (*API).listProjects},
		{"GET", "/v1/system", admin, 0, 0, (*API).system},
		{"GET", "/v1/info", anyKey, 0, 0, (*API).info},

		{"GET", "/approvals/{token}", public, 0, 0, (*API).approvalPage},
		{"POST", "/approvals/{token}", public, bodySmall, 0, (*API).decideByLink},

		{"POST", "/ui/session", public, bodySmall, 0, (*API).signIn},
		{"GET", "/ui/session", public, 0, 0, (*API).getSession},
		{"DELETE", "/ui/session", public, 0, 0, (*API).signOut},

		{"GET", "/healthz", public, 0, 0, (*API).healthz},
		{"GET", "/readyz", public, 0, 0, (*API).readyz},
		{"GET", "/metrics", public, 0, 0, (*API).metrics},
		{"GET", "/openapi.json", public, 0, 0, (*API).openapi},
		{"GET", "/docs", public, 0, 0, (*API).docs},
	}
}
