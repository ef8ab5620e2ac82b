// Package dashboard is the web page through which people watch and steer executions, embedded in the binary.
package dashboard
