// Package rawhttp is the bench's load generator: an HTTP/1.1 client that
// costs little CPU of its own, and a closed loop of many such clients that
// measures throughput, latency and the CPU time of everyone involved.
//
// net/http's client takes about three times the CPU per request, which on a
// small machine is taken from the server under test. This one speaks plain
// HTTP to one address over one kept-alive connection, without redirects,
// cookies, proxies, compression or TLS.
package rawhttp
