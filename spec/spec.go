// Package spec is the contract with the outside: the OpenAPI document of the HTTP API and the worker protocol.
//
// openapi.yaml is the source. openapi.json is made from it, with the examples put in, and is what the server serves.
package spec

import _ "embed"

//go:generate go run openapijson.go

// OpenAPI is the OpenAPI 3.1 document as JSON.
//
//go:embed openapi.json
var OpenAPI []byte
