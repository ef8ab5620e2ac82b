// Package telemetry shows what a server does: logs, Prometheus metrics and OpenTelemetry traces, without any secret in
// them.
package telemetry
