package engine

import (
	"github.com/sojournhq/sojourn/internal/execution"
)

// Scope is a set of permissions.
type Scope uint32

// The permissions.
const (
	ScopeStart Scope = 1 << iota
	ScopeRead
	ScopeCancel
	ScopeSignal
	ScopeApprove
	ScopeManage
	ScopeWorkflowsRead
	ScopeWorkflowsManage
	ScopeWorkersRun
	ScopeKeysManage
	ScopeFilesRead
	ScopeFilesWrite
	ScopeWebhooksManage
	ScopeAdmin
)

var scopeNames = []struct {
	scope Scope
	name  string
}{
	{ScopeStart, "executions:start"},
	{ScopeRead, "executions:read"},
	{ScopeCancel, "executions:cancel"},
	{ScopeSignal, "executions:signal"},
	{ScopeApprove, "executions:approve"},
	{ScopeManage, "executions:manage"},
	{ScopeWorkflowsRead, "workflows:read"},
	{ScopeWorkflowsManage, "workflows:manage"},
	{ScopeWorkersRun, "workers:run"},
	{ScopeKeysManage, "keys:manage"},
	{ScopeFilesRead, "files:read"},
	{ScopeFilesWrite, "files:write"},
	{ScopeWebhooksManage, "webhooks:manage"},
	{ScopeAdmin, "admin"},
}

// ParseScope finds a permission by name.
func ParseScope(name string) (Scope, bool) {
	for _, s := range scopeNames {
		if s.name == name {
			return s.scope, true
		}
	}
	return 0, false
}

// ScopeNames are the names of all permissions.
func ScopeNames() []string { return (ScopeAdmin<<1 - 1).Names() }

// Names are the names of the set's permissions, in a fixed order.
func (s Scope) Names() []string {
	var names []string
	for _, x := range scopeNames {
		if s&x.scope != 0 {
			names = append(names, x.name)
		}
	}
	return names
}

// Has reports whether the set allows everything in need. Admin allows everything.
func (s Scope) Has(need Scope) bool { return s&ScopeAdmin != 0 || s&need == need }

// Caller is an authenticated API key.
type Caller struct {
	Project     int64 // the store's key of the project
	ProjectID   execution.ID
	ProjectName string
	Key         int64 // the store's key of the API key
	KeyID       execution.ID
	KeyName     string
	Scopes      Scope
	Workflows   []string // of a worker key: the only workflows it may serve; nil: all
	RateLimit   float64  // requests per second; 0: no limit
}

func (c *Caller) actor() execution.Actor {
	return execution.Actor{Kind: execution.ActorKey, Ref: c.Key}
}
