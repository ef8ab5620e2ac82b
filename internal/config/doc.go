// Package config reads the server's settings: from flags, else from the environment, else from a YAML file, else the
// defaults.
package config
