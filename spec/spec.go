// Package spec is the contract with the outside: the OpenAPI document of the HTTP API and the worker protocol.
//
// openapi.yaml is the source, and eigenpal.yaml that of the EigenPal dialect. The .json files are made from them, with
// the examples put in, and are what the server serves.
package spec

import _ "embed"

//go:generate go run openapijson.go
//go:generate ../scripts/generate-typescript.sh
//go:generate python3 ../sdk/python/scripts/generate_types.py

// OpenAPI is the OpenAPI 3.1 document as JSON.
//
//go:embed openapi.json
var OpenAPI []byte

// Eigenpal is the OpenAPI 3.1 document of the EigenPal dialect as JSON.
//
//go:embed eigenpal.json
var Eigenpal []byte
